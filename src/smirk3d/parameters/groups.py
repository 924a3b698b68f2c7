"""Parameter groups: what a head defines, what the view adds, and how one group is described."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from smirk3d.array_interface import Array, array_namespace, constant
from smirk3d.conventions import CAMERA_SCALE_DEFAULT

HEAD_GROUPS = ("shape", "expression", "jaw", "eyelids", "eyes", "neck")
"""Names of the groups that a head model defines, in the order of its spec."""


@dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """One group of parameters: names, ranges, prior and default of its components.

    Attributes:
        name: one of :data:`HEAD_GROUPS` or :data:`VIEW_GROUPS`.
        names: a name for each component; ``len(names)`` is the group's size.
        lo: lower bound of each component, ``-inf`` where unbounded.
        hi: upper bound of each component, ``inf`` where unbounded. Equal bounds fix a component.
        prior_std: standard deviation of each component around ``default`` among plausible faces.
        default: the value of each component on the neutral face.
        observable: whether one picture determines the group. The neck's rotation is not
            observable, because the head pose explains the same picture.
    """

    name: str
    names: tuple[str, ...]
    lo: tuple[float, ...]
    hi: tuple[float, ...]
    prior_std: tuple[float, ...]
    default: tuple[float, ...]
    observable: bool = True

    def __post_init__(self) -> None:
        """Check that every attribute has one entry for each component."""
        for attribute in ("lo", "hi", "prior_std", "default"):
            if len(getattr(self, attribute)) != self.dim:
                raise ValueError(f"group {self.name}: {attribute} must have {self.dim} entries")

    @property
    def dim(self) -> int:
        """Number of components."""
        return len(self.names)

    @property
    def activation(self) -> Literal["identity", "bounded"]:
        """``bounded`` if any component has a finite bound, else ``identity``."""
        return "bounded" if any(map(math.isfinite, self.lo + self.hi)) else "identity"

    def clamp(self, values: Array) -> Array:
        """Return values ``[..., dim]`` moved into the group's range."""
        xp = array_namespace(values)
        lo, hi = constant(self.lo, values), constant(self.hi, values)
        return xp.minimum(xp.maximum(values, lo), hi)


VIEW_SPEC = (
    ParameterGroup(
        name="head_pose",
        names=("x", "y", "z"),
        lo=(-math.inf,) * 3,
        hi=(math.inf,) * 3,
        prior_std=(0.2, 0.3, 0.1),
        default=(0.0,) * 3,
    ),
    ParameterGroup(
        name="camera",
        names=("scale", "tx", "ty"),
        lo=(0.1, -math.inf, -math.inf),
        hi=(math.inf,) * 3,
        prior_std=(1.0, 0.02, 0.02),
        default=(CAMERA_SCALE_DEFAULT, 0.0, 0.0),
    ),
)
"""The groups outside the head: axis-angle head pose in radians, and the crop's camera (scale per
metre, tx and ty in metres). Standard deviations and the least scale were chosen by eye; they set
the units of the encoder's outputs and so belong to every weights file."""

VIEW_GROUPS = tuple(group.name for group in VIEW_SPEC)
"""Names of the groups outside the head."""
