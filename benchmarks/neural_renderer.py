"""Does the neural renderer use the geometry, and the drawn pixels?

    python benchmarks/neural_renderer.py RENDERER.safetensors --faces ../shared/faces

Paints held-out photos from what they should be painted from, and with one thing wrong at a time.
The distance to the photo is measured within the landmarks' hull. Writes
benchmarks/results/neural_renderer.{json,md}.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor

from common import write_results
from smirk3d.evaluation.methods import Crops, make_methods
from smirk3d.evaluation.painting import FacePainter
from smirk3d.evaluation.photos import held_out_photos
from smirk3d.face_parameters import FaceParameters
from smirk3d.heads.registry import load_head
from smirk3d.neural_renderer.generator import NeuralRenderer

EXPRESSIVE = ("expression", "jaw", "eyelids", "eyes")


def of_others(faces: FaceParameters, names: tuple[str, ...]) -> FaceParameters:
    """Return the faces with some groups of the face before each."""
    return faces.replace(**{name: getattr(faces, name).roll(1, 0) for name in names})


@torch.no_grad()
def main(
    renderer: Annotated[Path, tyro.conf.Positional],
    faces: Path = Path("../shared/faces"),
    weights: str = "default",
    limit: int = 0,
) -> None:
    head = load_head("open")
    crops = held_out_photos(faces, limit).crops
    (method,) = make_methods([weights], head)
    answer = method(crops)
    network = NeuralRenderer.from_file(renderer)
    size = int(network.provenance["settings"]["render_size"])
    painter = FacePainter(head, size)
    photo, hull = painter.targets(crops.images), painter.hull(crops)

    def error(shown: FaceParameters, change: Callable[[Tensor], Tensor] = lambda x: x) -> float:
        painted = []
        generator = painter.generator()
        for rows in torch.arange(len(crops)).split(16):
            part: Crops = crops[rows]
            grey = painter.inputs(part, shown[rows], shown[rows], generator)[:, :3]
            # pixels are always those of the right geometry
            again = painter.generator().manual_seed(int(rows[0]))
            seen = painter.inputs(part, answer[rows], answer[rows], again)[:, 3:]
            inside = hull[rows]
            kept = torch.where(inside > 0, change(seen), seen)
            painted.append(network(torch.cat([grey, kept], 1)))
        difference = (torch.cat(painted) - photo).abs().mean(1, keepdim=True)
        return float((difference * hull).sum() / hull.sum())

    rows = [
        {"painted from": "its own geometry and pixels", "L1": error(answer)},
        {"painted from": "another's expression", "L1": error(of_others(answer, EXPRESSIVE))},
        {"painted from": "another's shape and expression",
         "L1": error(of_others(answer, ("shape", *EXPRESSIVE)))},
        {"painted from": "another's whole rendering",
         "L1": error(of_others(answer, tuple(answer.as_dict())))},
        {"painted from": "no pixels of the face", "L1": error(answer, torch.zeros_like)},
    ]  # fmt: skip
    base = rows[0]["L1"]
    lines = ["| painted from | L1 in the hull | against its own |", "|---|---|---|"]
    lines += [f"| {r['painted from']} | {r['L1']:.4f} | {r['L1'] / base:.2f} |" for r in rows]
    text = f"{len(crops)} held-out photos at {size} px.\n\n" + "\n".join(lines)
    write_results("neural_renderer", rows, text)
    print(text)


if __name__ == "__main__":
    tyro.cli(main)
