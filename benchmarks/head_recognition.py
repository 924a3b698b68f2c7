"""Does a face detector see what a head does? MediaPipe's scores and its landmarks' gaze.

    python benchmarks/head_recognition.py [HEAD ...] [--people 6]

Scores: people with one action at 0, 0.25, 0.5, 0.75 and 1 are drawn and read by MediaPipe. An
action is followed if its score correlates by more than 0.8 with what was put in (mean over the
people) and rises by more than 0.1. Gaze: both eyes are turned aside and up and down, drawn, and
found again by the fit to MediaPipe's landmarks; the gain is the slope of what is found over what
was put in.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
import torch
from numpy.typing import NDArray

from common import write_results
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.fitting.landmark_fit import LandmarkFit
from smirk3d.geometry.cameras import project
from smirk3d.head_import.landmark_renderer import LandmarkRenderer
from smirk3d.heads.action_names import gaze_angles
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_crop import crop_face, transform_points
from smirk3d.preprocessing.face_detector import DetectedFace, FaceDetector
from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector
from smirk3d.rendering.clay import View, clay

LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
NEEDS_JAW = {"mouthClose": 0.8, "tongueOut": 0.4}
ASIDE, UP = (-25.0, -12.5, 0.0, 12.5, 25.0), (-15.0, -7.5, 0.0, 7.5, 15.0)
PORTRAIT = View(width=560, height=700, fill=0.92)
FOLLOWED_R, FOLLOWED_RISE = 0.8, 0.1

Picture = NDArray[np.uint8]


class Photographer:
    """Draws people of a head, faces in the middle."""

    def __init__(self, head: HeadModel, detector: FaceDetector, count: int) -> None:
        """Choose the people; the first is the mean."""
        self.head, self.detector = head, detector
        self._studio = LandmarkRenderer(head)
        generator = torch.Generator().manual_seed(0)
        shapes = torch.randn(count, head.group("shape").dim, generator=generator)
        shapes[0] = 0
        self.people = head.neutral(count).replace(shape=shapes)
        vertices = head(self.people).vertices[:, head.regions["face"]]
        centre = (vertices.amin(1) + vertices.amax(1)) / 2
        scale = torch.full((count, 1), 7.5)
        self.people = self.people.replace(camera=torch.cat([scale, -centre[:, :2]], 1))

    def draw(self, face: FaceParameters) -> Picture:
        """Return the quick picture of one face ``[1]``, in plain colours."""
        vertices = self.head(face).vertices
        return self._studio.picture(vertices, project(vertices, face.camera))

    def portrait(self, face: FaceParameters) -> Picture:
        """Return the picture of one face ``[1]`` as people see it, with lit eyes."""
        return clay(self.head, self.head(face).vertices[0], PORTRAIT)

    def detect(
        self, face: FaceParameters, *, portrait: bool = False
    ) -> tuple[Picture, DetectedFace | None]:
        """Return the picture of one face ``[1]`` and what the detector finds."""
        picture = self.portrait(face) if portrait else self.draw(face)
        found = self.detector.detect(picture)
        return picture, found[0] if found else None


def followed(camera: Photographer) -> dict[str, tuple[float, float]]:
    """Return correlation and rise of MediaPipe's score of each action over its weight."""
    found = {}
    at_rest: dict[tuple[float, int], DetectedFace | None] = {}
    for name in ARKIT_NAMES:
        jaw = NEEDS_JAW.get(name, 0.0)
        scores = np.full((len(camera.people), len(LEVELS)), np.nan)
        for column, level in enumerate(LEVELS):
            weights = torch.zeros(1, len(ARKIT_NAMES))
            weights[0, ARKIT_NAMES.index("jawOpen")] = jaw
            weights[0, ARKIT_NAMES.index(name)] = level
            moved = camera.head.from_arkit(weights)
            for row in range(len(camera.people)):
                person = camera.people[row][None]
                face = moved.replace(shape=person.shape, camera=person.camera)
                seen = at_rest[jaw, row] if (jaw, row) in at_rest and not level else None
                if seen is None:
                    _, seen = camera.detect(face)
                if not level:
                    at_rest[jaw, row] = seen
                if seen is not None and seen.blendshapes is not None:
                    scores[row, column] = seen.blendshapes.get(name, 0.0)
        r = float(np.mean([_correlation(row) for row in scores]))
        found[name] = (r, float(np.nanmean(scores[:, -1]) - np.nanmean(scores[:, 0])))
    return found


def _correlation(scores: NDArray[np.float64]) -> float:
    """Return that of a person's scores with the levels; 0 where nothing changes."""
    known = ~np.isnan(scores)
    if known.sum() < 3 or scores[known].std() < 1e-6:
        return 0.0
    return float(np.corrcoef(np.array(LEVELS)[known], scores[known])[0, 1])


def gaze_gains(camera: Photographer) -> dict[str, float]:
    """Return the gain aside and up and down, and the error of eyes that look ahead in degrees."""
    fit = LandmarkFit(camera.head)
    put, landmarks = [], []
    for row in range(len(camera.people)):
        for yaw, pitch in [*((a, 0.0) for a in ASIDE), *((0.0, u) for u in UP)]:
            eye = torch.tensor([math.radians(-pitch), math.radians(yaw), 0.0])
            face = camera.people[row][None].replace(eyes=torch.cat([eye, eye])[None])
            picture, seen = camera.detect(face, portrait=True)
            if seen is None:
                continue
            _, transform = crop_face(picture, seen.landmarks)
            points = transform_points(transform, seen.landmarks[:, :2])
            landmarks.append(torch.from_numpy(points).float())
            put.append((yaw, pitch))
    fitted = fit(torch.stack(landmarks)).parameters
    yaw, pitch = (a.mean(1).rad2deg().numpy() for a in gaze_angles(fitted.eyes))
    asked = np.array(put)
    aside, up = asked[:, 1] == 0, asked[:, 0] == 0
    ahead = aside & up
    return {
        "gain_aside": float(np.polyfit(asked[aside, 0], yaw[aside], 1)[0]),
        "gain_up_down": float(np.polyfit(asked[up, 1], pitch[up], 1)[0]),
        "ahead_yaw": float(np.abs(yaw[ahead]).mean()),
        "ahead_pitch": float(pitch[ahead].mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("heads", nargs="*", default=[DEFAULT_HEAD], metavar="HEAD")
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--only", choices=("scores", "gaze"))
    options = parser.parse_args()
    rows, lines = [], []
    for name in options.heads:
        label = name.rsplit("/", 1)[-1].removesuffix(".npz")
        with torch.no_grad(), MediaPipeFaceDetector(max_faces=1, thorough=False) as detector:
            camera = Photographer(load_head(name), detector, options.people)
            if options.only != "scores":
                gains = gaze_gains(camera)
                rows.append({"head": label, **gains})
                lines.append(f"{label}: " + ", ".join(f"{k} {v:.2f}" for k, v in gains.items()))
                print(lines[-1], flush=True)
            if options.only == "gaze":
                continue
            scores = followed(camera)
        seen = [n for n, (r, d) in scores.items() if r > FOLLOWED_R and d > FOLLOWED_RISE]
        rows += [{"head": label, "action": n, "r": r, "rise": d} for n, (r, d) in scores.items()]
        lines.append(f"{label}: {len(seen)} of {len(scores)} actions are followed")
        lines += ["", "| action | r | rise |", "|---|---|---|"]
        lines += [f"| {n} | {r:.2f} | {d:.2f} |" for n, (r, d) in scores.items()]
        print("\n".join(lines[-len(scores) - 4 :]), flush=True)
    write_results("head_recognition", rows, "\n".join(lines))


if __name__ == "__main__":
    main()
