"""Parameters as JSON and NPZ, with a schema version and the head they belong to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

from smirk3d.assets.atomic import atomic_path
from smirk3d.errors import AssetError, InputError
from smirk3d.face_parameters import HEAD_GROUPS, VIEW_GROUPS, FaceParameters
from smirk3d.heads.head_model import HeadModel

SCHEMA = "smirk3d.parameters/1"
_GROUPS = HEAD_GROUPS + VIEW_GROUPS


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
    try:
        tensors = {
            str(name): torch.tensor(values, dtype=torch.float32) for name, values in groups.items()
        }
        parameters = FaceParameters.from_dict(tensors)
    except (AttributeError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InputError(f"{source}: damaged parameters ({error})") from error
    check_parameters(parameters, source)
    if parameters.shape.ndim != 1:
        raise InputError(f"{source}: damaged parameters (lists of lists)")
    return parameters


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
        if not bool(tensor.isfinite().all()):
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
    with torch.no_grad():
        vertices = head(batch.to(head.v_template)).vertices.cpu()
    arrays = {name: tensor.cpu().numpy() for name, tensor in parameters.items()}
    if parameters.shape.ndim == 1:
        vertices = vertices[0]
    meta = json.dumps({"schema": SCHEMA, "head": head.name, "head_fingerprint": head.fingerprint})
    with atomic_path(path) as temporary:
        np.savez_compressed(
            temporary,
            allow_pickle=False,
            meta=np.array(meta),
            vertices=vertices.numpy(),
            **arrays,
        )


def read_parameters(path: str | Path, head: HeadModel) -> FaceParameters:
    """Return the parameters of a file that one of the writers here made.

    Raises:
        InputError: if the file is missing, damaged, or of another kind.
        AssetError: if they belong to another head.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        if path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as file:
                meta = json.loads(str(file["meta"]))
                groups = {name: torch.from_numpy(file[name]).float() for name in _GROUPS}
            parameters = FaceParameters.from_dict(groups)
        else:
            meta = read_json(path)
            parameters = parameters_from_json(meta["parameters"], str(path))
        schema, fingerprint, name = meta["schema"], meta["head_fingerprint"], meta["head"]
    except (OSError, EOFError, BadZipFile, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged or no file of smirk3d parameters ({error})") from error
    if schema != SCHEMA:
        raise InputError(f"{path}: schema {schema!r}, not {SCHEMA!r}")
    if fingerprint != head.fingerprint:
        raise AssetError(f"{path}: parameters of head {name!r}, not of {head.name!r}")
    check_parameters(parameters, str(path), head)
    return parameters


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        InputError: if it cannot be read or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: damaged ({error}); reconstruct the input again") from error
