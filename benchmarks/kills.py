"""Commands killed at random moments and given again: whole results, equal to an unbroken run's.

    python benchmarks/kills.py [--commands reconstruct track] [--moments 20] [--signals KILL TERM]

Each row runs a command once unbroken, then again and again into one folder, ended by the signal at
a random moment of a run's time, until the given number of ends; then once to its end. Where a run
goes on with what the one before left and so is done too soon, the folder is begun anew. --scale
0.2 takes a fifth of the inputs.
What it leaves is compared with the unbroken run's: the same names, the same content as the row's
comparison reads it, and nothing beside.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import tyro
from PIL import Image
from skimage import data

from common import write_results

Content = Any
"""What two results have to agree in."""


@dataclass(frozen=True)
class Row:
    """A command to kill.

    Attributes:
        prepare: makes so many inputs or frames in a folder and returns the arguments without the
            output.
        size: how many.
        out: the option that names the output.
        content: what a file says, without what may differ between two runs: times, paths.
    """

    prepare: Callable[[Path, int], list[str]]
    size: int
    out: str = "--out"
    content: Callable[[Path], Content] = lambda path: path.read_bytes()


def _photos(folder: Path, count: int) -> list[str]:
    paths = []
    for number in range(count):
        picture = np.roll(data.astronaut()[:400, 60:460], number % 7, 1)
        picture[:8, :8] = number
        paths.append(folder / f"photo-{number:02d}.jpg")
        Image.fromarray(picture).save(paths[-1], quality=92)
    return ["reconstruct", *map(str, paths), "--format", "json"]


def _clip(folder: Path, count: int) -> list[str]:
    path = folder / "clip.mp4"
    photo = data.astronaut()[20:260, 110:430]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(count):
            shifted = np.roll(photo, round(8 * np.sin(number / 9)), (0, 1)).copy()
            frame = av.VideoFrame.from_ndarray(shifted, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return ["track", str(path), "--format", "mp4,npz", "--weights", "default"]


def _result_content(path: Path) -> Content:
    """Return a file's bytes; arrays of a zip, which holds its time of writing; times of a video.

    The encoder of videos chooses a little differently from run to run, also of unbroken ones.
    """
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return {name: (file[name].dtype.str, file[name].tobytes()) for name in file.files}
    if path.suffix == ".mp4":
        with av.open(str(path)) as video:
            return [(frame.pts, frame.width, frame.height) for frame in video.decode(video=0)]
    return path.read_bytes()


ROWS = {
    "reconstruct": Row(_photos, 50, content=_result_content),
    "track": Row(_clip, 450, content=_result_content),
}


def difference(row: Row, whole: Path, broken: Path) -> list[str]:
    """Return the files that only one of two outputs has, or that differ."""
    names = [{path.relative_to(folder) for path in folder.rglob("*")} for folder in (whole, broken)]
    wrong = sorted(map(str, names[0] ^ names[1]))
    for name in sorted(names[0] & names[1]):
        one, two = whole / name, broken / name
        if one.is_file() and row.content(one) != row.content(two):
            wrong.append(str(name))
    return wrong


def torn(folder: Path) -> list[str]:
    """Return visible result folders that are not whole, in the middle of it all."""
    wrong = []
    for path in folder.iterdir() if folder.is_dir() else []:
        if path.name.startswith(".") or not path.is_dir():
            continue
        try:
            names = json.loads((path / "result.json").read_text())["files"]
            assert all((path / name).is_file() for name in names)
        except (OSError, ValueError, KeyError, AssertionError):
            wrong.append(path.name)
    return wrong


def kill(name: str, number: signal.Signals, moments: int, work: Path, size: int) -> dict[str, Any]:
    """Run one row and return its figures."""
    row = ROWS[name]
    work.mkdir(parents=True)
    command = [sys.executable, "-m", "smirk3d", *row.prepare(work, size), row.out]
    unbroken_s = _seconds([*command, str(work / "whole")])
    broken = work / "broken"
    torn_results: list[str] = []
    ended = codes = tries = 0
    other_codes: list[int] = []
    begin_s = unbroken_s
    while ended < moments and tries < 3 * moments:
        tries += 1
        begin = time.perf_counter()
        with subprocess.Popen(
            [*command, str(broken)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                process.wait(random.uniform(0.1, 0.95) * begin_s)
            except subprocess.TimeoutExpired:
                process.send_signal(number)
                ended += 1
                code = process.wait(120)
                codes += code in {-number, 128 + number}
                if code not in {-number, 128 + number}:
                    other_codes.append(code)
                torn_results += torn(broken)
                continue
        # it ended first: other work on the machine does not slow it down any longer
        begin_s = min(begin_s, time.perf_counter() - begin)
        shutil.rmtree(broken, ignore_errors=True)
    last = subprocess.run([*command, str(broken)], check=False, capture_output=True)
    return {
        "command": name, "size": size, "signal": number.name, "unbroken_s": round(unbroken_s, 1),
        "ended": ended, "expected_codes": codes, "other_codes": other_codes, "torn": torn_results,
        "last_code": last.returncode, "different": difference(row, work / "whole", broken),
    }  # fmt: skip


def _seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def main(
    commands: tuple[str, ...] = tuple(ROWS),
    moments: int = 20,
    signals: tuple[Literal["KILL", "TERM"], ...] = ("KILL", "TERM"),
    seed: int = 0,
    scale: float = 1.0,
) -> None:
    random.seed(seed)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in commands:
            for kind in signals:
                number = signal.Signals[f"SIG{kind}"]
                size = max(1, round(ROWS[name].size * scale))
                rows.append(kill(name, number, moments, Path(folder) / f"{name}-{kind}", size))
                print(rows[-1], flush=True)
                write_results("kills", rows, _table(rows, moments))
    print(_table(rows, moments))


def _table(rows: list[dict[str, Any]], moments: int) -> str:
    lines = [
        "| command | inputs or frames | signal | unbroken run"
        " | ended in the middle | with the right code"
        " | torn results | last run's code | files unlike the unbroken run's |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['command']} | {r['size']} | {r['signal']} | {r['unbroken_s']} s"
        f" | {r['ended']} of {moments} | {r['expected_codes']}"
        f" | {len(r['torn'])} | {r['last_code']} | {len(r['different'])} |"
        for r in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    tyro.cli(main)
