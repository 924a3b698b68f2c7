"""Whether talking faces keep their names, and how well their speech comes through.

    python benchmarks/video_names.py FACES [--weights default] [--clips 4] [--first 0]

Three people talk, blink and smile in each clip: photos, warped. An occluder passes, two cuts change
the scene, two people cross. Their movements are known; correlations and shares compare with them,
lags and heights after smoothing with what is read without. Writes
benchmarks/results/video-names.{json,md}.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
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
from moving_photos import MovingPhoto
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.heads.action_names import expression_sources
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.track_file import Track
from smirk3d.tracking.track_store import TrackStore
from smirk3d.tracking.tracker import FaceTracker
from smirk3d.tracking.tracker_config import TrackerConfig

HEIGHT, WIDTH, FRAMES, RATE = 360, 640, 300, 30
CUTS = (150, 220)
CYCLE = 75
"""Frames after which each person says the same again."""
CHANNELS = ("jawOpen", "mouthPucker", "mouthSmile", "eyeBlink", "browInnerUp")
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


def speech(person: int) -> dict[str, np.ndarray]:
    """Return one cycle of a person's channels ``[CYCLE]`` in [0, 1]: 1.8 s of talk, a pause."""
    rng = np.random.default_rng(person)
    seconds = np.arange(CYCLE) / RATE
    talking = np.clip(np.minimum(seconds, 1.8 - seconds) / 0.1, 0, 1)
    syllable = 0.5 - 0.5 * np.cos(2 * np.pi * (4.0 + rng.uniform(0, 1.5)) * seconds)
    rounded = 0.5 - 0.5 * np.cos(2 * np.pi * (1.6 + rng.uniform(0, 0.8)) * seconds)
    blink = np.zeros(CYCLE)
    for start in rng.integers(2, CYCLE - 6, 2):
        blink[start : start + 4] = (0.5, 1.0, 1.0, 0.5)
    return {
        "jawOpen": 0.45 * talking * syllable,
        "mouthPucker": 0.8 * talking * rounded,
        "mouthSmile": 0.7 * np.clip((seconds - 1.85) / 0.15, 0, 1) * (seconds < 2.4),
        "eyeBlink": blink,
        "browInnerUp": 0.8 * np.clip(1 - np.abs(seconds - 0.5) / 0.25, 0, 1),
    }


class TalkingPhoto:
    """A person: a photo and one cycle of speech.

    Attributes:
        truth: its channels ``[CYCLE]`` by name, with what the photo shows at rest.
        pictures: uint8 ``[CYCLE, H, W, 3]``.
    """

    def __init__(self, photo: np.ndarray, fitter: FaceReconstructor, person: int) -> None:
        """Move the photo's face through the cycle."""
        head, face = fitter.head, MovingPhoto(photo, fitter)
        target = face.fitted.to(head.v_template)
        target = type(target).cat([target] * CYCLE)
        for name, values in speech(person).items():
            move(head, target, name, torch.from_numpy(values).float())
        self.truth = channels(head, target)
        self.pictures = np.stack(
            [np.clip(face.showing(target[t : t + 1]), 0, 255).astype(np.uint8)
             for t in range(CYCLE)]
        )  # fmt: skip


def move(head: HeadModel, face: FaceParameters, channel: str, values: torch.Tensor) -> None:
    """Raise a channel of faces ``[T]`` from where it is towards one, in place."""
    if channel == "jawOpen":
        columns = [face.jaw[:, 0]]
    elif channel == "eyeBlink":
        columns = list(face.eyelids.unbind(1))
    else:
        sources = expression_sources(head.expression_names)
        sided = [f"{channel}Left", f"{channel}Right"] if channel == "mouthSmile" else [channel]
        columns = [face.expression[:, i] for name in sided for i in sources[name]]
    for column in columns:
        column.add_(values * (1 - column))


def channels(head: HeadModel, face: FaceParameters) -> dict[str, np.ndarray]:
    """Return the channels of faces ``[T]``, both sides' mean."""
    weights = dict(zip(ARKIT_NAMES, head.arkit(face).numpy().T, strict=True))
    return {
        name: np.mean([w for key, w in weights.items() if key.startswith(name)], 0)
        for name in CHANNELS
    }


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


def draw(t: int, talkers: list[TalkingPhoto]) -> tuple[np.ndarray, list[Place]]:
    """Return a frame and who is where in it."""
    people, occluder = places(t)
    blobs = np.random.default_rng(7 if CUTS[0] <= t < CUTS[1] else 0)
    small = blobs.uniform((30, 50, 130), (140, 160, 240), (9, 17, 3)).astype(np.float32)
    wide = cv2.resize(small, (WIDTH + 200, HEIGHT), interpolation=cv2.INTER_CUBIC)
    start = int(100 + 80 * np.sin(t / RATE))
    frame = np.clip(wide[:, start : start + WIDTH], 0, 255)
    for place in people:
        photo = talkers[place.person].pictures[t % CYCLE].astype(np.float32)
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


def follow(
    reconstructor: FaceReconstructor, talkers: list[TalkingPhoto]
) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Track a clip; return how often visible people had their own names, and their speech."""
    names: dict[int, list[tuple[int, int | None]]] = {0: [], 1: [], 2: []}
    others = 0
    config = TrackerConfig(smooth="off")
    with tempfile.TemporaryDirectory() as folder, FaceTracker(reconstructor, config) as tracker:
        store = TrackStore(Path(folder) / "chunks", {})
        for t in range(FRAMES):
            frame, people = draw(t, talkers)
            faces = tracker.step(frame, t / RATE)
            store.add(t / RATE, (WIDTH, HEIGHT), faces)
            left_over = {face.id for face in faces}
            for place in people:
                near = []
                for face in faces:
                    middle = face.detection.box.reshape(2, 2).mean(0)
                    away = float(np.hypot(middle[0] - place.x, middle[1] - place.y))
                    if away < HIDDEN_WITHIN * place.scale:
                        near.append((away, face.id))
                name = min(near)[1] if near else None
                left_over.discard(name if name is not None else -1)
                if place.visible:
                    names[place.person].append((t, name))
            others += len(left_over)
        store.flush(tracker)
        track = store.track({}, least_frames=5)
        renamed = tracker.renamed()
    right = at_once = missed = visible = longest = 0
    heard: list[dict[str, object]] = []
    for person, given in names.items():
        seen = [(t, None if name is None else renamed.get(name, name)) for t, name in given]
        own = Counter(name for _, name in seen if name is not None).most_common(1)[0][0]
        right += sum(name == own for _, name in seen)
        at_once += sum(name == own for _, name in given)
        missed += sum(name is None for _, name in seen)
        visible += len(seen)
        run, before = 0, -2
        for t, name in seen:
            run = run + 1 if name is None and (run == 0 or t == before + 1) else int(name is None)
            longest, before = max(longest, run), t
        frames = [t for t, name in seen if name == own]
        heard += listen(reconstructor.head, track, own, frames, talkers[person].truth)
    return {"visible": visible, "right": right, "right_at_once": at_once, "missed": missed,
            "longest_loss": longest, "faces_where_nobody_is": others}, heard  # fmt: skip


def listen(
    head: HeadModel, track: Track, own: int, frames: list[int], truth: dict[str, np.ndarray]
) -> list[dict[str, object]]:
    """Compare what is read of a person's channels with what was shown, and smoothed with not."""
    person = track.ids.tolist().index(own)
    rows = np.isin(track.frames(person), frames)
    shown_at = track.frames(person)[rows] % CYCLE
    plain = channels(head, track.parameters(person))
    best = channels(head, track.smoothed(head).parameters(person))
    heard: list[dict[str, object]] = []
    for name, cycle in truth.items():
        shown, raw, smooth = cycle[shown_at], plain[name][rows], best[name][rows]
        lags = {lag: np.corrcoef(np.roll(plain[name], lag), best[name])[0, 1] for lag in (-1, 0, 1)}
        bend = lags[-1] - 2 * lags[0] + lags[1]
        heard.append(
            {
                "channel": name,
                "correlation": float(np.corrcoef(shown, raw)[0, 1]),
                "correlation_best": float(np.corrcoef(shown, smooth)[0, 1]),
                "share_read": float(np.polyfit(shown, raw, 1)[0]),
                "share_kept": float(np.polyfit(raw, smooth, 1)[0]),
                "peak_kept": float(np.ptp(smooth) / np.ptp(raw)),
                "lag_frames": float(0.5 * (lags[-1] - lags[1]) / bend),
            }
        )
    return heard


def speech_table(heard: list[dict[str, object]]) -> list[str]:
    """Return each channel's medians over all people as lines of Markdown."""
    keys = [key for key in heard[0] if key != "channel"]
    lines = ["", f"| channel | {' | '.join(keys)} |", "|" + "---|" * (len(keys) + 1)]
    for name in CHANNELS:
        own = [row for row in heard if row["channel"] == name]
        medians = [float(np.median([float(str(row[key])) for row in own])) for key in keys]
        lines.append(f"| {name} | {' | '.join(f'{value:.2f}' for value in medians)} |")
    return lines


def main(
    faces: Annotated[Path, tyro.conf.Positional],
    weights: str = "default",
    clips: int = 4,
    first: int = 0,
) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    reconstructor = FaceReconstructor(weights=weights, device="cpu")
    fitter = FaceReconstructor(weights="none", device="cpu")
    rows: list[dict[str, object]] = []
    heard: list[dict[str, object]] = []
    for number in range(first, first + clips):
        photos = enumerate(read_photos(faces, 20 * number))
        talkers = [TalkingPhoto(photo, fitter, 3 * number + i) for i, photo in photos]
        names, said = follow(reconstructor, talkers)
        rows.append({"clip": number, **names})
        heard += said
        print(rows[-1], flush=True)
    keys = list(rows[0])
    lines = [f"| {' | '.join(keys)} |", "|" + "---|" * len(keys)]
    lines += [f"| {' | '.join(str(row[key]) for key in keys)} |" for row in rows]
    keys = ["visible", "right", "right_at_once"]
    total = {key: sum(int(str(row[key])) for row in rows) for key in keys}
    fractions = [100 * total[key] / total["visible"] for key in keys[1:]]
    lines += ["", f"Right in {fractions[0]:.2f} % of {total['visible']} faces that nothing hides,"
              f" as the track is written; {fractions[1]:.2f} % in the frame itself."]  # fmt: skip
    table = "\n".join(lines + speech_table(heard))
    write_results("video-names", [*rows, *heard], table)
    print(table)


if __name__ == "__main__":
    tyro.cli(main)
