"""ARKit's 52 names and the parameter groups of a head with named actions."""

from __future__ import annotations

from collections.abc import Sequence

from smirk3d.array_interface import Array, array_namespace, constant
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.geometry.rotations import axis_angle_to_matrix, direction_to_axis_angle
from smirk3d.parameters.basis_rows import Channel

BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")
"""The actions of the eyelid group, in its order."""

JAW_ACTIONS = ("jawOpen", "jawLeft", "jawRight", "jawForward")
"""The actions of the jaw group."""

GAZE_ACTIONS = tuple(
    f"eyeLook{way}{side}" for side in ("Left", "Right") for way in ("Down", "In", "Out", "Up")
)
"""The eight gaze actions, in the order of a head file's ``gaze_basis``."""

CHANNEL_NAMES: dict[Channel, tuple[str, ...]] = {
    "jaw_positive": ("jawOpen", "jawLeft", "jawForward"),
    "jaw_negative": ("", "jawRight", ""),
    "eyelids": BLINKS,
    "gaze": GAZE_ACTIONS,
}
"""ARKit's name of each channel after the expression, by block in the order of the basis; empty for
channels without a name."""

EXPRESSION_ACTIONS = tuple(
    name for name in ARKIT_NAMES if name not in BLINKS + JAW_ACTIONS + GAZE_ACTIONS
)
"""The 38 names that are expression coefficients, in ARKit's order."""

_MIRROR = {"Left": "Right", "Right": "Left", "_L": "_R", "_R": "_L"}


def mirrored_name(name: str) -> str:
    """Return the action of the other side; an action without a side is its own mirror."""
    for side, other in _MIRROR.items():
        if name.endswith(side):
            return name[: -len(side)] + other
    return name


def gaze_angles(eyes: Array) -> tuple[Array, Array]:
    """Return yaw (towards the subject's left) and pitch (up) ``[B, 2]`` in radians, left eye first.

    Args:
        eyes: axis-angle of both eyes ``[B, 6]`` in radians; each looks along its rotated +z.
    """
    xp = array_namespace(eyes)
    direction = axis_angle_to_matrix(eyes.reshape(*eyes.shape[:-1], 2, 3))[..., 2]
    yaw = xp.atan2(direction[..., 0], direction[..., 2])
    pitch = xp.asin(direction[..., 1].clip(-1 + 1e-6, 1 - 1e-6))
    return yaw, pitch


def gaze_weights(eyes: Array, gaze_range: Array) -> Array:
    """Return the weights ``[B, 8]`` of :data:`GAZE_ACTIONS` for eye rotations.

    Args:
        eyes: axis-angle of both eyes ``[B, 6]`` in radians.
        gaze_range: rotation in radians at which each action's weight is 1 ``[8]``.
    """
    yaw, pitch = gaze_angles(eyes)
    xp = array_namespace(yaw)
    outward = yaw * constant([1.0, -1.0], yaw)
    angles = xp.stack([-pitch, -outward, outward, pitch], axis=-1)
    angles = angles.reshape(*angles.shape[:-2], 8)
    return xp.where(angles > 0, angles, xp.zeros_like(angles)) / gaze_range


def gaze_from_weights(weights: Array, gaze_range: Array) -> Array:
    """Return the eye rotations of gaze weights; opposite weights cancel.

    Args:
        weights: weights ``[B, 8]`` of :data:`GAZE_ACTIONS`.
        gaze_range: rotation in radians at which each action's weight is 1 ``[8]``.

    Returns:
        Axis-angle of both eyes ``[B, 6]`` in radians.
    """
    xp = array_namespace(weights)
    angles = (weights * gaze_range).reshape(*weights.shape[:-1], 2, 4)
    pitch = angles[..., 3] - angles[..., 0]
    yaw = (angles[..., 2] - angles[..., 1]) * constant([1.0, -1.0], weights)
    level = xp.cos(pitch)
    direction = xp.stack([level * xp.sin(yaw), xp.sin(pitch), level * xp.cos(yaw)], axis=-1)
    return direction_to_axis_angle(direction).reshape(*weights.shape[:-1], 6)


def expression_sources(names: Sequence[str]) -> dict[str, list[int]]:
    """Return for each ARKit name the expression components with its weight.

    A head may split an unsided action into sides (ICT's ``browInnerUp_L`` and ``_R``), and spell
    the others ``eyeSquint_L``; the components of one ARKit name are averaged.
    """
    sources: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        base, _, side = name.partition("_")
        whole = base + {"L": "Left", "R": "Right"}.get(side, "")
        arkit = whole if whole in EXPRESSION_ACTIONS else base
        if arkit in EXPRESSION_ACTIONS:
            sources.setdefault(arkit, []).append(index)
    return sources
