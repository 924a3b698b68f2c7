"""Edited photos: do they show the asked expression, and is it still the same person?

Needs annotated faces (docs/data.md) and, installed by hand (they are no dependency):

    pip install dlib-bin
    pip download --no-deps face_recognition_models && tar xf face_recognition_models-*.tar.gz

    python editing.py --recognition face_recognition_models-0.3.0/face_recognition_models/models
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from PIL import Image

from common import write_results
from smirk3d import FaceReconstructor
from smirk3d.assets.weight_files import INPAINTER
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.data.annotated_faces import read_annotated_faces, trains
from smirk3d.editing.expressions import with_actions
from smirk3d.editing.photo_editor import PhotoEditor
from smirk3d.faces import Face
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.rendering.contact_sheet import contact_sheet

Picture = NDArray[np.uint8]

EXPRESSIONS: dict[str, dict[str, float]] = {
    "open mouth": {"jawOpen": 0.6},
    "smile": {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8, "cheekSquintLeft": 0.4,
              "cheekSquintRight": 0.4, "mouthFrownLeft": 0.0, "mouthFrownRight": 0.0},
    "serious": {"mouthSmileLeft": 0.0, "mouthSmileRight": 0.0, "jawOpen": 0.0,
                "mouthUpperUpLeft": 0.0, "mouthUpperUpRight": 0.0},
    "eyes shut": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "brows up": {"browInnerUp": 0.8, "browOuterUpLeft": 0.8, "browOuterUpRight": 0.8},
    "pucker, wink": {"mouthPucker": 0.8, "eyeBlinkRight": 1.0, "mouthSmileLeft": 0.0,
                     "mouthSmileRight": 0.0},
}  # fmt: skip
"""What is asked for, by ARKit's names; the other actions stay as they are."""

SAME_PERSON = 0.6
"""Distance below which dlib's makers call two faces one person's."""


class Recogniser:
    """dlib's face recognition network: a distance between faces that knows nothing of us."""

    def __init__(self, folder: Path) -> None:
        """Load its models from the package's folder."""
        import dlib  # noqa: PLC0415 -- nobody else needs it

        self._dlib = dlib
        self._points = dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))
        self._network = dlib.face_recognition_model_v1(
            str(folder / "dlib_face_recognition_resnet_model_v1.dat")
        )

    def __call__(self, image: Picture, box: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the features ``[128]`` of the face in a box; one box for all edits of a photo."""
        rectangle = self._dlib.rectangle(*(round(float(v)) for v in box))
        points = self._points(image, rectangle)
        return np.array(self._network.compute_face_descriptor(image, points))


@dataclass
class Edited:
    """One edited photo and what was found in it."""

    photo: int
    expression: str
    picture: Picture
    asked: float = float("nan")
    unasked: float = float("nan")
    before: float = float("nan")
    distance: float = float("nan")


def held_out(folder: Path, count: int) -> list[Picture]:
    """Return the held-out photos uint8 ``[224, 224, 3]`` that show most of their faces."""
    faces = read_annotated_faces(folder, keep=lambda key: not trains(key))
    whole = faces.oval_inside.argsort(descending=True, stable=True)[:count].sort().values
    return [np.ascontiguousarray(image.permute(1, 2, 0).numpy()) for image in faces.images[whole]]


def read_weights(
    reader: FaceReconstructor, image: Picture, landmarks: NDArray[np.floating]
) -> torch.Tensor:
    """Return ARKit's weights ``[52]`` that the encoder alone reads, in the crop of the photo.

    The crop is that of the unedited photo's landmarks, so that no detector has a say.
    """
    crop, _ = reader.cut(image, landmarks)
    points = torch.zeros(1, len(landmarks), 2)
    return reader.head.arkit(reader.estimate(torch.from_numpy(crop)[None], points))[0]


def edit_all(
    images: list[Picture],
    editor: PhotoEditor,
    fitter: FaceReconstructor,
    reader: FaceReconstructor,
    recognise: Recogniser | None,
) -> tuple[list[Picture], list[Edited], list[NDArray[np.float64]]]:
    """Edit every photo to every expression and measure what comes out."""
    photos, edits, features = [], [], []
    for image in images:
        faces: list[Face] = fitter(image)
        if not faces:
            continue
        face, number = faces[0], len(photos)
        photos.append(image)
        landmarks, box = face.detection.landmarks, face.detection.box
        plain = read_weights(reader, image, landmarks)
        if recognise is not None:
            features.append(recognise(image, box))
        for name, actions in EXPRESSIONS.items():
            target = with_actions(face.head, face.parameters[None], actions)[0]
            edit = Edited(number, name, editor(image, face.T_crop_image, face.parameters, target))
            read = read_weights(reader, edit.picture, landmarks)
            columns = [ARKIT_NAMES.index(action) for action in actions]
            asked = torch.tensor(list(actions.values()))
            others = torch.ones(len(ARKIT_NAMES), dtype=torch.bool)
            others[columns] = False
            edit.asked = float((read[columns] - asked).abs().mean())
            edit.before = float((plain[columns] - asked).abs().mean())
            edit.unasked = float((read - plain)[others].abs().mean())
            if recognise is not None:
                edit.distance = float(np.linalg.norm(features[-1] - recognise(edit.picture, box)))
            edits.append(edit)
    return photos, edits, features


def rows_of(edits: list[Edited]) -> list[dict[str, float | str]]:
    """Return one row an expression, and one for all."""
    rows: list[dict[str, float | str]] = []
    for name in (*EXPRESSIONS, "all"):
        part = [e for e in edits if name in {e.expression, "all"}]
        distance = np.array([e.distance for e in part])
        rows.append(
            {
                "expression": name,
                "edits": len(part),
                "asked actions: error before": round(float(np.mean([e.before for e in part])), 3),
                "after": round(float(np.mean([e.asked for e in part])), 3),
                "other actions: change": round(float(np.mean([e.unasked for e in part])), 3),
                "person's distance": round(float(distance.mean()), 3),
                "largest": round(float(distance.max()), 3),
                "same person": round(float((distance < SAME_PERSON).mean()), 3),
            }
        )
    return rows


def strangers(features: list[NDArray[np.float64]]) -> dict[str, float]:
    """Return the distances between the photos' different people, for comparison."""
    pairs = [np.linalg.norm(a - b) for i, a in enumerate(features) for b in features[:i]]
    return {"mean": round(float(np.mean(pairs)), 3), "smallest": round(float(np.min(pairs)), 3)}


def contact(photos: list[Picture], edits: list[Edited]) -> Picture:
    """Return a row a photo: as it is, then each expression."""
    pictures, labels = [], []
    for number, photo in enumerate(photos):
        own = [e for e in edits if e.photo == number]
        pictures += [photo, *(e.picture for e in own)]
        labels += ["photo", *(f"{e.expression}  {e.asked:.2f}  {e.distance:.2f}" for e in own)]
    return contact_sheet(pictures, 1 + len(EXPRESSIONS), labels)


def main(
    faces: Path = Path("data/faces"),
    photos: int = 20,
    recognition: Path | None = None,
    inpainter: Path | None = None,
    sheet: Path | None = None,
    result: str = "editing",
) -> None:
    """Edit held-out photos, measure, print, and write ``results/editing``.

    Args:
        faces: Folder of annotated faces.
        photos: How many.
        recognition: Folder of dlib's models.
        inpainter: Other weights of an inpainting network.
        sheet: Contact sheet to write.
        result: Name of the result files.
    """
    torch.set_num_threads(1)
    fitter = FaceReconstructor(refine=True)
    reader = FaceReconstructor(fitter.head)
    network = NeuralRenderer.from_file(inpainter, kind=INPAINTER) if inpainter else None
    editor = PhotoEditor(fitter.head, network)
    recognise = Recogniser(recognition) if recognition else None
    pictures, edits, features = edit_all(held_out(faces, photos), editor, fitter, reader, recognise)
    rows = rows_of(edits)
    lines = [
        f"{len(pictures)} held-out photos; read by weights {reader.weights} "
        f"{(reader.weights_sha256 or '')[:12]}; inpainter of "
        f"{editor.inpainter.provenance.get('photos_seen', 0)} photos seen."
    ]
    if features:
        lines.append(f"Distances between different people: {strangers(features)}.")
    lines += ["", "| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|"]
    lines += ["| " + " | ".join(map(str, row.values())) + " |" for row in rows]
    print("\n".join(lines))
    if sheet:
        Image.fromarray(contact(pictures, edits)).save(sheet)
    write_results(result, rows, "\n".join(lines))


if __name__ == "__main__":
    tyro.cli(main)
