"""A head reduced to points on its surface, with the normal equations of fitting them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

Values = NDArray[np.float64]

MOVING = ("expression", "eyelids", "jaw")
"""Groups that move a face's surface, in the order of :class:`PointHead`'s derivatives."""

_DIFFERENCE = 1e-5
"""Step of forward differences in double precision, in units of the jaw (weights, radians)."""


@dataclass(frozen=True)
class Slopes:
    """Derivatives of points by the groups of :data:`MOVING`.

    Attributes:
        linear: derivatives by expression and eyelids before gates ``[B or 1, 3 P, L]``.
        gates: factor of each expression and eyelid weight ``[B, L]``, the person's size included.
        jaw: derivatives by the jaw ``[B, 3 P, J]``.
    """

    linear: Values
    gates: Values
    jaw: Values

    def gradient(self, left: Values) -> Values:
        """Return ``[B, L + J]``, the sum over coordinates of slopes times ``left`` ``[B, 3 P]``."""
        linear = _each(self.linear, left[..., None])[..., 0] * self.gates
        jaw = (self.jaw * left[..., None]).sum(1)
        return np.concatenate([linear, jaw], 1)

    def curvature(self, weights: Values) -> Values:
        """Return ``[B, L + J, L + J]``, slopes times slopes with weights ``[3 P]``."""
        weighted = self.linear * weights[:, None]
        linear = self.linear.swapaxes(1, 2) @ weighted
        linear = linear * self.gates[:, :, None] * self.gates[:, None, :]
        mixed = _each(weighted, self.jaw) * self.gates[..., None]
        jaw = self.jaw.swapaxes(1, 2) @ (self.jaw * weights[:, None])
        return np.block([[linear, mixed], [mixed.swapaxes(1, 2), jaw]])


def _each(linear: Values, columns: Values) -> Values:
    """Return ``linear^T @ columns`` ``[B, L, C]``, at once where all faces share the slopes."""
    if len(linear) == len(columns):
        each: Values = linear.swapaxes(1, 2) @ columns
        return each
    faces, rows, count = columns.shape
    flat = columns.swapaxes(0, 1).reshape(rows, faces * count)
    return (linear[0].T @ flat).reshape(linear.shape[2], faces, count).swapaxes(0, 1)


class PointHead:
    """Evaluates some surface points of a head in double precision, with NumPy.

    Attributes:
        head: a head whose vertices are the points.
        sizes: components of each group of :data:`MOVING`.
        shape_columns: derivatives by the shape ``[S, P, 3]`` while no joint is rotated.
    """

    def __init__(
        self, head: HeadModel, corners: NDArray[np.int64], bary: NDArray[np.floating]
    ) -> None:
        """Choose the points.

        Args:
            head: the whole head.
            corners: vertices of each point's triangle ``[P, 3]``.
            bary: barycentric coordinates within the triangles ``[P, 3]``.
        """
        self.head = head.to_numpy().at_points(corners, bary).double()
        self.sizes = [head.group(name).dim for name in MOVING]
        rows = self.head.basis_rows
        self.shape_columns = self.head.offsets[rows.rows("shape")]
        expression = self.head.offsets[rows.rows("expression")]
        linear = np.concatenate([expression, self.head.eyelid_offsets])
        self._columns = np.ascontiguousarray(linear.transpose(1, 2, 0))
        rotating = [name in ("jaw", "eyeL", "eyeR") for name in head.joint_names]
        if head.has_blend_jaw and "jaw" in head.joint_names:
            rotating[head.joint_names.index("jaw")] = False
        self._has_skinning = bool((self.head.lbs_weights[:, np.array(rotating)] > 0).any())

    def points(self, parameters: FaceParameters) -> Values:
        """Return the points ``[B, P, 3]`` in metres, head pose applied."""
        points: Values = self.head(parameters).vertices
        return points

    def slopes(self, parameters: FaceParameters, here: Values) -> Slopes:
        """Return the derivatives of the points.

        Two effects are left out: expression moves the joints themselves, by a twentieth of a
        millimetre on FLAME, and actions act through correctives and the gates of others.

        Args:
            parameters: B faces in double precision, with head pose and neck zero.
            here: points of these parameters ``[B, P, 3]`` in metres.
        """
        linear = self._columns[None]
        if self._has_skinning:
            rotations = self.head.joint_rotations(parameters)
            blended = self.head.lbs_weights @ rotations.reshape(*rotations.shape[:2], 9)
            linear = blended.reshape(*blended.shape[:2], 3, 3) @ self._columns
        linear = linear.reshape(len(linear), 3 * here.shape[1], linear.shape[-1])
        gates = self.head.channel_slopes(parameters)
        return Slopes(linear, gates, self._by_jaw(parameters, here))

    def _by_jaw(self, parameters: FaceParameters, here: Values) -> Values:
        flat = here.reshape(len(here), 3 * here.shape[1])
        columns = np.zeros((*flat.shape, self.sizes[-1]))
        for component in range(self.sizes[-1]):
            step = np.zeros_like(parameters.jaw)
            # forwards, because a blend jaw has a kink at zero, where its range begins
            step[:, component] = _DIFFERENCE
            ahead = self.points(parameters.replace(jaw=parameters.jaw + step))
            columns[..., component] = (ahead.reshape(flat.shape) - flat) / _DIFFERENCE
        return columns
