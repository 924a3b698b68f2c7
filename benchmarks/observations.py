"""What each observation adds to the joint estimate, on drawn people with exact truth.

    smirk3d people --out PEOPLE --count 300 --size 320 --split held-out --assets MAKEHUMAN
    python benchmarks/observations.py PEOPLE [--weights default]

Writes benchmarks/results/observations.{json,md}: the network's parameters from the crop and from
several views of it, its surface points, and MediaPipe's landmarks, together and with one of them
left out, on all pictures in which the face is found; and all together by who is shown and how.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from numpy.typing import NDArray

from common import write_results
from smirk3d.array_interface import to_numpy
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.conventions import ARKIT_NAMES, CROP_SIZE
from smirk3d.fitting.joint_estimate import JointEstimator
from smirk3d.fitting.landmark_fit import LandmarkFit
from smirk3d.fitting.observations.encoder_evidence import evidence_from, surface_points
from smirk3d.fitting.observations.face_views import FaceViews
from smirk3d.geometry.cameras import crop_pixels_to_image, ndc_to_pixels, project
from smirk3d.geometry.meshes import vertex_normals
from smirk3d.heads.action_names import GAZE_ACTIONS
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_crop import transform_points
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.synthesis.people import read_labeled_set

FARTHEST = 0.25
"""Median error of landmarks in sides of the face from which another thing was found."""
PRESENT, ABSENT, READ = 0.3, 0.02, 0.3
"""Weights from which an action is there, up to which it is not, and from which it is read."""
FACING = 0.2
"""Cosine to the view from which a vertex is taken as seen."""

Values = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class FoundPeople:
    """The faces that were found in B pictures, each upright in its crop.

    Attributes:
        crops: uint8 ``[B, 224, 224, 3]``.
        landmarks: ``[B, 478, 2]`` in crop pixels.
        transforms: of the picture's pixels to the crop's ``[B, 3, 3]``.
        truth: true parameters in the frame of ``true_transforms`` ``[B, 3, 3]``.
        groups: names of the groups that each picture is counted in.
    """

    crops: NDArray[np.uint8]
    landmarks: Values
    transforms: Values
    truth: FaceParameters
    true_transforms: Values
    groups: list[tuple[str, ...]]

    def of(self, rows: NDArray[np.int64]) -> FoundPeople:
        """Return some of the pictures."""
        return FoundPeople(
            self.crops[rows], self.landmarks[rows], self.transforms[rows], self.truth[rows],
            self.true_transforms[rows], [self.groups[row] for row in rows],
        )  # fmt: skip


def groups_of(person: Mapping[str, str], rotation: Values) -> tuple[str, ...]:
    """Return the groups of a picture: by the person's skin, what is worn, and the view."""
    yaw = abs(math.degrees(math.atan2(rotation[0, 2], rotation[2, 2])))
    band = "0 to 15" if yaw < 15 else "15 to 40" if yaw < 40 else "from 40"
    worn = person["glasses"]
    glasses = "none" if not worn else "sunglasses" if worn.startswith("sun") else "clear glasses"
    hat = "hat" if person["hat"] else "no hat"
    skin = person["skin"].removesuffix("2").removesuffix("_diffuse").replace("_", " ")
    return (f"skin: {skin}", f"glasses: {glasses}", f"head: {hat}", f"yaw: {band} degrees")


def found_people(folder: Path, seer: FaceReconstructor) -> FoundPeople:
    """Find the faces of a labeled set; a picture in which another thing was found is left out."""
    labels = read_labeled_set(folder)
    truth = labels.parameters()
    assert truth is not None
    ids = to_numpy(seer.head.landmark_ids)
    crops, landmarks, transforms, rows = [], [], [], []
    for row in range(len(labels)):
        true = labels["landmarks"][row][ids]
        side = float(np.ptp(true, axis=0).mean())
        found = seer.find(labels.picture(row))
        for face, crop, transform in zip(
            found.detections, found.crops, found.transforms, strict=True
        ):
            away = np.linalg.norm(face.landmarks[ids, :2] - true, axis=1)
            if np.median(away) < FARTHEST * side:
                crops.append(crop)
                landmarks.append(transform_points(transform, face.landmarks[:, :2]))
                transforms.append(transform)
                rows.append(row)
                break
    return FoundPeople(
        np.stack(crops),
        np.stack(landmarks).astype(np.float32),
        np.stack(transforms),
        truth[np.array(rows)].to_numpy(),
        labels["T_crop_image"][rows],
        [groups_of(labels.meta["ids"][row], labels["rotation"][row]) for row in rows],
    )


def in_picture(
    head: HeadModel, faces: FaceParameters, transforms: Values
) -> tuple[Values, NDArray[np.bool_]]:
    """Return where the face's vertices lie in the picture ``[B, N, 2]``, and which are seen."""
    chosen = np.flatnonzero(to_numpy(head.regions["face"]))
    vertices = head(faces).vertices
    seen = vertex_normals(vertices, head.faces)[:, chosen, 2] > FACING
    crop = ndc_to_pixels(project(vertices[:, chosen], faces.camera)[..., :2], CROP_SIZE)
    return crop_pixels_to_image(crop, transforms), seen


def neutral(head: HeadModel, faces: FaceParameters) -> Values:
    """Return the face's vertices without expression about their middle ``[B, N, 3]``, in mm."""
    rest = head(head.neutral(len(faces)).replace(shape=faces.shape)).vertices
    rest = rest[:, to_numpy(head.regions["face"])] * 1e3
    return np.asarray(rest - rest.mean(1, keepdims=True))


def figures(head: HeadModel, faces: FaceParameters, people: FoundPeople) -> dict[str, float]:
    """Return the errors of estimates in the frames of the crops."""
    truth, transforms = people.truth, people.transforms
    columns = [k for k, name in enumerate(ARKIT_NAMES) if name not in GAZE_ACTIONS]
    ours, theirs = (to_numpy(head.arkit(x))[:, columns] for x in (faces, truth))
    places, _ = in_picture(head, faces, transforms)
    wanted, seen = in_picture(head, truth, people.true_transforms)
    scale = np.sqrt(np.linalg.det(transforms[:, :2, :2]))[:, None]
    away = np.linalg.norm(places - wanted, axis=2) * scale
    gaze = np.linalg.norm((faces.eyes - truth.eyes).reshape(-1, 2, 3)[..., :2], axis=2)
    shape = np.linalg.norm(neutral(head, faces) - neutral(head, truth), axis=2)
    return {
        "correlation": float(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]),
        "mean absolute error": float(np.abs(ours - theirs).mean()),
        "read where there": float(ours[theirs > PRESENT].mean() / theirs[theirs > PRESENT].mean()),
        "absent above 0.3": float(((ours > READ) & (theirs < ABSENT)).sum(1).mean()),
        "identity, mm": float(shape.mean()),
        "gaze, degrees": float(np.rad2deg(np.median(gaze))),
        "surface, px": float(away[seen].mean()),
    }


def main(people: Annotated[Path, tyro.conf.Positional], weights: str = "default") -> None:
    head = load_head(DEFAULT_HEAD, library="numpy")
    seer = FaceReconstructor(head, weights=weights, refine=True)
    encoder = seer.encoder
    assert encoder is not None
    found = found_people(people, seer)
    landmarks = found.landmarks
    pictures = found.crops.transpose(0, 3, 1, 2).astype(np.float32) / 255
    one = evidence_from(encoder, pictures)
    views = FaceViews(head)(encoder, pictures)
    surface = surface_points(encoder)
    methods: dict[str, Callable[[], FaceParameters]] = {
        "landmarks": lambda: LandmarkFit(head)(landmarks).parameters,
        "parameters": lambda: one.parameters,
        "parameters, views": lambda: views.parameters,
        "parameters, views, points": lambda: (
            JointEstimator(head, surface, landmarks=False)(views, None).parameters
        ),
        "parameters, views, landmarks": lambda: JointEstimator(head)(views, landmarks).parameters,
        "parameters, points, landmarks": lambda: (
            JointEstimator(head, surface)(one, landmarks).parameters
        ),
        "all": lambda: JointEstimator(head, surface)(views, landmarks).parameters,
    }
    record = []
    for name, answer in methods.items():
        faces = seer.tongue_gate(answer()).to_numpy()
        record.append({"observations": name, **figures(head, faces, found)})
        print(record[-1])
    names = [key for key in record[0] if key != "observations"]
    text = [
        f"{len(found.truth)} held-out people on {head.name}, weights {seer.weights}. Identity: "
        "mean distance of vertices of the neutral face; surface: of those seen, in a 224 crop.",
        "",
        "| observations | " + " | ".join(names) + " |",
        "|---" * (1 + len(names)) + "|",
        *(
            f"| {row['observations']} | " + " | ".join(f"{row[key]:.3f}" for key in names) + " |"
            for row in record
        ),
        "",
        "All observations, by who is shown and how:",
        "",
        "| group | people | " + " | ".join(names) + " |",
        "|---" * (2 + len(names)) + "|",
    ]
    for group in sorted({name for each in found.groups for name in each}):
        rows = np.array([row for row, each in enumerate(found.groups) if group in each])
        values = figures(head, faces[rows], found.of(rows))
        record.append({"observations": group, "people": len(rows), **values})
        shown = " | ".join(f"{values[key]:.3f}" for key in names)
        text.append(f"| {group} | {len(rows)} | {shown} |")
    write_results("observations", record, "\n".join(text))


if __name__ == "__main__":
    tyro.cli(main)
