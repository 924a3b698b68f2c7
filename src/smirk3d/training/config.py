"""Settings of a training run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.data.batch_config import BatchConfig
from smirk3d.errors import UsageError
from smirk3d.losses.loss_weights import LossWeights
from smirk3d.neural_renderer.renderer_config import MaskingConfig
from smirk3d.training.network_config import ENCODER_PARTS, NetworkConfig
from smirk3d.training.optimizer_config import OptimizerConfig
from smirk3d.training.paths.config import (
    CycleConfig,
    InpainterConfig,
    LandmarkConfig,
    PseudoLabelConfig,
)

ACCELERATORS = ("auto", "cpu", "cuda", "gpu", "mps")
"""Names that Lightning Fabric knows; ``gpu`` is CUDA or MPS."""

INPAINTING_LOSSES = ("photometric", "perceptual")
"""The losses that the inpainting path computes."""


def _check_least(prefix: str, least: dict[str, tuple[float, float]]) -> None:
    for name, (value, bound) in least.items():
        if not value >= bound:
            raise UsageError(f"--{prefix}{name} {value:g}: give {bound:g} or more")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Photos and targets of a training.

    Attributes:
        faces: folder of annotated faces, as `smirk3d preprocess` writes them.
        people: folder of one or more sets of labeled pictures, as `smirk3d people` writes them, for
            ``batches.people``.
        fits: file that keeps the fitted targets; the file of ``smirk3d preprocess`` by default,
            else one in the run's folder.
        refine: weights file of an encoder from whose estimates the fits start, and near which they
            stay, so that what landmarks do not show is what the encoder saw.
        shapes: file of identity coefficients by photo, such as MICA's, in place of fitted ones; see
            :func:`~smirk3d.data.given_shapes.with_given_shapes`.
        fit_processes: number of processes that fit.
        max_photos: read only the first of the training photos; 0 for all.
        batches: how batches are made of them.
    """

    faces: Path = Path("data/faces")
    people: Path | None = None
    fits: Path | None = None
    refine: Path | None = None
    shapes: Path | None = None
    fit_processes: int = 2
    max_photos: int = 0
    batches: BatchConfig = field(default_factory=BatchConfig)

    def __post_init__(self) -> None:
        """Check the numbers."""
        _check_least("data.", {
            "max-photos": (self.max_photos, 0), "fit-processes": (self.fit_processes, 1),
        })  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Length, devices and records of a run.

    Attributes:
        steps: number of steps; 0 for no limit.
        minutes: wall-clock time of the training, fits and start not counted; 0 for no limit.
        seed: seed of weights and data.
        devices: number of devices or processes.
        accelerator: ``auto``, ``cpu``, ``cuda``, ``gpu`` or ``mps``.
        precision: precision of the networks; geometry and losses are always in single precision.
        save_minutes: time between checkpoints.
        log_steps: steps between lines in the log.
        panel_steps: steps between panels; 0 for none.
        tensorboard: write scalars and panels for TensorBoard too.
        half: export weights in half precision.
    """

    steps: int = 0
    minutes: float = 0.0
    seed: int = 0
    devices: int = 1
    accelerator: str = "auto"
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    save_minutes: float = 5.0
    log_steps: int = 50
    panel_steps: int = 1000
    tensorboard: bool = False
    half: bool = True

    def __post_init__(self) -> None:
        """Check the numbers and the accelerator's name."""
        _check_least("", {
            "steps": (self.steps, 0), "minutes": (self.minutes, 0), "devices": (self.devices, 1),
            "seed": (self.seed, 0), "save-minutes": (self.save_minutes, 0),
            "log-steps": (self.log_steps, 1), "panel-steps": (self.panel_steps, 0),
        })  # fmt: skip
        if self.accelerator not in ACCELERATORS:
            raise UsageError(f"no accelerator {self.accelerator!r}: have {', '.join(ACCELERATORS)}")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """All settings of a run; presets are in :mod:`smirk3d.training.recipes`.

    Attributes:
        head: name or file of the head.
        render_size: side in pixels of the images that the neural renderer renders.
        rendered: parameters that are rendered: ``predicted`` by the encoders, or the targets as
            ``ground_truth``, from which a renderer can learn alone.
        data: photos and targets.
        networks: which networks learn.
        losses: weight of each loss.
        standardized: measure priors in each component's standard deviation, and the cycle's
            parameters as fits are; False for SMIRK's own units.
        landmarks: how landmarks are compared.
        pseudo_labels: how fits are compared.
        masking: what the neural renderer sees.
        cycle: the cycle path; it runs where its loss has a weight.
        inpainter: train an inpainting network for ``smirk3d edit`` along the inpainting path alone;
            None for SMIRK's two paths.
        optimizer: how networks learn.
        run: length, devices and records.
    """

    head: str = DEFAULT_HEAD
    render_size: int = 224
    rendered: Literal["predicted", "ground_truth"] = "predicted"
    data: DataConfig = field(default_factory=DataConfig)
    networks: NetworkConfig = field(default_factory=NetworkConfig)
    losses: LossWeights = field(default_factory=LossWeights)
    standardized: bool = True
    landmarks: LandmarkConfig = field(default_factory=LandmarkConfig)
    pseudo_labels: PseudoLabelConfig = field(default_factory=PseudoLabelConfig)
    masking: MaskingConfig = field(default_factory=MaskingConfig)
    cycle: CycleConfig = field(default_factory=CycleConfig)
    inpainter: Annotated[InpainterConfig | None, tyro.conf.AvoidSubcommands] = None
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    run: Annotated[RunConfig, tyro.conf.arg(name="")] = field(default_factory=RunConfig)

    @property
    def encoders_learn(self) -> bool:
        """Whether any part of the encoders learns."""
        return bool(set(self.networks.learning) & set(ENCODER_PARTS))

    def __post_init__(self) -> None:
        """Refuse settings that contradict one another.

        Raises:
            UsageError: if encoders, or a renderer from other heads' renders, shall learn from
                ground truth, or an inpainting network shall learn from losses of the other paths.
        """
        _check_least("", {"render-size": (self.render_size, 1)})
        if self.rendered == "ground_truth" and self.encoders_learn:
            raise UsageError(
                "--rendered ground_truth teaches no encoder: give --networks.learning renderer"
            )
        if self.rendered == "ground_truth" and self.data.batches.rendered_heads:
            raise UsageError(
                "--rendered ground_truth: other heads' renders have no full ground truth; "
                "leave out --data.batches.rendered-heads"
            )
        if self.inpainter is not None:
            idle = [
                name
                for name, weight in asdict(self.losses).items()
                if weight and name not in INPAINTING_LOSSES
            ]
            if idle:
                raise UsageError(
                    f"--losses.{idle[0].replace('_', '-')} has no effect on an inpainting network: "
                    "set it to 0"
                )

    def check_complete(self) -> None:
        """Refuse settings that lack what presets leave to the user.

        Raises:
            UsageError: if neither steps nor minutes are given, or the cycle path lacks a renderer
                that learns or has learnt.
        """
        if not (self.run.steps or self.run.minutes):
            raise UsageError("a run needs a number of steps or minutes: give --steps or --minutes")
        if self.data.batches.people and self.data.people is None:
            raise UsageError("--data.batches.people needs --data.people: a folder of drawn people")
        learns = "renderer" in self.networks.learning
        if self.losses.cycle and not learns and self.networks.renderer_start is None:
            raise UsageError(
                "the cycle path needs a neural renderer that learns or has learnt: "
                "give --networks.renderer-start FILE"
            )
