"""Which losses count how much, at hand before anything heavy is imported."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from smirk3d.errors import UsageError

CycleForm = Literal["squared", "absolute"]


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """The weight of each loss; the defaults are those of SMIRK's core stage.

    Attributes:
        landmarks: surface landmarks, in squared device coordinates.
        contour: landmarks of the jaw line that switch with yaw.
        openings: distances between eyelids and between lips; SMIRK has none.
        photometric: painting against photo.
        perceptual: features of the painting against those of the photo.
        emotion: the same with a network for expressions; its gradient is for the encoder alone.
        identity: the same with a network for recognition; SMIRK has none.
        shape_prior: distance of the shape to the mean.
        shape_target: distance of the shape to a known one, as MICA's.
        expression_prior: distance of the expression to the neutral one.
        jaw_prior: of the jaw.
        eyelids_prior: of the eyelids; SMIRK has none.
        eyes_prior: of the gaze; SMIRK has none.
        pseudo_labels: distance of all groups to a fit by optimisation; SMIRK has none.
        change: of the expression between two pictures of a person; SMIRK has none.
        cycle: parameters painted and read back.
    """

    landmarks: float = 100.0
    contour: float = 100.0
    openings: float = 0.0
    photometric: float = 10.0
    perceptual: float = 10.0
    emotion: float = 1.0
    identity: float = 0.0
    shape_prior: float = 0.0
    shape_target: float = 0.0
    expression_prior: float = 1e-3
    jaw_prior: float = 1e-2
    eyelids_prior: float = 0.0
    eyes_prior: float = 0.0
    pseudo_labels: float = 0.0
    change: float = 0.0
    cycle: float = 1.0

    def __post_init__(self) -> None:
        """Check that no weight is negative."""
        for name, weight in asdict(self).items():
            if weight < 0:
                raise UsageError(f"the weight of {name} must not be negative, got {weight}")


PRETRAINING = LossWeights(
    photometric=0.0,
    perceptual=0.0,
    emotion=0.0,
    shape_target=10.0,
    expression_prior=1e-2,
    jaw_prior=0.0,
    cycle=0.0,
)
"""SMIRK's weights of the first stage."""
