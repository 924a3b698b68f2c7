"""How long the rasteriser's engines take for the open head, alone and within a grey rendering.

Usage: python benchmarks/rasterizer.py [--device cuda] [--quick]
"""

from __future__ import annotations

import argparse
import importlib.util
from typing import Any

import torch
from torch import Tensor

from common import measure, write_results
from smirk3d.geometry.cameras import project
from smirk3d.heads.registry import load_head
from smirk3d.rasterization import rasterize
from smirk3d.rasterization.array_rasterizer import rasterize_ids_array
from smirk3d.rasterization.base import Engine
from smirk3d.rasterization.numba_rasterizer import rasterize_ids_numba
from smirk3d.rendering.mesh_renderer import MeshRenderer

CASES = [(1, 224), (8, 224), (32, 224), (1, 512), (1, 1024)]
IDS = {"array": rasterize_ids_array, "numba": rasterize_ids_numba}


def scene(batch: int, device: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return posed vertices, cameras, faces and the face region of B heads."""
    head = load_head().to(device)
    generator = torch.Generator().manual_seed(0)
    neutral = head.neutral(batch).to(device)
    pose = 0.3 * torch.randn(batch, 3, generator=generator).to(device)
    with torch.no_grad():
        vertices = head(neutral.replace(head_pose=pose)).vertices
    return vertices, neutral.camera, head.faces, head.regions["face"]


def run_case(engine: Engine, batch: int, size: int, device: str, seconds: float) -> dict[str, Any]:
    """Return the timings of one engine at one batch and picture size."""
    vertices, camera, faces, region = scene(batch, device)
    ndc = project(vertices, camera)
    whole = MeshRenderer(faces, size, engine=engine).to(device)
    part = MeshRenderer(faces, size, vertex_mask=region, engine=engine).to(device)
    upstream = torch.randn(batch, 3, size, size, device=device)
    moving = vertices.clone().requires_grad_()

    def learn(renderer: MeshRenderer) -> None:
        renderer(moving, camera).image.backward(upstream)

    ids = IDS[engine]
    return {
        "engine": engine,
        "batch": batch,
        "size": size,
        "device": device,
        "ids": measure(lambda: ids(ndc, faces, size, size, False), seconds=seconds),
        "ids_culled": measure(lambda: ids(ndc, faces, size, size, True), seconds=seconds),
        "head_forward": measure(lambda: whole(vertices, camera), seconds=seconds),
        "head_forward_backward": measure(lambda: learn(whole), seconds=seconds),
        "face_forward": measure(lambda: part(vertices, camera), seconds=seconds),
        "face_forward_backward": measure(lambda: learn(part), seconds=seconds),
    }


def loop_case(size: int) -> dict[str, Any]:
    """Return the timing of the loop that defines the rules, on a small picture."""
    vertices, camera, faces, _ = scene(1, "cpu")
    ndc = project(vertices, camera)
    timing = measure(
        lambda: rasterize(ndc, faces, size, size, engine="reference"), seconds=0, least=3
    )
    return {"engine": "reference", "batch": 1, "size": size, "device": "cpu", "ids": timing}


def table(rows: list[dict[str, Any]]) -> str:
    """Return the measurements as a Markdown table."""
    columns = [key for key in rows[0] if key not in ("batch", "size", "device")]
    head = ["case", *columns]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        cells = [f"{row['batch']} x {row['size']}", *(str(row.get(key, "-")) for key in columns)]
        lines.append("| " + " | ".join(cells) + " |")
    return (
        "Open head, ms for the batch: processor time / fastest / median (quartiles) of the wall "
        "time.\n\n"
    ) + "\n".join(lines)


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true", help="a fraction of a second a figure")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    engines: list[Engine] = ["array"]
    if arguments.device == "cpu" and importlib.util.find_spec("numba"):
        engines.append("numba")
    seconds = 0.2 if arguments.quick else 1.5
    rows = [
        run_case(engine, batch, size, arguments.device, seconds)
        for batch, size in CASES
        for engine in engines
    ]
    if arguments.device == "cpu":
        rows.append(loop_case(64))
    name = "rasterizer" if arguments.device == "cpu" else f"rasterizer-{arguments.device}"
    text = table(rows)
    write_results(name, rows, text)
    print(text)


if __name__ == "__main__":
    main()
