"""Pictures resampled by a transform, differentiably."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.errors import check_shape


def warp_image(images: Tensor, transform: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Return images ``[B, C, size, size]`` resampled by a transform, differentiably.

    Bilinear, black outside. There is no averaging before a strong reduction: reduce in steps, or
    use :func:`~smirk3d.preprocessing.face_crop.warp_crop`.

    Args:
        images: ``[B, C, H, W]``.
        transform: ``T_target_source`` ``[B, 3, 3]``, affine, in pixels with centres at +0.5.
        size: side of the result, or its (height, width).
    """
    sizes = check_shape(images, "B C H W", "images")
    check_shape(transform, "B 3 3", "transform", B=sizes["B"])
    height, width = (size, size) if isinstance(size, int) else size
    dtype = torch.promote_types(images.dtype, torch.float32)
    to_source = torch.linalg.inv_ex(transform.to(dtype)).inverse
    target_pixels = _pixels_from_ndc(height, width, to_source)
    source_ndc = torch.linalg.inv_ex(_pixels_from_ndc(sizes["H"], sizes["W"], to_source)).inverse
    matrix = source_ndc @ to_source @ target_pixels
    shape = [sizes["B"], sizes["C"], height, width]
    grid = F.affine_grid(matrix[:, :2], shape, align_corners=False).to(images.dtype)
    return F.grid_sample(images, grid, padding_mode="zeros", align_corners=False)


def _pixels_from_ndc(height: int, width: int, like: Tensor) -> Tensor:
    return like.new_tensor([[width / 2, 0, width / 2], [0, height / 2, height / 2], [0, 0, 1]])
