"""Cameras, and every flip between head axes (y up) and image axes (y down).

SMIRK's camera is scaled orthographic: a posed vertex (X, Y, Z) in metres is seen at
``ndc = (s (X + tx), -s (Y + ty), -s Z)``; x right, y down, larger z farther away.
All functions take NumPy arrays or torch tensors and return the same kind.
"""

from __future__ import annotations

from smirk3d.array_interface import Array, array_namespace, constant, require_floating
from smirk3d.errors import check_shape


def project(vertices: Array, camera: Array) -> Array:
    """Return normalised device coordinates ``[B, V, 3]`` of posed vertices.

    Args:
        vertices: ``[B, V, 3]`` in metres, head axes, head pose applied.
        camera: ``[B, 3]``: scale per metre, tx and ty in metres.

    Raises:
        ShapeError: if the shapes do not agree.
        UsageError: if an argument does not hold floating-point numbers.
    """
    sizes = check_shape(vertices, "B V 3", "vertices")
    check_shape(camera, "B 3", "camera", B=sizes["B"])
    require_floating(vertices, "vertices")
    require_floating(camera, "camera")
    shifted = vertices + _shift(camera)
    return shifted * camera[:, None, :1] * constant([1.0, -1.0, -1.0], vertices)


def unproject(ndc: Array, camera: Array) -> Array:
    """Return vertices in metres of device coordinates; the inverse of :func:`project`.

    Args:
        ndc: ``[B, V, 3]``, x right, y down, larger z farther away.
        camera: ``[B, 3]``: scale per metre, tx and ty in metres.

    Returns:
        Vertices ``[B, V, 3]`` in metres, head axes, head pose applied.

    Raises:
        ShapeError: if the shapes do not agree.
        UsageError: if an argument does not hold floating-point numbers.
    """
    sizes = check_shape(ndc, "B V 3", "ndc")
    check_shape(camera, "B 3", "camera", B=sizes["B"])
    require_floating(ndc, "ndc")
    require_floating(camera, "camera")
    return ndc * constant([1.0, -1.0, -1.0], ndc) / camera[:, None, :1] - _shift(camera)


def _shift(camera: Array) -> Array:
    """Return (tx, ty, 0) of cameras as ``[B, 1, 3]``."""
    xp = array_namespace(camera)
    shift: Array = xp.concat([camera[:, 1:], xp.zeros_like(camera[:, :1])], axis=1)
    return shift[:, None]


def ndc_to_pixels(ndc: Array, size: int) -> Array:
    """Return pixel coordinates of a square picture: ``(ndc + 1) / 2 * size``; x and y alike."""
    return (ndc + 1) * (0.5 * size)


def pixels_to_ndc(pixels: Array, size: int) -> Array:
    """Return ``2 * pixels / size - 1`` for a square picture; x and y alike."""
    return pixels * (2.0 / size) - 1


def crop_pixels_to_image(points: Array, T_crop_image: Array) -> Array:
    """Return image pixels ``[B, N, 2]`` of crop pixels.

    Args:
        points: ``[B, N, 2]`` in crop pixels.
        T_crop_image: ``[B, 3, 3]``, maps image pixels to crop pixels.

    Raises:
        ShapeError: if the shapes do not agree.
    """
    sizes = check_shape(points, "B N 2", "points")
    check_shape(T_crop_image, "B 3 3", "T_crop_image", B=sizes["B"])
    xp = array_namespace(points, T_crop_image)
    inverse = xp.linalg.inv(T_crop_image)
    moved: Array = points @ xp.matrix_transpose(inverse[:, :2, :2]) + inverse[:, None, :2, 2]
    return moved
