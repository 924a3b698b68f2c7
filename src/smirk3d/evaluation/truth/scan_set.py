"""A head scan with its skin as a set of labeled pictures: pose and shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from smirk3d.assets.atomic import atomic_directory
from smirk3d.assets.foreign.npz import read_npz
from smirk3d.assets.foreign.origin import Origin
from smirk3d.assets.foreign.schema import NUMBER, WHOLE, ArrayRule
from smirk3d.errors import InputError
from smirk3d.evaluation.photos import Observer
from smirk3d.geometry.meshes import vertex_normals
from smirk3d.preprocessing.face_crop import crop_transform
from smirk3d.preprocessing.media.image_io import read_image
from smirk3d.rasterization.base import Fragments, rasterize
from smirk3d.synthesis.people import LabeledSet, read_labeled_set
from smirk3d.synthesis.people.expressions import euler_rotation
from smirk3d.synthesis.people.labeled_set import FORMAT, LABELS

Array = NDArray[np.float32]

YAWS, PITCHES = (-60, -40, -20, 0, 20, 40, 60), (0, -25, 25)
"""Degrees that the scan is turned by, each with each."""
_DISTANCE = 0.75
"""Metres from the camera, as in the measurements before."""
_FRAMING = 2.2
"""Side of the pictures as a multiple of the landmarks' box, as of the people."""
_SIZE = 384  # side of the pictures in pixels, as of the people
_FIRST_SIDE = 0.4  # metres that the picture shows in which landmarks are sought, by hand
_REACH = 0.012
"""Metres around a landmark that count as face: landmarks lie about twice as far apart; by eye."""
_AMBIENT, _LAMP = 0.55, (-0.35, 0.45, 0.82)
"""Light from all sides, and the direction of a lamp that gives the rest; by eye."""
_BEHIND = 150  # grey level behind the head, by eye
_LARGEST = 1 << 28
"""Bytes of a scan's arrays that are read: five times those of a scan of a million vertices."""

_RULES = {
    "vertices": ArrayRule("V 3", NUMBER),
    "faces": ArrayRule("F 3", WHOLE, low=0),
    "uv": ArrayRule("V 2", NUMBER),
}


@dataclass(frozen=True, eq=False)
class Scan:
    """A head scan.

    Attributes:
        vertices: ``[V, 3]`` in metres, head axes.
        faces: triangles ``[F, 3]``.
        uv: place of each vertex in the picture of its skin ``[V, 2]``, v upwards.
        skin: that picture uint8 ``[H, W, 3]``.
    """

    vertices: Array
    faces: NDArray[np.int64]
    uv: Array
    skin: NDArray[np.uint8]


def read_scan(folder: Path) -> Scan:
    """Return the scan of a folder: one npz with ``vertices``, ``faces``, ``uv``, and a JPEG.

    Raises:
        InputError: if one of the files is absent or damaged.
    """
    meshes, skins = sorted(folder.glob("*.npz")), sorted(folder.glob("*.jpg"))
    if not meshes or not skins:
        raise InputError(f"{folder} holds no scan: give a folder with its .npz and its .jpg")
    origin = Origin(str(meshes[0]), "head scan", "copy it again")
    arrays = read_npz(meshes[0], origin, _RULES, budget=_LARGEST)
    faces = arrays["faces"].astype(np.int64)
    if faces.max(initial=0) >= len(arrays["vertices"]):
        raise InputError(f"{meshes[0]}: faces name a vertex that is not there")
    return Scan(arrays["vertices"].astype(np.float32), faces, arrays["uv"].astype(np.float32),
                read_image(skins[0]))  # fmt: skip


def scan_set(folder: Path, cache: Path, observer: Observer) -> LabeledSet:
    """Return pictures of a scan over yaw and pitch, drawn into the cache the first time.

    Its landmarks are those that a detector finds from the front, carried on the surface; one
    person gives no standard errors.

    Raises:
        InputError: if the folder holds no scan, or no face is found on it.
    """
    target = cache / f"scan-{folder.name}-{_SIZE}px-v{FORMAT}"
    if not (target / LABELS).is_file():
        scan = read_scan(folder)
        landmarks = _landmarks(scan, observer, folder)
        _write(target, scan, landmarks)
    return read_labeled_set(target)


def _write(target: Path, scan: Scan, landmarks: Array) -> None:
    near = torch.cdist(torch.from_numpy(scan.vertices), torch.from_numpy(landmarks)).amin(1)
    rows: dict[str, list[NDArray[np.generic]]] = {}
    with atomic_directory(target) as temporary:
        for number, rotation in enumerate(_rotations()):
            picture, seen = _picture(scan, rotation, landmarks)
            name = f"{number:03d}.png"
            cv2.imwrite(str(temporary / name), picture[..., ::-1])
            for key, value in {
                "picture": np.array(name), "person": np.array(0), "rotation": rotation,
                "landmarks": seen, "T_crop_image": crop_transform(seen),
                "posed": scan.vertices @ rotation.T,
            }.items():  # fmt: skip
                rows.setdefault(key, []).append(value)
        meta = json.dumps({"format": FORMAT, "name": "scan"})
        np.savez_compressed(
            temporary / LABELS, allow_pickle=False, meta=np.array(meta),
            neutral=scan.vertices[None], faces=scan.faces, face_region=near.numpy() < _REACH,
            **{key: np.stack(values) for key, values in rows.items()},
        )  # fmt: skip


def _rotations() -> Iterator[Array]:
    for pitch in PITCHES:
        for yaw in YAWS:
            yield euler_rotation(pitch, yaw, 0)


def _picture(scan: Scan, rotation: Array, landmarks: Array) -> tuple[NDArray[np.uint8], Array]:
    """Return the picture, and the landmarks ``[478, 2]`` in its pixels."""
    marks = landmarks @ rotation.T
    flat = marks[:, :2] / (_DISTANCE - marks[:, 2:])
    low, high = flat.min(0), flat.max(0)
    focal = 2 / (_FRAMING * float((high - low).mean()))
    middle = (low + high) / 2
    drawn = _drawn(scan, scan.vertices @ rotation.T, focal, middle, 2 * _SIZE)
    picture = cv2.resize(drawn, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)
    seen = ((flat - middle) * focal * [1, -1] + 1) / 2 * _SIZE
    return np.asarray(picture, np.uint8), seen.astype(np.float32)


def _fragments(scan: Scan, points: Array, focal: float, middle: Array, size: int) -> Fragments:
    depth = _DISTANCE - points[:, 2]
    ndc = (points[:, :2] / depth[:, None] - middle) * focal * [1, -1]
    screen = np.concatenate([ndc, depth[:, None]], 1).astype(np.float32)
    return rasterize(torch.from_numpy(screen)[None], torch.from_numpy(scan.faces), size, size)


def _drawn(scan: Scan, points: Array, focal: float, middle: Array, size: int) -> NDArray[np.uint8]:
    fragments = _fragments(scan, points, focal, middle, size)
    mesh = torch.from_numpy(points.astype(np.float32))[None]
    normals = vertex_normals(mesh, torch.from_numpy(scan.faces))
    values = torch.cat([torch.from_numpy(scan.uv)[None], normals], 2)
    shown = fragments.interpolate(values)[0]
    grid = (shown[:2] * 2 - 1).permute(1, 2, 0)[None] * torch.tensor([1.0, -1.0])
    skin = torch.from_numpy(scan.skin).permute(2, 0, 1)[None].float()
    colour = F.grid_sample(skin, grid, align_corners=False)[0]
    lamp = torch.tensor(_LAMP)
    cosine = (shown[2:] * lamp[:, None, None]).sum(0).clamp(min=0)
    lit = colour * (_AMBIENT + (1 - _AMBIENT) * cosine * 1.3)
    picture = torch.where(fragments.mask[0], lit, float(_BEHIND)).clamp(0, 255)
    drawn: NDArray[np.uint8] = picture.permute(1, 2, 0).to(torch.uint8).contiguous().numpy()
    return drawn


def _landmarks(scan: Scan, observer: Observer, folder: Path) -> Array:
    """Return a detector's landmarks on the surface ``[478, 3]``, found from the front."""
    size, focal = 2 * _SIZE, 2 * _DISTANCE / _FIRST_SIDE
    middle = np.zeros(2, np.float32)
    found = observer.detect(_drawn(scan, scan.vertices, focal, middle, size))
    if found is None:
        raise InputError(f"{folder}: no face is found on the scan: it must look along +z, y up")
    fragments = _fragments(scan, scan.vertices, focal, middle, size)
    places = fragments.interpolate(torch.from_numpy(scan.vertices)[None])[0]
    there = fragments.mask[0].numpy()
    pixels = found.landmarks[:, :2]
    column, row = np.floor(pixels).astype(int).clip(0, size - 1).T
    kept = there[row, column]
    surface: Array = places[:, row, column].T.numpy().copy()
    # beside the silhouette: the nearest place that the head covers
    covered = np.argwhere(there)
    for number in np.flatnonzero(~kept):
        nearest = covered[((covered - [row[number], column[number]]) ** 2).sum(1).argmin()]
        surface[number] = places[:, nearest[0], nearest[1]].numpy()
    return surface
