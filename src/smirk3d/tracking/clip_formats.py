"""Names of the formats of a tracked clip; this module imports nothing heavy."""

from __future__ import annotations

from smirk3d.export.format_names import parse_formats

OVERLAY = "mp4"
"""The format that shows the heads over the video; it is written last, as it takes longest."""
FLAME = "flame"
"""Parameters in the layouts of avatar builders, for FLAME heads only."""
DATA_SET_FORMATS = ("gaussian-avatars", "flash-avatar", "insta", "imavatar")
"""Data sets that avatar builders train on, with the video's pictures; for FLAME heads only."""
CLIP_FORMATS = (
    OVERLAY, "glb", "usd", "usdz", "usd-points", "arkit-csv", "chan", "obj", "ply", "npz", "html",
    FLAME, *DATA_SET_FORMATS,
)  # fmt: skip


def parse_clip_formats(text: str) -> tuple[str, ...]:
    """Return the format names of a comma-separated list, each once; none of an empty text.

    Raises:
        UsageError: if one is unknown.
    """
    return parse_formats(text, CLIP_FORMATS) if text.strip(" ,") else ()
