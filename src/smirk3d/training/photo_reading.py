"""What trained encoders read of all training photos: where better fits start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from smirk3d.conventions import CROP_SIZE
from smirk3d.data.annotated_faces import AnnotatedFaces
from smirk3d.data.augmentation import AugmentationConfig, random_crops, transform_view
from smirk3d.data.mirroring import Mirror
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.face_parameters import FaceParameters
from smirk3d.heads.head_model import HeadModel
from smirk3d.preprocessing.face_crop import warp_image

_CROP = AugmentationConfig(crop_scale=(1.5, 1.5), shift=0.0, rotation=0.0)
_PART = 64


@torch.no_grad()
def read_photos(
    head: HeadModel,
    faces: AnnotatedFaces,
    weights: Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> FaceParameters:
    """Return the parameters ``[N]`` that an encoder reads of photos, in the photos' frame.

    Of heads with named actions each photo is read twice, the second time mirrored, and the mean
    of the two is returned: it errs less than either.

    Args:
        head: of the encoder, on the CPU.
        faces: N photos.
        weights: the encoder's file.
        on_progress: called with the numbers of photos read and in all.

    Raises:
        AssetError: if the weights are absent, damaged or for another head.
    """
    encoder = FaceEncoder.from_file(weights, head)
    size = encoder.config.input_size
    mirror = Mirror(head) if head.has_named_actions else None
    parts: list[FaceParameters] = []
    for first in range(0, len(faces), _PART):
        landmarks = faces.landmarks[first : first + _PART]
        images = faces.images[first : first + _PART].float() / 255
        # the ranges are empty: nothing is random in these crops
        transform = random_crops(landmarks, size, _CROP, torch.Generator())
        read = _read(encoder, warp_image(images, transform, size), mirror)
        parts.append(transform_view(read, torch.linalg.inv(transform), size, CROP_SIZE))
        if on_progress is not None:
            on_progress(first + len(images), len(faces))
    return FaceParameters.cat(parts)


def _read(encoder: FaceEncoder, crops: Tensor, mirror: Mirror | None) -> FaceParameters:
    read = encoder(crops)
    if mirror is None:
        return read
    other = mirror.parameters(encoder(crops.flip(3)))
    return FaceParameters(
        **{name: (tensor + getattr(other, name)) / 2 for name, tensor in read.items()}
    )
