"""One sampler of a head's expressions, from which augmentation and the cycle path draw.

How each group is drawn follows from the head's spec: sparse and uniform for named actions, normal
for PCA coefficients. Random numbers are drawn on the generator's device and then moved to that of
the faces, so that a generator on the CPU and one on the GPU both serve.
"""

from __future__ import annotations

import torch
from torch import Tensor

from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

_CHANGING = ("expression", "eyelids", "jaw", "eyes")


class ExpressionSampler:
    """Draws for the faces of one batch.

    Attributes:
        head: the head whose spec gives ranges and standard deviations.
    """

    def __init__(self, head: HeadModel, start: FaceParameters, generator: torch.Generator) -> None:
        """Prepare draws for a batch.

        Args:
            head: gives the groups.
            start: B faces; they give batch size, device and dtype.
            generator: source of randomness, on any device.
        """
        self.head = head
        self._like = start.expression
        self._generator = generator

    def uniform(self, *shape: int) -> Tensor:
        """Return uniform numbers ``[B, *shape]`` in [0, 1)."""
        drawn = torch.rand(
            len(self._like), *shape, generator=self._generator, device=self._generator.device
        )
        return drawn.to(self._like)

    def normal(self, *shape: int) -> Tensor:
        """Return standard normal numbers ``[B, *shape]``."""
        drawn = torch.randn(
            len(self._like), *shape, generator=self._generator, device=self._generator.device
        )
        return drawn.to(self._like)

    def order(self) -> Tensor:
        """Return a random permutation ``[B]`` of the batch."""
        drawn = torch.randperm(
            len(self._like), generator=self._generator, device=self._generator.device
        )
        return drawn.to(self._like.device)

    def between(self, bounds: tuple[float, float], *shape: int) -> Tensor:
        """Return uniform numbers ``[B, *shape]`` between two bounds."""
        return bounds[0] + self.uniform(*shape) * (bounds[1] - bounds[0])

    def limits(self, group: str) -> tuple[Tensor, Tensor]:
        """Return the lower and upper bounds ``[D]`` of a group's components."""
        described = self.head.group(group)
        return self._like.new_tensor(described.lo), self._like.new_tensor(described.hi)

    def actions(
        self, counts: tuple[int, int], strength: tuple[float, float]
    ) -> tuple[Tensor, Tensor]:
        """Return weights of named actions and which of them are drawn, both ``[B, E]``.

        Args:
            counts: smallest and largest number of actions that a face gets.
            strength: range of a drawn action, as a fraction of its range.
        """
        few, many = counts
        count = (few + self.uniform(1) * (many + 1 - few)).floor()
        rank = self.uniform(self._like.shape[1]).argsort(1).argsort(1)
        lo, hi = self.limits("expression")
        drawn = lo + self.between(strength, self._like.shape[1]) * (hi - lo)
        return drawn, rank < count

    def coefficient_noise(self, fraction: float, factor: tuple[float, float]) -> Tensor:
        """Return normal noise ``[B, E]`` of unbounded coefficients, 0 where none is added.

        Args:
            fraction: of the coefficients that get noise.
            factor: range of a face's factor on the noise, in standard deviations.
        """
        chosen = self.uniform(self._like.shape[1]) < fraction
        noise = self.normal(self._like.shape[1]) * self.between(factor, 1)
        return noise * self._like.new_tensor(self.head.group("expression").prior_std) * chosen

    def gaze(self, start: Tensor, fraction: float, reach: float = 1.0) -> Tensor:
        """Return gazes ``[B, 6]``, of which a fraction is drawn anew, alike for both eyes.

        Args:
            start: gazes of the faces ``[B, 6]``.
            fraction: of the faces that look elsewhere.
            reach: fraction of each axis' range that is drawn from.
        """
        lo, hi = self.limits("eyes")
        drawn = reach * (lo + self.uniform(3).repeat(1, 2) * (hi - lo))
        drawn = self.head.group("eyes").clamp(drawn)
        return torch.where(self.uniform(1) < fraction, drawn, start)

    def clamp(self, faces: FaceParameters) -> FaceParameters:
        """Return the faces with all groups of an expression within their ranges."""
        return faces.replace(
            **{name: self.head.group(name).clamp(getattr(faces, name)) for name in _CHANGING}
        )
