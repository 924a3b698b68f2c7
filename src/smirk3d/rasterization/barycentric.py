"""Barycentric coordinates of pixel centres in the triangles that they see."""

from __future__ import annotations

from smirk3d.array_interface import Array, array_namespace


def barycentric_formula(
    x: Array, y: Array, corners: Array, point_x: Array, point_y: Array
) -> tuple[Array, tuple[Array, ...]]:
    """Return coordinates of points in triangles, in the points' precision.

    Double precision is meant: small and narrow triangles would lose most digits in single.

    Args:
        x: of the vertices ``[R]``.
        y: of the vertices ``[R]``.
        corners: vertices of each point's triangle ``[3, N]``.
        point_x: of the points ``[N]``.
        point_y: of the points ``[N]``.

    Returns:
        Coordinates ``[3, N]``; and the triangles' sides as their derivatives need them: x and y
        from the first corner to the second and to the third, and one over twice the area, each
        ``[N]``.
    """
    xp = array_namespace(point_x)
    ax, bx, cx = (xp.astype(x[corners[i]], point_x.dtype) for i in range(3))
    ay, by, cy = (xp.astype(y[corners[i]], point_x.dtype) for i in range(3))
    abx, aby, acx, acy = bx - ax, by - ay, cx - ax, cy - ay
    apx, apy = point_x - ax, point_y - ay
    inverse = 1 / (abx * acy - aby * acx)
    weight_b = (apx * acy - apy * acx) * inverse
    weight_c = (abx * apy - aby * apx) * inverse
    weights = xp.stack([1 - weight_b - weight_c, weight_b, weight_c])
    return weights, (abx, aby, acx, acy, inverse)
