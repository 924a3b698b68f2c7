"""Normal equations of photos that may share one identity, solved by blocks.

Unknowns split into the shape of each person and the rest of each photo. The rest is eliminated
photo by photo (Schur complement), the small system of each person is solved, the rest follows.
"""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.array_interface import (
    Array,
    add_at,
    array_namespace,
    diagonal_matrices,
    in_precision,
    is_torch,
)


@dataclass
class NormalEquations:
    """Second derivatives and gradients of a least-squares cost.

    Attributes:
        shape_block: second derivatives by the shape ``[N, S, S]``, summed over a person's photos.
        shape_gradient: gradient by the shape ``[N, S]``, summed over a person's photos.
        cross_block: mixed derivatives by the person's shape and the photo's rest ``[B, S, D]``.
        rest_block: second derivatives by the photo's rest ``[B, D, D]``.
        rest_gradient: gradient by the photo's rest ``[B, D]``.
        person: person of each photo ``[B]`` in 0..N-1.
    """

    shape_block: Array
    shape_gradient: Array
    cross_block: Array
    rest_block: Array
    rest_gradient: Array
    person: Array

    def solve(self, damping: Array, held: Array) -> tuple[Array, Array]:
        """Return the damped Newton steps of shapes ``[N, S]`` and of the rest ``[B, D]``.

        Args:
            damping: factor of each person's diagonals ``[N]`` (Levenberg-Marquardt).
            held: mask ``[B, D]`` of components of the rest that stay fixed.
        """
        xp = array_namespace(self.rest_block)
        free = in_precision(~held, self.rest_block)
        rest_block = self.rest_block * free[:, :, None] * free[:, None, :]
        rest_block = rest_block + diagonal_matrices(1 - free)
        cross = self.cross_block * free[:, None, :]
        rest_gradient = self.rest_gradient * free
        rest_block = _damped(rest_block, damping[self.person])
        right = xp.concat([xp.matrix_transpose(cross), rest_gradient[..., None]], axis=2)
        solved = _solved(rest_block, right)
        to_shape, to_rest = solved[..., :-1], solved[..., -1:]
        block = _damped(self.shape_block, damping)
        block = add_at(block, 0, self.person, -(cross @ to_shape))
        gradient = add_at(self.shape_gradient, 0, self.person, -(cross @ to_rest)[..., 0])
        shape_step = -xp.linalg.solve(block, gradient[..., None])[..., 0]
        moved = (to_shape @ shape_step[self.person][..., None])[..., 0]
        return shape_step, -(to_rest[..., 0] + moved)

    def variances(self) -> tuple[Array, Array]:
        """Return the variances of shapes ``[N, S]`` and of the rest ``[B, D]``.

        They are the diagonal of the inverse of the second derivatives.
        """
        xp = array_namespace(self.rest_block)
        inverse = xp.linalg.inv(self.rest_block)
        to_shape = self.cross_block @ inverse
        taken = to_shape @ xp.matrix_transpose(self.cross_block)
        shape = xp.linalg.inv(add_at(self.shape_block, 0, self.person, -taken))
        from_shape = xp.matrix_transpose(to_shape)
        through = from_shape @ shape[self.person]
        rest = xp.linalg.diagonal(inverse) + (through * from_shape).sum(2)
        return xp.linalg.diagonal(shape), rest


def _solved(block: Array, right: Array) -> Array:
    """Return ``block^-1 right`` of positive definite blocks ``[B, D, D]`` and ``[B, D, R]``.

    Torch solves by Cholesky's factor; NumPy has no triangular solve and takes LU's, which agrees
    to rounding.
    """
    if is_torch(block):
        return right.cholesky_solve(array_namespace(block).linalg.cholesky(block))
    return array_namespace(block).linalg.solve(block, right)


def _damped(block: Array, damping: Array) -> Array:
    diagonal = array_namespace(block).linalg.diagonal(block)
    return block + diagonal_matrices(diagonal * damping[:, None] + 1e-6)
