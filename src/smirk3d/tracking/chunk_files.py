"""Reads the chunks that a tracked clip is kept in while it runs; a crash may have damaged one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from smirk3d.assets.foreign.npz import META, NpzFile
from smirk3d.assets.foreign.origin import DAMAGE, Unfit
from smirk3d.assets.foreign.schema import WHOLE, ArrayRule
from smirk3d.tracking.track_file import MOVING, ROW_RULES, STD_RULES, TIMES_RULE, Array

Chunk = dict[str, Array]
"""The arrays of a chunk by name."""

ROW_NAMES = tuple(ROW_RULES)
"""Arrays with one row for each face of each frame, beside its ``frame`` and ``id``."""

_LARGEST_CHUNK = 256 << 20
"""Bytes; the rows of some hundred frames and the tracker's state have a few megabytes."""
_RULES = {
    "first": ArrayRule("", WHOLE, low=0),
    "timestamps": TIMES_RULE,
    "sizes": ArrayRule("T 2", WHOLE, low=1),
    "shape_ids": ArrayRule("I", WHOLE, low=0),
    "shapes": ArrayRule("..."),
    "renamed": ArrayRule("M 2", WHOLE, low=0),
    "state": META,
}
_ROW_RULES = {
    "row_frame": ArrayRule("R", WHOLE),
    "row_id": ArrayRule("R", WHOLE, low=0),
    **{f"row_{name}": rule for name, rule in ROW_RULES.items()},
}
_STD_RULES = {f"row_{name}": rule for name, rule in STD_RULES.items()}
_WIDTHS = (*MOVING, "S")
"""Names of the sizes that all chunks of a clip share."""


def chunk_path(folder: Path, first: int) -> Path:
    """Return the file of the chunk that begins with a frame."""
    return folder / f"chunk-{first:09d}.npz"


def read_chunks(folder: Path) -> list[Chunk]:
    """Return the chunks from the first frame on, up to the first that is absent or damaged."""
    chunks: list[Chunk] = []
    widths: dict[str, int] = {}
    done, seconds = 0, -np.inf
    while True:
        try:
            chunk = _read(chunk_path(folder, done), widths)
            _check(chunk, done, seconds)
        except DAMAGE:
            return chunks
        done += len(chunk["timestamps"])
        seconds = float(chunk["timestamps"][-1])
        chunks.append(chunk)


def _read(path: Path, widths: dict[str, int]) -> Chunk:
    """Return a chunk whose arrays fit their rules; the sizes that it fixes are added."""
    with NpzFile(path, budget=_LARGEST_CHUNK) as file:
        rules = dict(_RULES)
        if any(name in file.names for name in _ROW_RULES):
            rules |= _ROW_RULES
        rules |= {name: rule for name, rule in _STD_RULES.items() if name in file.names}
        lacking = sorted({*rules} - {*file.names})
        if lacking:
            raise Unfit(f"it lacks {', '.join(lacking)}")
        file.sizes |= widths
        chunk = {name: file.read(name, rule) for name, rule in rules.items()}
        if len(chunk["shape_ids"]):
            ArrayRule("I S").check_shape(chunk["shapes"], "shapes", file.sizes)
        widths |= {name: file.sizes[name] for name in _WIDTHS if name in file.sizes}
    return chunk


def _check(chunk: Chunk, done: int, seconds: float) -> None:
    """Refuse a chunk that does not follow a number of frames whose last was at some seconds."""
    times = chunk["timestamps"]
    if int(chunk["first"]) != done or not len(times):
        raise Unfit(f"it does not begin at frame {done}")
    if times[0] < seconds or (np.diff(times) < 0).any():
        raise Unfit("its times run backwards")
    frames = chunk.get("row_frame")
    if frames is not None and ((frames < done) | (frames >= done + len(times))).any():
        raise Unfit("it has rows of frames that are not its own")
