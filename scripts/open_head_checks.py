"""Counts what is impossible on faces of a head: random expressions on random people.

    python scripts/open_head_checks.py HEAD [--count 1000] [--people 20] [--lips HEAD]
        [--record FILE] [--first 0 --last COUNT]

Up to 8 actions, jaw and gaze at random; prints how many faces show each fault, the worst, and
which faces these are. With --record each face's figures are a line of FILE, and a run that finds
FILE goes on where it ends. --first and --last take a part of the faces, so that several processes
share them; the records of parts that follow each other, joined, are that of the whole.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch

from smirk3d.evaluation.head_geometry import GeometryMeter, Impossible, random_expressions
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters

_BATCH = 50
_SEED = 19
_LISTED = 12
"""Faces named for each fault, the worst first."""


def recorded(path: Path | None) -> list[Impossible]:
    """Return what a record holds; a last line that was cut off does not count."""
    if path is None or not path.is_file():
        return []
    found = []
    for line in path.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            found.append(Impossible(**json.loads(line)))
    path.write_text("".join(json.dumps(vars(face)) + "\n" for face in found))
    return found


def measured(
    meter: GeometryMeter, faces: FaceParameters, start: int, end: int
) -> Iterator[list[Impossible]]:
    """Yield the faults of the faces from start to end, a batch at a time."""
    for first in range(start, end, _BATCH):
        yield meter.measure(faces[torch.arange(first, min(first + _BATCH, end))])


def report(found: list[Impossible], first: int) -> str:
    """Return a line for each fault: how many faces show it, the worst, and which they are.

    Args:
        found: the faults of consecutive faces.
        first: number of the first of them.
    """
    lines = []
    for label, values, limit, unit in (
        ("teeth, gums or tongue outside, vertices", [f.outside for f in found], 0, ""),
        ("eyelids in the eye, mm", [1e3 * f.eyelid_depth for f in found], 0.3, " mm"),
        ("lips crossing, mm", [1e3 * f.lip_crossing for f in found], 0.5, " mm"),
        ("inside seen from 26 directions, pixels", [f.inside_pixels for f in found], 0, ""),
    ):
        above = [i for i, v in enumerate(values) if v > limit]
        worst = sorted(above, key=lambda i: -values[i])[:_LISTED]
        named = ", ".join(f"{first + i} ({values[i]:.3g})" for i in worst)
        lines.append(
            f"{label}: above {limit}{unit} on {len(above)} faces; worst {max(values):.3g}"
            + (f"; faces {named}" if named else "")
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("head", metavar="HEAD")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--lips", metavar="HEAD", help="head that pairs the lips' vertices")
    parser.add_argument("--record", type=Path, metavar="FILE")
    parser.add_argument("--first", type=int, default=0, help="number of the first face")
    parser.add_argument("--last", type=int, help="number after that of the last face")
    options = parser.parse_args()
    head = load_head(options.head)
    lips = load_head(options.lips) if options.lips else None
    end = min(options.last or options.count, options.count)
    found = recorded(options.record)[: end - options.first]
    expressions = random_expressions(head, options.count, _SEED, options.people)
    meter = GeometryMeter(head, lips)
    for faces in measured(meter, expressions, options.first + len(found), end):
        found += faces
        if options.record:
            with options.record.open("a") as file:
                file.writelines(json.dumps(vars(face)) + "\n" for face in faces)
    print(f"{options.head}: expressions {options.first} to {end} of {options.count} "
          f"on {options.people} people")  # fmt: skip
    print(report(found, options.first))


if __name__ == "__main__":
    main()
