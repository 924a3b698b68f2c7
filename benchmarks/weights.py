"""What encoder weights read on held-out photos and on photos warped to known expressions.

    python benchmarks/weights.py ../shared/faces --weights default

Writes benchmarks/results/NAME.{json,md} beside those of benchmarks/fit.py, which gives
reprojection, round trip and time of the same weights.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro

from common import write_results
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.data.annotated_faces import HELD_OUT_DIVISOR, read_annotated_faces
from smirk3d.evaluation.metrics import channel_correlations, correlation
from smirk3d.evaluation.survival import survival, survival_table
from smirk3d.face_parameters import FaceParameters
from smirk3d.fitting.landmark_fit import LandmarkFit
from smirk3d.pipeline import FaceReconstructor
from smirk3d.preprocessing.face_crop import crop_face, transform_points


def main(
    faces: Annotated[Path, tyro.conf.Positional],
    weights: str = "default",
    limit: int = 96,
    name: str = "weights-survival",
) -> None:
    photos = read_annotated_faces(faces, keep=lambda key: int(key) % HELD_OUT_DIVISOR == 0)
    reconstructor = FaceReconstructor(weights=weights)
    head, encoder = reconstructor.head, reconstructor.encoder
    if encoder is None:
        raise SystemExit(f"no weights named {weights!r} for this head")
    crops, landmarks = [], []
    for image, points in zip(photos.images, photos.landmarks.numpy(), strict=True):
        crop, transform = crop_face(image.permute(1, 2, 0).numpy(), points)
        crops.append(crop)
        landmarks.append(transform_points(transform, points))
    pictures = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 255
    fitted = LandmarkFit(head)(torch.from_numpy(np.stack(landmarks)).float()).parameters

    @torch.no_grad()
    def read(images: torch.Tensor) -> FaceParameters:
        return FaceParameters.cat([encoder(part) for part in images.split(32)])

    answer, truth = head.arkit(read(pictures)).numpy(), head.arkit(fitted).numpy()
    each = channel_correlations(answer, truth)
    step = max(1, len(pictures) // limit)
    found = survival(head, pictures[::step], fitted[::step], read)
    overall = correlation(answer, truth)
    table = [f"Correlation with the fit over all channels: {overall:.3f} ({len(pictures)} photos)."]
    table += ["", f"Actions added to {len(pictures[::step])} photos by warping:", ""]
    table += [survival_table(found), "", "| channel | correlation with the fit |", "|---|---|"]
    table += [f"| {n} | {c:.2f} |" for n, c in zip(ARKIT_NAMES, each, strict=True)]
    write_results(name, [asdict(result) for result in found], "\n".join(table))
    print("\n".join(table[:28]))


if __name__ == "__main__":
    tyro.cli(main)
