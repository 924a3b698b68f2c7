"""How the augmented cycle path changes expressions; at hand before anything heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ExpressionChangeConfig:
    """The four changes of the augmented cycle path; the defaults are SMIRK's where it has them.

    Attributes:
        noise: of unbounded components, factor's range on standard normal numbers, in standard
            deviations.
        noise_fraction: fraction of the unbounded components that change.
        actions: smallest and largest number of named actions that are drawn anew.
        strength: range of a drawn action, as a fraction of its range.
        blend: range of the factor on another face's or a template's expression.
        small_noise: largest standard deviation of the noise on all expressions, in standard
            deviations.
        limit: bound of unbounded components, in standard deviations.
        jaw_noise: standard deviation of the jaw's change, in standard deviations,
        jaw_fraction: and the fraction of faces whose jaw changes.
        eyelid_noise: largest change of the eyelids.
        gaze_fraction: fraction of faces that look elsewhere.
    """

    noise: tuple[float, float] = (1.0, 3.0)
    noise_fraction: float = 0.5
    actions: tuple[int, int] = (1, 5)
    strength: tuple[float, float] = (0.2, 1.0)
    blend: tuple[float, float] = (0.25, 1.5)
    small_noise: float = 0.2
    limit: float = 4.0
    jaw_noise: float = 1.33
    jaw_fraction: float = 0.5
    eyelid_noise: float = 0.25
    gaze_fraction: float = 0.5
