"""What a detector's irises are worth: whether they can be seen, and how far they move."""

from __future__ import annotations

from smirk3d.array_interface import Array, array_namespace, copied, norm
from smirk3d.conventions import IRIS_LEFT, IRIS_RIGHT

# MediaPipe's upper and lower eyelid margin, then the corners, of the right and the left eye
_EYE_OPENING = {IRIS_RIGHT: (159, 145, 33, 133), IRIS_LEFT: (386, 374, 362, 263)}
_CLOSED_ASPECT = 0.12
"""Opening over width of an eye below which its iris fades out of fits: full weight at one and a
half times this, none at half of it; chosen by eye."""


def iris_visibility(landmarks: Array, ids: Array) -> Array:
    """Return a weight ``[B, L]`` in [0, 1] of landmarks: less than 1 on irises of closed eyes.

    A closed eyelid hides the iris, and the detector then guesses it.

    Args:
        landmarks: all 478 landmarks ``[B, 478, 2]``, in any unit.
        ids: numbers ``[L]`` of the landmarks that are asked for.
    """
    xp = array_namespace(landmarks)
    weights = xp.ones_like(landmarks[:, ids, 0])
    for iris, (upper, lower, outer, inner) in _EYE_OPENING.items():
        opening = norm(landmarks[:, upper] - landmarks[:, lower])
        width = norm(landmarks[:, outer] - landmarks[:, inner])
        visible = (opening / width.clip(1e-6, None) / _CLOSED_ASPECT - 0.5).clip(0, 1)
        on_iris = (ids >= iris) & (ids < iris + 5)
        weights = xp.where(on_iris, weights * visible[:, None], weights)
    return weights


def with_full_irises(landmarks: Array, gain: float) -> Array:
    """Return landmarks ``[B, 478, 2]`` whose irises move as far aside as a person's.

    Each iris is moved along the line through the corners of its eye, away from their middle.

    Args:
        landmarks: in any unit.
        gain: how far the detector's irises move for what a person's do.
    """
    moved = copied(landmarks)
    for iris, (_, _, outer, inner) in _EYE_OPENING.items():
        first, last = landmarks[:, outer], landmarks[:, inner]
        across = (last - first) / norm(last - first).clip(1e-6, None)[:, None]
        aside = ((landmarks[:, iris] - (first + last) / 2) * across).sum(1)
        moved[:, iris : iris + 5] += ((1 / gain - 1) * aside[:, None] * across)[:, None]
    return moved
