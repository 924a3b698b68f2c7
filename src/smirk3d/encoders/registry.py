"""Encoder weights by name: those that ship with the package, then those of the user."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smirk3d.assets.installed import installed_files
from smirk3d.encoders.face_encoder import FaceEncoder, HeadDescription, read_header
from smirk3d.errors import AssetError


def installed_weights() -> Iterator[tuple[str, Path]]:
    """Yield name and file of the installed encoder weights: shipped ones, then the user's."""
    for name, path in installed_files("weights").items():
        if _holds_encoder(path):
            yield name, path


def _holds_encoder(path: Path) -> bool:
    try:
        read_header(path)
    except AssetError:
        return False
    return True


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
        encoder: the encoder, in evaluation mode.
        name: name of the weights.
        sha256: SHA-256 of the weights file.
    """

    encoder: FaceEncoder
    name: str
    sha256: str


def load_weights(name: str | Path, head: HeadDescription) -> LoadedWeights | None:
    """Return weights for a head.

    ``default`` is the first of the installed weights made for this head; None if there are none.

    Raises:
        AssetError: if named weights are absent, damaged, or for another head.
    """
    if str(name) == "default":
        for _, path in installed_weights():
            if read_header(path)["head_fingerprint"] == head.fingerprint:
                return _loaded(path, head)
        return None
    return _loaded(find_weights(name), head)


def _loaded(path: Path, head: HeadDescription) -> LoadedWeights:
    encoder = FaceEncoder.from_file(path, head)
    return LoadedWeights(encoder, path.stem, hashlib.sha256(path.read_bytes()).hexdigest())
