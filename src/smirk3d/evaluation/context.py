"""What all protocols share: the head, the methods, the photos, and how much to do."""

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
        head: on the CPU.
        methods: in the order of the tables.
        config: how much to do.
        device: where renderers learn.
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
        """Keep them; photos are read when a protocol asks for them."""
        self.head = head
        self.methods = list(methods)
        self.config = config
        self.device = torch.device(device)
        self.out = out
        self.on_progress = on_progress
        self._answers: dict[str, FaceParameters] = {}

    @cached_property
    def photos(self) -> Photos:
        """The held-out photos."""
        return held_out_photos(self.config.faces, self.config.limit)

    @cached_property
    def observer(self) -> Observer:
        """Finds landmarks in pictures that protocols make."""
        return Observer()

    def some_photos(self, most: int, sparsity: float = 0.0) -> tuple[Photos, FaceParameters]:
        """Return at most so many held-out photos, spaced evenly, and fits of them.

        The fits are what pictures with other expressions are made from; they may be sparse.
        """
        photos = self.photos.first(most)
        self.on_progress(f"fitting {len(photos)} photos")
        fit = LandmarkFit(self.head, LandmarkFitConfig(sparsity=sparsity))
        return photos, fit(photos.crops.landmarks).parameters

    def answers(self) -> dict[str, FaceParameters]:
        """Return each method's answers to the held-out photos; computed once."""
        for method in self.methods:
            if method.name not in self._answers:
                self.on_progress(f"{method.name} reads {len(self.photos)} photos")
                self._answers[method.name] = method(self.photos.crops)
        return self._answers
