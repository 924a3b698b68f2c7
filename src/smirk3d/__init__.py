"""smirk3d: a photo or a video of a face becomes a faithful, animatable 3D face."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smirk3d.encoders.face_encoder import FaceEncoder as FaceEncoder
    from smirk3d.heads.head_model import HeadMesh as HeadMesh
    from smirk3d.heads.head_model import HeadModel as HeadModel
    from smirk3d.heads.registry import load_head as load_head
    from smirk3d.parameters.face_parameters import FaceParameters as FaceParameters
    from smirk3d.preprocessing.media.image_io import read_image as read_image
    from smirk3d.reconstruction import FaceReconstructor as FaceReconstructor
    from smirk3d.reconstruction import ReconstructedFace as ReconstructedFace

__version__ = "0.1.0"

_HOME = {
    "FaceEncoder": "smirk3d.encoders.face_encoder",
    "FaceParameters": "smirk3d.parameters.face_parameters",
    "FaceReconstructor": "smirk3d.reconstruction",
    "HeadMesh": "smirk3d.heads.head_model",
    "HeadModel": "smirk3d.heads.head_model",
    "ReconstructedFace": "smirk3d.reconstruction",
    "load_head": "smirk3d.heads.registry",
    "read_image": "smirk3d.preprocessing.media.image_io",
}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604 - names come from the table above


def __getattr__(name: str) -> Any:
    """Import a public name at first use, so that ``smirk3d --help`` needs no torch."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'smirk3d' has no attribute {name!r}")
