"""Drawn people with exact labels as training faces, kept in memory, more of them as they come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.conventions import CROP_SCALE, CROP_SIZE
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
STORED_SIZE = round(CROP_SIZE * STORED_SCALE / CROP_SCALE)
"""Side of a stored picture in pixels: so many that crops of an encoder, which are cut from it, have
a pixel for each of their own. Lips that are rolled in or pressed differ by one or two."""


@dataclass(frozen=True)
class _StoredSet:
    """What one set teaches: pictures ``[N, 3, S, S]`` and their labels ``[N]``."""

    images: Tensor
    landmarks: Tensor
    targets: FaceParameters
    points: Tensor
    points_visible: Tensor
    turn: Tensor
    partner: Tensor


class DrawnPeople:
    """Pictures of people with their true parameters, upright and framed as stored photos are.

    Attributes:
        landmarks: ``[N, 478, 2]`` in pixels; the middle of the face where the head has none.
        targets: true parameters ``[N]`` in the pictures' frame.
        points: fixed points of the surface ``[N, P, 2]`` in pixels.
        points_visible: ``[N, P]`` bool.
        turn: angle ``[N]`` in degrees between the face's direction and that to the viewer.
        partner: row ``[N]`` of the other picture of a pair that shows one person; -1 where there is
            none.
        point_corners: vertices ``[P, 3]`` of the points; those of the face alone are kept.
        point_bary: barycentric coordinates ``[P, 3]`` of the points.
    """

    def __init__(
        self,
        folder: Path,
        head: HeadModel,
        max_points: int = 0,
        points: tuple[Tensor, Tensor] | None = None,
        most: int = 0,
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
            most: largest number of pictures to keep, of the sets read last; 0 keeps all.

        Raises:
            InputError: if there is no set, none of this head, or one lacks labels.
        """
        self._folder, self._head, self._max_points, self._most = folder, head, max_points, most
        paths = self._finished_sets()
        if not paths:
            raise InputError(
                f"{folder} holds no set of labeled pictures: `smirk3d people` draws one"
            )
        first = next((s for s in map(read_labeled_set, paths) if _shows(s, head)), None)
        if first is None:
            raise InputError(f"{folder} shows other heads than {head.name!r}: draw it anew")
        wanted = points or _own_points(first, _face_points(first, head, max_points))
        self.point_corners, self.point_bary = wanted
        self._sets: dict[Path, _StoredSet] = {}
        self._seen: set[Path] = set()
        self.take_up_new_sets()

    def take_up_new_sets(self) -> int:
        """Read the sets that were finished since the folder was last read; return their number.

        Those read first give way to them where there are more pictures than are to be kept.

        Raises:
            InputError: if a set lacks labels.
        """
        new = [path for path in self._finished_sets() if path not in self._seen]
        for path in new:
            self._sets[path] = self._stored(read_labeled_set(path))
            self._seen.add(path)
            while self._most and len(self._sets) > 1:
                oldest = next(iter(self._sets))
                if sum(map(_count, self._sets.values())) - _count(self._sets[oldest]) < self._most:
                    break
                del self._sets[oldest]
        if new:
            self._join()
        return len(new)

    def _finished_sets(self) -> list[Path]:
        """Return the folders of all finished sets, by name."""
        if (self._folder / LABELS).is_file():
            return [self._folder]
        sets = (path.parent for path in self._folder.glob(f"*/{LABELS}"))
        return sorted(path for path in sets if path.name[0] != ".")

    def _stored(self, labeled: LabeledSet) -> _StoredSet:
        """Return the upright pictures of a set and what they teach."""
        head, wanted = self._head, (self.point_corners, self.point_bary)
        images = np.empty((len(labeled), 3, STORED_SIZE, STORED_SIZE), np.uint8)
        T_stored_image = _store_pictures(labeled, images)
        if _shows(labeled, head):
            targets = _targets(labeled, T_stored_image)
            kept = _face_points(labeled, head, self._max_points)
            at = _moved(T_stored_image, labeled["points"][:, kept])
            seen = labeled["points_visible"][:, kept]
            own = _own_points(labeled, kept)
            if not all(map(torch.equal, own, wanted)):
                at, seen = carried_points(at, seen, own, wanted, targets, head, STORED_SIZE)
        else:
            targets = _actions_alone(labeled, head)
            at = np.full((len(labeled), len(self.point_corners), 2), np.nan)
            seen = np.zeros(at.shape[:2], bool)
        landmarks = _known_landmarks(_moved(T_stored_image, labeled["landmarks"]))
        turn = np.degrees(np.arccos(labeled["rotation"][:, 2, 2].clip(-1, 1)))
        return _StoredSet(
            torch.from_numpy(images),
            torch.from_numpy(landmarks).float(),
            targets,
            torch.from_numpy(at).float(),
            torch.from_numpy(seen),
            torch.from_numpy(turn).float(),
            torch.from_numpy(_partners(labeled)),
        )

    def _join(self) -> None:
        """Join the labels of all sets; pictures stay apart, joining needs twice their memory."""
        sets = list(self._sets.values())
        self._images = [stored.images for stored in sets]
        self._starts = torch.tensor([0, *map(_count, sets)], device="cpu").cumsum(0)
        self.landmarks = torch.cat([stored.landmarks for stored in sets])
        self.targets = FaceParameters.cat([stored.targets for stored in sets])
        self.points = torch.cat([stored.points for stored in sets])
        self.points_visible = torch.cat([stored.points_visible for stored in sets])
        self.turn = torch.cat([stored.turn for stored in sets])
        partners = [
            torch.where(stored.partner < 0, -1, stored.partner + start)
            for stored, start in zip(sets, self._starts.tolist(), strict=False)
        ]
        self.partner = torch.cat(partners)

    def known_points(self) -> Tensor:
        """Return the points ``[N', P, 2]`` of those pictures that show this head."""
        return self.points[~self.points.isnan().any(2).any(1)]

    def __len__(self) -> int:
        """N."""
        return int(self._starts[-1])

    def rows(self, rows: Tensor, device: torch.device | str) -> LabeledFaces:
        """Return the faces in some rows ``[B]`` on a device."""
        of_set = torch.searchsorted(self._starts, rows.contiguous(), right=True) - 1
        within = rows - self._starts[of_set]
        pairs = zip(of_set.tolist(), within.tolist(), strict=True)
        images = torch.stack([self._images[number][row] for number, row in pairs])
        return LabeledFaces(
            images.to(device).float() / 255,
            self.landmarks[rows].to(device),
            self.targets[rows].to(device),
            torch.ones(len(rows), dtype=torch.bool, device=device),
            self.points[rows].to(device),
            self.points_visible[rows].to(device),
        )


def _count(stored: _StoredSet) -> int:
    return len(stored.images)


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


def _partners(labeled: LabeledSet) -> NDArray[np.int64]:
    """Return the row of the other picture of each one's pair ``[N]``, -1 where there is none.

    The two pictures of a pair stand together in a set.
    """
    partner = np.full(len(labeled), -1, np.int64)
    if "pair" not in labeled or "person" not in labeled:
        return partner
    pair, person = labeled["pair"], labeled["person"]
    first = np.flatnonzero((pair[:-1] >= 0) & (pair[:-1] == pair[1:]) & (person[:-1] == person[1:]))
    partner[first], partner[first + 1] = first + 1, first
    return partner


def _store_pictures(labeled: LabeledSet, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Fill in upright pictures ``[N, 3, S, S]``; return ``T_stored_image`` ``[N, 3, 3]``."""
    transforms = np.empty((len(labeled), 3, 3))
    for index, landmarks in enumerate(labeled["landmarks"]):
        known = landmarks[~np.isnan(landmarks[:, 0])]
        transform = crop_transform(
            known, scale=STORED_SCALE, size=STORED_SIZE, roll=face_roll(landmarks)
        )
        pictures[index] = warp_crop(labeled.picture(index), transform, STORED_SIZE).transpose(
            2, 0, 1
        )
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
    return transform_view(
        parameters, torch.from_numpy(T_stored_crop).float(), CROP_SIZE, STORED_SIZE
    )


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
