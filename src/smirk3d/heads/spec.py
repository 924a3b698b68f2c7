"""The parameter groups of a head, derived from the arrays of its file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.parameters.groups import ParameterGroup

PARTS = ("skin", "eyeL", "eyeR", "teethU", "teethL", "tongue", "cavity", "lashes", "gums", "brows")
"""Names of the values of a head's ``part`` array."""

HAIR_PARTS = ("lashes", "brows")
"""Parts that are strips with a picture of hairs, not surface."""

_XYZ = ("x", "y", "z")
_EYE_PRIOR = 0.15
"""Standard deviation of an eye's rotation in radians; chosen by eye."""

_JAW_AXIS_HIGH = (math.inf, 0.2, 0.2)
"""Upper bounds of a jaw joint's axis-angle in radians, from SMIRK's output layer."""

_JAW_AXIS_LOW = (0.0, -0.2, -0.2)
"""Lower bounds of a jaw joint's axis-angle in radians, from SMIRK's output layer."""


def head_spec(arrays: Mapping[str, NDArray[Any]]) -> tuple[ParameterGroup, ...]:
    """Return the parameter groups of a head, in the order of ``HEAD_GROUPS``.

    A group that the head lacks has size zero. Named actions have ranges, PCA coefficients none;
    a jaw joint has SMIRK's range in radians (x from 0, y and z within 0.2), a blend jaw [0, 1] and
    [-1, 1]. Standard deviations of jaw, eyelids, eyes and neck were chosen by eye.

    Args:
        arrays: arrays of the head file by name.
    """
    joints = {str(name) for name in arrays["joint_names"]}
    return (
        _free("shape", tuple(f"shape{i}" for i in range(len(arrays["shape_basis"]))), 1.0),
        _expression(arrays),
        _jaw(arrays, joints),
        _eyelids(arrays),
        _eyes(arrays, joints),
        _free("neck", _XYZ if "neck" in joints else (), 0.1, observable=False),
    )


def _free(
    name: str, names: tuple[str, ...], prior_std: float, *, observable: bool = True
) -> ParameterGroup:
    size = len(names)
    return ParameterGroup(
        name=name,
        names=names,
        lo=(-math.inf,) * size,
        hi=(math.inf,) * size,
        prior_std=(prior_std,) * size,
        default=(0.0,) * size,
        observable=observable,
    )


def _expression(arrays: Mapping[str, NDArray[Any]]) -> ParameterGroup:
    names = [str(name) or f"pca{i}" for i, name in enumerate(arrays["expr_names"])]
    return ParameterGroup(
        name="expression",
        names=tuple(names),
        lo=_floats(arrays["expr_lo"]),
        hi=_floats(arrays["expr_hi"]),
        prior_std=_floats(arrays["expr_prior_std"]),
        default=(0.0,) * len(names),
    )


def _jaw(arrays: Mapping[str, NDArray[Any]], joints: set[str]) -> ParameterGroup:
    if "jaw_basis" in arrays:
        return ParameterGroup(
            name="jaw",
            names=("open", "left", "forward"),
            lo=(0.0, -1.0, 0.0),
            hi=(1.0, 1.0, 1.0),
            prior_std=(0.25, 0.12, 0.15),
            default=(0.0, 0.0, 0.0),
        )
    if "jaw" not in joints:
        return _free("jaw", (), 1.0)
    return ParameterGroup(
        name="jaw",
        names=_XYZ,
        lo=_JAW_AXIS_LOW,
        hi=_JAW_AXIS_HIGH,
        prior_std=(0.15, 0.05, 0.05),
        default=(0.0, 0.0, 0.0),
    )


def _eyelids(arrays: Mapping[str, NDArray[Any]]) -> ParameterGroup:
    size = 2 if "eyelid_basis" in arrays else 0
    return ParameterGroup(
        name="eyelids",
        names=("left", "right")[:size],
        lo=(0.0,) * size,
        hi=(1.0,) * size,
        prior_std=(0.35,) * size,
        default=(0.0,) * size,
    )


def _eyes(arrays: Mapping[str, NDArray[Any]], joints: set[str]) -> ParameterGroup:
    if not {"eyeL", "eyeR"} <= joints:
        return _free("eyes", (), _EYE_PRIOR)
    down_in_out_up = np.asarray(arrays.get("gaze_range", np.full(8, 0.6)), np.float64)
    lo: list[float] = []
    hi: list[float] = []
    for side, (down, inward, outward, up) in enumerate(down_in_out_up.reshape(2, 4).tolist()):
        left_most, right_most = (outward, inward) if side == 0 else (inward, outward)
        # rotation about +x looks down, about +y to the subject's left; eyes do not roll
        lo += [-up, -right_most, 0.0]
        hi += [down, left_most, 0.0]
    return ParameterGroup(
        name="eyes",
        names=tuple(f"{side}_{axis}" for side in ("left", "right") for axis in _XYZ),
        lo=tuple(lo),
        hi=tuple(hi),
        prior_std=(_EYE_PRIOR,) * 6,
        default=(0.0,) * 6,
    )


def _floats(array: NDArray[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in array)
