"""How far MediaPipe's landmarks are from the truth on rendered people, by region and view.

    smirk3d people --out PEOPLE --count 600 --size 320 --assets MAKEHUMAN
    python benchmarks/landmark_errors.py PEOPLE

Writes benchmarks/results/landmark_errors.{json,md}, from which the table in
smirk3d/fitting/observations/landmark_errors.py is taken: in millimetres in the picture's plane,
what a region's landmarks err together (offsets of definition of a person and of the head's
embedding included) and each by itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro

from common import write_results
from smirk3d.fitting.observations.landmark_errors import REGIONS, VIEWS, region_of_points
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.registry import load_head
from smirk3d.preprocessing.face_crop import face_roll
from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector
from smirk3d.synthesis.people import read_labeled_set

FARTHEST = 0.25
"""Median error in sides of the face from which another thing was found; chosen by eye."""


def errors(folder: Path) -> tuple[np.ndarray, np.ndarray, object]:
    """Return errors in millimetres ``[N, L, 2]``, upright; angles to the camera; and the head."""
    labels = read_labeled_set(folder)
    head, detector = load_head(str(labels.meta["head"])), MediaPipeFaceDetector()
    truth = labels.parameters()
    assert truth is not None
    ids = head.landmark_ids.numpy()
    rows, angles = [], []
    for row in range(len(labels)):
        true = labels["landmarks"][row][ids].astype(np.float64)
        side = float(np.ptp(true, axis=0).mean())
        for face in detector.detect(labels.picture(row)):
            away = face.landmarks[ids, :2] - true
            if np.median(np.linalg.norm(away, axis=1)) > FARTHEST * side:
                continue
            roll = face_roll(face.landmarks)
            turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
            crop = labels["T_crop_image"][row]
            metre = float(truth.camera[row, 0]) * 112 / float(np.sqrt(np.linalg.det(crop[:2, :2])))
            rows.append(away @ turn.T / metre * 1e3)
            rotation = axis_angle_to_matrix(truth.head_pose[row][None])[0]
            angles.append(float(torch.rad2deg(torch.acos(rotation[2, 2].clamp(-1, 1)))))
    return np.stack(rows), np.array(angles), head


def main(people: Annotated[Path, tyro.conf.Positional], name: str = "landmark_errors") -> None:
    away, angles, head = errors(people)
    region = region_of_points(head, head.landmark_corners).numpy()
    table, record = [], []
    for low, high in zip(VIEWS, (*VIEWS[1:], 180.0), strict=True):
        seen = away[(angles >= low) & (angles < high)]
        line = {"view": low, "pictures": len(seen)}
        for number, label in enumerate(REGIONS):
            here = seen[:, region == number]
            together = here.mean(1)
            alone = here - together[:, None]
            line[label] = [
                float(np.sqrt((together**2).mean())), float(np.sqrt((alone**2).mean())),
                *together.mean(0).tolist(),
            ]  # fmt: skip
        record.append(line)
        cells = [f"{a:.2f} / {b:.2f}" for a, b, *_ in (line[label] for label in REGIONS)]
        table.append(f"| {low:g} | {len(seen)} | " + " | ".join(cells) + " |")
    text = [
        "Root mean square error of MediaPipe's landmarks in mm by angle to the camera, for each "
        "axis: of a region together / of each landmark around it.",
        "",
        "| from degrees | pictures | " + " | ".join(REGIONS) + " |",
        "|---" * (2 + len(REGIONS)) + "|",
        *table,
    ]
    write_results(name, record, "\n".join(text))
    print("\n".join(text))


if __name__ == "__main__":
    tyro.cli(main)
