"""Barycentric coordinates with gradients, for torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from smirk3d.rasterization.barycentric import barycentric_formula


class Barycentric(torch.autograd.Function):
    """Barycentric coordinates of fixed points in moving triangles, differentiable once.

    With the points fixed, moving corner j by d changes every coordinate as moving the point by
    ``-weight_j d`` would, so one gradient with respect to the point serves all corners.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, y: Tensor, corners: Tensor, point_x: Tensor, point_y: Tensor
    ) -> Tensor:
        """Return ``[3, N]`` of points ``[N]`` in triangles ``[3, N]`` of vertices ``[R]``."""
        weights, sides = barycentric_formula(x, y, corners, point_x, point_y)
        ctx.save_for_backward(weights, corners, *sides)
        ctx.num_rows = len(x)
        return weights.to(x.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients with respect to x and y."""
        weights, corners, abx, aby, acx, acy, inverse = ctx.saved_tensors
        upstream = gradient.to(weights.dtype)
        along_b = (upstream[1] - upstream[0]) * inverse
        along_c = (upstream[2] - upstream[0]) * inverse
        point_x = along_c * aby - along_b * acy
        point_y = along_b * acx - along_c * abx
        x = gradient.new_zeros(ctx.num_rows)
        y = torch.zeros_like(x)
        for corner, weight in zip(corners.unbind(0), weights.unbind(0), strict=True):
            x.scatter_add_(0, corner, (weight * point_x).to(gradient.dtype))
            y.scatter_add_(0, corner, (weight * point_y).to(gradient.dtype))
        return x, y, None, None, None
