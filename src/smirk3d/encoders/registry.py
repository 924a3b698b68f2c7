"""Encoder weights by name: those that ship with the package, then those of the user."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smirk3d.array_interface import Library
from smirk3d.assets.installed import installed_files
from smirk3d.encoders.head_description import HeadDescription, read_header
from smirk3d.encoders.onnx_encoder import OnnxEncoder
from smirk3d.errors import AssetError, MissingExtra

ONNX_SUFFIX = ".onnx"
"""Ending of ONNX files of weights."""


def installed_weights() -> Iterator[tuple[str, Path]]:
    """Return name and file of the installed encoder weights: shipped ones, then the user's."""
    return ((name, path) for name, path, _ in _installed_headers())


def _installed_headers() -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Yield name, path and header of the installed encoder weights."""
    for name, path in installed_files("weights").items():
        try:
            header = read_header(path)
        except AssetError:
            continue
        yield name, path, header


def find_weights(name: str | Path) -> Path:
    """Return the file of weights given by name or path.

    Raises:
        AssetError: if there is none; the text lists what is installed.
    """
    known = dict(installed_weights())
    if str(name) in known:
        return known[str(name)]
    if Path(name).is_file():
        read_header(name)
        return Path(name)
    raise AssetError(
        f"no weights named {str(name)!r}: installed are {', '.join(known) or 'none'}; "
        "`--weights none` fits landmarks instead"
    )


@dataclass(frozen=True)
class LoadedWeights:
    """An encoder and the file that it was loaded from.

    Attributes:
        encoder: a :class:`~smirk3d.encoders.face_encoder.FaceEncoder` in evaluation mode, or an
            :class:`~smirk3d.encoders.onnx_encoder.OnnxEncoder`.
        name: name of the weights.
        sha256: SHA-256 of the weights file; of ONNX files of the one that they were made from.
    """

    encoder: Any
    name: str
    sha256: str


def load_weights(
    name: str | Path, head: HeadDescription, *, library: Library = "torch"
) -> LoadedWeights | None:
    """Return weights for a head.

    ``default`` is the first of the installed weights made for this head; None if there are none.

    Args:
        name: name of installed weights, or a weights file, also an ONNX file of weights.
        head: the head.
        library: ``torch`` loads the trained network; ``numpy`` the ONNX file of the same weights
            that lies beside it, and only where there is none the network.

    Raises:
        AssetError: if named weights are absent, damaged, or for another head.
        MissingExtra: if the weights have no ONNX file and torch is not installed.
    """
    if str(name) == "default":
        for _, path, header in _installed_headers():
            if header["head_fingerprint"] == head.fingerprint:
                return _loaded(path, head, library)
        return None
    if Path(name).suffix == ONNX_SUFFIX and Path(name).is_file():
        return _loaded_onnx(Path(name), head)
    return _loaded(find_weights(name), head, library)


def _loaded(path: Path, head: HeadDescription, library: Library) -> LoadedWeights:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    twin = path.with_suffix(ONNX_SUFFIX)
    if library == "numpy" and twin.is_file():
        loaded = _loaded_onnx(twin, head)
        if loaded.sha256 == sha256:
            return loaded
    try:
        network = importlib.import_module("smirk3d.encoders.face_encoder")
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{path} is for torch, and there is no {twin.name} made from it: pip install "
            "'smirk3d[train]', or write it by `smirk3d weights export` where torch is installed"
        ) from error
    return LoadedWeights(network.FaceEncoder.from_file(path, head), path.stem, sha256)


def _loaded_onnx(path: Path, head: HeadDescription) -> LoadedWeights:
    encoder = OnnxEncoder.from_file(path, head)
    own = encoder.weights_sha256 or hashlib.sha256(path.read_bytes()).hexdigest()
    return LoadedWeights(encoder, path.stem, own)
