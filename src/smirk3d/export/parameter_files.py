"""Parameters as JSON and NPZ, with a schema version and the head they belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

from smirk3d.assets.atomic import atomic_path
from smirk3d.errors import AssetError, InputError
from smirk3d.face_parameters import FaceParameters
from smirk3d.heads.head_model import HeadModel

SCHEMA = "smirk3d.parameters/1"


def parameters_to_json(parameters: FaceParameters) -> dict[str, list[float]]:
    """Return one face's groups as lists by name."""
    return {name: tensor.tolist() for name, tensor in parameters.items()}


def parameters_from_json(groups: Mapping[str, Any], source: str) -> FaceParameters:
    """Return one face's parameters.

    Args:
        groups: lists of numbers by group name.
        source: file that they come from, for messages.

    Raises:
        InputError: if a group is missing, unknown, or no list of finite numbers.
    """
    try:
        tensors = {
            name: torch.tensor(values, dtype=torch.float32).reshape(-1)
            for name, values in groups.items()
        }
        parameters = FaceParameters.from_dict(tensors)
    except (TypeError, ValueError) as error:
        raise InputError(f"{source}: damaged parameters ({error})") from error
    if not all(bool(tensor.isfinite().all()) for _, tensor in parameters.items()):
        raise InputError(f"{source}: parameters that are not finite; reconstruct the input again")
    return parameters


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
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                meta = json.loads(str(file["meta"]))
                names = FaceParameters.__dataclass_fields__
                parameters = FaceParameters(**{n: torch.from_numpy(file[n]) for n in names})
        else:
            meta = json.loads(path.read_text(encoding="utf-8"))
            parameters = parameters_from_json(meta["parameters"], str(path))
        schema, fingerprint = meta["schema"], meta["head_fingerprint"]
    except (OSError, EOFError, BadZipFile, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged or no file of smirk3d parameters ({error})") from error
    if schema != SCHEMA:
        raise InputError(f"{path}: schema {schema!r}, not {SCHEMA!r}")
    if fingerprint != head.fingerprint:
        raise AssetError(f"{path}: parameters of head {meta['head']!r}, not of {head.name!r}")
    return parameters
