"""Make the small set of annotated faces that ships with the repository: rendered people, no photos.

python scripts/make_small_faces.py data/faces

The layout is that of every folder of annotated faces (docs/data.md): a tar shard of JPEGs and
``annotations.npz`` with MediaPipe's landmarks and blend shapes of these pictures. Each person is
drawn with two expressions before a smooth background. A person whom MediaPipe does not find twice
is left out and replaced by the next one.
"""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from smirk3d.conventions import ARKIT_NAMES, CROP_SIZE
from smirk3d.data.annotated_faces import HELD_OUT_DIVISOR, LANDMARK_STEPS
from smirk3d.evaluation.photos import arkit_row, as_pictures
from smirk3d.heads.registry import load_head
from smirk3d.preprocessing.face_detector import DetectedFace
from smirk3d.preprocessing.face_quality import quality_report
from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector
from smirk3d.synthesis.expression_augmentation_config import ExpressionAugmentationConfig
from smirk3d.synthesis.rendered_faces import FaceRenderer

PEOPLE = 24
"""People in the set, two pictures each: enough for a batch to train on and a few to measure."""

HELD_OUT_EVERY = 3
"""Every third person gets keys that never train."""

JPEG_QUALITY = 88
"""A picture of 224 pixels then takes about 8 kB."""

BATCH = 4
SEED = 7


@dataclass(frozen=True)
class Drawn:
    """A picture of a person.

    Attributes:
        jpeg: the picture's file.
        face: the face that MediaPipe finds in it.
        inside: fraction of the face's oval inside the picture.
    """

    jpeg: bytes
    face: DetectedFace
    inside: float


def main() -> None:
    """Write the folder that the command line names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [drawn for couple in _couples() for drawn in couple]
    keys = _keys(len(pictures))
    _write_shard(folder / "faces-000.tar", keys, [drawn.jpeg for drawn in pictures])
    np.savez_compressed(folder / "annotations.npz", **_annotations(keys, pictures))
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{folder}: {len(keys)} faces of {PEOPLE} people, {size} bytes")


def _couples() -> Iterator[tuple[Drawn, Drawn]]:
    """Yield both pictures of each person, until there are enough people."""
    head = load_head("open")
    renderer = FaceRenderer(head, [head], ExpressionAugmentationConfig(actions=(1, 4)))
    generator = torch.Generator().manual_seed(SEED)
    found = 0
    with MediaPipeFaceDetector(thorough=False) as detector:
        while found < PEOPLE:
            first, second = renderer(_backgrounds(BATCH, generator), generator)
            for images in zip(as_pictures(first.images), as_pictures(second.images), strict=True):
                one, other = (_detected(image, detector) for image in images)
                if one is not None and other is not None and found < PEOPLE:
                    found += 1
                    yield one, other


def _backgrounds(count: int, generator: torch.Generator) -> Tensor:
    """Return smooth random pictures ``[B, 3, 224, 224]`` in [0, 1], of little colour."""
    grey = torch.rand(count, 1, 3, 3, generator=generator)
    coarse = torch.lerp(grey, torch.rand(count, 3, 3, 3, generator=generator), 0.25)
    return F.interpolate(coarse, CROP_SIZE, mode="bicubic", align_corners=False).clamp(0, 1)


def _detected(image: NDArray[np.uint8], detector: MediaPipeFaceDetector) -> Drawn | None:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=JPEG_QUALITY)
    stored = np.asarray(Image.open(stream))
    faces = detector.detect(stored)
    if not faces or not faces[0].blendshapes:
        return None
    inside = quality_report(stored, faces[0].landmarks).inside
    return Drawn(stream.getvalue(), faces[0], inside)


def _keys(count: int) -> list[str]:
    """Return a number a picture; both of every third person's are held out."""
    keys = []
    for picture in range(count):
        held_out = (picture // 2) % HELD_OUT_EVERY == 0
        keys.append(f"{HELD_OUT_DIVISOR * (picture + 1) + (0 if held_out else 1):05d}")
    return keys


def _write_shard(path: Path, keys: list[str], pictures: list[bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for key, data in zip(keys, pictures, strict=True):
            member = tarfile.TarInfo(f"{key}.jpg")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def _annotations(keys: list[str], pictures: list[Drawn]) -> dict[str, NDArray[Any]]:
    points = np.stack([drawn.face.landmarks for drawn in pictures])
    return {
        "key": np.array(keys),
        "source": np.array(["rendered"] * len(keys)),
        "label": np.array([""] * len(keys)),
        "person": np.array([f"rendered-{picture // 2:02d}" for picture in range(len(keys))]),
        "landmarks_xy": np.round(points[..., :2] * LANDMARK_STEPS).astype(np.int16),
        "landmarks_z": points[..., 2].astype(np.float16),
        "blendshapes": np.stack([arkit_row(drawn.face) for drawn in pictures]).astype(np.float16),
        "blendshape_names": np.array(ARKIT_NAMES),
        "oval_inside": np.array([drawn.inside for drawn in pictures], np.float32),
    }


if __name__ == "__main__":
    main()
