"""Whether faces keep their names: three people, an occluder, two cuts, and a crossing.

    python benchmarks/video_names.py ../shared/faces [--weights default] [--clips 4]

Writes benchmarks/results/video-names.{json,md}.
"""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import tyro
from PIL import Image

from common import write_results
from smirk3d.pipeline import FaceReconstructor
from smirk3d.tracking.tracker import FaceTracker, TrackerConfig

HEIGHT, WIDTH, FRAMES, RATE = 360, 640, 300, 30
CUTS = (150, 220)
HIDDEN_WITHIN, OCCLUDER = 65.0, 80.0


@dataclass(frozen=True)
class Place:
    """A person in a frame: where, how large, and whether nothing hides it."""

    person: int
    x: float
    y: float
    scale: float
    visible: bool = True


def read_photos(folder: Path, first: int) -> list[np.ndarray]:
    """Return three photos uint8 ``[224, 224, 3]``; weights may have been trained on them."""
    photos = []
    with tarfile.open(folder / "faces-004.tar") as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is not None:
                photos.append(np.asarray(Image.open(io.BytesIO(content.read())).convert("RGB")))
            if len(photos) == first + 3:
                break
    return photos[first:]


def places(t: int) -> tuple[list[Place], float | None]:
    """Return the people of a frame, back to front, and where an occluder is."""
    if t < CUTS[0]:
        middle = 320 + 20 * np.sin(t / 12)
        occluder = middle - 200 + 10 * (t - 45)
        people = [
            Place(0, 100 + 30 * np.sin(t / 17), 150 + 20 * np.sin(t / 11), 0.56),
            Place(1, middle, 180, 0.62 + 0.084 * np.sin(t / 25)),
            Place(2, 525 - 15 * np.sin(t / 9), 170 + 25 * np.sin(t / 13), 0.5),
        ]
    elif t < CUTS[1]:
        occluder = None
        people = [
            Place(1, 125 + 25 * np.sin(t / 15), 165, 0.67),
            Place(0, 450 + 15 * np.sin(t / 10), 180, 0.73),
        ]
    else:
        occluder, since = None, t - CUTS[1]
        people = [Place(2, 150 + 4 * since, 165, 0.53), Place(0, 500 - 3.5 * since, 175, 0.62)]
    seen = []
    for number, one in enumerate(people):
        near = [abs(other.x - one.x) < 116 * one.scale for other in people[number + 1 :]]
        behind = occluder is not None and abs(one.x - occluder) < OCCLUDER + 80 * one.scale
        inside = 20 < one.x < WIDTH - 20
        visible = inside and not any(near) and not behind
        seen.append(Place(one.person, one.x, one.y, one.scale, visible))
    return seen, occluder


def draw(t: int, photos: list[np.ndarray]) -> tuple[np.ndarray, list[Place]]:
    """Return a frame and who is where in it."""
    people, occluder = places(t)
    blobs = np.random.default_rng(7 if CUTS[0] <= t < CUTS[1] else 0)
    small = blobs.uniform((30, 50, 130), (140, 160, 240), (9, 17, 3)).astype(np.float32)
    wide = cv2.resize(small, (WIDTH + 200, HEIGHT), interpolation=cv2.INTER_CUBIC)
    start = int(100 + 80 * np.sin(t / RATE))
    frame = np.clip(wide[:, start : start + WIDTH], 0, 255)
    for place in people:
        photo = photos[place.person].astype(np.float32)
        matrix = cv2.getRotationMatrix2D((112, 112), 5 * np.sin(t / 14 + place.person), place.scale)
        matrix[:, 2] += [place.x - 112, place.y - 112]
        oval = cv2.ellipse(np.zeros((224, 224), np.float32), (112, 112), (107, 110),
                           0, 0, 360, 1.0, -1)  # fmt: skip
        alpha = cv2.warpAffine(cv2.GaussianBlur(oval, (0, 0), 4), matrix, (WIDTH, HEIGHT))
        drawn = cv2.warpAffine(photo, matrix, (WIDTH, HEIGHT))
        frame = frame * (1 - alpha[..., None]) + drawn * alpha[..., None]
    if occluder is not None:
        left, right = int(occluder - OCCLUDER), int(occluder + OCCLUDER)
        cv2.rectangle(frame, (left, 50), (right, 325), (90, 80, 60), -1)
    return np.rint(frame).astype(np.uint8), people


def follow(reconstructor: FaceReconstructor, photos: list[np.ndarray]) -> dict[str, object]:
    """Track one clip and count frames in which a visible person has its own name."""
    names: dict[int, list[tuple[int, int | None]]] = {0: [], 1: [], 2: []}
    others = 0
    with FaceTracker(reconstructor, TrackerConfig(smooth="off")) as tracker:
        for t in range(FRAMES):
            frame, people = draw(t, photos)
            faces = tracker.step(frame, t / RATE)
            left_over = {face.id for face in faces}
            for place in people:
                near = []
                for face in faces:
                    middle = face.box.reshape(2, 2).mean(0)
                    away = float(np.hypot(middle[0] - place.x, middle[1] - place.y))
                    if away < HIDDEN_WITHIN * place.scale:
                        near.append((away, face.id))
                name = min(near)[1] if near else None
                left_over.discard(name if name is not None else -1)
                if place.visible:
                    names[place.person].append((t, name))
            others += len(left_over)
    right = missed = visible = longest = 0
    for seen in names.values():
        own = Counter(name for _, name in seen if name is not None).most_common(1)[0][0]
        right += sum(name == own for _, name in seen)
        missed += sum(name is None for _, name in seen)
        visible += len(seen)
        run, before = 0, -2
        for t, name in seen:
            run = run + 1 if name is None and (run == 0 or t == before + 1) else int(name is None)
            longest, before = max(longest, run), t
    return {"visible": visible, "right": right, "missed": missed, "longest_loss": longest,
            "faces_where_nobody_is": others}  # fmt: skip


def main(
    faces: Annotated[Path, tyro.conf.Positional], weights: str = "default", clips: int = 4
) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    reconstructor = FaceReconstructor(weights=weights, device="cpu")
    rows = [
        {"clip": number, **follow(reconstructor, read_photos(faces, 20 * number))}
        for number in range(clips)
    ]
    keys = list(rows[0])
    lines = [f"| {' | '.join(keys)} |", "|" + "---|" * len(keys)]
    lines += [f"| {' | '.join(str(row[key]) for key in keys)} |" for row in rows]
    total = {key: sum(int(str(row[key])) for row in rows) for key in ("visible", "right")}
    lines += ["", f"Right in {100 * total['right'] / total['visible']:.2f} % of "
              f"{total['visible']} faces that nothing hides."]  # fmt: skip
    table = "\n".join(lines)
    write_results("video-names", rows, table)
    print(table)


if __name__ == "__main__":
    tyro.cli(main)
