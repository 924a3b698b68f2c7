"""Commands killed at random moments and given again: whole results, equal to an unbroken run's.

    python benchmarks/kills.py [--commands export train] [--moments 20] [--signals KILL TERM]

Each row runs a command once unbroken, then again and again into one folder, ended by the signal at
a random moment of the unbroken run's time, until the given number of ends; every fourth time, and
where a run was done before the signal, the folder is emptied. After each end
all that is there under its own name has to be readable; after a last run to its end it has to equal
the unbroken run's. --scale 0.2 takes a fifth of the photos of reconstruct and of track's frames.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import torch
import tyro
from PIL import Image
from safetensors.torch import load_file
from skimage import data

from common import write_results
from smirk3d.assets import DEFAULT_HEAD, heads_folder

Content = dict[str, Any]
"""What a folder says, by name, without times and places."""


@dataclass(frozen=True)
class Row:
    """A command to kill.

    Attributes:
        arguments: of the command, for a folder of inputs and one of outputs; makes the inputs.
        content: of the folder of outputs; raises where something is not whole.
    """

    arguments: Callable[[Path, Path], list[str]]
    content: Callable[[Path], Content]


def _result(inputs: Path) -> Path:
    folder = inputs / "results"
    if not folder.is_dir():
        Image.fromarray(data.astronaut()).save(inputs / "photo.png")
        command = [sys.executable, "-m", "smirk3d", "reconstruct", str(inputs / "photo.png")]
        subprocess.run([*command, "--weights", "none", "--out", str(folder)], check=True)
    return folder / "photo"


def _photos(inputs: Path, count: int = 24) -> Path:
    folder = inputs / "photos"
    folder.mkdir(exist_ok=True)
    for number in range(count):
        picture = np.roll(data.astronaut()[:400, 60:460], number % 7, 1)
        picture[:8, :8] = number
        Image.fromarray(picture).save(folder / f"{number:02d}.png")
    return folder


def _names(folder: Path) -> list[str]:
    return sorted(map(str, folder.iterdir()))


def clip(inputs: Path, count: int) -> Path:
    path = inputs / "clip.mp4"
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
    return path


def _files(folder: Path) -> Content:
    """Return all files by name: arrays of npz files, members of tar files, else bytes.

    Of videos it is the times, for the encoder chooses a little differently from run to run.
    """
    found: Content = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                found[name] = {key: file[key].tobytes() for key in file.files}
        elif path.suffix == ".tar":
            with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as tar:
                found[name] = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
        elif path.suffix == ".mp4":
            with av.open(str(path)) as video:
                found[name] = [(f.pts, f.width, f.height) for f in video.decode(video=0)]
        elif path.suffix == ".json":
            found[name] = json.loads(path.read_text())
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def _results(folder: Path) -> Content:
    """Return all files of folders of results, each of which has to have those that it lists."""
    for path in folder.glob("[!.]*"):
        listed = json.loads((path / "result.json").read_text())["files"]
        lacking = [name for name in listed if not (path / name).is_file()]
        if lacking:
            raise ValueError(f"{path} lacks {lacking}")
    return _files(folder)


def _report(folder: Path) -> Content:
    document = json.loads((folder / "report.json").read_text()) if folder.is_dir() else {}
    return {part["name"]: part["tables"] for part in document.get("protocols", [])}


def _run(folder: Path) -> Content:
    found: Content = {}
    for path in sorted((folder / "checkpoints").glob("[!.]*.ckpt"))[-1:]:
        networks = torch.load(path, weights_only=True)["networks"]
        found |= {f"checkpoint {name}": value.numpy().tobytes() for name, value in networks.items()}
    for path in folder.glob("[!.]*.safetensors"):
        tensors = load_file(path)
        found |= {f"{path.name} {name}": v.numpy().tobytes() for name, v in tensors.items()}
    return found


def rows(faces: Path, scale: float = 1.0) -> dict[str, Row]:
    """Return the rows, for a folder of annotated faces."""
    photos, frames = max(1, round(50 * scale)), max(1, round(450 * scale))
    return {
        "reconstruct": Row(
            lambda inputs, out: ["reconstruct", *_names(_photos(inputs, photos)), "--format",
                                 "json", "--out", str(out)], _results),
        "track": Row(
            lambda inputs, out: ["track", str(clip(inputs, frames)), "--format", "mp4,npz",
                                 "--out", str(out)], _results),
        "export": Row(
            lambda inputs, out: ["export", str(_result(inputs)), "--format", "glb,obj,json,html",
                                 "--out", str(out)], _files),
        "heads import": Row(
            lambda inputs, out: ["heads", "import", str(heads_folder() / f"{DEFAULT_HEAD}.npz"),
                                 "--name", "mine"], _files),
        "preprocess": Row(
            lambda inputs, out: ["preprocess", str(_photos(inputs)), "--head", "none", "--items",
                                 "4", "--out", str(out)], _files),
        "evaluate": Row(
            lambda inputs, out: ["evaluate", "landmarks", "--methods", "mean", "none", "--faces",
                                 str(faces), "--limit", "12", "--shown", "1", "--out", str(out)],
            _report),
        "train": Row(
            lambda inputs, out: ["train", "tiny-cpu", "--data.faces", str(faces), "--minutes", "0",
                                 "--steps", "12", "--save-minutes", "0.02", "--data.max-photos",
                                 "16", "--accelerator", "cpu", "--out", str(out)], _run),
    }  # fmt: skip


def kill(name: str, row: Row, number: signal.Signals, moments: int, work: Path) -> dict[str, Any]:
    """Run one row and return its figures."""
    work.mkdir(parents=True)

    def start(out: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "smirk3d", *row.arguments(work, out)]
        environment = {**os.environ}
        if name == "heads import":
            environment["SMIRK3D_HOME"] = str(out)
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment)

    row.arguments(work, work / "whole")
    begin = time.perf_counter()
    if start(work / "whole").wait() != 0:
        raise SystemExit(f"{name}: the unbroken run failed")
    whole_s = time.perf_counter() - begin
    ended = codes = not_whole = tries = 0
    run_s = whole_s
    while ended < moments and tries < 4 * moments:
        tries += 1
        begin = time.perf_counter()
        process = start(work / "broken")
        finished = False
        try:
            process.wait(random.uniform(0.05, 1) * run_s)
            finished = True
        except subprocess.TimeoutExpired:
            process.send_signal(number)
            codes += process.wait() in {-number, 128 + number}
            ended += 1
        try:
            row.content(work / "broken")
        except FileNotFoundError:
            pass
        except Exception as error:
            print(name, "not whole:", repr(error), flush=True)
            not_whole += 1
        if finished:
            # it went on with what was there, or the machine has become faster
            run_s = min(run_s, max(time.perf_counter() - begin, 0.5 * run_s))
        if finished or ended % 4 == 0:
            shutil.rmtree(work / "broken", ignore_errors=True)
    code = start(work / "broken").wait()
    whole, broken = row.content(work / "whole"), row.content(work / "broken")
    different = sorted(key for key in {*whole, *broken} if whole.get(key) != broken.get(key))
    left = [str(p) for p in (work / "broken").rglob(".*") if p.name.endswith((".partial", ".lock"))]
    return {
        "command": name, "signal": number.name, "unbroken_s": round(whole_s, 1), "ended": ended,
        "expected_codes": codes, "not_whole": not_whole, "last_code": code,
        "compared": len(whole), "different": different, "left": left,
    }  # fmt: skip


def main(
    commands: tuple[str, ...] = (
        "reconstruct",
        "track",
        "export",
        "heads import",
        "preprocess",
        "evaluate",
        "train",
    ),
    moments: int = 20,
    signals: tuple[Literal["KILL", "TERM"], ...] = ("KILL", "TERM"),
    faces: Path = Path("data/faces"),
    seed: int = 0,
    scale: float = 1.0,
) -> None:
    random.seed(seed)
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, name in itertools.product(signals, commands):
            work = Path(folder) / f"{name.replace(' ', '-')}-{kind}"
            number = signal.Signals[f"SIG{kind}"]
            found.append(kill(name, rows(faces, scale)[name], number, moments, work))
            print(found[-1], flush=True)
            write_results("kills", found, _table(found, moments))
    print(_table(found, moments))


def _table(found: list[dict[str, Any]], moments: int) -> str:
    lines = [
        "| command | signal | unbroken run | ended in the middle | with the right code"
        " | something not whole | last run's code"
        " | compared | unlike the unbroken run's | left behind |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['command']} | {r['signal']} | {r['unbroken_s']} s | {r['ended']} of {moments}"
        f" | {r['expected_codes']} | {r['not_whole']}"
        f" | {r['last_code']} | {r['compared']} | {len(r['different'])} | {len(r['left'])} |"
        for r in found
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    tyro.cli(main)
