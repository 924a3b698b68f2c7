"""Counts what is impossible on faces of a head: random expressions on random people.

    python scripts/open_head_checks.py HEAD [--count 1000] [--people 20] [--lips HEAD]
        [--record FILE] [--first 0 --last COUNT] [--write]

Up to 8 actions, jaw and gaze at random; prints how many faces show each fault, the worst, and
which faces these are. With --record each face's figures are a line of FILE, and a run that finds
FILE goes on where it ends. --first and --last take a part of the faces, so that several processes
share them; the records of parts that follow each other, joined, are that of the whole. --write
makes ``benchmarks/results/open_head_checks.md`` of what was measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from smirk3d.evaluation.environment import environment, environment_line
from smirk3d.evaluation.head_geometry import GeometryMeter, Impossible, random_expressions
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
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


@dataclass(frozen=True)
class Fault:
    """A fault, how large it is on each of consecutive faces, and what is asked of it."""

    label: str
    values: Sequence[float]
    limit: float

    def above(self, first: int) -> list[str]:
        """Return the numbers and values of faces above the limit, the worst first."""
        worst = sorted(range(len(self.values)), key=lambda i: -self.values[i])
        return [f"{first + i} ({self.values[i]:.3g})" for i in worst if self.values[i] > self.limit]


def faults(found: list[Impossible]) -> list[Fault]:
    """Return the four faults and how large each is on each face."""
    return [
        Fault("vertices or edges of teeth, gums or tongue outside", [f.outside for f in found], 0),
        Fault("eyelids in the eye, mm", [1e3 * f.eyelid_depth for f in found], 0.3),
        Fault("lips crossing, mm", [1e3 * f.lip_crossing for f in found], 0.5),
        Fault("inside seen from 26 directions, pixels", [f.inside_pixels for f in found], 0),
    ]


def report(found: list[Impossible], first: int) -> str:
    """Return a line for each fault: how many faces show it, the worst, and which they are.

    Args:
        found: the faults of consecutive faces.
        first: number of the first of them.
    """
    lines = []
    for fault in faults(found):
        above = fault.above(first)
        line = f"{fault.label}: above {fault.limit} on {len(above)} faces"
        line += f"; worst {max(fault.values):.3g}"
        lines.append(line + (f"; faces {', '.join(above[:_LISTED])}" if above else ""))
    return "\n".join(lines)


def write(found: list[Impossible], first: int, head: HeadModel, what: str) -> None:
    """Write the table of the results' folder."""
    lines = [
        f"# open_head_checks\n\n{head.name} with the fingerprint {head.fingerprint[:8]}: {what} "
        "(up to 8 actions, jaw and gaze at random; pictures of 192 px).\n",
        "| fault | at most | faces above | worst | of 50, 95, 99 % of the faces | worst faces |",
        "|---|---|---|---|---|---|",
    ]
    for fault in faults(found):
        above = fault.above(first)
        shares = ", ".join(f"{v:.3g}" for v in np.quantile(fault.values, (0.5, 0.95, 0.99)))
        lines.append(
            f"| {fault.label} | {fault.limit} | {len(above)} | {max(fault.values):.3g} | {shares} |"
            f" {', '.join(above[:_LISTED])} |"
        )
    text = "\n".join([*lines, "", environment_line(environment()), ""])
    (RESULTS / "open_head_checks.md").write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("head", metavar="HEAD")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--lips", metavar="HEAD", help="head that pairs the lips' vertices")
    parser.add_argument("--record", type=Path, metavar="FILE")
    parser.add_argument("--first", type=int, default=0, help="number of the first face")
    parser.add_argument("--last", type=int, help="number after that of the last face")
    parser.add_argument("--write", action="store_true", help="write the results' table")
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
    what = f"expressions {options.first} to {end} of {options.count} on {options.people} people"
    print(f"{options.head}: {what}")
    print(report(found, options.first))
    if options.write:
        write(found, options.first, head, what)


if __name__ == "__main__":
    main()
