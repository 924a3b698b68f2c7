"""How exactly and how fast the landmark fit, or weights, answer on held-out photos.

    python benchmarks/fit.py FACES [--weights none] [--limit 400]

Writes benchmarks/results/fit.{json,md}. Photos are those whose key is divisible by 29. What else
there is to measure of an answer, `smirk3d evaluate` does.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro

from common import write_results
from smirk3d.data.annotated_faces import read_annotated_faces, trains
from smirk3d.faces import Face
from smirk3d.fitting.landmark_fit import LandmarkFit
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.preprocessing.face_crop import transform_points
from smirk3d.reconstruction import FaceReconstructor

STORED_SIZE = 224


def stable_error(face: Face) -> float:
    """Return the mean distance of the stable landmarks in pixels of the stored picture."""
    head = face.head
    stable = (head.landmark_sigma <= LandmarkFit.STABLE_SIGMA) & (head.landmark_ids < 468)
    landmarks = head.landmarks(face.vertices()[None])
    ndc = project(landmarks, face.parameters.camera[None])[0, :, :2]
    crop = ndc_to_pixels(ndc, STORED_SIZE).numpy()
    seen = transform_points(np.linalg.inv(face.T_crop_image), crop)
    wanted = face.detection.landmarks[head.landmark_ids.numpy(), :2]
    return float(np.linalg.norm(seen - wanted, axis=1)[stable.numpy()].mean())


def main(
    faces: Annotated[Path, tyro.conf.Positional],
    weights: str = "none",
    refine: bool = False,
    limit: int = 10_000,
    name: str = "fit",
) -> None:
    photos = read_annotated_faces(faces, keep=lambda key: not trains(key))
    pictures = [image.permute(1, 2, 0).numpy() for image in photos.images[:limit]]
    reconstructor = FaceReconstructor(weights=weights, refine=refine)
    found = [reconstructor.find(picture) for picture in pictures]
    have = [i for i, picture in enumerate(found) if picture.detections]
    chosen = [found[i].largest() for i in have]
    begin = time.perf_counter(), time.process_time()
    answers = [answer[0] for answer in reconstructor.reconstruct(chosen)]
    wall, processor = time.perf_counter() - begin[0], time.process_time() - begin[1]
    times = []
    for one in chosen[:20]:
        start = time.perf_counter()
        reconstructor.reconstruct([one])
        times.append(time.perf_counter() - start)
    errors = np.array([stable_error(answer) for answer in answers])
    figures = {
        "photos": len(pictures),
        "faces_found": len(have),
        "error_median_px": float(np.median(errors)),
        "error_mean_px": float(errors.mean()),
        "error_p95_px": float(np.percentile(errors, 95)),
        "seconds_per_face_batch_wall": wall / len(have),
        "seconds_per_face_batch_processor": processor / len(have),
        "seconds_one_photo_best": min(times),
        "seconds_one_photo_median": float(np.median(times)),
        "threads": torch.get_num_threads(),
    }
    lines = [f"Weights {answers[0].weights}, refined: {refine}.", ""]
    lines += ["| figure | value |", "|---|---|"]
    lines += [f"| {key} | {value:.4g} |" for key, value in figures.items()]
    write_results(name, [figures], "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    tyro.cli(main)
