"""The head file: one npz of arrays and a JSON string, checked when read and when written."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.npz import META, NpzFile, meta_of
from smirk3d.assets.foreign.origin import Origin
from smirk3d.assets.foreign.schema import REAL, TEXT, TRUTH, WHOLE, ArrayRule
from smirk3d.errors import AssetError, ShapeError, Smirk3dError, check_shape
from smirk3d.heads.action_rules import basis_rows
from smirk3d.heads.spec import PARTS

FORMAT = 1
JOINT_NAMES = ("root", "neck", "head", "jaw", "eyeL", "eyeR")
REQUIRED_META = ("name", "version", "source", "licence")

LARGEST_HEAD = 512 << 20
"""Most bytes of all arrays. The largest published head, GNM's, has 140 MB for 636 directions of 18k
vertices in half precision; a hundred thousand vertices with 300 directions have 180 MB."""

_LARGEST_HEAD_METRES, _SMALLEST_HEAD_METRES = 2.0, 0.02
"""Bounds of a head's extent: outside them its unit is not the metre."""

_SUM_TOLERANCE = 2e-3
"""Error allowed in sums to 1 of weights: some times the rounding of half precision."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class _Layout:
    shape: str
    kind: str
    required: bool = False


# Offsets keep 11 bits, which is a few micrometres; positions, weights and UVs need more.
_LAYOUTS = {
    "v_template": _Layout("V 3", "float32", required=True),
    "faces": _Layout("F 3", "int32", required=True),
    "uv": _Layout("T 2", "float32", required=True),
    "uv_faces": _Layout("F 3", "int32", required=True),
    "part": _Layout("V", "uint8", required=True),
    "region_face": _Layout("V", "uint8", required=True),
    "shape_basis": _Layout("S V 3", "float16", required=True),
    "expr_basis": _Layout("E V 3", "float16", required=True),
    "expr_names": _Layout("E", "text", required=True),
    "expr_lo": _Layout("E", "float32", required=True),
    "expr_hi": _Layout("E", "float32", required=True),
    "expr_prior_std": _Layout("E", "float32", required=True),
    "eyelid_basis": _Layout("2 V 3", "float16"),
    "jaw_basis": _Layout("3 V 3", "float16"),
    "jaw_basis_neg": _Layout("3 V 3", "float16"),
    "gaze_basis": _Layout("8 V 3", "float16"),
    "gaze_range": _Layout("8", "float32"),
    "joint_names": _Layout("J", "text", required=True),
    "joint_parents": _Layout("J", "int32", required=True),
    "joints": _Layout("J 3", "float32", required=True),
    "joint_shape_basis": _Layout("S J 3", "float32", required=True),
    "joint_expr_basis": _Layout("E J 3", "float32"),
    "lbs_weights": _Layout("V J", "float32", required=True),
    "pose_basis": _Layout("P W", "float16"),
    "gate": _Layout("G 2", "int32"),
    "opposed": _Layout("O 2", "int32"),
    "gate_channel": _Layout("R", "int32"),
    "gate_base": _Layout("R", "float32"),
    "gate_slope": _Layout("R M", "float32"),
    "corrective_pair": _Layout("N 2", "int32"),
    "corrective_basis": _Layout("N V 3", "float16"),
    "action_scale": _Layout("4 S", "float32"),
    "eye_surface": _Layout("3", "float32"),
    "lid_id": _Layout("I", "int32"),
    "lid_eye": _Layout("I", "uint8"),
    "lid_gap": _Layout("I", "float32"),
    "lip_pair": _Layout("X 3", "int32"),
    "lip_pair_share": _Layout("X", "float32"),
    "lip_id": _Layout("Y", "int32"),
    "lip_share": _Layout("Y X", "float32"),
    "lmk_mp_id": _Layout("L", "int32"),
    "lmk_mp_tri": _Layout("L", "int32"),
    "lmk_mp_bary": _Layout("L 3", "float32"),
    "lmk_mp_sigma": _Layout("L", "float32"),
    "lmk68_tri": _Layout("K", "int32"),
    "lmk68_bary": _Layout("K 3", "float32"),
    "lmk68_dyn_tri": _Layout("D C", "int32"),
    "lmk68_dyn_bary": _Layout("D C 3", "float32"),
}
_REGION = _Layout("V", "uint8")
_TOGETHER = (
    ("lmk_mp_id", "lmk_mp_tri", "lmk_mp_bary", "lmk_mp_sigma"),
    ("lmk68_tri", "lmk68_bary"),
    ("lmk68_dyn_tri", "lmk68_dyn_bary"),
    ("gaze_basis", "gaze_range"),
    ("gate_channel", "gate_base", "gate_slope"),
    ("corrective_pair", "corrective_basis"),
    ("eye_surface", "lid_id", "lid_eye", "lid_gap"),
    ("lip_pair", "lip_pair_share", "lip_id", "lip_share"),
)
_MAY_BE_INFINITE = ("expr_lo", "expr_hi")


@dataclass(frozen=True)
class HeadFile:
    """A head file's content.

    Attributes:
        arrays: arrays by name, floating-point ones as float32.
        meta: name, version, source, licence, notice, format and hashes of the sources.
    """

    arrays: Arrays
    meta: dict[str, Any]


def read_head_file(path: str | os.PathLike[str]) -> HeadFile:
    """Return a head file's arrays and metadata after checking all of them.

    Arrays with unknown names are left out. Nothing is unpickled.

    Raises:
        AssetError: if the file is absent, damaged, no head, or of a later format; the text says
            which array is wrong and why.
    """
    stored = _read_members(Path(path))
    if "meta" not in stored:
        raise _damaged(path, "it has no metadata")
    meta = meta_of(stored, _origin(path))
    arrays: Arrays = {}
    for name, array in stored.items():
        layout = _layout(name)
        if layout is not None:
            arrays[name] = _converted(array, layout.kind, name, path, in_memory=True)
    _check(arrays, meta, path)
    return HeadFile(arrays, meta)


def write_head_file(
    path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]
) -> None:
    """Write a head file, whole or not at all; equal content gives equal bytes.

    Args:
        path: path of the file; an existing file is replaced.
        arrays: arrays by name, in any floating-point and integer types.
        meta: metadata as JSON values; ``format`` is added.

    Raises:
        AssetError: if an array is unknown or unfit, or metadata are missing.
        OutputError: if the file cannot be written.
    """
    unknown = sorted(name for name in arrays if _layout(name) is None)
    if unknown:
        raise AssetError(f"{path}: a head file has no array named {', '.join(unknown)}")
    full_meta = {**meta, "format": FORMAT}
    stored: Arrays = {}
    for name in sorted(arrays):
        layout = _layout(name)
        assert layout is not None
        stored[name] = _converted(arrays[name], layout.kind, name, path, in_memory=False)
    _check(stored, full_meta, path)
    stored["meta"] = np.array(json.dumps(full_meta, sort_keys=True))
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **stored)


def _layout(name: str) -> _Layout | None:
    if name.startswith("region_"):
        return _LAYOUTS.get(name, _REGION)
    return _LAYOUTS.get(name)


def _read_members(path: Path) -> Arrays:
    origin = _origin(path)
    if not path.is_file():
        raise AssetError(f"{path} is not there: `smirk3d heads list` names heads")
    with origin.refusing(), NpzFile(path, budget=LARGEST_HEAD) as file:
        known = {name: _rule(name) for name in file.names}
        return {name: file.read(name, rule) for name, rule in known.items() if rule is not None}


def _rule(name: str) -> ArrayRule | None:
    """Return the rule that an array must satisfy before it is read; None for unknown names."""
    if name == "meta":
        return META
    layout = _layout(name)
    if layout is None:
        return None
    kinds = {"text": TEXT, "float32": REAL, "float16": REAL}.get(layout.kind, WHOLE + TRUTH)
    finite: Literal["all", "no nan"] = "no nan" if name in _MAY_BE_INFINITE else "all"
    return ArrayRule(layout.shape, kinds, finite=finite)


def _origin(path: str | os.PathLike[str]) -> Origin:
    return Origin(os.fspath(path), "head file", "import or bake it again", AssetError)


def _damaged(path: str | os.PathLike[str], reason: str) -> Smirk3dError:
    return _origin(path).refusal(reason)


def _converted(
    array: NDArray[Any], kind: str, name: str, path: str | os.PathLike[str], *, in_memory: bool
) -> NDArray[Any]:
    array = np.asarray(array)
    if kind == "text":
        if array.dtype.kind != "U":
            raise _damaged(path, f"{name} is not text")
        return array
    if kind.startswith("float"):
        if array.dtype.kind != "f":
            raise _damaged(path, f"{name} does not hold real numbers")
        with np.errstate(over="ignore"):
            return array.astype(np.float32 if in_memory else kind)
    if array.dtype.kind not in "iub":
        raise _damaged(path, f"{name} does not hold whole numbers")
    limits = np.iinfo(kind)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise _damaged(path, f"{name} has a number out of range")
    return array.astype(kind)


def _check(arrays: Arrays, meta: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    try:
        _check_meta(meta)
        _check_shapes(arrays)
        _check_numbers(arrays)
        _check_indices(arrays)
        _check_joints(arrays)
    except (ShapeError, _Unfit) as error:
        raise _damaged(path, str(error)) from error


class _Unfit(ValueError):
    """Content that does not make a head."""


def _need(holds: bool | np.bool_, complaint: str) -> None:
    if not holds:
        raise _Unfit(complaint)


def _check_meta(meta: Mapping[str, Any]) -> None:
    _need(meta.get("format") == FORMAT, f"format {meta.get('format')!r}, readable is {FORMAT}")
    for key in REQUIRED_META:
        _need(isinstance(meta.get(key), str) and bool(meta[key]), f"metadata lack {key}")


def _check_shapes(arrays: Arrays) -> None:
    missing = [n for n, layout in _LAYOUTS.items() if layout.required and n not in arrays]
    _need(not missing, f"it lacks {', '.join(missing)}")
    for group in _TOGETHER:
        present = [name in arrays for name in group]
        _need(all(present) or not any(present), f"{', '.join(group)} belong together")
    sizes: dict[str, int] = {}
    for name, array in arrays.items():
        layout = _layout(name)
        assert layout is not None
        sizes |= check_shape(array, layout.shape, name, **sizes)
    for letter in "VFTJ":
        _need(sizes[letter] > 0, f"it has no {letter}")
    if "pose_basis" in arrays:
        wanted = (9 * (sizes["J"] - 1), 3 * sizes["V"])
        _need(arrays["pose_basis"].shape == wanted, f"pose_basis must have shape {wanted}")


def _check_numbers(arrays: Arrays) -> None:
    for name, array in arrays.items():
        if array.dtype.kind == "f":
            bad = np.isnan(array) if name in _MAY_BE_INFINITE else ~np.isfinite(array)
            _need(not bad.any(), f"{name} has a number that is not finite")
    for name in ("expr_prior_std", "gaze_range", "lmk_mp_sigma"):
        _need((arrays.get(name, np.ones(1)) > 0).all(), f"{name} must be positive")
    _need((arrays["expr_lo"] <= arrays["expr_hi"]).all(), "expr_lo exceeds expr_hi")
    extent = float(np.ptp(arrays["v_template"], axis=0).max())
    _need(
        _SMALLEST_HEAD_METRES < extent < _LARGEST_HEAD_METRES,
        f"it is {extent:.3g} m large, and heads are in metres",
    )
    for name in ("lmk_mp_bary", "lmk68_bary", "lmk68_dyn_bary", "lbs_weights"):
        if name in arrays:
            off = np.abs(arrays[name].sum(-1) - 1)
            _need((off < _SUM_TOLERANCE).all(), f"rows of {name} must sum to 1")
    _need((arrays["lbs_weights"] >= -_SUM_TOLERANCE).all(), "lbs_weights has negative weights")


def _check_indices(arrays: Arrays) -> None:
    num_faces = len(arrays["faces"])
    limits = {
        "faces": len(arrays["v_template"]),
        "uv_faces": len(arrays["uv"]),
        "part": len(PARTS),
        "lid_id": len(arrays["v_template"]),
        "lid_eye": 2,
        "lip_pair": len(arrays["v_template"]),
        "lip_id": len(arrays["v_template"]),
        "lmk_mp_id": 478,
        "lmk_mp_tri": num_faces,
        "lmk68_tri": num_faces,
        "lmk68_dyn_tri": num_faces,
    }
    for name, limit in limits.items():
        array = arrays.get(name, np.zeros(0, np.int32))
        inside = not array.size or (array.min() >= 0 and array.max() < limit)
        _need(inside, f"{name} has an index outside 0 to {limit - 1}")
    ids = arrays.get("lmk_mp_id", np.zeros(0, np.int32))
    _need(len(np.unique(ids)) == len(ids), "lmk_mp_id names a landmark twice")
    gate = arrays.get("gate", np.zeros((0, 2), np.int32))
    _need(not len(gate) or "jaw_basis" in arrays, "gate needs a jaw_basis")
    fits = (gate >= 0).all() and (gate < [max(len(arrays["expr_names"]), 1), 3]).all()
    _need(fits, "gate names an expression or jaw component that is not there")
    _check_rules(arrays)


def _check_rules(arrays: Arrays) -> None:
    rules = [n for n in ("opposed", "gate_channel", "corrective_pair") if n in arrays]
    parts = ("jaw_basis", "eyelid_basis", "gaze_basis")
    _need(not rules or all(n in arrays for n in parts), f"{rules} need {', '.join(parts)}")
    num_channels = basis_rows(arrays).num_channels
    for name in rules:
        fits = ((arrays[name] >= 0) & (arrays[name] < num_channels)).all()
        _need(fits, f"{name} names an action that is not there")
    if "gate_slope" in arrays:
        wide = arrays["gate_slope"].shape[1]
        _need(wide == num_channels, f"gate_slope must have {num_channels} columns, not {wide}")
        gated = [*arrays["gate_channel"].tolist(), *arrays.get("gate", np.zeros((0, 2)))[:, 0]]
        _need(len(set(gated)) == len(gated), "gates multiply an action twice")


def _check_joints(arrays: Arrays) -> None:
    names = [str(name) for name in arrays["joint_names"]]
    unknown = sorted(set(names) - set(JOINT_NAMES))
    _need(not unknown, f"unknown joint {', '.join(unknown)}")
    _need(len(set(names)) == len(names), "a joint is named twice")
    both = {"eyeL", "eyeR"} <= set(names)
    _need("eye_surface" not in arrays or both, "eye_surface needs joints of both eyes")
    _need("lip_pair" not in arrays or "eye_surface" in arrays, "lip_pair needs an eye_surface")
    parents = arrays["joint_parents"]
    _need((parents >= -1).all(), "joint_parents has an index below -1")
    _need((parents < np.arange(len(parents))).all(), "a joint's parent must precede it")
    actions = [str(name) for name in arrays["expr_names"] if str(name)]
    _need(len(set(actions)) == len(actions), "expr_names names an action twice")
