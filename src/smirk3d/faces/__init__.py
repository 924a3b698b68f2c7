"""The record of a face in a picture, which every step from the estimate to the file carries."""

from __future__ import annotations

from smirk3d.faces.face import Face, Faces
from smirk3d.faces.head_reference import HeadReference
from smirk3d.faces.picture import Picture

__all__ = ["Face", "Faces", "HeadReference", "Picture"]
