"""Parameters as JSON and NPZ, with a schema version and the head they belong to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from smirk3d.array_interface import Array, default_array, to_numpy
from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.json_text import (
    is_number,
    read_json_file,
    require_object,
    require_text,
)
from smirk3d.assets.foreign.npz import META, meta_of, read_npz
from smirk3d.assets.foreign.origin import Origin, Unfit, one_line
from smirk3d.assets.foreign.schema import ArrayRule
from smirk3d.errors import AssetError, InputError
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.parameters.groups import HEAD_GROUPS, VIEW_GROUPS

SCHEMA = "smirk3d.parameters/1"
_GROUPS = HEAD_GROUPS + VIEW_GROUPS
_LARGEST_VALUE = 1e6
"""Coefficients are in standard deviations, rotations in radians, the camera in crops: none that a
network or a fit gives exceeds a hundred."""
_MOST_VALUES = 10_000
"""In a group; the largest group of a known head has 400."""
_LARGEST_PARAMETERS = 512 << 20
"""Bytes; a face has 2 kB, and vertices, by far the larger part of the file, are not read."""
_RULES = {
    "meta": META,
    **{name: ArrayRule("...", low=-_LARGEST_VALUE, high=_LARGEST_VALUE) for name in _GROUPS},
}


def parameters_to_json(parameters: FaceParameters) -> dict[str, list[float]]:
    """Return one face's groups as lists by name."""
    return {name: tensor.tolist() for name, tensor in parameters.items()}


def parameters_from_json(groups: Any, source: str) -> FaceParameters:
    """Return one face's parameters.

    Args:
        groups: lists of numbers by group name, as JSON gives them.
        source: file that they come from, for messages.

    Raises:
        InputError: if a group is missing, unknown, or no list of finite numbers.
    """
    origin = Origin(source, "set of parameters", "reconstruct the input again")
    with origin.refusing():
        rows = {name: _row(values, name) for name, values in require_object(groups).items()}
        parameters = FaceParameters.from_dict(rows)
    check_parameters(parameters, source)
    return parameters


def _row(values: Any, name: str) -> Array:
    if not isinstance(values, list) or not all(map(is_number, values)):
        raise Unfit(f"{name} is no list of numbers")
    if len(values) > _MOST_VALUES or any(abs(value) > _LARGEST_VALUE for value in values):
        raise Unfit(f"{name} has more or larger numbers than a face can have")
    return default_array(np.array(values, np.float32))


def check_parameters(
    parameters: FaceParameters, source: str, head: HeadModel | None = None
) -> None:
    """Refuse parameters that are not finite, or have other sizes than a head's.

    Raises:
        InputError: if so; its text starts with ``source``.
    """
    sizes = {group.name: group.dim for group in head.spec} if head is not None else {}
    sizes |= dict.fromkeys(VIEW_GROUPS, 3)
    for name, tensor in parameters.items():
        if not np.isfinite(to_numpy(tensor)).all():
            raise InputError(f"{source}: {name} is not finite; reconstruct the input again")
        if tensor.shape[-1] != sizes.get(name, tensor.shape[-1]):
            raise InputError(
                f"{source}: {name} has {tensor.shape[-1]} values, not {sizes[name]};"
                " reconstruct the input again"
            )


def write_parameters_json(path: str | Path, head: HeadModel, parameters: FaceParameters) -> None:
    """Write one face's parameters as JSON, atomically.

    Raises:
        OutputError: if the file cannot be written.
    """
    content = {
        "schema": SCHEMA,
        "head": head.name,
        "head_fingerprint": head.fingerprint,
        "names": {group.name: list(group.names) for group in head.spec if group.dim},
        "parameters": parameters_to_json(parameters),
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write_parameters_npz(path: str | Path, head: HeadModel, parameters: FaceParameters) -> None:
    """Write parameters of one face ``[D]`` or of many ``[B, D]`` and the vertices, atomically.

    Raises:
        OutputError: if the file cannot be written.
    """
    batch = parameters if parameters.shape.ndim == 2 else parameters[None]
    head = head.to_numpy()
    vertices = head(batch.to(head.v_template)).vertices
    arrays = {name: to_numpy(tensor) for name, tensor in parameters.items()}
    if parameters.shape.ndim == 1:
        vertices = vertices[0]
    meta = json.dumps({"schema": SCHEMA, "head": head.name, "head_fingerprint": head.fingerprint})
    with atomic_path(path) as temporary:
        np.savez_compressed(
            temporary,
            allow_pickle=False,
            meta=np.array(meta),
            vertices=vertices,
            **arrays,
        )


def read_parameters(path: str | Path, head: HeadModel) -> FaceParameters:
    """Return the parameters of a file that one of the writers here made.

    Raises:
        InputError: if the file is missing, damaged, or of another kind.
        AssetError: if they belong to another head.
    """
    path = Path(path)
    origin = _origin(path)
    origin.require_file()
    if path.suffix.lower() == ".npz":
        arrays = read_npz(path, origin, _RULES, budget=_LARGEST_PARAMETERS)
        meta = meta_of(arrays, origin)
        groups = {name: default_array(array.astype(np.float32)) for name, array in arrays.items()}
        with origin.refusing():
            parameters = FaceParameters.from_dict(groups)
    else:
        meta = read_json(path)
        parameters = parameters_from_json(meta.get("parameters"), str(path))
    with origin.refusing():
        schema, fingerprint, name = (
            require_text(meta, key) for key in ("schema", "head_fingerprint", "head")
        )
    if schema != SCHEMA:
        raise _origin(path).refusal(f"its schema is {schema!r}, not {SCHEMA!r}")
    if fingerprint != head.fingerprint:
        raise AssetError(
            f"{path}: parameters of head {one_line(name)!r}, not of {head.name!r}; "
            "give the head that they were made with"
        )
    check_parameters(parameters, str(path), head)
    return parameters


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file of smirk3d.

    Raises:
        InputError: if it cannot be read or is no JSON object.
    """
    origin = _origin(path)
    with origin.refusing():
        return require_object(read_json_file(origin))


def _origin(path: Path) -> Origin:
    return Origin(str(path), "file of smirk3d", "reconstruct the input again")
