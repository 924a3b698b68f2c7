"""Does the neural renderer use the geometry, and the drawn pixels?

    python benchmarks/neural_renderer.py RENDERER.safetensors [--weights ENCODER.safetensors]

Paints held-out photos from what they should be painted from, and with one thing wrong at a time:
the rendering replaced by another face's, or the drawn pixels of the face removed. The distance to
the photo is measured within the landmarks' hull and over the whole picture; beside it, how far the
answer's landmarks are from the photo's, those on the face's outline apart. With --training 32 the
photos are those that a run with --data.max-photos 32 trains on. Writes
benchmarks/results/NAME.{json,md}, and NAME.png beside the renderer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor

from common import write_results
from smirk3d.evaluation.methods import Crops, make_methods
from smirk3d.evaluation.neural_rendering import BATCH, RendererInputs
from smirk3d.evaluation.photos import Photos, as_pictures, held_out_photos, training_photos
from smirk3d.evaluation.protocols.landmarks import landmark_errors, regions
from smirk3d.heads.registry import load_head
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.media.image_io import write_png
from smirk3d.rendering.contact_sheet import contact_sheet
from smirk3d.training.recipes.smirk import MASKING

EXPRESSIVE = ("expression", "jaw", "eyelids", "eyes")
WITHOUT_POINTS = replace(MASKING, point_fraction=0.0)
SHOWN = 6


@dataclass(frozen=True)
class Case:
    """What a renderer is given.

    Attributes:
        label: on the sheet.
        name: in the table.
        others: groups that are another face's.
        points: whether pixels of the face are drawn.
    """

    label: str
    name: str
    others: tuple[str, ...] = ()
    points: bool = True


def first_training_photos(folder: Path, count: int) -> Photos:
    """Return the photos that a run with ``--data.max-photos COUNT`` trains on."""
    taken: list[str] = []

    def among_first(key: str) -> bool:
        taken.append(key)
        return len(taken) <= count

    return training_photos(folder, keep=among_first)


def paintings(
    network: NeuralRenderer, painters: dict[bool, RendererInputs], crops: Crops,
    answer: FaceParameters, case: Case,
) -> Tensor:  # fmt: skip
    """Return paintings ``[B, 3, N, N]`` of a case; pixels are always those of the answer."""
    groups = {name: getattr(answer, name).roll(1, 0) for name in case.others}
    wrong = answer.replace(**groups)
    painter = painters[case.points]
    generator, other = painter.generator(), painter.generator()
    painted = []
    for rows in torch.arange(len(crops)).split(BATCH):
        part = crops[rows]
        inputs = painter.inputs(part, answer[rows], answer[rows], generator)
        grey = painter.inputs(part, wrong[rows], wrong[rows], other)[:, :3]
        painted.append(network(torch.cat([grey, inputs[:, 3:]], 1)))
    return torch.cat(painted)


@torch.no_grad()
def main(
    renderer: Annotated[Path, tyro.conf.Positional],
    faces: Path = Path("data/faces"),
    weights: str = "default",
    limit: int = 0,
    training: int = 0,
    name: str = "neural_renderer",
) -> None:
    head = load_head()
    photos = first_training_photos(faces, training) if training else held_out_photos(faces, limit)
    crops = photos.crops
    (method,) = make_methods([weights], head)
    answer = method(crops)
    network = NeuralRenderer.from_file(renderer)
    size = int(network.provenance["settings"]["render_size"])
    painters = {
        True: RendererInputs(head, size), False: RendererInputs(head, size, masking=WITHOUT_POINTS)
    }  # fmt: skip
    photo, hull = painters[True].targets(crops.images), painters[True].hull(crops)
    cases = (
        Case("own", "its own rendering and pixels"),
        Case("other expression", "another's expression", EXPRESSIVE),
        Case("other head", "another's shape and expression", ("shape", *EXPRESSIVE)),
        Case("other rendering", "another's whole rendering", tuple(answer.as_dict())),
        Case("no pixels", "its own rendering, no pixels of the face", points=False),
        Case(
            "neither", "another's whole rendering, no pixels", tuple(answer.as_dict()), points=False
        ),
    )
    rows, tiles = [], {"photo": as_pictures(photo[:SHOWN])}
    for case in cases:
        painted = paintings(network, painters, crops, answer, case)
        difference = (painted - photo).abs().mean(1, keepdim=True)
        inside = float((difference * hull).sum() / hull.sum())
        rows.append({"painted from": case.name, "L1": inside, "whole": float(difference.mean())})
        tiles[case.label] = as_pictures(painted[:SHOWN])
    base = rows[0]["L1"]
    lines = [
        "| painted from | L1 in the hull | against its own | L1 of the picture |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {r['painted from']} | {r['L1']:.4f} | {r['L1'] / base:.2f} | {r['whole']:.4f} |"
        for r in rows
    ]
    errors, outline = landmark_errors(head, answer, crops.landmarks), regions(head)["contour"]
    lines.append(
        f"\nLandmarks: {errors[:, ~outline].mean():.2f} px within the face, "
        f"{errors[:, outline].mean():.2f} px on its outline."
    )
    kind = "photos that it was trained on" if training else "held-out photos"
    text = f"{renderer}: {len(crops)} {kind} at {size} px.\n\n" + "\n".join(lines)
    write_results(name, rows, text)
    print(text)
    pictures = [tiles[label][row] for row in range(min(SHOWN, len(crops))) for label in tiles]
    sheet = contact_sheet(pictures, len(tiles), list(tiles) * min(SHOWN, len(crops)))
    write_png(renderer.parent / f"{name}.png", sheet)


if __name__ == "__main__":
    tyro.cli(main)
