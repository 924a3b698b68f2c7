"""Irises take the photo's colour where it shows them."""

from __future__ import annotations

import numpy as np
import pytest

from smirk3d.export.rigs.appearance import rest_eyeballs
from smirk3d.export.rigs.photo_eyes import iris_colour
from smirk3d.geometry.cameras import project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.heads.spec import PARTS
from smirk3d.rasterization import rasterize
from smirk3d.rendering.complexion import CLAY_COMPLEXION, EYE_COLOURS, Complexion
from smirk3d.rendering.materials import albedo, linear_to_srgb


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open", library="numpy")


def drawn_face(head: HeadModel, eyes: str, side: int = 448) -> np.ndarray:
    """The neutral head in its plain colours ``[3, N, N]``, without light."""
    face = head.neutral()
    mesh = head(face)
    fragments = rasterize(project(mesh.vertices, face.camera), head.faces, side, side)
    balls = rest_eyeballs(head, mesh.vertices[0], mesh.joints[0])
    colours = albedo(
        head.part[fragments.corners].min(0),
        fragments.at_pixels(mesh.vertices),
        {PARTS.index(name): ball for name, ball in balls.items()},
        complexion=Complexion(iris=EYE_COLOURS[eyes]),
    )
    return linear_to_srgb(fragments.scatter(colours))[0]


@pytest.mark.parametrize("name", ["blue", "dark brown"])
def test_a_drawn_faces_irises_are_read(head: HeadModel, name: str) -> None:
    face = head.neutral()
    drawn = drawn_face(head, name)
    found = np.array(iris_colour(head, face[0], drawn))
    wanted = np.array(EYE_COLOURS[name])
    # light and the iris's rings change the brightness; the hue stays
    assert np.abs(found / found.sum() - wanted / wanted.sum()).max() < 0.06
    others = [np.array(colour) for other, colour in EYE_COLOURS.items() if other != name]
    assert np.abs(found - wanted).sum() < min(np.abs(found - other).sum() for other in others)


def test_closed_eyes_keep_the_usual_colour(head: HeadModel) -> None:
    weights = np.zeros((1, 52), np.float32)
    weights[0, [0, 7]] = 1.0
    face = head.from_arkit(weights)
    grey = np.full((3, 224, 224), 0.5, np.float32)
    assert iris_colour(head, face[0], grey) == CLAY_COMPLEXION.iris
