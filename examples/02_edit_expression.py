"""Another expression on the same person: change named actions and write the head."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from portrait import portrait
from smirk3d import Face, reconstruct, render

out = Path("smirk3d-examples/02")
face = reconstruct(portrait(out))[0]
head = face.model()


def with_actions(face: Face, **weights: float) -> Face:
    """Return the face with ARKit's actions set to weights in [0, 1]."""
    names = list(face.arkit())
    values = head.arkit(face.parameters[None])
    for name, weight in weights.items():
        values[0, names.index(name)] = weight
    moved = head.from_arkit(values)[0]
    groups = {name: getattr(moved, name) for name in ("expression", "jaw", "eyelids", "eyes")}
    return replace(face, parameters=face.parameters.replace(**groups))


surprised = with_actions(face, jawOpen=0.6, browInnerUp=0.9, mouthSmileLeft=0, mouthSmileRight=0)
print("jawOpen:", f"{face.arkit()['jawOpen']:.2f} -> {surprised.arkit()['jawOpen']:.2f}")
surprised.save(out / "surprised.glb")
Image.fromarray(np.hstack([render(face), render(surprised)])).save(out / "before-after.png")
