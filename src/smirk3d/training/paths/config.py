"""Settings of the paths, which import nothing heavy."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from smirk3d.errors import UsageError
from smirk3d.losses.loss_weights import CycleForm
from smirk3d.synthesis.expression_change_config import ExpressionChangeConfig


def check_least(**values: float) -> None:
    """Refuse settings below 0, and settings that are no number.

    Args:
        **values: settings by name.

    Raises:
        UsageError: if one is below 0 or not finite; the text names it.
    """
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0):
            raise UsageError(f"{name.replace('_', '-')} {value:g}: give 0 or more")


@dataclass(frozen=True, kw_only=True)
class LandmarkConfig:
    """How landmarks are compared.

    Attributes:
        form: ``squared`` is SMIRK's mean square in device coordinates; ``robust`` is the distance
            in pixels of a 224 crop, smoothed near zero.
        noise: standard deviation of the detector in metres, against which each landmark's own
            standard deviation counts; 0 makes all landmarks count alike.
        emphasis: weight of landmarks on lips and eyelids relative to the others.
        fixed_on_photos: names of parameter groups that landmarks of photos do not teach. A
            detector's landmarks differ from the head's by a constant offset for each person, which
            actions would explain where nothing else says what they are.
    """

    form: Literal["squared", "robust"] = "robust"
    noise: float = 0.0015
    emphasis: float = 1.0
    fixed_on_photos: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_least(landmarks_noise=self.noise, landmarks_emphasis=self.emphasis)


@dataclass(frozen=True, kw_only=True)
class PseudoLabelConfig:
    """How predictions are compared with fitted parameters.

    Attributes:
        gains: weight of each parameter group by name; groups that are not named do not count.
        unit_interval_std: unit of distances of components whose range ends at 1; the unit of other
            components is their standard deviation.
        beta: distance to fits below which the loss is quadratic; the distance to ground truth is
            quadratic throughout. An absolute error has its optimum at the median, which for sparse
            actions is no action at all.
        large_changes: additional weight of a change between two pictures that goes through the
            whole range. A mean error shrinks actions that are hard to see; this weighs
            missed changes more than invented ones. Expressions that are compared one by one have
            no such weight: it would raise the estimates of faces at rest.
        ground_truth: weight of expressions whose ground truth is known (photo warps, renders). At 6
            each action counts as much as an eyelid; much less leaves all but eyelids and jaw
            unlearnt.
        fits: weight of photos, whose targets are fits, relative to faces with ground truth.
        unseen: actions that no landmark shows, so that their fits on photos are mere priors.
        unseen_weight: weight of those actions on photos.
    """

    gains: dict[str, float] = field(
        default_factory=lambda: {
            "expression": 6.0, "jaw": 2.0, "eyelids": 2.0, "eyes": 1.0, "shape": 0.5,
            "head_pose": 4.0, "camera": 4.0,
        }
    )  # fmt: skip
    unit_interval_std: float = 0.2
    beta: float = 2.0
    large_changes: float = 0.0
    ground_truth: float = 6.0
    fits: float = 1.0
    unseen: tuple[str, ...] = ("tongueOut", "cheekPuff")
    unseen_weight: float = 0.2

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_least(
            **{f"pseudo_labels_gains_{name}": gain for name, gain in self.gains.items()},
            pseudo_labels_large_changes=self.large_changes,
            pseudo_labels_ground_truth=self.ground_truth,
            pseudo_labels_fits=self.fits,
            pseudo_labels_unseen_weight=self.unseen_weight,
        )
        if not (self.beta > 0 and self.unit_interval_std > 0):
            raise UsageError("pseudo-labels: beta and unit-interval-std must be above 0")


@dataclass(frozen=True, kw_only=True)
class CycleConfig:
    """Settings of the augmented expression cycle path.

    Attributes:
        first_step: step from which the path runs.
        alternate: the renderer learns with frozen encoders in even steps, and the encoders with a
            frozen renderer in odd ones; else both learn in every step.
        hole_fraction: fraction of the drawn pixels that are centres of holes, as in
            ``MaskingConfig``.
        gains: weight of each parameter group that is compared.
        form: form of the differences; squared ones are SMIRK's. Of sparse actions that a rendered
            image hardly shows, squares ask for a little of each, absolute differences for none.
        change: how expressions are changed.
    """

    first_step: int = 0
    alternate: bool = True
    hole_fraction: float = 0.005
    gains: dict[str, float] = field(
        default_factory=lambda: {"expression": 1.0, "jaw": 1.0, "eyelids": 1.0}
    )
    form: CycleForm = "absolute"
    change: ExpressionChangeConfig = field(default_factory=ExpressionChangeConfig)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_least(
            cycle_first_step=self.first_step,
            cycle_hole_fraction=self.hole_fraction,
            **{f"cycle_gains_{name}": gain for name, gain in self.gains.items()},
        )


@dataclass(frozen=True, kw_only=True)
class InpainterConfig:
    """How photos are hidden for an inpainting network; see :mod:`.paths.inpainting_path`.

    Attributes:
        neutral: fraction of faces that lose what a neutral face with closed mouth would not show;
            the others lose what large expressions would not show.
        perturbed: standard deviation of the simulated errors of parameters, in standard deviations
            of at most 0.3.
        hole_fraction: fraction of a 224 crop's pixels that are centres of holes in the face.
        hole_side: side of a hole in pixels of a 224 crop.
        unknown_gain: additional weight of pixels that the photo tells nothing about.
    """

    neutral: float = 0.4
    perturbed: float = 0.25
    hole_fraction: float = 0.0004
    hole_side: int = 13
    unknown_gain: float = 5.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_least(
            inpainter_perturbed=self.perturbed,
            inpainter_hole_fraction=self.hole_fraction,
            inpainter_unknown_gain=self.unknown_gain,
        )
        if not 0 <= self.neutral <= 1:
            raise UsageError(f"--inpainter.neutral {self.neutral:g}: give a fraction from 0 to 1")
        if self.hole_side < 1:
            raise UsageError(f"--inpainter.hole-side {self.hole_side}: give 1 or more")
