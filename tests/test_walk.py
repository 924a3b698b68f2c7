"""The way of a photo from a file to a GLB, and what records of its face it passes through."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from PIL import Image

from smirk3d.faces import Face
from smirk3d.fitting.landmark_fit import FitResult
from smirk3d.preprocessing.face_detector import DetectedFace, FoundFaces
from smirk3d.reconstruction import FaceReconstructor
from tests.test_reconstruction import HEAD, PICTURE, PaintedFaces

PLACES = {"parameters", "T_crop_image", "landmarks", "detection", "detections"}
"""What a record of a face in a picture has at least one of."""


def records(run: Callable[[], None]) -> list[type]:
    """Return the types of the records of faces that functions of smirk3d give each other."""
    found: dict[type, None] = {}

    def look(thing: Any) -> None:
        if isinstance(thing, list | tuple):
            for item in thing[:3]:
                look(item)
        elif is_dataclass(thing) and not isinstance(thing, type):
            names = {field.name for field in fields(thing)}
            if names & PLACES and type(thing).__module__.startswith("smirk3d"):
                found.setdefault(type(thing))

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        if event == "return" and frame.f_globals.get("__name__", "").startswith("smirk3d"):
            look(argument)

    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(None)
    return list(found)


def test_a_face_changes_its_record_at_most_twice_from_photo_to_glb(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(PICTURE).save(photo)
    detector = PaintedFaces((260.0, 190.0, 900.0))
    reconstructor = FaceReconstructor(HEAD, weights="none", detector=detector)

    def walk() -> None:
        reconstructor(photo)[0].save(tmp_path / "face.glb")

    seen = set(records(walk))
    assert (tmp_path / "face.glb").stat().st_size > 1000
    # FoundFaces holds a picture's detected faces with their crops, FitResult a batch's parameters
    assert seen == {DetectedFace, FoundFaces, FitResult, Face}
