"""Pieces of surface that hang on the vertices of a head and move as those do."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.repairs.skin_fields import Field
from smirk3d.head_import.anny.surface import MIRROR_AXES

Indices = NDArray[np.int64]

_ON_MIDLINE = 1e-9
"""Metres; less than any vertex moves, more than rounding."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """A piece of surface of one part.

    Attributes:
        part: its name.
        points: ``[N, 3]`` on the template, in metres.
        faces: ``[F, 3]``, outward.
        uv: ``[N, 2]`` in [0, 1], one a vertex.
        ids: the anchors, vertices of the head that each point follows ``[N, K]``.
        weights: of the anchors ``[N, K]``, rows sum to 1.
        lever: what an action's offset is multiplied by and added of, ``[N, 3, 3]``; zero where a
            point moves as its anchors do.
    """

    part: str
    points: Field
    faces: Indices
    uv: Field
    ids: Indices
    weights: Field
    lever: Field

    def carried(self, values: NDArray[np.floating]) -> Field:
        """Return values ``[..., N, C]`` of the points, of those ``[..., V, C]`` of the head."""
        anchors = np.asarray(values, np.float64)[..., self.ids, :]
        moved: Field = (anchors * self.weights[..., None]).sum(-2)
        return moved

    def turned_with(self, offsets: NDArray[np.floating]) -> Field:
        """Return an action's offsets ``[..., N, 3]``, of those ``[..., V, 3]`` of the head."""
        moved = self.carried(offsets)
        turned: Field = moved + (self.lever @ moved[..., None])[..., 0]
        return turned


def patch(
    part: str, points: Field, faces: Indices, uv: Field, ids: Indices, weights: Field
) -> Patch:
    """Return a patch whose points move as their anchors do."""
    lever = np.zeros((len(points), 3, 3))
    return Patch(
        part=part, points=points, faces=faces, uv=uv, ids=ids, weights=weights, lever=lever
    )


def grid_faces(rows: int, columns: int, *, closed: bool = False) -> Indices:
    """Return the triangles of a grid of vertices in rows; a closed one joins its last column.

    Seen with rows upwards and columns to the right they run counter-clockwise.
    """
    row, column = np.meshgrid(
        np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij"
    )
    following = (column + 1) % columns
    a, b = row * columns + column, row * columns + following
    c, d = b + columns, a + columns
    return np.concatenate(
        [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]
    )


def with_other_side(points: Field, faces: Indices, uv: Field) -> tuple[Field, Indices, Field]:
    """Return a left half with its mirror image; points of the midline are shared.

    The mirrored points follow in the order of :func:`other_side_of`.
    """
    sided = other_side_of(points)
    index = np.arange(len(points))
    index[sided] = len(points) + np.arange(len(sided))
    return (
        np.concatenate([points, points[sided] * MIRROR_AXES]),
        np.concatenate([faces, index[faces][:, ::-1]]),
        np.concatenate([uv, uv[sided]]),
    )


def other_side_of(points: Field) -> Indices:
    """Return the points ``[N, 3]`` that have a mirror image of their own."""
    return np.flatnonzero(np.abs(points[:, 0]) > _ON_MIDLINE)


def mirrored(half: Patch, mirror: Indices) -> Patch:
    """Return a patch of the left half with its mirror image, which hangs on mirrored vertices."""
    sided = other_side_of(half.points)
    points, faces, uv = with_other_side(half.points, half.faces, half.uv)
    flip = np.diag(MIRROR_AXES)
    return replace(
        half,
        points=points,
        faces=faces,
        uv=uv,
        ids=np.concatenate([half.ids, mirror[half.ids[sided]]]),
        weights=np.concatenate([half.weights, half.weights[sided]]),
        lever=np.concatenate([half.lever, flip @ half.lever[sided] @ flip]),
    )
