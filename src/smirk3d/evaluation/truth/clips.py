"""Faces of clips without labels: what a detector sees stands where truth would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import InputError, Smirk3dError
from smirk3d.evaluation.photos import Observer, arkit_row
from smirk3d.evaluation.truth.actions import channel_correlation
from smirk3d.evaluation.truth.answers import Answers
from smirk3d.evaluation.truth.faces import TruthFaces
from smirk3d.evaluation.truth.figures import Figure, mean_figure
from smirk3d.evaluation.truth.views import angles_between
from smirk3d.preprocessing.face_crop import crop_face, face_roll, transform_points
from smirk3d.preprocessing.media.video_reader import VideoReader
from smirk3d.synthesis.people import LabeledSet

Array = NDArray[np.floating]

STILL = 0.5
"""Pixels of the 224 crop by which the landmarks of a still face move from frame to frame at most,
on average over five frames: a detector's noise is about as large; by hand."""
_WINDOW = 5
"""Frames over which motion is averaged before a face counts as still; by hand."""
_VARIED = 0.02
"""Least standard deviation of a detector's channel in a clip that is compared over time: below, it
is noise; by hand."""


@dataclass(frozen=True, eq=False)
class Clip:
    """The face of one clip, the largest in each frame.

    Attributes:
        faces: the frames with a face; their labels are the detector's landmarks, in frame pixels.
        frames: number of each of these in the clip ``[K]``.
        images: frames that are shown on the sheet, by row.
        total: frames that were read.
    """

    faces: TruthFaces
    frames: NDArray[np.int64]
    images: dict[int, NDArray[np.uint8]]
    total: int


def clip_paths(folder: Path) -> list[Path]:
    """Return the videos of a folder, and its folders of pictures, by name.

    Raises:
        InputError: if it is no folder or holds nothing.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: give one with clips in it")
    found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if not found:
        raise InputError(f"{folder} holds no clips: give a folder with videos in it")
    return found


def read_clip(path: Path, number: int, most: int, shown: int, observer: Observer) -> Clip:
    """Return the faces of a clip's first frames.

    Args:
        path: of the video, or a folder of numbered pictures.
        number: by which figures count the clip.
        most: frames at most.
        shown: frames whose pictures are kept, spaced evenly.
        observer: detects faces.

    Raises:
        InputError: if it cannot be read.
    """
    rows: list[tuple[NDArray[Any], ...]] = []
    frames: list[int] = []
    total = 0
    images: dict[int, NDArray[np.uint8]] = {}
    step = max(1, most // max(1, shown))
    for frame in islice(VideoReader(path).frames(), most):
        total += 1
        found = observer.detect(frame.image)
        if found is None:
            continue
        marks = found.landmarks[:, :2].astype(np.float64)
        crop, transform = crop_face(frame.image, marks, roll=face_roll(marks))
        if len(frames) % step == 0 and len(images) < shown:
            images[len(frames)] = frame.image
        frames.append(frame.index)
        rows.append((crop, transform_points(transform, marks), arkit_row(found).numpy(), transform,
                     marks))  # fmt: skip
    return Clip(_as_faces(path, number, rows), np.array(frames, np.int64), images, total)


def _as_faces(path: Path, number: int, rows: list[tuple[NDArray[Any], ...]]) -> TruthFaces:
    shapes = ((224, 224, 3), (478, 2), (52,), (3, 3), (478, 2))
    crops, landmarks, blendshapes, transforms, marks = (
        np.stack(column) for column in zip(*rows, strict=True)
    ) if rows else (np.zeros((0, *shape)) for shape in shapes)  # fmt: skip
    arrays = {
        "picture": np.full(len(rows), path.name),
        "person": np.full(len(rows), number),
        "landmarks": marks,
    }
    return TruthFaces(
        path.name, LabeledSet(path, {}, arrays), np.arange(len(rows)), crops.astype(np.uint8),
        landmarks.astype(np.float32), blendshapes.astype(np.float32), transforms,
    )  # fmt: skip


def readable(
    paths: list[Path], read: Callable[[Path, int], Clip], on_failure: Callable[[str], None]
) -> Iterator[Clip]:
    """Yield the clips that can be read and show a face; the others cost a line."""
    for number, path in enumerate(paths):
        try:
            clip = read(path, number)
        except Smirk3dError as error:
            on_failure(str(error))
            continue
        if len(clip.frames) > 2:
            yield clip
        else:
            on_failure(f"{path}: shows a face in {len(clip.frames)} frames, which is too few")


def steadiness(clip: Clip, found: Answers) -> dict[str, tuple[Array, NDArray[np.bool_]]]:
    """Return second differences between frames, and which of them are of a still face.

    Returns:
        By name with unit, the size of each second difference ``[D]`` and the mask ``[D]``.
    """
    middle = _in_row(clip.frames)
    own = np.linalg.inv(clip.faces.level)
    zoom = np.sqrt(np.abs(np.linalg.det(clip.faces.level[:, :2, :2])))
    in_frame = np.einsum("kij,knj->kni", own[:, :2, :2], found.landmarks) + own[:, None, :2, 2]
    seen = clip.faces.labels["landmarks"]
    still = _still(seen, zoom)[middle]
    before, after = middle - 1, middle + 1
    bend = in_frame[before] - 2 * in_frame[middle] + in_frame[after]
    turn = np.einsum("kij,klj->kil", found.rotation[after], found.rotation[middle])
    turned = np.einsum("kij,klj->kil", found.rotation[middle], found.rotation[before])
    actions = found.arkit[before] - 2 * found.arkit[middle] + found.arkit[after]
    theirs = seen[before] - 2 * seen[middle] + seen[after]
    scale = zoom[middle]
    return {
        "landmarks, px": (np.linalg.norm(bend, axis=2).mean(1) * scale, still),
        "the detector's own landmarks, px": (np.linalg.norm(theirs, axis=2).mean(1) * scale, still),
        "rotation, degrees": (angles_between(turn, turned), still),
        "actions": (np.abs(actions).mean(1), still),
    }


def _in_row(frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return rows whose frame has both neighbours."""
    both = (np.diff(frames[:-1]) == 1) & (np.diff(frames[1:]) == 1)
    return np.flatnonzero(both) + 1


def _still(landmarks: Array, zoom: Array) -> NDArray[np.bool_]:
    speed = np.zeros(len(landmarks))
    # noise goes in all directions, motion in one
    moved = np.linalg.norm(np.diff(landmarks, axis=0).mean(1), axis=1)
    speed[1:] = moved * zoom[1:]
    mean = np.convolve(speed, np.ones(_WINDOW) / _WINDOW, mode="same")
    return mean < STILL


def agreement(clip: Clip, found: Answers) -> float:
    """Return the mean correlation over time with the detector's channels that vary in the clip."""
    theirs = clip.faces.blendshapes
    if theirs is None or np.isnan(found.arkit).all():
        return float("nan")
    varied = theirs.std(0) > _VARIED
    if not varied.any():
        return float("nan")
    each = channel_correlation(theirs[:, varied].astype(np.float64), found.arkit[:, varied])
    return float(np.nanmean(each))


def clip_figures(clips: list[Clip], by_clip: list[Answers]) -> Iterator[Figure]:
    """Yield the figures of one method over clips; standard errors are over clips."""
    parts: dict[str, tuple[list[Array], list[Array]]] = {}
    for number, (clip, found) in enumerate(zip(clips, by_clip, strict=True)):
        for name, (values, still) in steadiness(clip, found).items():
            for text, chosen in (("still", still), ("moving", ~still)):
                kept = parts.setdefault(f"second difference, {text}: {name}", ([], []))
                kept[0].append(values[chosen])
                kept[1].append(np.full(int(chosen.sum()), number))
    for name, (parts_of, owners) in sorted(parts.items()):
        yield mean_figure(name, np.concatenate(owners), np.concatenate(parts_of))
    numbers = np.arange(len(clips))
    each = np.array([agreement(clip, found) for clip, found in zip(clips, by_clip, strict=True)])
    yield mean_figure("correlation over time with MediaPipe's channels", numbers, each)
