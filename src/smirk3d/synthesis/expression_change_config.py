"""How the augmented cycle path changes expressions; this module imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class ExpressionChangeConfig:
    """The four changes of the augmented cycle path; by default none adds noise.

    Attributes:
        noise: range of the factor on standard normal numbers for unbounded components, in standard
            deviations.
        noise_fraction: fraction of the unbounded components that change.
        actions: smallest and largest number of named actions that are drawn anew.
        strength: range of a drawn action, as a fraction of its range.
        blend: range of the factor on another face's or a template's expression.
        small_noise: largest standard deviation of the noise on all expressions, in standard
            deviations.
        limit: bound of unbounded components, in standard deviations.
        jaw_noise: standard deviation of the jaw's change, in standard deviations.
        jaw_fraction: fraction of faces whose jaw changes.
        eyelid_noise: largest change of the eyelids.
        gaze_fraction: fraction of faces that look elsewhere.
    """

    noise: tuple[float, float] = (0.0, 0.0)
    noise_fraction: float = 0.0
    actions: tuple[int, int] = (0, 0)
    strength: tuple[float, float] = (0.0, 1.0)
    blend: tuple[float, float] = (1.0, 1.0)
    small_noise: float = 0.0
    limit: float = 4.0
    jaw_noise: float = 0.0
    jaw_fraction: float = 0.0
    eyelid_noise: float = 0.0
    gaze_fraction: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("noise", "actions", "strength", "blend"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise UsageError(f"cycle.change.{name} {low:g} {high:g}: give two rising numbers")
        for name in ("noise_fraction", "jaw_fraction", "gaze_fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"cycle.change.{name}: give a fraction from 0 to 1")
        for name in ("small_noise", "limit", "jaw_noise", "eyelid_noise"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"cycle.change.{name}: give 0 or more")
