"""Files of network weights: our own (safetensors with a JSON header) and other people's."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from smirk3d.assets.atomic import atomic_path
from smirk3d.errors import AssetError

FORMAT = 1
"""Version of the header; a reader refuses others."""

_KEY = "smirk3d"
_DAMAGE = (
    pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, SafetensorError,
)  # fmt: skip
"""What reading a broken or foreign file raises."""


def write_weights(
    path: str | Path,
    state: Mapping[str, Tensor],
    *,
    kind: str,
    header: Mapping[str, Any],
    half: bool = False,
) -> None:
    """Write a state dict with a header to one safetensors file, whole or not at all.

    Args:
        path: the file to write.
        state: the state dict.
        kind: what the weights are of, such as ``"encoder"``.
        header: anything that JSON can hold.
        half: store matrices and kernels in half precision; vectors stay in single.

    Raises:
        OutputError: if it cannot be written.
    """
    stored = {
        name: tensor.detach().half() if half and _is_kernel(tensor) else tensor.detach()
        for name, tensor in state.items()
    }
    # every tensor its own memory: safetensors refuses tensors that share it
    stored = {name: tensor.cpu().contiguous().clone() for name, tensor in stored.items()}
    text = json.dumps({"format": FORMAT, "kind": kind, **header})
    with atomic_path(path) as temporary:
        # its save_file leaves files that nobody else may read
        temporary.write_bytes(save(stored, metadata={_KEY: text}))


def _is_kernel(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.ndim > 1


def read_weights_header(path: str | Path, *, kind: str) -> dict[str, Any]:
    """Return the header of a file of our own without reading its tensors.

    Raises:
        AssetError: if the file is absent, damaged, or holds no weights of this kind.
    """
    if not Path(path).is_file():
        raise AssetError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get(_KEY, "null"))
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise AssetError(f"{path}: damaged, or no safetensors file ({error})") from error
    if not isinstance(header, dict) or header.get("kind") != kind:
        raise AssetError(f"{path}: these are no smirk3d {kind} weights")
    if header.get("format") != FORMAT:
        raise AssetError(
            f"{path}: written in format {header.get('format')}, this version reads {FORMAT}"
        )
    return header


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Return the state dict of a safetensors file, in the precision it is stored in.

    Raises:
        AssetError: if the file is absent or damaged.
    """
    if not Path(path).is_file():
        raise AssetError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise AssetError(f"{path}: damaged, or no safetensors file ({error})") from error


def read_torch_state(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a file by ``torch.save``, without running code from it.

    A file that holds its state dict under ``state_dict`` or ``model`` is understood too; entries
    that are no tensors are left out.

    Raises:
        AssetError: if the file is absent, damaged, holds more than tensors, or none.
    """
    if not Path(path).is_file():
        raise AssetError(f"{path}: no such weights file")
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGE as error:
        reason = str(error).strip().partition("\n")[0]
        raise AssetError(
            f"{path}: damaged, or holds more than tensors, and code from files is not run: save "
            f"its state dict alone ({reason})"
        ) from error
    if isinstance(loaded, dict):
        for key in ("state_dict", "model"):
            if isinstance(loaded.get(key), dict):
                loaded = loaded[key]
        tensors = {str(k): v for k, v in loaded.items() if isinstance(v, Tensor)}
        if tensors:
            return tensors
    raise AssetError(f"{path}: holds no state dict")


def load_strictly(module: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Copy a state dict of any float precision into a module, whole or not at all.

    Args:
        module: keeps its own dtypes.
        state: its state dict.
        source: named in the error.

    Raises:
        AssetError: if a tensor is missing, unknown or of another shape; the text names it.
    """
    own = module.state_dict()
    wrong = [f"{name} is missing" for name in own if name not in state]
    wrong += [f"{name} is unknown" for name in state if name not in own]
    wrong += [
        f"{name} has shape {list(state[name].shape)} instead of {list(own[name].shape)}"
        for name in own
        if name in state and own[name].shape != state[name].shape
    ]
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise AssetError(f"{source}: weights do not fit: {wrong[0]}{more}")
    module.load_state_dict({name: state[name].to(own[name].dtype) for name in own})
