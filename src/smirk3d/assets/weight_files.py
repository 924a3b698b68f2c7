"""Files of network weights: our own (safetensors with a JSON header) and other people's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smirk3d.array_interface import is_torch
from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.archives import ZipArchive
from smirk3d.assets.foreign.json_text import parse_json, require_object
from smirk3d.assets.foreign.origin import DAMAGE, Origin, one_line
from smirk3d.assets.foreign.tensors import SafetensorsFile, load_torch_file
from smirk3d.assets.optional import require
from smirk3d.errors import AssetError

if TYPE_CHECKING:
    from torch import Tensor, nn

FORMAT = 1
"""Version of the header; a reader refuses others."""

_MOST_MEMBERS = 50_000
"""Members of a PyTorch file, as :mod:`~smirk3d.assets.foreign.tensors` has it."""

_KEY = "smirk3d"
ENCODER, RENDERER, INPAINTER = "encoder", "neural_renderer", "inpainter"
KINDS = {
    ENCODER: "an encoder, which --weights and train --networks.encoder-start take",
    RENDERER: (
        "a neural renderer of encoder training, which train --networks.renderer-start and "
        "evaluate --renderer take"
    ),
    INPAINTER: "an inpainting network, which `smirk3d edit` takes",
}
"""Each kind of weights in words, and the options that take it."""

_INPAINTER_SETTINGS = ("painter", "inpainter")
"""Names of the part of a training's settings that only inpainting networks have; files written
before the kind had a name of its own use the first."""


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
        kind: what the weights are of, one of :data:`KINDS`.
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
    save = require("safetensors.torch", extra="train").save
    with atomic_path(path) as temporary:
        # its save_file leaves files that nobody else may read
        temporary.write_bytes(save(stored, metadata={_KEY: text}))


def _is_kernel(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.ndim > 1


def read_weights_header(path: str | Path, *, kind: str) -> dict[str, Any]:
    """Return the header of a file of our own without reading its tensors.

    Raises:
        AssetError: if the file is absent, damaged, or holds no weights of this kind; the text says
            which kind it holds and where that belongs.
    """
    archive = _archive_kind(path)
    if archive is not None:
        raise _wrong_kind(path, archive, kind)
    header = _header(SafetensorsFile(_origin(path, kind)), path)
    found = _kind_of(header)
    if found != kind:
        raise _wrong_kind(path, _described(found), kind)
    if header.get("format") != FORMAT:
        raise AssetError(
            f"{path}: written in format {header.get('format')!r}, this version reads {FORMAT}: "
            "install the smirk3d that wrote it or a later one"
        )
    return header


def _header(file: SafetensorsFile, path: str | Path) -> dict[str, Any]:
    text = file.metadata.get(_KEY)
    if text is None:
        raise AssetError(f"{path}: not written by smirk3d, so that nobody knows what it is of: "
                         "import published weights with `smirk3d weights import`")  # fmt: skip
    origin = _origin(path, "")
    with origin.refusing():
        return require_object(parse_json(text, origin), "its header")


def _kind_of(header: Mapping[str, Any]) -> str:
    """Return the kind of a header; inpainters were first written as neural renderers."""
    kind = header.get("kind")
    provenance = header.get("provenance")
    settings = provenance.get("settings") if isinstance(provenance, dict) else None
    inpaints = isinstance(settings, dict) and any(map(settings.get, _INPAINTER_SETTINGS))
    return INPAINTER if kind == RENDERER and inpaints else str(kind)


def _archive_kind(path: str | Path) -> str | None:
    """Return what a ZIP archive of weights or arrays is, None for any other file."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            if file.read(4) != b"PK\x03\x04":
                return None
        with ZipArchive(path, most_members=_MOST_MEMBERS) as archive:
            names = archive.names
    except DAMAGE:
        return None
    if any(name.endswith("data.pkl") for name in names):
        return "what torch.save writes; of those `smirk3d weights import` takes SMIRK's checkpoint"
    if any(name.endswith(".npy") for name in names):
        return "arrays (npz), which heads, tracks and parameters are"
    return None


def _described(kind: str) -> str:
    return KINDS.get(kind, f"weights of the unknown kind {kind[:40]!r}")


def _wrong_kind(path: str | Path, found: str, kind: str) -> AssetError:
    return AssetError(f"{path}: holds {found}; expected is {_described(kind)}")


def _origin(path: str | Path, kind: str) -> Origin:
    what = f"safetensors file of {_described(kind).partition(',')[0]}" if kind in KINDS else (
        "safetensors file")  # fmt: skip
    return Origin(str(path), what, "train, import or copy it again", AssetError)


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Return the state dict of a safetensors file, in the precision it is stored in.

    Raises:
        AssetError: if the file is absent or damaged, or a number in it is not finite.
    """
    return SafetensorsFile(_origin(path, "")).tensors()


def read_torch_state(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a file by ``torch.save``, without running code from it.

    A file that holds its state dict under ``state_dict`` or ``model`` is understood too; entries
    that are no tensors are left out.

    Raises:
        AssetError: if the file is absent, damaged, holds more than tensors, or none.
    """
    origin = Origin(
        str(path),
        "file of tensors alone, and code from files is not run",
        "save its state dict alone, or copy it again",
        AssetError,
    )
    origin.require_file()
    refuse_other_kinds(path, "a file by torch.save")
    loaded = load_torch_file(origin)
    if isinstance(loaded, dict):
        for key in ("state_dict", "model"):
            if isinstance(loaded.get(key), dict):
                loaded = loaded[key]
        tensors = {str(k): v for k, v in loaded.items() if is_torch(v)}
        if tensors:
            return tensors
    raise AssetError(f"{path}: holds no state dict; save one by torch.save(module.state_dict())")


def refuse_other_kinds(path: str | Path, expected: str) -> None:
    """Refuse a file that is recognised as weights of our own, where something else is expected.

    Args:
        path: the file; one that is absent or of an unknown kind passes.
        expected: what should be there, for the message.

    Raises:
        AssetError: if the file is of another kind; the text names its kind and where it belongs.
    """
    path = Path(path)
    found = _archive_kind(path)
    if found is None or "torch.save" in found:
        try:
            found = _described(_kind_of(_header(SafetensorsFile(_origin(path, "")), path)))
        except AssetError:
            return
    raise AssetError(f"{path}: holds {found}; expected is {expected}")


def check_build(build: Callable[[], nn.Module], path: str | Path) -> None:
    """Check that a network has the tensors of its weights file, before memory is taken for it.

    Args:
        build: makes the network; called with tensors that have shapes alone.
        path: the weights file.

    Raises:
        AssetError: if the network cannot be made, or a tensor is missing, unknown or of another
            shape.
    """
    shapes = SafetensorsFile(_origin(path, "")).shapes
    torch = require("torch", extra="train")
    try:
        with torch.device("meta"):
            own = build().state_dict()
    except (TypeError, ValueError, RuntimeError, AttributeError, ArithmeticError) as error:
        raise AssetError(
            f"{path}: this version cannot build its config ({one_line(error)}); train it again"
        ) from error
    _check_shapes({name: tuple(tensor.shape) for name, tensor in own.items()}, shapes, str(path))


def _check_shapes(
    own: Mapping[str, tuple[int, ...]], given: Mapping[str, tuple[int, ...]], source: str
) -> None:
    wrong = [f"{name} is missing" for name in own if name not in given]
    wrong += [f"{one_line(name)} is unknown" for name in given if name not in own]
    wrong += [
        f"{name} has shape {list(given[name])} instead of {list(own[name])}"
        for name in own
        if name in given and own[name] != given[name]
    ]
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise AssetError(f"{source}: weights do not fit: {wrong[0]}{more}")


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
    shapes, given = (
        {name: tuple(tensor.shape) for name, tensor in tensors.items()} for tensors in (own, state)
    )
    _check_shapes(shapes, given, source)
    module.load_state_dict({name: state[name].to(own[name].dtype) for name in own})
