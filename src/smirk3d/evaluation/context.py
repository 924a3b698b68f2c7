"""The head, methods, photos and settings that all protocols of an evaluation share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import torch

from smirk3d.evaluation.config import EvaluationConfig
from smirk3d.evaluation.methods import Method
from smirk3d.evaluation.photos import Observer, Photos, held_out_photos
from smirk3d.fitting import LandmarkFit, LandmarkFitConfig
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters


class EvaluationContext:
    """The head, the methods and the photos of an evaluation.

    Attributes:
        head: the head of the estimates, on the CPU.
        methods: the compared methods, in the order of the tables.
        config: settings of the protocols.
        device: device on which neural renderers are trained.
        out: folder of the report, for files that a protocol makes.
        on_progress: called with a line of progress.
    """

    def __init__(
        self,
        head: HeadModel,
        methods: Sequence[Method],
        config: EvaluationConfig,
        *,
        out: Path,
        device: torch.device | str = "cpu",
        on_progress: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Keep the arguments, which the class documents; photos are read on first use."""
        self.head = head
        self.methods = list(methods)
        self.config = config
        self.device = torch.device(device)
        self.out = out
        self.on_progress = on_progress
        self._estimates: dict[str, FaceParameters] = {}

    @cached_property
    def photos(self) -> Photos:
        """The held-out photos."""
        return held_out_photos(self.config.faces, self.config.limit)

    @cached_property
    def observer(self) -> Observer:
        """The detector for pictures that protocols make."""
        return Observer()

    def some_photos(self, most: int, sparsity: float = 0.0) -> tuple[Photos, FaceParameters]:
        """Return held-out photos, spaced evenly, and landmark fits of them.

        Protocols change the expressions of these fits and render the result.

        Args:
            most: largest number of photos.
            sparsity: weight of the fit's penalty on actions.
        """
        photos = self.photos.first(most)
        self.on_progress(f"fitting {len(photos)} photos")
        fit = LandmarkFit(self.head, LandmarkFitConfig(sparsity=sparsity))
        return photos, fit(photos.crops.landmarks).parameters

    def estimates(self) -> dict[str, FaceParameters]:
        """Return each method's estimates for the held-out photos; they are computed once."""
        for method in self.methods:
            if method.name not in self._estimates:
                self.on_progress(f"{method.name} estimates {len(self.photos)} photos")
                self._estimates[method.name] = method(self.photos.crops)
        return self._estimates
