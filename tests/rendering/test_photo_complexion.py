"""Irises and brows take the photo's colours where it shows them."""

from __future__ import annotations

import numpy as np
import pytest

from smirk3d.geometry.cameras import project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.heads.spec import PARTS
from smirk3d.rasterization import rasterize
from smirk3d.rendering.complexion import (
    CLAY_COMPLEXION,
    EYE_COLOURS,
    HAIR_COLOURS,
    Complexion,
)
from smirk3d.rendering.layers import Style
from smirk3d.rendering.materials import albedo, linear_to_srgb, rest_eyeballs
from smirk3d.rendering.photo_colours import photo_complexion
from smirk3d.rendering.pictures import PosedHead, overlay


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
    found = np.array(photo_complexion(head, face[0], drawn).iris)
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
    assert photo_complexion(head, face[0], grey).iris == CLAY_COMPLEXION.iris


@pytest.mark.parametrize("name", ["black", "blond", "red"])
def test_drawn_brows_are_read_and_drawn_again(name: str) -> None:
    head = load_head("open@2", library="numpy")
    face = head.neutral()
    posed = PosedHead(
        head=head, vertices=head(face).vertices[0], parameters=face[0], T_crop_image=np.eye(3)
    )
    plain = np.full((224, 224, 3), 128, np.uint8)
    style = Style(shadows=0, refinements=0, complexion=Complexion(brows=HAIR_COLOURS[name]))
    person = overlay(plain, [posed], style=style)
    crop = person.transpose(2, 0, 1).astype(np.float32) / 255
    found = np.array(photo_complexion(head, face[0], crop).brows)
    distance = {n: np.abs(found - colour).sum() for n, colour in HAIR_COLOURS.items()}
    assert min(distance, key=lambda n: distance[n]) == name
    again = overlay(person, [posed], style=Style(shadows=0, refinements=0))
    usual = overlay(
        person, [posed], style=Style(shadows=0, refinements=0, complexion=CLAY_COMPLEXION)
    )
    assert np.abs(again - person.astype(float)).sum() < np.abs(usual - person.astype(float)).sum()
