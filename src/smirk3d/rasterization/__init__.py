"""Rasterisation: vertices and triangles to the triangle seen in each pixel."""

from smirk3d.rasterization.base import Engine, Fragments, nearest_depth, rasterize, seen_faces

__all__ = ["Engine", "Fragments", "nearest_depth", "rasterize", "seen_faces"]
