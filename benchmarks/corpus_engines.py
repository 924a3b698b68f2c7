"""Real clips through every engine: bytes, kills, processor time against a plain loop, scaling.

    python benchmarks/corpus_engines.py equal DIR [--count 200]      # bytes over engines and kills
    python benchmarks/corpus_engines.py cost DIR [--count 200]       # processor time and scaling

Clips are a photo that drifts, 128 pixels and 8 frames each, every tenth of another length; beside
them lie one of text, an empty one, and one without a face. Both write ``results/corpus-*.md``. For
figures of time the machine has to be quiet.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import tyro
from PIL import Image
from skimage import data

from common import write_results

_SIZE = 128
_FRAMES = 8
_KILL_EVERY = 5.0
"""Seconds between two kills of a worker, as asked for."""


def make_clips(folder: Path, count: int) -> Path:
    """Make the clips unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    photo = Image.fromarray(data.astronaut()[10:250, 100:340]).resize((_SIZE + 16,) * 2)
    for number in range(count):
        path = folder / f"clip-{number:04d}.mp4"
        if not path.exists():
            _write(path, np.asarray(photo), number)
    if not (folder / "faceless.mp4").exists():
        grey = np.full((_SIZE + 16, _SIZE + 16, 3), 90, np.uint8)
        _write(folder / "faceless.mp4", grey, 0)
        (folder / "text.mp4").write_text("no video")
        (folder / "empty.mp4").touch()
    return folder


def _write(path: Path, photo: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 8, 2)
    frames = _FRAMES + 4 * (seed % 10 == 0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width = stream.height = _SIZE
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "16"}
        for number in range(frames):
            left, top = x + number % 8, y
            picture = np.ascontiguousarray(photo[top : top + _SIZE, left : left + _SIZE])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def command(clips: Path, out: Path, *options: str) -> list[str]:
    """Return the command that tracks the clips."""
    base = [sys.executable, "-m", "smirk3d", "track", str(clips), "--out", str(out)]
    return [*base, "--format", "npz", *options]


BESIDE = ("empty", "faceless", "text")
"""Names of what lies beside the clips; the faceless one is done, with no faces."""
BAD = 2
"""How many of them fail."""
ENGINES: dict[str, list[list[str]]] = {
    "local, 1 process": [["--workers", "1"]],
    "local, 2 processes": [["--workers", "2"]],
    "2 shards, one after the other": [["--workers", "1", "--shard", f"{n}/2"] for n in (2, 1)],
    "Ray, 2 actors": [["--workers", "2", "--engine", "ray"]],
}
"""Commands of each engine, by its name in the tables."""


def run(arguments: Sequence[str]) -> tuple[int, float, float]:
    """Return exit code, seconds, and processor seconds of a command and all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    code = subprocess.run(arguments, capture_output=True, check=False).returncode
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return code, seconds, used


def digest(out: Path) -> str:
    """Return a hash over names and bytes of all results and tables."""
    found = hashlib.sha256()
    for path in sorted(out.rglob("*")):
        inside = path.relative_to(out)
        if path.is_file() and not inside.parts[0].startswith(".") and path.suffix != ".log":
            content = path.read_bytes()
            if path.suffix == ".npz":  # a zip holds the time of writing
                with np.load(path, allow_pickle=False) as file:
                    content = b"".join(n.encode() + file[n].tobytes() for n in sorted(file.files))
            found.update(f"{inside}\0{len(content)}\0".encode() + content)
    return found.hexdigest()[:12]


def rows_of(out: Path) -> tuple[int, int, int]:
    """Return how many rows were committed, how many inputs they are of, and how many failed."""
    lines = []
    for path in (out / ".smirk3d-corpus" / "journals").glob("*.jsonl"):
        lines += [json.loads(line) for line in path.read_text().splitlines()]
    newest = {line[1]: line for line in sorted(lines)}
    return len(lines), len(newest), sum(line[6] == "failed" for line in newest.values())


def killed(arguments: Sequence[str], out: Path, at: Sequence[float], total: int) -> int:
    """Run a command, killed whole at fractions of its rows and a worker every 5 s; count kills."""
    kills = 0
    rng = random.Random(0)
    for fraction in (*at, 2.0):
        process = subprocess.Popen(
            arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        last = time.monotonic()
        while process.poll() is None:
            time.sleep(0.2)
            if rows_of(out)[1] >= fraction * total:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
                break
            if time.monotonic() - last > _KILL_EVERY:
                last = time.monotonic()
                workers = _workers(process.pid)
                if workers:
                    os.kill(rng.choice(workers), signal.SIGKILL)
                    kills += 1
        process.wait()
    return kills


def _workers(pid: int) -> list[int]:
    """Return the processes of a local engine."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [
            int(child)
            for child in children
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]
    except OSError:
        return []


def equal(folder: Path, count: int) -> None:
    """Compare the results of all engines, and of runs that are killed."""
    clips = make_clips(folder / "clips", count)
    total = count + len(BESIDE)
    rows: list[dict[str, Any]] = []
    for name, commands in ENGINES.items():
        out = folder / name.replace(" ", "-").replace(",", "")
        codes = [run(command(clips, out, *options))[0] for options in commands]
        rows.append(_outcome(name, codes[-1], out, total, 0))
    out = folder / "killed"
    kills = killed(command(clips, out, "--workers", "2"), out, (0.3, 0.6, 0.9), total)
    again, seconds, _ = run(command(clips, out, "--workers", "1"))
    rows.append(_outcome("local, killed", again, out, total, kills))
    rows[-1]["last_seconds"] = round(seconds, 1)
    if rows[-1]["failed"] > BAD:  # three kills met the same clip
        again = run(command(clips, out, "--workers", "1", "--retry-failed"))[0]
        rows.append(_outcome("the same with --retry-failed", again, out, total, 0))
    lines = [
        "| engine | kills | exit code | rows | unique | failed | hash over all results |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['engine']} | {r['kills']} | {r['code']} | {r['committed']} | {r['unique']} of "
        f"{r['total']} | {r['failed']} | {r['digest']} |"
        for r in rows
    ]
    write_results("corpus-equal", rows, "\n".join(lines))
    print("\n".join(lines))


def _outcome(name: str, code: int, out: Path, total: int, kills: int) -> dict[str, Any]:
    committed, unique, failed = rows_of(out)
    return {
        "engine": name, "kills": kills, "code": code, "committed": committed, "unique": unique,
        "total": total, "failed": failed, "digest": digest(out),
    }  # fmt: skip


PLAIN = """
import sys
from pathlib import Path
from smirk3d import FaceReconstructor
from smirk3d.corpus.clip_work import use_one_thread
from smirk3d.tracking.track_video import track_video
use_one_thread()
reconstructor = FaceReconstructor()
for path in sorted(Path(sys.argv[1]).glob("clip-*.mp4")):
    track_video(path, reconstructor, Path(sys.argv[2], path.stem), ("npz",))
"""


def cost(folder: Path, count: int) -> None:
    """Measure processor time a clip of the engines but Ray against a plain loop, and the speed."""
    clips = make_clips(folder / "clips", count)
    for name in BESIDE:
        (clips / f"{name}.mp4").unlink(missing_ok=True)
    rows: list[dict[str, Any]] = []
    few = folder / "few"
    few.mkdir(exist_ok=True)
    for path in sorted(clips.glob("clip-*.mp4"))[: count // 10]:
        (few / path.name).write_bytes(path.read_bytes())
    plain = [sys.executable, "-c", PLAIN]
    kinds: dict[str, Any] = {"plain loop": lambda source, out: [[*plain, str(source), str(out)]]}
    for name, options in ENGINES.items():
        if name.startswith("Ray"):
            continue  # its workers are no children of the command: their time is not in its usage
        kinds[name] = lambda source, out, options=options: [
            command(source, out, *each) for each in options
        ]
    kinds["plain loop again"] = kinds["plain loop"]  # how much of a difference is the machine's
    for name, commands in kinds.items():
        figures = []
        for source, number in ((few, count // 10), (clips, count)):
            out = folder / f"cost-{name.replace(' ', '-').replace(',', '')}-{number}"
            parts = [run(arguments) for arguments in commands(source, out)]
            figures.append((sum(p[1] for p in parts), sum(p[2] for p in parts)))
        (few_s, few_cpu), (all_s, all_cpu) = figures
        more = count - count // 10
        rows.append({
            "engine": name, "clips": count, "seconds": round(all_s, 1), "cpu": round(all_cpu, 1),
            "cpu_a_clip": round((all_cpu - few_cpu) / more, 4),
            "s_a_clip": round((all_s - few_s) / more, 4),
            "fixed_cpu": round(few_cpu - (all_cpu - few_cpu) / more * (count // 10), 1),
        })  # fmt: skip
        print(rows[-1], flush=True)
        _write_cost(rows, count)


def _write_cost(rows: list[dict[str, Any]], count: int) -> None:
    """Write the table of the engines that were measured so far; the first is the plain loop."""
    base = rows[0]
    for row in rows:
        row["whole_ratio"] = round(row["cpu"] / base["cpu"], 3)
        row["clip_ratio"] = round(row["cpu_a_clip"] / base["cpu_a_clip"], 3)
        row["speed"] = round(base["s_a_clip"] / row["s_a_clip"], 2)
    lines = [
        f"| engine | CPU s, {count} clips | to the plain loop | CPU s a clip | to the plain loop |"
        " fixed CPU s | clips a second, to the plain loop |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['engine']} | {r['cpu']} | {r['whole_ratio']} | {r['cpu_a_clip']} | {r['clip_ratio']}"
        f" | {r['fixed_cpu']} | {r['speed']} |"
        for r in rows
    ]
    write_results("corpus-cost", rows, "\n".join(lines))


def main(
    what: tyro.conf.Positional[Literal["equal", "cost"]],
    folder: tyro.conf.Positional[Path],
    count: int = 200,
) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    {"equal": equal, "cost": cost}[what](folder, count)


if __name__ == "__main__":
    tyro.cli(main)
