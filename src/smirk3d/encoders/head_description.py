"""What encoders and their files say of the head whose parameters they estimate."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from smirk3d.assets.weight_files import ENCODER, read_weights_header
from smirk3d.errors import AssetError
from smirk3d.parameters.groups import ParameterGroup

ONNX_HEADER_KEY = "smirk3d"
"""Entry of an ONNX model's metadata that holds head, groups and provenance as JSON."""

ONNX_INPUT = "images"
"""Name of an ONNX model's input."""


class HeadDescription(Protocol):
    """The facts of a head that an encoder needs; every ``HeadModel`` provides them."""

    @property
    def name(self) -> str:
        """The head's name in weights files."""

    @property
    def fingerprint(self) -> str:
        """Hash of the arrays that give the parameters their meaning."""

    @property
    def spec(self) -> tuple[ParameterGroup, ...]:
        """The head's parameter groups."""


def read_header(path: str | Path) -> dict[str, Any]:
    """Return head, config and provenance of a weights file without reading its tensors.

    Raises:
        AssetError: if the file is absent, damaged, or no encoder weights.
    """
    header = read_weights_header(path, kind=ENCODER)
    lacking = {"head", "head_fingerprint", "groups", "config", "provenance"} - set(header)
    if lacking:
        raise AssetError(
            f"{path}: its header lacks {', '.join(sorted(lacking))}; train or import it again"
        )
    for key, kind in _HEADER_KINDS.items():
        if not isinstance(header[key], kind):
            raise AssetError(f"{path}: {key} in its header is no {kind.__name__}; copy it again")
    return header


_HEADER_KINDS = {
    "head": str, "head_fingerprint": str, "groups": dict, "config": dict, "provenance": dict,
}  # fmt: skip
