"""Drawn people with exact labels as training faces, kept in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.conventions import CROP_SIZE
from smirk3d.data.carried_points import carried_points
from smirk3d.errors import InputError
from smirk3d.geometry.views import transform_view
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_crop import (
    crop_transform,
    face_roll,
    transform_points,
    warp_crop,
)
from smirk3d.synthesis.labeled_faces import NAMED_GROUPS, LabeledFaces
from smirk3d.synthesis.people.labeled_set import LABELS, LabeledSet, read_labeled_set

STORED_SCALE = 1.9
"""Side of a stored picture in landmark boxes, as `smirk3d preprocess` stores photos."""


class DrawnPeople:
    """Pictures of people with their true parameters, upright and framed as stored photos are.

    Attributes:
        images: pictures ``[N, 3, 224, 224]`` uint8.
        landmarks: ``[N, 478, 2]`` in pixels; the middle of the face where the head has none.
        targets: true parameters ``[N]`` in the pictures' frame.
        points: fixed points of the surface ``[N, P, 2]`` in pixels.
        points_visible: ``[N, P]`` bool.
        turn: angle ``[N]`` in degrees between the face's direction and that to the viewer.
        point_corners: vertices ``[P, 3]`` of the points; those of the face alone are kept.
        point_bary: barycentric coordinates ``[P, 3]`` of the points.
    """

    def __init__(
        self,
        folder: Path,
        head: HeadModel,
        max_points: int = 0,
        points: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        """Read all sets in a folder, or the set that it is.

        Pictures of another head with named actions have targets of actions, jaw, eyelids and eyes
        alone, and no points.

        Args:
            folder: a labeled set, or a folder with labeled sets; unfinished ones are left out.
            head: head of the targets, whose pictures at least one set shows.
            max_points: largest number of points to keep; 0 keeps those on the face.
            points: vertices and barycentric coordinates ``[P, 3]`` of points to label instead of
                the sets' own.

        Raises:
            InputError: if there is no set, none of this head, or one lacks labels.
        """
        paths = [folder] if (folder / LABELS).is_file() else sorted(
            path.parent for path in folder.glob(f"*/{LABELS}") if path.parent.name[0] != "."
        )  # fmt: skip
        if not paths:
            raise InputError(
                f"{folder} holds no set of labeled pictures: `smirk3d people` draws one"
            )
        sets = [read_labeled_set(path) for path in paths]
        of_this_head = [_shows(labeled, head) for labeled in sets]
        if not any(of_this_head):
            raise InputError(f"{folder} shows other heads than {head.name!r}: draw it anew")
        first = sets[of_this_head.index(True)]
        wanted = points or _own_points(first, _face_points(first, head, max_points))
        self.point_corners, self.point_bary = wanted
        # one array from the start: joining the sets' own would need twice the memory
        counts = [len(labeled) for labeled in sets]
        self.images = torch.empty((sum(counts), 3, CROP_SIZE, CROP_SIZE), dtype=torch.uint8)
        parts = self.images.split(counts)
        landmarks, targets, places, visible, turn = [], [], [], [], []
        for labeled, shown, part in zip(sets, of_this_head, parts, strict=True):
            T_stored_image = _store_pictures(labeled, part.numpy())
            turn.append(np.degrees(np.arccos(labeled["rotation"][:, 2, 2].clip(-1, 1))))
            landmarks.append(_known_landmarks(_moved(T_stored_image, labeled["landmarks"])))
            if shown:
                targets.append(_targets(labeled, T_stored_image))
                kept = _face_points(labeled, head, max_points)
                at = _moved(T_stored_image, labeled["points"][:, kept])
                seen = labeled["points_visible"][:, kept]
                own = _own_points(labeled, kept)
                if not all(map(torch.equal, own, wanted)):
                    at, seen = carried_points(at, seen, own, wanted, targets[-1], head, CROP_SIZE)
            else:
                targets.append(_actions_alone(labeled, head))
                at = np.full((len(labeled), len(self.point_corners), 2), np.nan)
                seen = np.zeros(at.shape[:2], bool)
            places.append(at)
            visible.append(seen)
        self.landmarks = torch.from_numpy(np.concatenate(landmarks)).float()
        self.targets = FaceParameters.cat(targets)
        self.turn = torch.from_numpy(np.concatenate(turn)).float()
        self.points = torch.from_numpy(np.concatenate(places)).float()
        self.points_visible = torch.from_numpy(np.concatenate(visible))

    def known_points(self) -> Tensor:
        """Return the points ``[N', P, 2]`` of those pictures that show this head."""
        return self.points[~self.points.isnan().any(2).any(1)]

    def __len__(self) -> int:
        """N."""
        return len(self.images)

    def rows(self, rows: Tensor, device: torch.device | str) -> LabeledFaces:
        """Return the faces in some rows ``[B]`` on a device."""
        return LabeledFaces(
            self.images[rows].to(device).float() / 255,
            self.landmarks[rows].to(device),
            self.targets[rows].to(device),
            torch.ones(len(rows), dtype=torch.bool, device=device),
            self.points[rows].to(device),
            self.points_visible[rows].to(device),
        )


def _shows(labeled: LabeledSet, head: HeadModel) -> bool:
    """Tell whether a set shows a head rather than another one with named actions.

    Raises:
        InputError: if the set lacks labels.
    """
    parameters = labeled.parameters()
    needed = {"arkit", "rotation", "landmarks", "points", "T_crop_image"}
    if parameters is None or not needed <= set(labeled.arrays):
        raise InputError(f"{labeled.folder} lacks labels that training needs (docs/people.md)")
    dims = {name: tensor.shape[1] for name, tensor in parameters.items()}
    return all(dims[group.name] == group.dim for group in head.spec)


def _face_points(labeled: LabeledSet, head: HeadModel, most: int) -> NDArray[np.int64]:
    """Return the numbers of points on the face, evenly chosen where there are too many."""
    face = head.regions["face"].cpu().numpy()
    on_face = np.flatnonzero(face[labeled["point_corners"]].all(1))
    if most and most < len(on_face):
        on_face = on_face[np.linspace(0, len(on_face) - 1, most).round().astype(np.int64)]
    return on_face


def _own_points(labeled: LabeledSet, kept: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Return vertices and barycentric coordinates ``[P, 3]`` of some of a set's points."""
    corners, bary = labeled["point_corners"][kept], labeled["point_bary"][kept]
    return torch.from_numpy(corners), torch.from_numpy(bary)


def _store_pictures(labeled: LabeledSet, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Fill in upright pictures ``[N, 3, 224, 224]``; return ``T_stored_image`` ``[N, 3, 3]``."""
    transforms = np.empty((len(labeled), 3, 3))
    for index, landmarks in enumerate(labeled["landmarks"]):
        known = landmarks[~np.isnan(landmarks[:, 0])]
        transform = crop_transform(known, scale=STORED_SCALE, roll=face_roll(landmarks))
        pictures[index] = warp_crop(labeled.picture(index), transform).transpose(2, 0, 1)
        transforms[index] = transform
    return transforms


def _moved(transforms: NDArray[np.float64], points: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.stack([transform_points(t, p) for t, p in zip(transforms, points, strict=True)])


def _known_landmarks(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return landmarks in which unknown ones lie in the middle, where they change no box."""
    middle = np.nanmean(points, 1, keepdims=True)
    return np.where(np.isnan(points), middle, points)


def _targets(labeled: LabeledSet, T_stored_image: NDArray[np.float64]) -> FaceParameters:
    parameters = labeled.parameters()
    assert parameters is not None
    T_stored_crop = T_stored_image @ np.linalg.inv(labeled["T_crop_image"].astype(np.float64))
    return transform_view(parameters, torch.from_numpy(T_stored_crop).float(), CROP_SIZE, CROP_SIZE)


def _actions_alone(labeled: LabeledSet, head: HeadModel) -> FaceParameters:
    """Return the targets ``[N]`` that named actions give; the others are NaN."""
    if not head.has_named_actions:
        raise InputError(f"{labeled.folder} shows another head than {head.name!r}: draw it anew")
    target = head.from_arkit(torch.from_numpy(labeled["arkit"]).float())
    unknown = {
        name: torch.full_like(tensor, torch.nan)
        for name, tensor in target.items()
        if name not in NAMED_GROUPS
    }
    return target.replace(**unknown)
