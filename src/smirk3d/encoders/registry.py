"""Where encoder weights are found by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from smirk3d.assets import user_folder, weights_folder
from smirk3d.encoders.face_encoder import FaceEncoder, ReadableHead, read_header
from smirk3d.errors import AssetError


def installed_weights() -> Iterator[tuple[str, Path]]:
    """Yield name and file of the encoders' weights at hand: shipped ones, then the user's."""
    seen: set[str] = set()
    for folder in (weights_folder(), user_folder("weights")):
        for path in sorted(folder.glob("*.safetensors")) if folder.is_dir() else ():
            if path.stem not in seen and _holds_encoder(path):
                seen.add(path.stem)
                yield path.stem, path


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
    if Path(name).suffix == ".safetensors" and Path(name).is_file():
        return Path(name)
    raise AssetError(
        f"no weights named {str(name)!r}: installed are {', '.join(known) or 'none'}; "
        "`--weights none` fits landmarks instead"
    )


def load_weights(name: str | Path, head: ReadableHead) -> tuple[FaceEncoder | None, str]:
    """Return an encoder for a head and the name of its weights.

    ``default`` is the first of the shipped weights made for this head; None with the name ``none``
    if there are none.

    Raises:
        AssetError: if named weights are absent, damaged, or for another head.
    """
    if str(name) == "default":
        for known, path in installed_weights():
            if read_header(path)["head_fingerprint"] == head.fingerprint:
                return FaceEncoder.from_file(path, head), known
        return None, "none"
    path = find_weights(name)
    return FaceEncoder.from_file(path, head), path.stem
