"""The weight of each loss; this module imports nothing heavy."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

from smirk3d.errors import UsageError

CycleForm = Literal["squared", "absolute"]
"""Form of the differences in the cycle loss."""


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """The weight of each loss; a loss of weight 0 is not computed.

    Attributes:
        landmarks: surface landmarks, in squared device coordinates or in pixels.
        contour: landmarks of the jaw line that switch with yaw.
        openings: distances between eyelids and between lips; SMIRK has none.
        photometric: pixels of the rendered image against those of the photo.
        perceptual: features of the rendered image against those of the photo.
        emotion: features of a network for emotions; its gradient is for the encoders alone.
        identity: features of a network for recognition; SMIRK has none.
        shape_prior: distance of the shape to the mean.
        shape_target: distance of the shape to a target, such as MICA's.
        expression_prior: distance of the expression to the neutral one.
        jaw_prior: distance of the jaw to its rest.
        eyelids_prior: distance of the eyelids to their rest; SMIRK has none.
        eyes_prior: distance of the gaze to its rest; SMIRK has none.
        pseudo_labels: distance of all groups to a fit by optimization; SMIRK has none.
        change: change of the expression between two pictures of a person; SMIRK has none.
        shape_distance: distance of the neutral face to the true one, squared millimetres; SMIRK has
            none.
        same_person: distance between the neutral faces of two pictures of one person, squared
            millimetres; SMIRK has none.
        activity: whether sparse actions are there, and their values where they are; SMIRK has none.
        absence: whether actions are there that photos do not show; SMIRK has none.
        uncertainty: negative logarithm of the likelihood of the estimates' errors under the
            predicted standard deviations; SMIRK has none.
        points: predicted surface points against true ones; SMIRK has none.
        cycle: parameters that are estimated of an image rendered from other parameters.
    """

    landmarks: float = 0.0
    contour: float = 0.0
    openings: float = 0.0
    photometric: float = 0.0
    perceptual: float = 0.0
    emotion: float = 0.0
    identity: float = 0.0
    shape_prior: float = 0.0
    shape_target: float = 0.0
    expression_prior: float = 0.0
    jaw_prior: float = 0.0
    eyelids_prior: float = 0.0
    eyes_prior: float = 0.0
    pseudo_labels: float = 0.0
    change: float = 0.0
    shape_distance: float = 0.0
    same_person: float = 0.0
    activity: float = 0.0
    absence: float = 0.0
    uncertainty: float = 0.0
    points: float = 0.0
    cycle: float = 0.0

    def __post_init__(self) -> None:
        """Check that no weight is negative or not finite."""
        for name, weight in asdict(self).items():
            if not (math.isfinite(weight) and weight >= 0):
                raise UsageError(f"the weight of {name} must not be negative, got {weight}")
