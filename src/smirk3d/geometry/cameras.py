"""Cameras, and every flip between head axes (y up) and image axes (y down).

SMIRK's camera is scaled orthographic: a posed vertex (X, Y, Z) in metres is seen at
``ndc = (s (X + tx), -s (Y + ty), -s Z)``; x right, y down, larger z farther away.
"""

from __future__ import annotations

import torch
from torch import Tensor

from smirk3d.errors import check_shape


def project(vertices: Tensor, camera: Tensor) -> Tensor:
    """Return normalised device coordinates ``[B, V, 3]`` of posed vertices.

    Args:
        vertices: ``[B, V, 3]`` in metres, head axes, head pose applied.
        camera: ``[B, 3]``: scale, tx, ty.

    Raises:
        ShapeError: if the shapes do not agree.
    """
    sizes = check_shape(vertices, "B V 3", "vertices")
    check_shape(camera, "B 3", "camera", B=sizes["B"])
    scale = camera[:, None, :1]
    shifted = vertices + torch.nn.functional.pad(camera[:, None, 1:], (0, 1))
    return shifted * scale * vertices.new_tensor([1.0, -1.0, -1.0])


def unproject(ndc: Tensor, camera: Tensor) -> Tensor:
    """Return vertices ``[B, V, 3]`` in metres of device coordinates; the inverse of project."""
    check_shape(ndc, "B V 3", "ndc")
    flipped = ndc * ndc.new_tensor([1.0, -1.0, -1.0]) / camera[:, None, :1]
    return flipped - torch.nn.functional.pad(camera[:, None, 1:], (0, 1))


def ndc_to_pixels(ndc: Tensor, size: int) -> Tensor:
    """Return pixel coordinates of a square picture: ``(ndc + 1) / 2 * size``; x and y alike."""
    return (ndc + 1) * (0.5 * size)


def pixels_to_ndc(pixels: Tensor, size: int) -> Tensor:
    """Return ``2 * pixels / size - 1`` for a square picture; x and y alike."""
    return pixels * (2.0 / size) - 1


def crop_pixels_to_image(points: Tensor, T_crop_image: Tensor) -> Tensor:
    """Return image pixels ``[B, N, 2]`` of crop pixels.

    Args:
        points: ``[B, N, 2]`` in crop pixels.
        T_crop_image: ``[B, 3, 3]``, maps image pixels to crop pixels.
    """
    inverse = torch.linalg.inv(T_crop_image)
    return points @ inverse[:, :2, :2].transpose(1, 2) + inverse[:, None, :2, 2]
