"""FLAME's parameters in NPZ files, as trackers and avatar builders keep them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import as_like
from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.npz import read_npz
from smirk3d.assets.foreign.origin import Origin, Unfit
from smirk3d.assets.foreign.schema import NUMBER, ArrayRule
from smirk3d.errors import AssetError, InputError
from smirk3d.export.flame.clip import is_flame, with_all_components
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

FOLDER = "flame_param"
"""Where GaussianAvatars and VHAP keep a file a frame."""

_NAMES = {
    "shape": ("shape", "betas", "shape_params"),
    "expression": ("expr", "exp", "expression", "expression_params"),
    "jaw": ("jaw_pose", "jaw"),
    "neck": ("neck_pose", "neck"),
    "eyes": ("eyes_pose", "eye_pose", "eyes"),
    "head_pose": ("rotation", "head_pose", "global_orient", "global_pose"),
}
"""Groups and the names that files have for them; rotations are axis-angles in radians."""
_BUDGET = 512 << 20
"""Bytes; a frame has 2 kB, GaussianAvatars' offsets of vertices are not read."""
_LARGEST = 1e4
"""Coefficients are in standard deviations, rotations in radians."""
_RULES = {
    name: ArrayRule("...", NUMBER, optional=True, low=-_LARGEST, high=_LARGEST)
    for names in _NAMES.values()
    for name in names
}


def read_flame_parameters(path: str | Path, head: HeadModel) -> FaceParameters:
    """Return the T faces ``[T]`` of a file, or of a folder with a file a frame.

    Args:
        path: NPZ file with rows a frame, a folder of such files in the order of their names, or a
            data set that holds the folder ``flame_param``. What a file lacks is at rest.
        head: a FLAME head; components that it lacks are left out.

    Raises:
        InputError: if there is none, or one is damaged or of another kind.
        AssetError: if the head is not FLAME.
    """
    _check_flame(head)
    path = Path(path)
    if not path.is_dir():
        return _read_one(path, head)
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise InputError(f"{path}: no FLAME parameters (*.npz) here: give a file or {FOLDER}/")
    return FaceParameters.cat([_read_one(file, head) for file in files])


def _check_flame(head: HeadModel) -> None:
    if not is_flame(head):
        raise AssetError(f"head {head.name!r} is not FLAME: import it with `smirk3d heads import`")


def _read_one(path: Path, head: HeadModel) -> FaceParameters:
    origin = Origin(str(path), "file of FLAME parameters", "write it again")
    arrays = read_npz(origin.require_file(), origin, _RULES, budget=_BUDGET)
    with origin.refusing():
        found = {
            group: next((arrays[name] for name in names if name in arrays), None)
            for group, names in _NAMES.items()
        }
        if found["expression"] is None:
            raise Unfit(f"it has none of {', '.join(_NAMES['expression'])}")
        rows = {group: _rows(array) for group, array in found.items() if array is not None}
        count = max(len(array) for array in rows.values())
        neutral = head.neutral(count)
        return neutral.replace(
            **{
                group: as_like(
                    _fitted(array, count, getattr(neutral, group).shape[1]), neutral.shape
                )
                for group, array in rows.items()
            }
        )


def _rows(array: NDArray[np.generic]) -> NDArray[np.float32]:
    if array.ndim == 0 or not array.size:
        raise Unfit("an array is empty")
    return array.reshape(-1, array.shape[-1]).astype(np.float32)


def _fitted(array: NDArray[np.float32], count: int, width: int) -> NDArray[np.float32]:
    """Return rows for all frames, components cut or padded with zeros."""
    if len(array) not in (1, count):
        raise Unfit(f"it has {len(array)} rows beside {count}")
    result = np.zeros((count, width), np.float32)
    shared = min(width, array.shape[1])
    result[:, :shared] = array[:, :shared]
    return result


def write_flame_parameters(path: str | Path, head: HeadModel, parameters: FaceParameters) -> None:
    """Write T faces as one NPZ with GaussianAvatars' names, rows a frame, atomically.

    ``shape [300]``, ``expr [T, 100]``, ``rotation``, ``neck_pose``, ``jaw_pose`` ``[T, 3]``,
    ``eyes_pose [T, 6]`` left then right, and ``eyelids [T, 2]`` where the head has them.

    Raises:
        AssetError: if the head is not FLAME.
        OutputError: if the file cannot be written.
    """
    _check_flame(head)
    parameters = parameters.to_numpy()
    groups = {
        "shape": parameters.shape[0], "expr": with_all_components(parameters.expression),
        "rotation": parameters.head_pose, "neck_pose": parameters.neck,
        "jaw_pose": parameters.jaw, "eyes_pose": parameters.eyes,
    }  # fmt: skip
    if parameters.eyelids.shape[1]:
        groups["eyelids"] = parameters.eyelids
    arrays = {name: value.astype(np.float32) for name, value in groups.items()}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
