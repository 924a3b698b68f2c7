"""GNM Head v3 (Apache-2.0, https://github.com/google/GNM) to a head file.

The user brings the npz. Its expressions are PCA per region and contain jaw and eyelids, so that the
groups jaw and eyelids have size zero. Tested on a synthetic file in this layout only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import AssetError, ShapeError, check_shape
from smirk3d.head_import.head_regions import region_masks
from smirk3d.head_import.mesh_parts import Floats, Ints, connected_components
from smirk3d.head_import.plain_texture import plain_texture
from smirk3d.head_import.reading.array_files import read_npz
from smirk3d.heads.spec import PARTS

Arrays = dict[str, NDArray[Any]]

KEYS = (
    "template_vertex_positions", "vertex_identity_basis", "expression_basis", "skinning_weights",
    "pose_correctives_regressor", "triangles", "template_joint_positions", "joint_identity_basis",
    "joint_parent_indices",
)  # fmt: skip
MARK = KEYS[0]
"""The array that tells this file from other npz files."""

_SHAPES = ("V 3", "S V 3", "E V 3", "J V", "P W", "F 3", "J 3", "S J 3", "J")
_JOINTS = {"neck": "neck", "head": "head", "left_eye": "eyeL", "right_eye": "eyeR"}


def convert_gnm(content: bytes, name: str) -> tuple[Arrays, dict[str, Any]]:
    """Return arrays and metadata of a head file, without landmarks.

    Args:
        content: the npz file.
        name: of the file, for messages.

    Raises:
        AssetError: if arrays are missing, damaged or do not fit each other.
    """
    stored = read_npz(content, name, (*KEYS, "joint_names"))
    missing = [key for key in KEYS if key not in stored]
    if missing:
        raise AssetError(f"{name} is no GNM head, it lacks {', '.join(missing)}")
    try:
        _check(stored, name)
    except ShapeError as error:
        raise AssetError(f"{name} is no GNM head: {error}") from error
    joints = _joints(stored, name)
    template = stored[MARK].astype(np.float64)
    faces = stored["triangles"].astype(np.int64)
    part = _parts(faces, joints["lbs_weights"], [str(j) for j in joints["joint_names"]])
    if not (part == 0).any():
        raise AssetError(
            f"{name}: skinning_weights make every vertex an eyeball's: no skin is left"
        )
    eyes = joints["joints"][[list(joints["joint_names"]).index(eye) for eye in ("eyeL", "eyeR")]]
    expression = stored["expression_basis"]
    count = len(expression)
    arrays: Arrays = {
        "v_template": template,
        "faces": faces.astype(np.int32),
        "part": part,
        "shape_basis": stored["vertex_identity_basis"],
        "expr_basis": expression,
        "expr_names": np.full(count, "", "<U1"),
        "expr_lo": np.full(count, -np.inf),
        "expr_hi": np.full(count, np.inf),
        "expr_prior_std": np.ones(count),
        "pose_basis": stored["pose_correctives_regressor"],
        **joints,
        **region_masks(template, part == 0, eyes),
        **plain_texture(template, faces, part),
    }
    meta = {
        "name": "gnm",
        "version": "3",
        "source": "GNM Head v3 (https://github.com/google/GNM); converted by smirk3d",
        "licence": "Apache-2.0",
        "notice": "GNM Head, Copyright Google LLC, Apache-2.0; converted by smirk3d (changed).",
    }
    return arrays, meta


def _check(stored: Arrays, name: str) -> None:
    sizes: dict[str, int] = {}
    for key, pattern in zip(KEYS, _SHAPES, strict=True):
        sizes |= check_shape(stored[key], pattern, key, **sizes)
        whole = key in ("triangles", "joint_parent_indices")
        if stored[key].dtype.kind not in ("iu" if whole else "f"):
            raise AssetError(f"{name}: {key} holds another kind of number than it should")
        if not np.isfinite(stored[key]).all():
            raise AssetError(f"{name}: {key} has a number that is not finite")
    wanted = (9 * sizes["J"], 3 * sizes["V"])
    if stored["pose_correctives_regressor"].shape != wanted:
        raise AssetError(f"{name}: pose_correctives_regressor must have shape {wanted}")
    triangles = stored["triangles"]
    if not triangles.size or triangles.min() < 0 or triangles.max() >= sizes["V"]:
        raise AssetError(f"{name}: triangles name a vertex outside 0 to {sizes['V'] - 1}")


def _joints(stored: Arrays, name: str) -> Arrays:
    """Return GNM's joints below a root at the origin, which the head pose turns.

    GNM corrects for all its four rotations, a head file for all but the first: with the root in
    front both agree.
    """
    count = len(stored["template_joint_positions"])
    given = stored.get("joint_names", np.array(list(_JOINTS)))
    names = [_JOINTS.get(str(joint), "") for joint in given.ravel()]
    parents = stored["joint_parent_indices"].astype(np.int64)
    if sorted(names) != sorted(_JOINTS.values()) or count != len(names):
        raise AssetError(f"{name}: joints must be {', '.join(_JOINTS)}")
    if (parents >= np.arange(count)).any():
        raise AssetError(f"{name}: joint_parent_indices must list parents before their children")
    positions = stored["template_joint_positions"].astype(np.float64)
    left, right = positions[names.index("eyeL")], positions[names.index("eyeR")]
    neck = positions[names.index("neck")]
    if not (left[0] > right[0] and min(left[1], right[1]) > neck[1] and left[2] > neck[2]):
        raise AssetError(f"{name}: its axes are not x to the subject's left, y up and z forward")
    weights = stored["skinning_weights"].T
    moves = stored["joint_identity_basis"]
    return {
        "joint_names": np.array(["root", *names]),
        "joint_parents": np.concatenate([[-1], np.where(parents < 0, -1, parents) + 1]).astype(
            np.int32
        ),
        "joints": np.concatenate([np.zeros((1, 3)), positions]),
        "joint_shape_basis": np.concatenate([np.zeros((len(moves), 1, 3)), moves], 1),
        "lbs_weights": np.concatenate([np.zeros((len(weights), 1)), weights], 1),
    }


def _parts(faces: Ints, weights: Floats, names: list[str]) -> NDArray[np.uint8]:
    """Return the parts: the largest piece is skin, those of the eyes' joints are eyeballs.

    Other pieces (teeth, gums, tongue) are not told apart and count as the mouth's inside.
    """
    piece = connected_components(faces, len(weights))
    labels, sizes = np.unique(piece, return_counts=True)
    part = np.full(len(piece), PARTS.index("cavity"), np.uint8)
    for label in labels:
        rows = piece == label
        joint = names[int(weights[rows].mean(0).argmax())]
        if joint in ("eyeL", "eyeR"):
            part[rows] = PARTS.index(joint)
        elif label == labels[sizes.argmax()]:
            part[rows] = PARTS.index("skin")
    return part
