"""smirk3d: a photo or a video of a face becomes a faithful, animatable 3D face.

The names in ``__all__`` are the public interface; they are imported when first used. Modules of
sub-packages can be imported too, but their names may change from version to version.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smirk3d.corpus.reading import read_faces as read_faces
    from smirk3d.encoders.face_encoder import FaceEncoder as FaceEncoder
    from smirk3d.encoders.registry import load_weights as load_weights
    from smirk3d.errors import AssetError as AssetError
    from smirk3d.errors import InputError as InputError
    from smirk3d.errors import MissingExtra as MissingExtra
    from smirk3d.errors import NoFaceFound as NoFaceFound
    from smirk3d.errors import OutputError as OutputError
    from smirk3d.errors import ShapeError as ShapeError
    from smirk3d.errors import Smirk3dError as Smirk3dError
    from smirk3d.errors import UsageError as UsageError
    from smirk3d.evaluation.run import evaluate as evaluate
    from smirk3d.export.pictures.face_pictures import overlay as overlay
    from smirk3d.export.pictures.face_pictures import render as render
    from smirk3d.export.result import ResultRecord as ResultRecord
    from smirk3d.export.result import read_result as read_result
    from smirk3d.faces import Face as Face
    from smirk3d.faces import Faces as Faces
    from smirk3d.faces import Picture as Picture
    from smirk3d.fitting.conversion import convert_parameters as convert
    from smirk3d.heads.head_model import HeadMesh as HeadMesh
    from smirk3d.heads.head_model import HeadModel as HeadModel
    from smirk3d.heads.registry import load_head as load_head
    from smirk3d.parameters.face_parameters import FaceParameters as FaceParameters
    from smirk3d.preprocessing.media.image_io import read_image as read_image
    from smirk3d.reconstruction import FaceReconstructor as FaceReconstructor
    from smirk3d.reconstruction import reconstruct as reconstruct
    from smirk3d.tracking.track import track as track
    from smirk3d.tracking.track_file import Track as Track
    from smirk3d.tracking.track_file import read_track as read_track
    from smirk3d.tracking.tracker import FaceTracker as FaceTracker

__version__ = "0.1.0"

__all__ = [
    "AssetError",
    "Face",
    "FaceEncoder",
    "FaceParameters",
    "FaceReconstructor",
    "FaceTracker",
    "Faces",
    "HeadMesh",
    "HeadModel",
    "InputError",
    "MissingExtra",
    "NoFaceFound",
    "OutputError",
    "Picture",
    "ResultRecord",
    "ShapeError",
    "Smirk3dError",
    "Track",
    "UsageError",
    "__version__",
    "convert",
    "evaluate",
    "load_head",
    "load_weights",
    "overlay",
    "read_faces",
    "read_image",
    "read_result",
    "read_track",
    "reconstruct",
    "render",
    "track",
]

_HOMES = {
    "corpus.reading": ("read_faces",),
    "encoders.face_encoder": ("FaceEncoder",),
    "encoders.registry": ("load_weights",),
    "errors": (
        "AssetError",
        "InputError",
        "MissingExtra",
        "NoFaceFound",
        "OutputError",
        "ShapeError",
        "Smirk3dError",
        "UsageError",
    ),
    "evaluation.run": ("evaluate",),
    "export.pictures.face_pictures": ("overlay", "render"),
    "export.result": ("ResultRecord", "read_result"),
    "faces": ("Face", "Faces", "Picture"),
    "fitting.conversion": ("convert",),
    "heads.head_model": ("HeadMesh", "HeadModel"),
    "heads.registry": ("load_head",),
    "parameters.face_parameters": ("FaceParameters",),
    "preprocessing.media.image_io": ("read_image",),
    "reconstruction": ("FaceReconstructor", "reconstruct"),
    "tracking.track": ("track",),
    "tracking.track_file": ("Track", "read_track"),
    "tracking.tracker": ("FaceTracker",),
}
_OWN_NAMES = {"convert": "convert_parameters"}
"""Names that a module gives something that is called otherwise here."""


def __getattr__(name: str) -> Any:
    """Import a public name at first use, so that ``import smirk3d`` needs no torch."""
    for module, names in _HOMES.items():
        if name in names:
            home = importlib.import_module(f"smirk3d.{module}")
            return getattr(home, _OWN_NAMES.get(name, name))
    raise AttributeError(f"module 'smirk3d' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, for completion."""
    return sorted({*globals(), *__all__})
