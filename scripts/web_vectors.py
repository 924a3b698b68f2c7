"""Write what the page's TypeScript must reproduce: parameters, crops and heads that Python finds.

``python scripts/web_vectors.py FOLDER`` writes ``heads.json``, ``motion.json``, ``photo.json`` and
raw pixels for ``web/tests``, which reads the folder from ``$SMIRK3D_WEB_VECTORS``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from skimage import data

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.assets.installed import shipped_files
from smirk3d.encoders.onnx_export import exported_once
from smirk3d.encoders.registry import load_weights
from smirk3d.export.rigs.surface import has_closed_skin
from smirk3d.fitting.observations.encoder_evidence import gives_uncertainty
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.motion.image_motion import HeadAnchor, to_crops, to_image
from smirk3d.tracking.motion.smoothing import LiveSmoother
from smirk3d.tracking.tracks.person_shape import PersonShape

HEADS = ("open", "open@2")
_SEED, _COUNT = 23, 6
"""Seed and number of random faces a head."""
_FRAMES = 24
"""Frames of the motion: more than the filter's memory of 7, twice."""
_EVERY = 7
"""Step between the vertices that are written; a whole head would be 100 KB a face."""
_OUTSIDE = 1.5
"""Factor on the range of each component, so that bounds are passed and opposites meet."""


def random_faces(head: HeadModel, count: int) -> FaceParameters:
    """Return faces that reach past every range, the first of them neutral."""
    generator = torch.Generator().manual_seed(_SEED)
    neutral = head.neutral(count)
    groups = {}
    for name, values in neutral.items():
        noise = torch.randn(values.shape, generator=generator)
        noise[0] = 0
        if name == "camera":
            groups[name] = values + noise * torch.tensor([1.0, 0.02, 0.02])
            continue
        view = name in {"head_pose", "neck"}
        std = torch.full((values.shape[1],), 0.3)
        if not view:
            std = torch.tensor(head.group(name).prior_std)
        groups[name] = values + _OUTSIDE * noise * std
    return FaceParameters(**groups)


@torch.no_grad()
def head_vectors(head: HeadModel) -> dict[str, object]:
    """Return parameters of random faces and all that a head makes of them."""
    faces = random_faces(head, _COUNT)
    mesh = head(faces)
    pixels = ndc_to_pixels(project(mesh.vertices, faces.camera), 224)
    return {
        "parameters": [_listed(faces[row]) for row in range(_COUNT)],
        "every": _EVERY,
        "vertices": mesh.vertices[:, ::_EVERY].flatten(1).tolist(),
        "joints": mesh.joints.flatten(1).tolist(),
        "xy": pixels[:, ::_EVERY, :2].flatten(1).tolist(),
        "arkit": head.arkit(faces).tolist(),
        "closed": has_closed_skin(head),
    }


@torch.no_grad()
def photo_vectors(folder: Path, head: str) -> dict[str, object]:
    """Return what a head's weights find in a photo that lies on its side; write its pixels."""
    image = np.ascontiguousarray(np.rot90(data.astronaut()[:400]))
    reconstructor = FaceReconstructor(head, fast=True, device="cpu")
    loaded = load_weights("default", load_head(head))
    assert loaded is not None
    found = reconstructor.find(image)
    answer = reconstructor.estimate(
        np.stack(found.crops), np.zeros((len(found), 478, 2), np.float32)
    )
    level, transforms = reconstructor.turned_back(answer, np.stack(found.transforms))
    joint = None
    if gives_uncertainty(reconstructor.encoder):
        joint = FaceReconstructor(head, device="cpu").reconstruct([found])[0][0].parameters
    alpha = np.full((*image.shape[:2], 1), 255, np.uint8)
    (folder / "photo.rgba").write_bytes(np.concatenate([image, alpha], 2).tobytes())
    (folder / "crop.rgb").write_bytes(found.crops[0].tobytes())
    return {
        "head": str(shipped_files("heads")[reconstructor.head.name]),
        "encoder": str(exported_once(loaded.encoder)),
        "size": [image.shape[1], image.shape[0]],
        "landmarks": found.detections[0].landmarks[:, :2].reshape(-1).tolist(),
        "cut": found.transforms[0][:2].reshape(-1).tolist(),
        "upright": _listed(answer[0]),
        "transform": transforms[0][:2].reshape(-1).tolist(),
        "parameters": _listed(level[0]),
        "joint": None if joint is None else _listed(joint),
    }


@torch.no_grad()
def motion_vectors(head: HeadModel) -> dict[str, object]:
    """Return a face in motion, what the live filter makes of it, and its mean shape."""
    generator = np.random.default_rng(_SEED)
    keys = random_faces(head, 4)
    places = np.linspace(0, 2.999, _FRAMES)
    low = torch.from_numpy(places.astype(np.int64))
    share = torch.from_numpy(places % 1).float()[:, None]
    frames = FaceParameters(
        **{
            name: torch.lerp(values[low], values[low + 1], share)
            + 0.002 * torch.randn(len(low), values.shape[1])
            for name, values in keys.items()
        }
    )
    seconds = np.cumsum(generator.uniform(0.02, 0.05, _FRAMES))
    seconds[_FRAMES // 2 :] += 0.5  # a gap, after which the filter begins anew
    zoom = generator.uniform(0.8, 1.2, _FRAMES)
    T_crop_image = np.stack([np.diag([z, z, 1.0]) for z in zoom])
    T_crop_image[:, :2, 2] = generator.uniform(-40, 40, (_FRAMES, 2))
    anchor, smoother, person = HeadAnchor.of(head), LiveSmoother(head), PersonShape()
    smooth, shapes = [], []
    for row in range(_FRAMES):
        frame, crop = frames[row : row + 1], T_crop_image[row : row + 1]
        motion = smoother(to_image(frame, crop, anchor), float(seconds[row]))
        smooth.append(_listed(to_crops(motion, frame, crop, anchor)[0]))
        person.add(frame.shape[0].numpy(), row / _FRAMES)
        shapes.append(person.mean.tolist())
    return {
        "file": str(shipped_files("heads")[head.name]),
        "frames": [_listed(frames[row]) for row in range(_FRAMES)],
        "seconds": seconds.tolist(),
        "transforms": T_crop_image[:, :2].reshape(_FRAMES, 6).tolist(),
        "smooth": smooth,
        "shapes": shapes,
    }


def _listed(face: FaceParameters) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in face.items()}


def write_vectors(folder: Path, head: str, *, heads_only: bool = False) -> None:
    """Write the vectors of the heads and of a motion, and of a photo unless ``heads_only``."""
    folder.mkdir(parents=True, exist_ok=True)
    heads = {
        name: {"file": str(shipped_files("heads")[name]), **head_vectors(load_head(name))}
        for name in HEADS
    }
    motion = motion_vectors(load_head(HEADS[-1]))
    (folder / "motion.json").write_text(json.dumps(motion), encoding="utf-8")
    (folder / "heads.json").write_text(json.dumps(heads), encoding="utf-8")
    if heads_only:
        return
    (folder / "photo.json").write_text(json.dumps(photo_vectors(folder, head)), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--heads-only", action="store_true", help="leave out the photo")
    parser.add_argument("--head", default=DEFAULT_HEAD, help="whose weights see the photo")
    chosen = parser.parse_args()
    write_vectors(chosen.folder, chosen.head, heads_only=chosen.heads_only)
