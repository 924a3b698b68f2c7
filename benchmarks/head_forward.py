"""How long heads take to pose faces, in turns with each other, and the ratio to the first.

Usage: python benchmarks/head_forward.py [HEAD ...] [--rounds 60]
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import torch

from common import write_results
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters

BATCHES = (1, 32)


def random_faces(head: HeadModel, count: int) -> FaceParameters:
    """Return faces with every group away from its default."""
    generator = torch.Generator().manual_seed(0)
    groups = {}
    for group in head.spec:
        low = torch.tensor(group.lo).clamp(min=-1)
        high = torch.tensor(group.hi).clamp(max=1)
        groups[group.name] = low + (high - low) * torch.rand(count, group.dim, generator=generator)
    return head.neutral(count).replace(**groups)


def in_turns(heads: dict[str, HeadModel], batch: int, rounds: int) -> dict[str, list[float]]:
    """Return the processor milliseconds of each round, the heads in turns."""
    faces = {name: random_faces(head, batch) for name, head in heads.items()}
    times: dict[str, list[float]] = {name: [] for name in heads}
    for turn in range(rounds + 3):
        for name, head in heads.items():
            start = time.process_time()
            head(faces[name])
            if turn >= 3:
                times[name].append((time.process_time() - start) * 1e3)
    return times


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("heads", nargs="*", default=["open", "open@2"], metavar="HEAD")
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    heads = {name: load_head(name) for name in options.heads}
    rows: list[dict[str, Any]] = []
    lines = [
        "| head | batch | ms of processor time (median) | ratio of the medians |",
        "|---|---|---|---|",
    ]
    with torch.no_grad():
        for batch in BATCHES:
            times = in_turns(heads, batch, options.rounds)
            first = statistics.median(times[options.heads[0]])
            for name in heads:
                middle = statistics.median(times[name])
                rows.append({"head": name, "batch": batch, "ms": middle, "ratio": middle / first})
                lines.append(f"| {name} | {batch} | {middle:.2f} | {middle / first:.2f} |")
    text = "\n".join(lines)
    write_results("head_forward", rows, text)
    print(text)


if __name__ == "__main__":
    main()
