"""Counts what is impossible on faces of a head: random expressions on random people.

    python scripts/open_head_checks.py HEAD [--count 1000] [--people 20] [--lips HEAD]
        [--record FILE]

Up to 8 actions, jaw and gaze at random; prints how many faces show each fault, the worst, and
which faces these are. With --record each face's figures are a line of FILE, and a run that finds
FILE goes on where it ends.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch

from smirk3d.evaluation.head_geometry import GeometryMeter, Impossible, random_expressions
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head

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
    head: HeadModel, lips: HeadModel | None, count: int, people: int, start: int
) -> Iterator[list[Impossible]]:
    """Yield the faults of the faces from a start on, a batch at a time."""
    meter = GeometryMeter(head, lips)
    faces = random_expressions(head, count, _SEED, people)
    for first in range(start, count, _BATCH):
        yield meter.measure(faces[torch.arange(first, min(first + _BATCH, count))])


def report(found: list[Impossible]) -> str:
    """Return a line for each fault: how many faces show it, the worst, and which they are."""
    lines = []
    for label, values, limit, unit in (
        ("teeth, gums or tongue outside, vertices", [f.outside for f in found], 0, ""),
        ("eyelids in the eye, mm", [1e3 * f.eyelid_depth for f in found], 0.3, " mm"),
        ("lips crossing, mm", [1e3 * f.lip_crossing for f in found], 0.5, " mm"),
        ("inside seen from 26 directions, pixels", [f.inside_pixels for f in found], 0, ""),
    ):
        above = [i for i, v in enumerate(values) if v > limit]
        worst = sorted(above, key=lambda i: -values[i])[:_LISTED]
        named = ", ".join(f"{i} ({values[i]:.3g})" for i in worst)
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
    options = parser.parse_args()
    head = load_head(options.head)
    lips = load_head(options.lips) if options.lips else None
    found = recorded(options.record)[: options.count]
    for faces in measured(head, lips, options.count, options.people, len(found)):
        found += faces
        if options.record:
            with options.record.open("a") as file:
                file.writelines(json.dumps(vars(face)) + "\n" for face in faces)
    print(f"{options.head}: {options.count} expressions on {options.people} people")
    print(report(found))


if __name__ == "__main__":
    main()
