"""Errors of MediaPipe's landmarks against the truth of rendered people, by region and view.

Measured by benchmarks/landmark_errors.py (benchmarks/results/landmark_errors.md) on 600 pictures of
120 held-out people on the open head, 508 of them found. Landmarks of a region err together: the
detector defines them otherwise than the head, by an offset that differs between people, and slides
with the view.
"""

from __future__ import annotations

import numpy as np

from smirk3d.array_interface import Array, beside
from smirk3d.heads.head_model import HeadModel

VIEWS = (0.0, 15.0, 30.0, 45.0, 60.0)
"""Angles between head and camera in degrees from which each row of the tables holds."""

REGIONS = ("lips", "eyelids", "iris", "brows", "nose", "outline", "rest")
"""Regions of the tables; the outline is chin, jaw, cheeks and forehead."""

TOGETHER = (
    (1.6, 1.4, 2.0, 2.6, 1.8, 1.6, 1.5),
    (1.5, 1.5, 2.3, 2.8, 1.9, 1.9, 1.7),
    (2.6, 2.2, 3.5, 3.2, 2.3, 3.2, 2.3),
    (3.4, 5.4, 5.9, 6.9, 3.5, 5.6, 5.5),
    (5.0, 8.6, 9.5, 8.5, 5.7, 7.5, 8.2),
)
"""Root mean square in millimetres, for each axis, of what a region's landmarks err together."""

ALONE = (
    (1.5, 1.3, 1.0, 1.8, 1.6, 4.0, 2.0),
    (1.8, 1.5, 1.1, 2.3, 1.7, 4.9, 2.5),
    (2.5, 2.2, 1.8, 3.3, 2.1, 6.7, 4.0),
    (3.1, 4.4, 4.6, 6.0, 3.2, 9.8, 6.5),
    (3.5, 6.5, 6.0, 7.8, 3.8, 12.3, 8.5),
)
"""Root mean square in millimetres, for each axis, of what each landmark errs around its region."""

_OUTLINE = ("jaw", "chin", "cheeks", "forehead")


def region_of_points(head: HeadModel, corners: Array) -> Array:
    """Return the number of each point's region ``[P]`` in :data:`REGIONS`.

    Args:
        head: the whole head; regions that it does not name have no points.
        corners: vertices of each point's triangle ``[P, 3]``.
    """
    region = beside(np.full(len(corners), REGIONS.index("rest")), corners)
    # later names win where regions overlap
    for name in (*_OUTLINE, "nose", "brows", "eyelids", "lips", "iris"):
        if name in head.regions:
            inside = head.regions[name][corners].any(1)
            region[inside] = REGIONS.index("outline" if name in _OUTLINE else name)
    return region
