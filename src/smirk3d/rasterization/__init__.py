"""Rasterisation: vertices and triangles to the triangle seen in each pixel."""

from smirk3d.rasterization.base import Engine, Fragments, rasterize, seen_faces

__all__ = ["Engine", "Fragments", "rasterize", "seen_faces"]
