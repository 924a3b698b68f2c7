"""Whether a long run in one process keeps its descriptors, threads and memory.

    python -m benchmarks.soak read [--frames 3000] [--photos 300]
    python -m benchmarks.soak track [--frames 3000]
    python -m benchmarks.soak reconstruct [--photos 300]

``read`` decodes a video, its folder of pictures, and photos; ``track`` and ``reconstruct`` run what
the commands run. ``results/soak-*.md`` has a line for each tenth of the way. Linux only, since it
reads /proc.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from benchmarks.common import write_results
from PIL import Image
from skimage import data

from smirk3d.preprocessing.media.image_io import read_image
from smirk3d.preprocessing.media.video_reader import VideoReader
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.track_video import ClipConfig, tracker_of

_SIZE = (640, 480)


def state() -> tuple[int, int, float]:
    """Return the process's open descriptors, threads, and resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    descriptors = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return descriptors, threads, pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def soak(what: str, steps: Iterator[object], count: int) -> list[dict[str, Any]]:
    """Go through the steps; return the state at each tenth of them, and print it."""
    every = max(1, count // 10)
    rows = []
    for done, _ in enumerate(steps, 1):
        if done % every == 0:
            gc.collect()
            descriptors, threads, memory = state()
            rows.append({"what": what, "done": done, "descriptors": descriptors,
                         "threads": threads, "memory_mb": round(memory)})  # fmt: skip
            print(rows[-1], flush=True)
    return rows


def portrait() -> np.ndarray:
    """Return a photo of a face, uint8 ``[480, 640, 3]``."""
    face = np.asarray(Image.fromarray(data.astronaut()).resize((480, 480)))
    return np.pad(face, ((0, 0), (80, 80), (0, 0)))


def make_video(path: Path, count: int) -> Path:
    """Write a face that drifts to and fro."""
    face = portrait()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        (stream.width, stream.height), stream.pix_fmt = _SIZE, "yuv420p"
        stream.options = {"preset": "ultrafast"}
        for number in range(count):
            shift = round(60 * np.sin(number / 40))
            picture = np.ascontiguousarray(np.roll(face, shift, 1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def photos(folder: Path, count: int) -> Iterator[Path]:
    """Write photos of several kinds, one after the other, each in place of the last."""
    picture = Image.fromarray(portrait())
    for number in range(count):
        path = folder / f"photo.{('jpg', 'png', 'tif', 'webp')[number % 4]}"
        picture.save(path, **({"compression": "tiff_lzw"} if path.suffix == ".tif" else {}))
        yield path


def read(folder: Path, frames: int, count: int) -> list[dict[str, Any]]:
    video = make_video(folder / "video.mp4", frames)
    rows = soak("frames of a video", VideoReader(video).frames(), frames)
    begun = (next(VideoReader(video).frames()) for _ in range(count))
    rows += soak("videos begun", begun, count)
    pictures = folder / "pictures"
    pictures.mkdir()
    for number in range(count):
        Image.fromarray(portrait()).save(pictures / f"{number}.jpg")
    rows += soak("frames of a folder", VideoReader(pictures).frames(), count)
    return rows + soak("photos", (read_image(path) for path in photos(folder, count)), count)


def track(folder: Path, frames: int, count: int) -> list[dict[str, Any]]:
    video = make_video(folder / "video.mp4", frames)
    with tracker_of(FaceReconstructor(), ClipConfig()) as tracker:
        steps = (tracker.step(f.image, f.seconds) for f in VideoReader(video).frames())
        return soak("tracked frames", steps, frames)


def reconstruct(folder: Path, frames: int, count: int) -> list[dict[str, Any]]:
    reconstructor = FaceReconstructor()
    steps = (reconstructor(read_image(path)) for path in photos(folder, count))
    return soak("reconstructed photos", steps, count)


PARTS: dict[str, Callable[[Path, int, int], list[dict[str, Any]]]] = {
    "read": read,
    "track": track,
    "reconstruct": reconstruct,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Long runs in one process: what grows?")
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--photos", type=int, default=300)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = PARTS[asked.part](Path(folder), asked.frames, asked.photos)
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    lines += [f"| {' | '.join(str(row[name]) for name in names)} |" for row in rows]
    write_results(f"soak-{asked.part}", rows, "\n".join(lines))


if __name__ == "__main__":
    main()
