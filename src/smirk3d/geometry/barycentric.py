"""Points and attributes on triangles, addressed by triangle and barycentric coordinates."""

from __future__ import annotations

import torch
from torch import Tensor

from smirk3d.errors import check_shape


def sample_barycentric(
    *shape: int,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Return barycentric coordinates ``[*shape, 3]``, uniform over the triangle.

    Draws the unit square and mirrors the half beyond its diagonal back, once: both coordinates are
    replaced together.

    Args:
        *shape: batch dimensions.
        generator: source of randomness; torch's global one by default.
        device: device of the result.
        dtype: floating-point type of the result.
    """
    uv = torch.rand(*shape, 2, generator=generator, device=device, dtype=dtype)
    uv = torch.where(uv.sum(-1, keepdim=True) > 1, 1 - uv, uv)
    return torch.cat([(1 - uv.sum(-1, keepdim=True)).clamp(min=0), uv], -1)


def gather_corners(attributes: Tensor, faces: Tensor, face_index: Tensor) -> Tensor:
    """Return the attributes ``[B, P, 3, C]`` of the corners of chosen triangles.

    Args:
        attributes: per vertex ``[B, V, C]``, or per corner ``[B, F, 3, C]``.
        faces: ``[F, 3]``.
        face_index: triangle of each point, ``[B, P]`` or ``[P]`` shared by the batch.

    Raises:
        ShapeError: if a shape differs.
    """
    per_corner = attributes.ndim == 4
    pattern = "B F 3 C" if per_corner else "B V C"
    sizes = check_shape(attributes, pattern, "attributes")
    check_shape(faces, "F 3", "faces", **({"F": sizes["F"]} if per_corner else {}))
    batch = sizes["B"]
    if face_index.ndim == 1:
        face_index = face_index.expand(batch, -1)
    check_shape(face_index, "B P", "face_index", B=batch)
    offset = torch.arange(batch, device=face_index.device)[:, None]
    if per_corner:
        flat = attributes.flatten(0, 1)
        rows = face_index + offset * sizes["F"]
        return flat.index_select(0, rows.reshape(-1)).view(*rows.shape, 3, sizes["C"])
    rows = faces[face_index] + offset[..., None] * sizes["V"]
    flat = attributes.flatten(0, 1)
    return flat.index_select(0, rows.reshape(-1)).view(*rows.shape, sizes["C"])


def interpolate(
    attributes: Tensor, faces: Tensor, face_index: Tensor, barycentric: Tensor
) -> Tensor:
    """Return the attributes ``[B, P, C]`` at points on triangles.

    Args:
        attributes: per vertex ``[B, V, C]``, or per corner ``[B, F, 3, C]``.
        faces: ``[F, 3]``.
        face_index: ``[B, P]``, or ``[P]`` shared by the batch.
        barycentric: ``[B, P, 3]``, or ``[P, 3]`` shared by the batch.

    Raises:
        ShapeError: if a shape differs.
    """
    check_shape(barycentric, "... P 3", "barycentric", P=face_index.shape[-1])
    corners = gather_corners(attributes, faces, face_index)
    return (corners * barycentric[..., None]).sum(-2)


def barycentric_in_plane(points: Tensor, corners: Tensor) -> Tensor:
    """Return barycentric coordinates ``[..., 3]`` of points with respect to triangles in a plane.

    Args:
        points: positions ``[..., 2]``.
        corners: corners ``[..., 3, 2]``; triangles without area give non-finite values.

    Raises:
        ShapeError: if a shape differs.
    """
    check_shape(points, "... 2", "points")
    check_shape(corners, "... 3 2", "corners")
    a, b, c = (corners - points[..., None, :]).unbind(-2)
    weights = torch.stack([_cross(b, c), _cross(c, a), _cross(a, b)], -1)
    return weights / weights.sum(-1, keepdim=True)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
