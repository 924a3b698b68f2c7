"""How expressions are drawn around those of photos; this module imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class ExpressionAugmentationConfig:
    """How expressions are drawn.

    Attributes:
        actions: smallest and largest number of actions that are added.
        strength: range of an added action, as a fraction of its range.
        eyelids: fraction of faces whose eyelids are drawn anew, each side by itself.
        jaw_open: fraction of faces whose jaw is opened.
        jaw_moved: fraction of faces whose jaw goes sideways or forward.
        gaze: fraction of faces that look elsewhere.
    """

    actions: tuple[int, int] = (1, 8)
    strength: tuple[float, float] = (0.25, 1.0)
    eyelids: float = 0.5
    jaw_open: float = 0.35
    jaw_moved: float = 0.3
    gaze: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges."""
        (few, many), (weak, full) = self.actions, self.strength
        if not (0 <= few <= many and 0 <= weak <= full <= 1):
            raise UsageError(
                f"expression augmentation: {few} to {many} actions of strength {weak:g} to "
                f"{full:g}: give rising numbers, and strengths from 0 to 1"
            )
        for name in ("eyelids", "jaw_open", "jaw_moved", "gaze"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"expression augmentation: {name} must lie from 0 to 1")
