"""Tracking of a 720p clip: speed beside MediaPipe alone, steadiness, blinks, memory, kills.

    python benchmarks/video.py speed|steadiness|memory|kills [--weights default] [--fast]

The clip is a photo from scikit-image, moved over a moving background. Writes
benchmarks/results/video-WHAT.{json,md}.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import av
import cv2
import numpy as np
import torch
import tyro
from skimage import data

from common import write_results
from moving_photos import MovingPhoto
from smirk3d.library_choice import library, library_for
from smirk3d.preprocessing.media.video_reader import VideoReader
from smirk3d.preprocessing.mediapipe_video import MediaPipeVideoLandmarker
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.estimation import FaceEstimator
from smirk3d.tracking.motion.image_motion import HeadAnchor, signal_std, to_crops, to_image
from smirk3d.tracking.motion.smoothing import smooth_clip
from smirk3d.tracking.track_video import track_video
from smirk3d.tracking.tracker import FaceTracker
from smirk3d.tracking.tracker_config import TrackerConfig

HEIGHT, WIDTH, RATE = 720, 1280, 30
BLINK = (0.5, 1.0, 0.5)
"""A lid's closing in three frames of 1/30 s: 100 ms."""


def scene(number: int, portrait: np.ndarray, *, still: bool = False) -> np.ndarray:
    """Return a frame: the portrait, drifting unless still, over drifting stripes."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    wave = 110 + 50 * np.sin(columns / 90 + (0 if still else number / 20)) + 30 * np.cos(rows / 70)
    frame = np.repeat(wave[..., None], 3, 2) * np.float32([0.7, 0.9, 1.1])
    turn = 0.0 if still else 8 * np.sin(number / 15)
    x, y = (640.0, 360.0) if still else (600 + 150 * np.sin(number / 40), 360 + 20 * np.sin(number))
    height, width = portrait.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, 400 / height)
    matrix[:, 2] += [x - width / 2, y - height / 2]
    drawn = cv2.warpAffine(portrait, matrix, (WIDTH, HEIGHT), frame, flags=cv2.INTER_CUBIC,
                           borderMode=cv2.BORDER_TRANSPARENT)  # fmt: skip
    return np.clip(drawn, 0, 255).astype(np.uint8)


def portrait() -> np.ndarray:
    """Return the photo's face with hair and shoulders, float32 ``[220, 220, 3]``."""
    return data.astronaut()[20:240, 115:335].astype(np.float32)


def write_clip(path: Path, count: int) -> Path:
    """Write the moving clip with H.264, repeating a quarter of a minute of it."""
    frames = [scene(number, portrait()) for number in range(min(count, 450))]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": "20", "preset": "veryfast"}
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(frames[number % len(frames)], format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def speed(reconstructor: FaceReconstructor, count: int) -> tuple[list[dict[str, object]], str]:
    """Time MediaPipe alone and the tracker without and with overlay, in turns."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        clip = write_clip(Path(folder) / "clip.mp4", count)

        def alone() -> None:
            with MediaPipeVideoLandmarker() as landmarker:
                for frame in VideoReader(clip).frames():
                    landmarker.detect(frame.image, frame.seconds)

        def tracked(*formats: str) -> None:
            track_video(clip, reconstructor, Path(folder) / "out", formats, fresh=True)

        runs = {
            "MediaPipe's landmarker alone": alone,
            "tracked": tracked,
            "tracked, with overlay": lambda: tracked("mp4"),
        }
        tracked()
        for _ in range(3):
            for name, run in runs.items():
                begin = time.perf_counter(), time.process_time()
                run()
                wall, used = time.perf_counter() - begin[0], time.process_time() - begin[1]
                rows.append(
                    {"what": name, "wall_ms": wall / count * 1e3, "cpu_ms": used / count * 1e3}
                )
        delays = delays_of_steps(clip, reconstructor)
    lines = ["| run | ms a frame (best of 3) | frames a second | processor ms | times MediaPipe |",
             "|---|---|---|---|---|"]  # fmt: skip
    base = min(float(r["wall_ms"]) for r in rows if r["what"] == next(iter(runs)))  # type: ignore[arg-type]
    for name in runs:
        wall_ms = min(float(r["wall_ms"]) for r in rows if r["what"] == name)  # type: ignore[arg-type]
        cpu_ms = min(float(r["cpu_ms"]) for r in rows if r["what"] == name)  # type: ignore[arg-type]
        lines.append(
            f"| {name} | {wall_ms:.1f} | {1e3 / wall_ms:.1f} | {cpu_ms:.1f}"
            f" | {wall_ms / base:.2f} |"
        )
    half, most, longest = np.quantile(delays, (0.5, 0.95, 1.0)) * 1e3
    rows.append({"what": "step", "median_ms": half, "p95_ms": most, "longest_ms": longest})
    lines += ["", f"`FaceTracker.step` answers within {half:.1f} ms in the median,"
              f" {most:.1f} ms in 95 % of frames, {longest:.1f} ms at most."]  # fmt: skip
    return rows, "\n".join(lines)


def delays_of_steps(clip: Path, reconstructor: FaceReconstructor) -> list[float]:
    """Return how many seconds the live tracker takes for each frame after the first ten."""
    delays = []
    with FaceTracker(reconstructor) as tracker:
        for frame in list(VideoReader(clip).frames()):
            begin = time.perf_counter()
            tracker.step(frame.image, frame.seconds)
            delays.append(time.perf_counter() - begin)
    return delays[10:]


def still_frames(count: int, blink_at: int) -> Iterator[np.ndarray]:
    """Yield a still portrait that blinks once, with a camera's noise."""
    face = MovingPhoto(portrait().astype(np.uint8), FaceReconstructor(weights="none"))
    rng = np.random.default_rng(0)
    for number in range(count):
        picture = portrait()
        if 0 <= number - blink_at < len(BLINK):
            eyelids = face.fitted.eyelids + BLINK[number - blink_at] * (1 - face.fitted.eyelids)
            picture = face.showing(face.fitted.replace(eyelids=eyelids))
        frame = scene(number, picture, still=True)
        yield np.clip(frame + rng.normal(0, 3, frame.shape), 0, 255).astype(np.uint8)


def steadiness(reconstructor: FaceReconstructor, count: int) -> tuple[list[dict[str, object]], str]:
    """Measure second differences of the mesh on a still face, and the height of a blink."""
    blink_at = count // 2
    trackers = {
        "off": FaceTracker(
            reconstructor, TrackerConfig(smooth="off", of_clip=reconstructor.refine_clips)
        ),
        "live": FaceTracker(reconstructor, TrackerConfig(smooth="live")),
    }
    faces: dict[str, list] = {smooth: [] for smooth in trackers}
    peer = []
    landmarker = MediaPipeVideoLandmarker()
    for number, frame in enumerate(still_frames(count, blink_at)):
        for smooth, tracker in trackers.items():
            faces[smooth].append(tracker.step(frame, number / RATE)[0])
        peer.append(landmarker.detect(frame, number / RATE)[0])
    head, anchor = reconstructor.head, HeadAnchor.of(reconstructor.head)
    estimator = FaceEstimator(reconstructor)
    answers = {}
    for smooth, found in faces.items():
        parts = type(found[0].parameters).cat([face.parameters[None] for face in found])
        answers[smooth] = parts.replace(shape=parts.shape[-1:].expand_as(parts.shape).contiguous())
    crops = np.stack([face.T_crop_image for face in faces["off"]])
    raw, std = answers["off"], {}
    clip = trackers["off"].clip
    if clip is not None:
        found = clip([0] * count, [face.evidence for face in faces["off"]])
        raw = answers["clip"] = found.parameters
        std = signal_std({name: values.numpy() for name, values in found.std.items()})
    motion = smooth_clip(to_image(raw, crops, anchor), np.arange(count) / RATE, head, std=std)
    answers["best"] = to_crops(motion, raw, crops, anchor)
    calm = np.r_[15 : blink_at - 6, blink_at + 10 : count]
    parted = np.flatnonzero(np.diff(calm) > 1)[0] + 1

    def jitter(points: np.ndarray) -> float:
        pieces = (points[calm[:parted]], points[calm[parted:]])
        seconds = [np.diff(piece[..., :2], 2, axis=0) for piece in pieces]
        return float(np.mean([np.linalg.norm(s, axis=-1).mean() for s in seconds]))

    rows: list[dict[str, object]] = []
    for smooth, parameters in answers.items():
        eyelids = parameters.eyelids.mean(1).numpy()
        rest = float(np.median(eyelids[calm]))
        rows.append(
            {
                "what": smooth,
                "jitter_px": jitter(estimator.image_points(parameters, crops)),
                "blink": float(eyelids[blink_at - 2 : blink_at + 6].max() - rest),
                "peak_frame": int(np.argmax(eyelids[blink_at - 2 : blink_at + 6])) - 2,
            }
        )
    eyes = np.array([[f.blendshapes["eyeBlinkLeft"], f.blendshapes["eyeBlinkRight"]] for f in peer])
    eyelids = eyes.mean(1)
    rows.append(
        {
            "what": "MediaPipe's video mode",
            "jitter_px": jitter(np.stack([face.landmarks for face in peer])),
            "blink": float(eyelids[blink_at - 2 : blink_at + 6].max() - np.median(eyelids[calm])),
            "peak_frame": int(np.argmax(eyelids[blink_at - 2 : blink_at + 6])) - 2,
        }
    )
    lines = ["| smoothing | second differences, px | blink of 100 ms, height | its peak, frame |",
             "|---|---|---|---|"]  # fmt: skip
    lines += [
        f"| {r['what']} | {r['jitter_px']:.4f} | {r['blink']:.3f} | {r['peak_frame']} |"
        for r in rows
    ]
    return rows, "\n".join(lines)


def memory(reconstructor: FaceReconstructor, count: int) -> tuple[list[dict[str, object]], str]:
    """Watch the process's memory while it tracks and draws, and its peak with all files written."""
    rows: list[dict[str, object]] = []

    def resident() -> float:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def watch(what: str, done: int, total: int) -> None:
        if done % max(1, count // 20) == 0:
            rows.append({"what": what, "frames": done, "megabytes": resident()})

    with tempfile.TemporaryDirectory() as folder:
        clip = write_clip(Path(folder) / "clip.mp4", count)
        formats = ("mp4", "glb", "arkit-csv")
        track_video(clip, reconstructor, Path(folder) / "out", formats, on_progress=watch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    rows.append({"what": "peak", "frames": count, "megabytes": peak})
    lines = ["| stage | frames | MB |", "|---|---|---|"]
    lines += [f"| {row['what']} | {row['frames']} | {row['megabytes']:.0f} |" for row in rows]
    return rows, "\n".join(lines)


def kills(weights: str, count: int) -> tuple[list[dict[str, object]], str]:
    """Kill the command ten times at random moments and compare with an unbroken run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = write_clip(folder / "clip.mp4", count)
        command = [sys.executable, "-m", "smirk3d", "track", str(clip), "--weights", weights,
                   "--format", "glb", "--out"]  # fmt: skip
        begin = time.perf_counter()
        subprocess.run([*command, str(folder / "whole")], check=True)
        whole_s = time.perf_counter() - begin
        killed = 0
        while killed < 10:
            process = subprocess.Popen([*command, str(folder / "broken")])
            time.sleep(random.uniform(0.2, 0.6) * whole_s)
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        subprocess.run([*command, str(folder / "broken")], check=True)
        one, two = (np.load(folder / run / "clip" / "track.npz") for run in ("whole", "broken"))
        same = all((one[key] == two[key]).all() for key in one.files)
    rows: list[dict[str, object]] = [{"kills": killed, "equal": bool(same), "frames": count}]
    return rows, f"{killed} kills of a run over {count} frames; files equal: {same}."


def main(
    what: Annotated[
        Literal["speed", "steadiness", "memory", "kills"], tyro.conf.Positional
    ] = "speed",
    weights: str = "default",
    frames: int = 0,
    fast: bool = False,
) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if what == "kills":
        rows, table = kills(weights, frames or 450)
    else:
        run, usual = {"speed": (speed, 300), "steadiness": (steadiness, 90),
                      "memory": (memory, 20_000)}[what]  # fmt: skip
        # speed and memory as the command line has them; the still portrait blinks by torch's warps
        with library("torch" if what == "steadiness" else library_for("cpu")):
            reconstructor = FaceReconstructor(weights=weights, fast=fast, device="cpu")
            rows, table = run(reconstructor, frames or usual)
    write_results(f"video-{what}-fast" if fast else f"video-{what}", rows, table)
    print(table)


if __name__ == "__main__":
    tyro.cli(main)
