"""Rasterisation: vertices and triangles to the triangle seen in each pixel."""

from smirk3d.rasterization.base import Engine as Engine
from smirk3d.rasterization.base import Fragments as Fragments
from smirk3d.rasterization.base import rasterize as rasterize
