"""Head pose and camera of a rigid head, in closed form."""

from __future__ import annotations

from smirk3d.array_interface import Array, array_namespace, constant, identity_like


def initial_view(points: Array, targets: Array, weights: Array) -> tuple[Array, Array]:
    """Return the rotation and camera that best map rigid points to targets.

    Solves the affine camera by weighted least squares and takes the nearest scaled rotation, the
    classic start of scaled-orthographic pose estimation (DeMenthon and Davis 1995, POS).

    Args:
        points: landmarks ``[B, L, 3]`` in metres, head axes, without head pose.
        targets: observed landmarks ``[B, L, 2]`` in ndc.
        weights: weight of each landmark ``[B, L]``, not negative.

    Returns:
        Rotation matrices ``[B, 3, 3]``, and cameras ``[B, 3]`` (scale, tx, ty).
    """
    xp = array_namespace(points)
    down = constant([1.0, -1.0], targets)
    fraction = (weights / weights.sum(1)[:, None])[..., None]
    mean_point = (points * fraction).sum(1)[:, None]
    mean_target = (targets * fraction).sum(1)[:, None]
    # y is flipped here, so that both frames have y up
    seen = (targets - mean_target) * down
    centred = points - mean_point
    weighted = xp.matrix_transpose(centred * fraction)
    covariance = weighted @ centred
    ridge = 1e-6 * xp.linalg.diagonal(covariance).sum(1)[:, None, None]
    covariance = covariance + ridge * identity_like(3, points)
    affine = xp.linalg.solve(covariance, weighted @ seen)
    left, stretch, right = xp.linalg.svd(xp.matrix_transpose(affine), full_matrices=False)
    rows = left @ right
    third = xp.linalg.cross(rows[:, 0], rows[:, 1])
    rotation = xp.concat([rows, third[:, None]], axis=1)
    scale = stretch.mean(1).clip(1e-3, None)
    origin = (rotation @ mean_point[:, 0, :, None])[:, :2, 0]
    shift = mean_target[:, 0] * down / scale[:, None] - origin
    return rotation, xp.concat([scale[:, None], shift], axis=1)
