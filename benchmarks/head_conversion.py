"""What is lost when faces go from one head to another and back.

Random faces of the first head, with about one action in eight or in four at a random strength, are
converted to the second and back.

Usage: python benchmarks/head_conversion.py SECOND [--first open] [--faces 200]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch
from torch import Tensor

from common import write_results
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.fitting.conversion import ConversionConfig, HeadConverter
from smirk3d.fitting.correspondence import find_correspondence
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters

DENSITIES = (0.125, 0.25)
MISFITS = (1e-4, 2e-4, 4e-4, 8e-4)


def random_faces(head: HeadModel, count: int, density: float) -> FaceParameters:
    """Return faces with random identity, sparse actions and random gaze."""
    generator = torch.Generator().manual_seed(0)
    present = torch.rand(count, 52, generator=generator) < density
    weights = present * torch.rand(count, 52, generator=generator)
    faces = head.from_arkit(weights)
    shape = 0.7 * torch.randn(count, head.group("shape").dim, generator=generator)
    return faces.replace(shape=shape)


def correlations(before: Tensor, after: Tensor) -> dict[str, float]:
    """Return the correlation of each column that varies before, 0 where it does not after."""
    found = {}
    for name, a, b in zip(ARKIT_NAMES, before.T, after.T, strict=True):
        if a.std() > 0:
            moved = b.std() > 1e-6
            found[name] = float(torch.corrcoef(torch.stack([a, b]))[0, 1]) if moved else 0.0
    return found


def face_distance(head: HeadModel, first: FaceParameters, second: FaceParameters) -> float:
    """Return the mean distance of the face's vertices in millimetres, heads upright."""
    still = torch.zeros_like(first.head_pose)
    ours = head(first.replace(head_pose=still)).vertices[:, head.regions["face"]]
    theirs = head(second.replace(head_pose=still)).vertices[:, head.regions["face"]]
    difference = ours - theirs
    return float((difference - difference.mean(1, keepdim=True)).norm(dim=2).mean() * 1e3)


def run_case(
    head: HeadModel,
    forth: HeadConverter,
    back: HeadConverter,
    faces: FaceParameters,
    density: float,
    misfit: float,
) -> dict[str, Any]:
    """Return the errors of one setting, in millimetres; the faces are the head's."""
    forth.config = back.config = ConversionConfig(named_misfit=misfit)
    start = time.process_time()
    there = forth(faces)
    seconds = time.process_time() - start
    here = back(there.parameters)
    found = correlations(head.arkit(faces), head.arkit(here.parameters))
    values = torch.tensor(list(found.values()))
    same_person = here.parameters.replace(shape=faces.shape)
    return {
        "density": density,
        "misfit_mm": misfit * 1e3,
        "forth_expression_mm": float(there.expression_error.mean()),
        "forth_surface_mm": float(there.surface_error.mean()),
        "back_expression_mm": float(here.expression_error.mean()),
        "round_trip_expression_mm": face_distance(head, faces, same_person),
        "round_trip_surface_mm": face_distance(head, faces, here.parameters),
        "correlation_mean": float(values.mean()),
        "correlation_median": float(values.median()),
        "cpu_ms_a_face": seconds / len(faces) * 1e3,
        "correlations": found,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Return the measurements, and the channels of the default setting, in Markdown."""
    columns = [key for key in rows[0] if key != "correlations"]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    lines += ["| " + " | ".join(f"{row[key]:.3g}" for key in columns) + " |" for row in rows]
    usual = next(row for row in rows if row["misfit_mm"] == ConversionConfig().named_misfit * 1e3)
    channels = sorted(usual["correlations"].items(), key=lambda item: item[1])
    listed = ", ".join(f"{name} {value:.2f}" for name, value in channels)
    lines += ["", f"Channels at {usual['misfit_mm']:.2g} mm, density {usual['density']}: {listed}."]
    return "\n".join(lines)


def main() -> None:
    """Measure, print and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("second", help="name or file of the other head")
    parser.add_argument("--first", default=DEFAULT_HEAD)
    parser.add_argument("--faces", type=int, default=200)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    first, second = load_head(arguments.first), load_head(arguments.second)
    forth = HeadConverter(first, second, correspondence=find_correspondence(first, second))
    back = HeadConverter(second, first, correspondence=find_correspondence(second, first))
    rows = [
        run_case(first, forth, back, random_faces(first, arguments.faces, density), density, misfit)
        for density in DENSITIES
        for misfit in MISFITS
    ]
    text = f"{first.name} to {second.name} and back.\n\n{table(rows)}"
    write_results(f"head_conversion-{second.name}", rows, text)
    print(text)


if __name__ == "__main__":
    with torch.no_grad():
        main()
