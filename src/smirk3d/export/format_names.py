"""Names of export formats; this module imports nothing heavy."""

from __future__ import annotations

from collections.abc import Sequence

from smirk3d.errors import UsageError

FACE_FORMATS = (
    "glb", "obj", "ply", "npz", "json", "arkit-csv", "usd", "usdz", "turntable", "html", "figure",
    "flame",
)  # fmt: skip
"""Formats of a single face; their writers are in :mod:`smirk3d.export.formats`."""


def parse_formats(text: str, accepted: Sequence[str] = FACE_FORMATS) -> tuple[str, ...]:
    """Return the format names of a comma-separated list, each once.

    Raises:
        UsageError: if one is unknown, or none is given.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in accepted]
    if unknown or not names:
        raise UsageError(
            f"unknown format {', '.join(unknown or [text])!r}: have {', '.join(accepted)}"
        )
    return names
