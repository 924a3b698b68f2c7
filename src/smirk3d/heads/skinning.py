"""Linear blend skinning over a small joint tree."""

from __future__ import annotations

from smirk3d.array_interface import Array, array_namespace


def joint_transforms(rotations: Array, joints: Array, parents: tuple[int, ...]) -> Array:
    """Return for each joint the transform from the rest pose to the posed head.

    A joint rotates about its own rest position and moves with its parent:
    ``T_j = T_parent(j) . [R_j | J_j - R_j J_j]``.

    Args:
        rotations: rotation of each joint relative to its parent ``[B, J, 3, 3]``.
        joints: rest positions ``[B, J, 3]`` in metres.
        parents: index of each joint's parent, -1 for a root; a parent precedes its children.

    Returns:
        Transforms ``[B, J, 3, 4]`` in metres.
    """
    shift = joints - (rotations @ joints[..., None])[..., 0]
    posed: list[tuple[Array, Array]] = []
    for j, parent in enumerate(parents):
        rotation, translation = rotations[:, j], shift[:, j]
        if parent >= 0:
            above, moved = posed[parent]
            rotation, translation = (
                above @ rotation,
                (above @ translation[..., None])[..., 0] + moved,
            )
        posed.append((rotation, translation))
    xp = array_namespace(rotations)
    return xp.stack([xp.concat([r, t[..., None]], axis=-1) for r, t in posed], axis=1)


def skin(vertices: Array, weights: Array, transforms: Array) -> Array:
    """Return vertices ``[B, V, 3]`` moved by the weighted mean of joint transforms.

    Args:
        vertices: rest positions ``[B, V, 3]`` in metres.
        weights: skinning weights ``[V, J]``; each row sums to 1.
        transforms: transform of each joint ``[B, J, 3, 4]``.
    """
    batch, joints = transforms.shape[:2]
    blended = (weights @ transforms.reshape(batch, joints, 12)).reshape(batch, len(weights), 3, 4)
    return (blended[..., :3] @ vertices[..., None])[..., 0] + blended[..., 3]
