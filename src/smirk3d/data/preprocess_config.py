"""Settings of :mod:`smirk3d.data.preprocess`; this module imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.errors import UsageError

_RANGES = {
    "crop_scale": (1.0, 10.0),
    "min_quality": (0.0, 1.0),
    "min_size": (0.0, float("inf")),
    "frames": (1, float("inf")),
    "items": (1, float("inf")),
    "jpeg_quality": (1, 100),
    "processes": (0, 1024),
}
"""Smallest and largest value of each setting: nothing else makes a crop, a fraction or a JPEG."""


@dataclass(frozen=True, kw_only=True)
class PreprocessConfig:
    """How pictures become shards.

    Attributes:
        crop_scale: side of the stored crop in landmark boxes; training draws tighter ones from it.
        min_quality: faces below this quality are refused.
        min_size: faces whose landmark box is smaller, in pixels, are refused.
        frames: largest number of evenly spaced pictures that are taken of a video.
        items: number of photos or videos in a shard.
        jpeg_quality: quality of the stored crops.
        processes: number of processes that work at the same time; 0 works in the calling one,
            which a damaged file may kill.
    """

    crop_scale: float = 1.9
    min_quality: float = 0.1
    min_size: float = 48.0
    frames: int = 12
    items: int = 256
    jpeg_quality: int = 94
    processes: int = 1

    def __post_init__(self) -> None:
        """Refuse numbers outside their range.

        Raises:
            UsageError: if there is one; the text names its option.
        """
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                option = name.replace("_", "-")
                raise UsageError(f"--{option} {value:g}: give a number from {least:g} to {most:g}")
