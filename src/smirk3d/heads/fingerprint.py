"""A hash by which weights recognise the head whose parameters they estimate."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DEFINING_ARRAYS = (
    "v_template", "shape_basis", "expr_basis", "eyelid_basis", "jaw_basis", "jaw_basis_neg",
    "gaze_basis", "gaze_range", "joint_parents", "joints", "joint_shape_basis", "joint_expr_basis",
    "lbs_weights", "pose_basis", "gate", "opposed", "gate_channel", "gate_base", "gate_slope",
    "corrective_pair", "corrective_basis", "action_scale", "eye_surface", "lid_id", "lid_eye",
    "lid_gap", "lip_pair", "lip_pair_share", "lip_id", "lip_share",
)  # fmt: skip


def fingerprint(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 over the arrays that give parameters their meaning."""
    digest = hashlib.sha256()
    for name in _DEFINING_ARRAYS:
        if name in arrays:
            array = np.ascontiguousarray(arrays[name])
            digest.update(f"{name} {array.dtype} {array.shape}".encode())
            digest.update(array.tobytes())
    digest.update(" ".join(map(str, arrays["expr_names"])).encode())
    digest.update(" ".join(map(str, arrays["joint_names"])).encode())
    return digest.hexdigest()
