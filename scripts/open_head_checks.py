"""Counts what is impossible on faces of a head: random expressions on random people.

    python scripts/open_head_checks.py HEAD [COUNT] [PEOPLE] [HEAD_THAT_PAIRS_THE_LIPS]

Up to 8 actions, jaw and gaze at random; prints how many faces show each fault, and the worst.
"""

from __future__ import annotations

import sys

import torch

from smirk3d.evaluation.head_geometry import GeometryMeter, Impossible, random_expressions
from smirk3d.heads.registry import load_head

_BATCH = 50
_SEED = 19


def main() -> None:
    name, *rest = sys.argv[1:]
    count, people = (int(v) for v in (*rest[:2], "1000", "20")[:2]) if rest else (1000, 20)
    head = load_head(name)
    meter = GeometryMeter(head, load_head(rest[2]) if len(rest) > 2 else None)
    faces = random_expressions(head, count, _SEED, people)
    found: list[Impossible] = []
    for start in range(0, count, _BATCH):
        rows = torch.arange(start, min(start + _BATCH, count))
        found += meter.measure(faces[rows])
    print(f"{name}: {count} expressions on {people} people")
    for label, values, limit, unit in (
        ("teeth, gums or tongue outside, vertices", [f.outside for f in found], 0, ""),
        ("eyelids in the eye, mm", [1e3 * f.eyelid_depth for f in found], 0.3, ""),
        ("lips crossing, mm", [1e3 * f.lip_crossing for f in found], 0.5, ""),
        ("inside seen from 26 directions, pixels", [f.inside_pixels for f in found], 0, ""),
    ):
        above = sum(v > limit for v in values)
        print(f"{label}: above {limit}{unit} on {above} faces; worst {max(values):.3g}")


if __name__ == "__main__":
    main()
