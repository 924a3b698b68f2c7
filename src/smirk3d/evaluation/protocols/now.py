"""A submission to the NoW challenge of neutral face shapes (Sanyal et al. 2019).

The challenge's folder has ``imagepathsvalidation.txt`` or ``imagepathstest.txt`` with a line
``SUBJECT/KIND/IMAGE.jpg`` a picture, and the pictures under ``iphone_pictures``. A submission has
for each picture ``SUBJECT/KIND/IMAGE.obj``, the neutral mesh, and ``IMAGE.npy``, seven of its
points ``[7, 3]`` by which it is first aligned: corners of the right eye (outer, inner), of the left
eye (inner, outer), base of the nose, corners of the mouth (right, left).
"""

from __future__ import annotations

from pathlib import Path, PurePath

import numpy as np
import torch

from smirk3d.assets.atomic import atomic_path
from smirk3d.errors import InputError, Smirk3dError
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.methods import Crops
from smirk3d.evaluation.photos import arkit_row, as_tensor
from smirk3d.evaluation.report import Cell, Section, Table
from smirk3d.export.mesh_files import write_obj
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_crop import crop_face, transform_points
from smirk3d.preprocessing.media.image_io import read_image

LISTS = ("imagepathsvalidation.txt", "imagepathstest.txt")
PICTURES = "iphone_pictures"
SEVEN = (33, 133, 362, 263, 2, 61, 291)
"""MediaPipe's ids of the seven points, in the challenge's order."""

ABOUT = (
    "Neutral mesh and seven points for each picture, in the layout of the NoW challenge, whose "
    "own program or server measures them. Where no face is found the mean face is written, "
    "because a submission must be complete."
)


def run(context: EvaluationContext) -> Section:
    """Write ``OUT/now-METHOD`` for each method and return the protocol's section.

    Raises:
        InputError: if the folder is not given or not that of the challenge.
        OutputError: if a file cannot be written.
    """
    folder = context.config.now
    if folder is None:
        raise InputError("give the challenge's folder: --now FOLDER")
    names = picture_names(folder)
    missed: list[str] = []
    for number, name in enumerate(names):
        context.on_progress(f"NoW picture {number + 1} of {len(names)}")
        crops = _crop(context, folder, name)
        if crops is None:
            missed.append(name)
        for method in context.methods:
            estimate = method(crops) if crops is not None else context.head.neutral()
            write_face(context.out / f"now-{method.name}" / name, context.head, estimate)
    rows: list[list[Cell]] = [
        [method.name, f"now-{method.name}", len(names), len(missed)] for method in context.methods
    ]
    title = f"Without a face: {', '.join(missed) or 'none'}."
    columns = ["method", "folder", "pictures", "without a face"]
    return Section("now", ABOUT, [Table(title, columns, rows)])


def picture_names(folder: str | Path) -> list[str]:
    """Return the pictures' names, one for each line of the challenge's list.

    Raises:
        InputError: if there is no list, it is empty, or names a file elsewhere.
    """
    for name in LISTS:
        path = Path(folder) / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            for line in lines:
                if PurePath(line).is_absolute() or ".." in PurePath(line).parts:
                    raise InputError(f"{path}: names {line!r}, which is not below the folder")
            if lines:
                return lines
    raise InputError(f"{folder}: holds no {' or '.join(LISTS)} that names pictures")


def write_face(path: Path, head: HeadModel, estimate: FaceParameters) -> None:
    """Write the neutral mesh of one face ``[1]`` and its seven points beside each other.

    Args:
        path: path of the picture in the submission; its ending is replaced.
        head: head of the estimate.
        estimate: parameters ``[1]``; only the shape is used.

    Raises:
        InputError: if the head lacks one of the seven points.
        OutputError: if a file cannot be written.
    """
    ids = head.landmark_ids.tolist()
    if not set(SEVEN) <= set(ids):
        raise InputError(f"head {head.name!r} lacks landmarks that the NoW challenge wants")
    neutral = head.neutral().replace(shape=estimate.shape.detach())
    with torch.no_grad():
        points = head.landmarks(head(neutral).vertices)[0]
    chosen = points[[ids.index(number) for number in SEVEN]].numpy()
    write_obj(path.with_suffix(".obj"), head, neutral[0])
    with atomic_path(path.with_suffix(".npy")) as temporary, temporary.open("wb") as file:
        np.save(file, chosen)


def _crop(context: EvaluationContext, folder: Path, name: str) -> Crops | None:
    try:
        picture = read_image(folder / PICTURES / name)
    except Smirk3dError:
        picture = read_image(folder / name)
    found = context.observer.detect(picture)
    if found is None:
        return None
    crop, transform = crop_face(picture, found.landmarks)
    landmarks = transform_points(transform, found.landmarks[:, :2])
    return Crops(
        as_tensor(crop[None]), torch.from_numpy(landmarks)[None].float(), arkit_row(found)[None]
    )
