"""FLAME's model file and the files that come with it (from SMIRK, or FLAME's own pages), checked.

FLAME 2020, 2023, 2023 without jaw and 2023 Open share one layout. Nothing in these files is
executed; none of the packages that wrote them is needed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import AssetError, InputError, ShapeError, check_shape
from smirk3d.head_import.mesh_parts import Floats, Ints
from smirk3d.head_import.reading.array_budget import ByteBudget, Refused, plain_array
from smirk3d.head_import.reading.array_files import read_npy, read_npz
from smirk3d.head_import.reading.array_pickle import read_array_pickle
from smirk3d.head_import.reading.obj_mesh import parse_obj
from smirk3d.head_import.reading.source_files import DEEPEST_FOLDER, read_source_files

MODEL_KEYS = (
    "v_template", "f", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table",
)  # fmt: skip
NUM_SHAPE = 300
"""Identity components of every FLAME file; what follows them is expression."""

MASK_NAMES = ("face", "lips", "nose", "eye_region", "left_ear", "right_ear", "neck", "scalp")
_NUM_STATIC, _NUM_CONTOUR = 51, 17
"""iBUG's landmarks inside the face and on its contour, as FLAME's files number them."""
_MOST_VERTICES = 200_000
"""Forty times FLAME's 5,023."""


@dataclass(frozen=True, kw_only=True)
class FlameModel:
    """The model file.

    Attributes:
        v_template: ``[V, 3]`` in metres.
        faces: ``[F, 3]``.
        shape_directions: identity offsets ``[S, V, 3]``.
        expression_directions: ``[E, V, 3]``.
        pose_directions: ``[9 (J - 1), V, 3]``, correctives for the joints' rotations less identity.
        joint_regressor: ``[J, V]``.
        weights: skinning weights ``[V, J]``.
        parents: ``[J]``, -1 for the root.
    """

    v_template: Floats
    faces: Ints
    shape_directions: Floats
    expression_directions: Floats
    pose_directions: Floats
    joint_regressor: Floats
    weights: Floats
    parents: Ints


@dataclass(kw_only=True)
class FlameCompanions:
    """Files beside the model; each is empty where it is absent.

    Attributes:
        mediapipe: ``id``, ``tri`` and ``bary`` of MediaPipe landmarks.
        static: ``tri`` and ``bary`` of iBUG's points 17 to 67.
        contour: ``tri`` ``[79, 17]`` and ``bary`` of iBUG's points 0 to 16 by yaw.
        eyelids: offsets ``[2, V, 3]`` that close the left and the right eye.
        masks: vertex numbers by region.
        texture: ``uv`` ``[T, 2]`` and ``uv_faces`` ``[F, 3]``.
        files: the names of the files read.
    """

    mediapipe: dict[str, NDArray[Any]] = field(default_factory=dict)
    static: dict[str, NDArray[Any]] = field(default_factory=dict)
    contour: dict[str, NDArray[Any]] = field(default_factory=dict)
    eyelids: NDArray[Any] | None = None
    masks: dict[str, Ints] = field(default_factory=dict)
    texture: dict[str, NDArray[Any]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


def parse_flame_model(content: bytes, name: str) -> FlameModel:
    """Return the model in a FLAME pickle.

    Args:
        content: the file.
        name: of the file, for messages.

    Raises:
        AssetError: if it is no FLAME model or damaged; the text says what is wrong.
    """
    stored = read_array_pickle(content, name, MODEL_KEYS)
    if not isinstance(stored, dict):
        raise AssetError(f"{name} holds no FLAME model: give FLAME's own .pkl file")
    missing = [key for key in MODEL_KEYS if key not in stored]
    if missing:
        raise AssetError(
            f"{name} is no FLAME model, it lacks {', '.join(missing)}: give FLAME's own .pkl file"
        )
    arrays = {key: _numbers(stored[key], f"{name}: {key}") for key in MODEL_KEYS}
    try:
        return _checked_model(arrays, name)
    except ShapeError as error:
        raise AssetError(f"{name} is no FLAME model: {error}") from error


def _checked_model(arrays: dict[str, NDArray[Any]], name: str) -> FlameModel:
    sizes = check_shape(arrays["v_template"], "V 3", "v_template")
    sizes |= check_shape(arrays["shapedirs"], "V 3 K", "shapedirs", **sizes)
    sizes |= check_shape(arrays["weights"], "V J", "weights", **sizes)
    check_shape(arrays["f"], "F 3", "f")
    check_shape(arrays["J_regressor"], "J V", "J_regressor", **sizes)
    check_shape(arrays["kintree_table"], "2 J", "kintree_table", **sizes)
    num_joints, num_vertices = sizes["J"], sizes["V"]
    check_shape(arrays["posedirs"], f"V 3 {9 * (num_joints - 1)}", "posedirs", **sizes)
    if num_joints not in (4, 5):
        raise AssetError(
            f"{name} has {num_joints} joints and FLAME has 5: it is another model, such as a body"
        )
    if sizes["K"] <= NUM_SHAPE:
        raise AssetError(
            f"{name} has {sizes['K']} shape directions; FLAME has {NUM_SHAPE} and then expressions"
        )
    faces = arrays["f"].astype(np.int64)
    if num_vertices > _MOST_VERTICES or faces.min() < 0 or faces.max() >= num_vertices:
        raise AssetError(f"{name}: f names a vertex outside 0 to {num_vertices - 1}")
    weights = arrays["weights"]
    if np.abs(weights.sum(1) - 1).max() > 1e-3 or weights.min() < -1e-3:
        raise AssetError(f"{name}: rows of weights must be positive and sum to 1")
    directions = arrays["shapedirs"].transpose(2, 0, 1)
    return FlameModel(
        v_template=arrays["v_template"],
        faces=faces,
        shape_directions=directions[:NUM_SHAPE],
        expression_directions=directions[NUM_SHAPE:],
        pose_directions=arrays["posedirs"].transpose(2, 0, 1),
        joint_regressor=arrays["J_regressor"],
        weights=weights,
        parents=_parents(arrays["kintree_table"], name),
    )


def _parents(table: NDArray[Any], name: str) -> Ints:
    parents: Ints = table[0].astype(np.int64)
    parents[0] = -1
    if not (parents < np.arange(len(parents))).all() or (parents[1:] < 0).any():
        raise AssetError(f"{name}: kintree_table does not list parents before their children")
    return parents


def _array(value: Any, name: str) -> NDArray[Any]:
    try:
        return plain_array(value, ByteBudget())
    except Refused as error:
        raise AssetError(f"{name} does not hold numbers ({error}): fetch it again") from error


def _numbers(value: Any, name: str) -> NDArray[Any]:
    array = _array(value, name)
    if array.dtype.kind not in "fiu":
        raise AssetError(f"{name} does not hold numbers")
    if not array.size or not np.isfinite(array).all():
        raise AssetError(f"{name} is empty or has a number that is not finite")
    return array.astype(np.float64)


def read_flame_companions(
    path: str | os.PathLike[str],
    num_vertices: int,
    num_faces: int,
    *,
    depth: int = DEEPEST_FOLDER,
) -> FlameCompanions:
    """Return what lies in a folder or archive beside a FLAME model with so many vertices.

    Known are ``mediapipe_landmark_embedding.npz``, ``landmark_embedding.npy``,
    ``flame_static_embedding.pkl``, ``flame_dynamic_embedding.npy``, ``l_eyelid.npy`` and
    ``r_eyelid.npy``, ``FLAME_masks.pkl``, ``head_template*.obj`` and ``FLAME_texture.npz``.

    Args:
        path: the folder or archive.
        num_vertices: of the model.
        num_faces: of the model.
        depth: how many levels of folders are searched.

    Raises:
        AssetError: if one of these is damaged or does not fit the model.
        InputError: if the source cannot be read.
    """
    found = FlameCompanions()
    by_side: dict[str, NDArray[Any]] = {}
    for name, content in read_source_files(path, _is_companion, depth=depth):
        label, base = f"{path}: {name}", PurePosixPath(name).name
        found.files.append(base)
        if base.startswith("mediapipe_landmark"):
            found.mediapipe = _mediapipe(content, label, num_faces)
        elif base == "landmark_embedding.npy":
            _ibug(found, _mapping(read_npy(content, label), label), label, num_faces)
        elif base == "flame_static_embedding.pkl":
            table = _mapping(read_array_pickle(content, label), label)
            found.static = _embedding(table, "lmk_face_idx", "lmk_b_coords", label, num_faces)
        elif base == "flame_dynamic_embedding.npy":
            table = _mapping(read_npy(content, label), label)
            found.contour = _embedding(table, "lmk_face_idx", "lmk_b_coords", label, num_faces)
        elif base in ("l_eyelid.npy", "r_eyelid.npy"):
            by_side[base[0]] = _eyelid(read_npy(content, label), label, num_vertices)
        elif base == "FLAME_masks.pkl":
            found.masks = _masks(read_array_pickle(content, label), label, num_vertices)
        elif not found.texture:
            found.texture = _texture(content, label, num_vertices, num_faces)
    if len(by_side) == 2:
        found.eyelids = np.stack([by_side["l"], by_side["r"]])
    return found


def _is_companion(name: str) -> bool:
    base = PurePosixPath(name).name
    return base in (
        "mediapipe_landmark_embedding.npz", "landmark_embedding.npy", "flame_static_embedding.pkl",
        "flame_dynamic_embedding.npy", "l_eyelid.npy", "r_eyelid.npy", "FLAME_masks.pkl",
        "FLAME_texture.npz",
    ) or (base.startswith("head_template") and base.endswith(".obj"))  # fmt: skip


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise AssetError(f"{name} holds no table by name")
    return value


def _mediapipe(content: bytes, name: str, num_faces: int) -> dict[str, NDArray[Any]]:
    stored = read_npz(content, name, ("lmk_face_idx", "lmk_b_coords", "landmark_indices"))
    if "landmark_indices" not in stored:
        raise AssetError(f"{name} lacks landmark_indices")
    found = _embedding(stored, "lmk_face_idx", "lmk_b_coords", name, num_faces)
    ids = stored["landmark_indices"].ravel()
    if ids.dtype.kind not in "iu" or len(ids) != len(found["tri"]):
        raise AssetError(f"{name}: landmark_indices and lmk_face_idx differ in length")
    if ids.min() < 0 or ids.max() >= 478 or len(np.unique(ids)) < len(ids):
        raise AssetError(f"{name}: landmark_indices are not MediaPipe's numbers")
    return {"id": ids.astype(np.int32), **found}


def _ibug(found: FlameCompanions, table: Mapping[str, Any], name: str, num_faces: int) -> None:
    static, contour = (
        _embedding(table, f"{kind}_lmk_faces_idx", f"{kind}_lmk_bary_coords", name, num_faces)
        for kind in ("static", "dynamic")
    )
    if static["tri"].shape != (_NUM_STATIC,) or contour["tri"].shape[1:] != (_NUM_CONTOUR,):
        raise AssetError(f"{name} must hold 51 static points and rows of 17 contour points")
    found.static, found.contour = static, contour


def _embedding(
    table: Mapping[str, Any], triangles: str, weights: str, name: str, num_faces: int
) -> dict[str, NDArray[Any]]:
    if triangles not in table or weights not in table:
        raise AssetError(f"{name} lacks {triangles} or {weights}")
    tri, bary = (
        _array(table[triangles], f"{name}: {triangles}"),
        _numbers(table[weights], f"{name}: {weights}"),
    )
    if tri.dtype.kind not in "iu" or bary.shape != (*tri.shape, 3):
        raise AssetError(f"{name}: {triangles} and {weights} do not fit each other")
    if not tri.size or tri.min() < 0 or tri.max() >= num_faces:
        raise AssetError(f"{name}: {triangles} names a triangle that the model does not have")
    total = bary.sum(-1, keepdims=True)
    if np.abs(total - 1).max() > 0.02:
        raise AssetError(f"{name}: {weights} do not sum to 1")
    return {"tri": tri.astype(np.int32), "bary": (bary / total).astype(np.float32)}


def _eyelid(value: Any, name: str, num_vertices: int) -> NDArray[Any]:
    offsets = _numbers(value, name).reshape(-1, 3)
    if len(offsets) != num_vertices or np.abs(offsets).max() > 0.05:
        raise AssetError(f"{name} does not hold an offset in metres for each of the vertices")
    return offsets


def _masks(value: Any, name: str, num_vertices: int) -> dict[str, Ints]:
    table = _mapping(value, name)
    masks: dict[str, Ints] = {}
    for key in MASK_NAMES:
        if key not in table:
            raise AssetError(f"{name} lacks the region {key}")
        ids = _array(table[key], f"{name}: {key}")
        if ids.dtype.kind not in "iu" or not ids.size or ids.max() >= num_vertices or ids.min() < 0:
            raise AssetError(f"{name}: {key} names a vertex that the model does not have")
        masks[key] = ids.ravel().astype(np.int64)
    return masks


def _texture(
    content: bytes, name: str, num_vertices: int, num_faces: int
) -> dict[str, NDArray[Any]]:
    if name.endswith(".npz"):
        stored = read_npz(content, name, ("vt", "ft"))
        uv, uv_faces = stored.get("vt"), stored.get("ft")
    else:
        try:
            mesh = parse_obj(content, name)
        except InputError as error:
            raise AssetError(str(error)) from error
        uv, uv_faces = mesh.uv, mesh.uv_faces
        if len(mesh.vertices) != num_vertices:
            raise AssetError(f"{name} has {len(mesh.vertices)} vertices, the model {num_vertices}")
    if uv is None or uv_faces is None or not len(uv) or uv_faces.shape != (num_faces, 3):
        raise AssetError(f"{name} has no texture coordinates for the model's {num_faces} triangles")
    if uv.shape[1:] != (2,) or not 0 <= uv_faces.min() <= uv_faces.max() < len(uv):
        raise AssetError(f"{name}: its triangles name texture coordinates that are not there")
    return {"uv": uv.astype(np.float32), "uv_faces": uv_faces.astype(np.int32)}
