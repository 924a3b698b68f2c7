"""Points at which a picture of many rays a pixel is shaded: one a pixel where its rays see alike.

Rays say what is seen, so that outlines are smooth; colours change little between the rays of a
pixel that see the same material, which share a sample (multisample antialiasing). NumPy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import add_at
from smirk3d.rasterization.base import barycentric_at, mixed_at

Values = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Samples:
    """Points of one surface that stand for the rays of a picture.

    Attributes:
        pixel: flat number of the pixel that each sample lies in ``[N]``; several may share one.
        share: fraction of the pixel's rays that it stands for ``[N]``.
        face: triangle that it lies on ``[N]``.
        corners: vertices of that triangle ``[3, N]``.
        weights: barycentric coordinates ``[3, N]``.
    """

    pixel: Ids
    share: Values
    face: Ids
    corners: Ids
    weights: NDArray[np.float64]

    def only(self, chosen: Ids) -> Samples:
        """Return some of the samples, by their numbers ``[M]``."""
        return Samples(
            self.pixel[chosen], self.share[chosen], self.face[chosen],
            self.corners.take(chosen, 1), self.weights.take(chosen, 1),
        )  # fmt: skip

    def at(self, attributes: NDArray[Any]) -> NDArray[Any]:
        """Return vertex attributes ``[V, C]`` at the samples, ``[C, N]``."""
        found: NDArray[Any] = mixed_at(attributes, self.corners, self.weights)
        return found

    def averaged(self, values: Values, size: tuple[int, int]) -> Values:
        """Return the mean of samples' values ``[C, N]`` over each pixel's rays, ``[C, H, W]``.

        Rays that see nothing count as zero.
        """
        picture: Values = add_at(
            np.zeros((len(values), size[0] * size[1]), np.float32),
            1,
            self.pixel,
            values * self.share,
        )
        return picture.reshape(-1, *size)


def points_seen(
    vertices_ndc: Values, faces: Ids, face: Ids, row: Values, column: Values, size: tuple[int, int]
) -> Samples:
    """Return the points of triangles behind points of a picture, each a whole pixel's sample.

    Args:
        vertices_ndc: ``[V, 3]`` device coordinates.
        faces: ``[F, 3]``.
        face: triangle of each point ``[N]``.
        row: of each point ``[N]``, in pixels from the top edge.
        column: of each point ``[N]``, in pixels from the left edge.
        size: height and width of the picture in pixels.
    """
    height, width = size
    corners = faces.T.take(face, 1)
    x, y = np.ascontiguousarray(vertices_ndc[:, :2].T)
    at_x, at_y = (2 / width) * column.astype(np.float64) - 1, (2 / height) * row - 1.0
    weights = barycentric_at(x, y, corners, at_x, at_y)
    pixel = row.astype(np.int64) * width + column.astype(np.int64)
    return Samples(pixel, np.ones(len(face), np.float32), face, corners, weights)


def pixel_samples(
    vertices_ndc: Values, faces: Ids, seen: Ids, fine: int, alone: NDArray[np.bool_]
) -> Samples:
    """Return the samples of a picture.

    The rays of a pixel that see one surface, of triangles that need not be alone, share a sample:
    in the middle of these rays, on the triangle of one of them. Other rays have one each.

    Args:
        vertices_ndc: ``[V, 3]`` device coordinates.
        faces: ``[F, 3]``.
        seen: triangle that each ray sees ``[H fine, W fine]``, -1 for none.
        fine: rays a pixel and axis.
        alone: triangles ``[F]`` whose rays have a sample each.
    """
    size = seen.shape[0] // fine, seen.shape[1] // fine
    offsets = [(row, column) for row in range(fine) for column in range(fine)]
    planes = [np.ascontiguousarray(seen[row::fine, column::fine]).reshape(-1)
              for row, column in offsets]  # fmt: skip
    covered = planes[0] >= 0
    for plane in planes[1:]:
        covered |= plane >= 0
    pixel = np.flatnonzero(covered)
    face = np.stack([plane[pixel] for plane in planes])
    together = np.append(~alone, [False])[face]
    main = np.where(together[0], face[0], face[-1])
    for ray in range(1, len(offsets)):
        np.copyto(main, face[ray], where=together[ray])
    _leave_out_jumps(together, face, main, [vertices_ndc[ids, 2] for ids in faces.T])
    count = together.sum(0)
    row, column = (
        ((np.array(offset, np.float32) + 0.5) / fine) for offset in zip(*offsets, strict=True)
    )
    shared = np.flatnonzero(count)
    rays, mean = count[shared], together[:, shared] / count[shared].astype(np.float32)
    lone, single = np.nonzero(~together & (face >= 0))
    at = np.concatenate([pixel[shared], pixel[single]])
    samples = points_seen(
        vertices_ndc,
        faces,
        np.concatenate([main[shared], face[lone, single]]),
        at // size[1] + np.concatenate([row @ mean, row[lone]]),
        at % size[1] + np.concatenate([column @ mean, column[lone]]),
        size,
    )
    # the middle of several rays may lie beside the triangle of one: then its edge stands for it
    weights = samples.weights.clip(0, 1)
    weights /= weights.sum(0)
    share = np.concatenate([rays, np.ones_like(lone)]).astype(np.float32)
    share /= np.float32(len(offsets))
    return replace(samples, share=share, weights=weights)


def _leave_out_jumps(
    together: NDArray[np.bool_], face: Ids, main: Ids, corner_depth: Sequence[Values]
) -> None:
    """Part rays ``[R, P]`` that see something before or behind their pixel's triangle, in place.

    Triangles that touch do not lie farther apart in depth than they reach.

    Args:
        together: which rays share their pixel's sample ``[R, P]``.
        face: triangle of each ray ``[R, P]``.
        main: triangle of each pixel's sample ``[P]``.
        corner_depth: depth ``[F]`` of each of the triangles' three corners.
    """
    other = np.flatnonzero((together & (face != main)).any(0))
    near, far = (
        pick(pick(*corner_depth[:2]), corner_depth[2]) for pick in (np.minimum, np.maximum)
    )
    rays, mains = face[:, other], main[other]
    touching = (near[rays] <= far[mains]) & (near[mains] <= far[rays])
    together[:, other] &= touching
