"""Expression augmentation: large and one-sided expressions around those of photos."""

from __future__ import annotations

import torch
from torch import Tensor

from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.expression_augmentation_config import ExpressionAugmentationConfig
from smirk3d.synthesis.expressions import ExpressionSampler

_FADED = 0.5
"""Fraction of faces whose own expression is faded before actions are added."""
_COEFFICIENTS, _FACTOR = 0.5, (1.0, 3.0)
"""Fraction of PCA coefficients with noise and its factor: SMIRK's, as in the cycle path."""
_SHUT, _NEARLY_SHUT = 0.33, 0.15
"""A third of the drawn eyelids are shut, as in a wink or a blink, up to the second number."""
_GAZE_REACH = 0.8
"""Fraction of the eyes' range: at its end the iris is hidden."""
_WIDEST_JAW, _LARGEST_ANGLE = 0.9, 1.0
"""Fraction of the jaw's range that is drawn, and the largest bound that is taken."""


class ExpressionAugmentation:
    """Draws other expressions for the faces of one head.

    Attributes:
        head: the head.
        config: how much is drawn.
    """

    def __init__(self, head: HeadModel, config: ExpressionAugmentationConfig | None = None) -> None:
        """Keep head and settings."""
        self.head = head
        self.config = config or ExpressionAugmentationConfig()

    def __call__(self, start: FaceParameters, generator: torch.Generator) -> FaceParameters:
        """Return other expressions for the same people, views and cameras.

        Args:
            start: parameters ``[B]`` of photos.
            generator: source of randomness, on any device.
        """
        sampler = ExpressionSampler(self.head, start, generator)
        changed = start.replace(expression=self._expression(start.expression, sampler))
        if start.eyelids.shape[1]:
            changed = changed.replace(eyelids=self._eyelids(start.eyelids, sampler))
        if start.jaw.shape[1]:
            changed = changed.replace(jaw=self._jaw(start.jaw, sampler))
        if start.eyes.shape[1]:
            changed = changed.replace(
                eyes=sampler.gaze(start.eyes, self.config.gaze, reach=_GAZE_REACH)
            )
        return sampler.clamp(changed)

    def _expression(self, start: Tensor, sampler: ExpressionSampler) -> Tensor:
        kept = start * torch.where(sampler.uniform(1) < _FADED, sampler.uniform(1), 1.0)
        if self.head.group("expression").activation == "identity":
            return kept + sampler.coefficient_noise(_COEFFICIENTS, _FACTOR)
        added, chosen = sampler.actions(self.config.actions, self.config.strength)
        return torch.where(chosen, torch.maximum(added, kept), kept)

    def _eyelids(self, start: Tensor, sampler: ExpressionSampler) -> Tensor:
        drawn = sampler.uniform(2)
        drawn = torch.where(sampler.uniform(2) < _SHUT, 1 - _NEARLY_SHUT * drawn, drawn)
        return torch.where(sampler.uniform(1) < self.config.eyelids, drawn, start)

    def _jaw(self, start: Tensor, sampler: ExpressionSampler) -> Tensor:
        lo, hi = sampler.limits("jaw")
        hi = hi.clamp(max=_LARGEST_ANGLE)
        # never shut further than the photo: its chin would stay behind
        opened = torch.maximum(start[:, :1], sampler.uniform(1) * _WIDEST_JAW * hi[0])
        first = torch.where(sampler.uniform(1) < self.config.jaw_open, opened, start[:, :1])
        aside = sampler.uniform(2) * (hi[1:] - lo[1:]) + lo[1:]
        rest = torch.where(sampler.uniform(2) < self.config.jaw_moved, aside, start[:, 1:])
        return torch.cat([first, rest], 1)
