"""Strong and one-sided expressions, drawn from a head's spec around those of photos."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.expression_augmentation_config import ExpressionAugmentationConfig


class ExpressionAugmentation:
    """Draws expressions for one head: sparse uniform for named actions, normal for PCA."""

    def __init__(self, head: HeadModel, config: ExpressionAugmentationConfig | None = None) -> None:
        """Prepare the head's ranges."""
        self.head = head
        self.config = config or ExpressionAugmentationConfig()

    def __call__(self, start: FaceParameters, generator: torch.Generator) -> FaceParameters:
        """Return other expressions for the same people, views and cameras.

        Args:
            start: parameters ``[B]`` of photos.
            generator: on the CPU.
        """
        batch, device = len(start), start.shape.device

        def draw(*shape: int) -> Tensor:
            return torch.rand(batch, *shape, generator=generator).to(device)

        changed = start.replace(expression=self._expression(start.expression, draw, generator))
        if start.eyelids.shape[1]:
            fresh = draw(2)
            # a third of the drawn lids are shut, as in a wink or a blink
            fresh = torch.where(draw(2) < 0.33, 1 - 0.15 * fresh, fresh)
            lids = torch.where(draw(1) < self.config.eyelids, fresh, start.eyelids)
            changed = changed.replace(eyelids=lids)
        if start.jaw.shape[1]:
            changed = changed.replace(jaw=self._jaw(start.jaw, draw))
        if start.eyes.shape[1]:
            lo, hi = self._range("eyes", device)
            fresh = draw(3).repeat(1, 2) * (hi - lo) * 0.8 + lo * 0.8
            eyes = torch.where(draw(1) < self.config.gaze, fresh, start.eyes)
            changed = changed.replace(eyes=eyes)
        return changed.replace(
            **{
                name: self.head.group(name).clamp(getattr(changed, name))
                for name in ("expression", "eyelids", "jaw", "eyes")
            }
        )

    def _range(self, group: str, device: torch.device) -> tuple[Tensor, Tensor]:
        described = self.head.group(group)
        lo = torch.tensor(described.lo, device=device)
        return lo, torch.tensor(described.hi, device=device)

    def _expression(
        self, start: Tensor, draw: Callable[..., Tensor], generator: torch.Generator
    ) -> Tensor:
        kept = start * torch.where(draw(1) < 0.5, draw(1), 1.0)
        group = self.head.group("expression")
        if group.activation == "identity":
            std = torch.tensor(group.prior_std, device=start.device)
            chosen = draw(group.dim) < 0.5
            normal = torch.randn(start.shape, generator=generator).to(start.device)
            return kept + normal * std * (1 + 2 * draw(1)) * chosen
        low, high = self.config.actions
        count = low + draw(1) * (high + 1 - low)
        rank = draw(group.dim).argsort(1).argsort(1)
        weak, strong = self.config.strength
        added = draw(group.dim) * (strong - weak) + weak
        return torch.where(rank < count.floor(), torch.maximum(added, kept), kept)

    def _jaw(self, start: Tensor, draw: Callable[..., Tensor]) -> Tensor:
        lo, hi = self._range("jaw", start.device)
        hi = hi.clamp(max=1.0)
        # never shut further than the photo: its chin would stay behind
        opened = torch.maximum(start[:, :1], draw(1) * 0.9 * hi[0])
        first = torch.where(draw(1) < self.config.jaw_open, opened, start[:, :1])
        aside = draw(2) * (hi[1:] - lo[1:]) + lo[1:]
        rest = torch.where(draw(2) < self.config.jaw_moved, aside, start[:, 1:])
        return torch.cat([first, rest], 1)
