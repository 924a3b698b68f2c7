"""The region of a picture that a face's next crop is cut around, and whether an estimate fits it.

An outline is either the face's landmarks, or two opposite corners of a square that is to be rotated
about its centre by the face's roll. A roll is an angle clockwise in the picture, in radians.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from smirk3d.conventions import CROP_SIZE
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.tracking.estimation import FaceEstimate

Image = NDArray[np.uint8]
Array = NDArray[np.float64]

_CORNERS = 2
"""Points of an outline that is a square."""

_ROLL_FOLLOWED = math.radians(5)
"""Rotation of the head between two frames from which the next crop follows it at once."""

_ROLL_OFF = math.radians(3)
"""Rotation of the head against its crop from which it is cut out again. Of ``skimage``'s astronaut
the actions change by 0.045 in the mean where the crop is rotated by 6 degrees, by 0.02 at 2."""

_LEAST_FOLLOWED = 0.2
"""Fraction of a small change that the next crop follows: jitter of the mesh then dies out."""

_STEP_FOLLOWED, _GROWTH_FOLLOWED = 0.05, 0.1
"""Movement in face sizes, and logarithm of growth, from which the next crop follows at once."""

_FULL_QUALITY_SIZE = 150
"""Size of a face in picture pixels from which more pixels do not improve its crop of 224."""


def centre_and_size(points: Array) -> tuple[Array, float]:
    """Return the centre ``[2]`` of the box of points ``[P, 2 or 3]``, and its mean side length."""
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    return (low + high) / 2, float((high - low).mean())


def roll_of(parameters: FaceParameters) -> float:
    """Return the roll of a head in its picture."""
    rotation = axis_angle_to_matrix(parameters.head_pose)
    return math.atan2(float(rotation[0, 1]), float(rotation[1, 1]))


def points_around(outline: Array, roll: float) -> Array:
    """Return the points ``[P, 2 or 3]`` whose box, rotated by the roll, bounds the next crop."""
    if len(outline) > _CORNERS:
        return outline
    centre = outline.mean(0)
    return centre + _rotated(outline - centre, roll)


def next_roll(roll: float, estimated: float) -> float:
    """Return the roll for the next crop; one that jitters is followed little."""
    change = math.remainder(estimated - roll, 2 * math.pi)
    follow = min(1.0, _LEAST_FOLLOWED + abs(change) / _ROLL_FOLLOWED)
    return math.remainder(roll + follow * change, 2 * math.pi)


def next_outline(outline: Array, roll: float, points: Array, new_roll: float) -> Array:
    """Return two corners ``[2, 2]`` of the square for the next crop, before it is rotated.

    It follows the mesh; a jittering mesh moves it little, so that crop and estimate do not
    excite each other.

    Args:
        outline: of the present crop.
        roll: of the present crop.
        points: the mesh's landmarks ``[L, 2]`` in picture pixels.
        new_roll: roll of the next crop.
    """
    centre, size = _upright_square(outline, roll)
    next_centre, next_size = _upright_square(points, new_roll)
    step = float(np.linalg.norm(next_centre - centre)) / size
    growth = abs(math.log(next_size / size))
    follow = min(1.0, _LEAST_FOLLOWED + max(step / _STEP_FOLLOWED, growth / _GROWTH_FOLLOWED))
    centre = centre + follow * (next_centre - centre)
    half = 0.5 * (size + follow * (next_size - size))
    return np.stack([centre - half, centre + half])


def is_rolled_off(roll: float, estimated: float) -> bool:
    """Return whether a crop is rotated so far off the head it shows that it is to be cut again."""
    return abs(math.remainder(estimated - roll, 2 * math.pi)) > _ROLL_OFF


def is_plausible(estimate: FaceEstimate, image: Image) -> bool:
    """Return whether a mesh can be a face of the picture: finite, neither tiny nor outside."""
    if not np.isfinite(estimate.points).all():
        return False
    centre, size = centre_and_size(estimate.points)
    limits = np.array([image.shape[1], image.shape[0]])
    inside = bool(((centre > -0.1 * size) & (centre < limits + 0.1 * size)).all())
    # a mesh that has left its crop's middle is a guess
    crop_centre, crop_size = centre_and_size(_crop_square(estimate.T_crop_image))
    central = float(np.linalg.norm(centre - crop_centre)) < 0.4 * crop_size
    return inside and central and 10 < size < 3 * float(limits.max()) and size > 0.3 * crop_size


def shape_quality(estimate: FaceEstimate, score: float) -> float:
    """Return how far a frame is trusted for the shape in [0, 1]: certain, frontal and large.

    Args:
        estimate: of the frame.
        score: certainty in [0, 1] that it shows a face.
    """
    rotation = axis_angle_to_matrix(estimate.parameters.head_pose)
    frontal = max(float(rotation[2, 2]), 0.0) ** 2
    _, size = centre_and_size(estimate.points)
    return score * frontal * min(1.0, size / _FULL_QUALITY_SIZE)


def _rotated(points: Array, angle: float) -> Array:
    """Return points ``[P, 2]`` rotated clockwise in the picture, in radians, about its corner."""
    cos, sin = math.cos(angle), math.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])


def _upright_square(outline: Array, roll: float) -> tuple[Array, float]:
    """Return centre ``[2]`` and size of an outline's box that is rotated by a roll."""
    if len(outline) <= _CORNERS:
        return centre_and_size(outline)
    centre, size = centre_and_size(_rotated(outline[:, :2], -roll))
    return _rotated(centre[None], roll)[0], size


def _crop_square(T_crop_image: Array) -> Array:
    """Return two opposite corners ``[2, 2]`` of a crop in picture pixels."""
    corners = np.array([[0.0, 0.0, 1.0], [CROP_SIZE, CROP_SIZE, 1.0]])
    return np.asarray((corners @ np.linalg.inv(T_crop_image).T)[:, :2])
