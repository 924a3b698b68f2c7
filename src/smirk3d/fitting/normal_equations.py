"""Normal equations of photos that may share one identity, solved by blocks.

Unknowns split into the shape of each person and the rest of each photo. The rest is eliminated
photo by photo (Schur complement), the small system of each person is solved, the rest follows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


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

    shape_block: Tensor
    shape_gradient: Tensor
    cross_block: Tensor
    rest_block: Tensor
    rest_gradient: Tensor
    person: Tensor

    def solve(self, damping: Tensor, held: Tensor) -> tuple[Tensor, Tensor]:
        """Return the damped Newton steps of shapes ``[N, S]`` and of the rest ``[B, D]``.

        Args:
            damping: factor of each person's diagonals ``[N]`` (Levenberg-Marquardt).
            held: mask ``[B, D]`` of components of the rest that stay fixed.
        """
        free = (~held).to(self.rest_block)
        rest_block = self.rest_block * free[:, :, None] * free[:, None, :]
        rest_block = rest_block + torch.diag_embed(1 - free)
        cross = self.cross_block * free[:, None, :]
        rest_gradient = self.rest_gradient * free
        rest_block = _damped(rest_block, damping[self.person])
        factor = torch.linalg.cholesky(rest_block)
        solved = torch.cholesky_solve(
            torch.cat([cross.transpose(1, 2), rest_gradient[..., None]], 2), factor
        )
        to_shape, to_rest = solved[..., :-1], solved[..., -1:]
        block = _damped(self.shape_block, damping)
        block = block.index_add(0, self.person, -(cross @ to_shape))
        gradient = self.shape_gradient.index_add(0, self.person, -(cross @ to_rest)[..., 0])
        shape_step = -torch.linalg.solve(block, gradient)
        moved = (to_shape @ shape_step[self.person][..., None])[..., 0]
        return shape_step, -(to_rest[..., 0] + moved)

    def variances(self) -> tuple[Tensor, Tensor]:
        """Return the variances of shapes ``[N, S]`` and of the rest ``[B, D]``.

        They are the diagonal of the inverse of the second derivatives.
        """
        factor = torch.linalg.cholesky(self.rest_block)
        inverse = torch.cholesky_inverse(factor)
        to_shape = self.cross_block @ inverse
        block = self.shape_block.index_add(
            0, self.person, -(to_shape @ self.cross_block.transpose(1, 2))
        )
        shape = torch.linalg.inv(block)
        through = to_shape.transpose(1, 2) @ shape[self.person]
        rest = inverse.diagonal(dim1=1, dim2=2) + (through * to_shape.transpose(1, 2)).sum(2)
        return shape.diagonal(dim1=1, dim2=2), rest


def _damped(block: Tensor, damping: Tensor) -> Tensor:
    diagonal = block.diagonal(dim1=1, dim2=2)
    return block + torch.diag_embed(diagonal * damping[:, None] + 1e-6)
