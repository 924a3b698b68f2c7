"""FLAME, from the files that its users have."""

from smirk3d.head_import.flame.convert import (
    NUM_EXPRESSION,
    FlameRelease,
    convert_flame,
    flame_release,
)
from smirk3d.head_import.flame.files import (
    FlameCompanions,
    FlameModel,
    parse_flame_model,
    read_flame_companions,
)

__all__ = [
    "NUM_EXPRESSION",
    "FlameCompanions",
    "FlameModel",
    "FlameRelease",
    "convert_flame",
    "flame_release",
    "parse_flame_model",
    "read_flame_companions",
]
