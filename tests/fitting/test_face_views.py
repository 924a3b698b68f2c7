"""What an encoder says of a crop around the face that it sees, and of mirror images of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from smirk3d.encoders.evidence import Evidence
from smirk3d.fitting.observations.face_views import FaceViews
from smirk3d.geometry.cameras import project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.parameter_mirror import ParameterMirror
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters

SIDE = 112


class Encoder:
    """Answers by a function of the images."""

    def __init__(self, answer: Callable[[np.ndarray], Evidence]) -> None:
        self.evidence = answer


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open@2").to_numpy()


def spot(centre: tuple[float, float]) -> np.ndarray:
    """Return a picture ``[1, 3, SIDE, SIDE]`` with a soft spot at a place in ndc."""
    ndc = (np.arange(SIDE) + 0.5) * 2 / SIDE - 1
    away = (ndc[None, :] - centre[0]) ** 2 + (ndc[:, None] - centre[1]) ** 2
    return np.tile(np.exp(-away / 0.02).astype(np.float32), (1, 3, 1, 1))


def place_of(picture: np.ndarray) -> tuple[float, float, float]:
    """Return the spot's place in ndc, and its sum."""
    ndc = (np.arange(SIDE) + 0.5) * 2 / SIDE - 1
    plane = picture[0, 0]
    return (
        float((plane.sum(0) * ndc).sum() / plane.sum()),
        float((plane.sum(1) * ndc).sum() / plane.sum()),
        float(plane.sum()),
    )


def off_centre(head: HeadModel) -> FaceParameters:
    return head.neutral(1).replace(camera=np.array([[6.0, 0.012, -0.02]], np.float32))


def place_on_mesh(head: HeadModel, parameters: FaceParameters, vertex: int) -> np.ndarray:
    return project(head(parameters).vertices, parameters.camera)[0, vertex, :2]


def test_the_face_is_looked_at_again_in_a_crop_around_it(head: HeadModel) -> None:
    truth, nose = off_centre(head), 0
    seen: list[tuple[float, float, float]] = []

    def answer(crops: np.ndarray) -> Evidence:
        # the spot lies on a vertex: whoever sees it there knows scale and place
        x, y, mass = place_of(crops)
        flipped = len(seen) >= 2
        seen.append((x, y, mass))
        grown = np.sqrt(mass / seen[0][2])
        parameters = truth.replace(camera=truth.camera * np.array([[grown, 1, 1]], np.float32))
        lies = place_on_mesh(head, parameters, nose)
        scale = parameters.camera[0, 0]
        shift = np.array([[(-x if flipped else x) - lies[0], -(y - lies[1])]]) / scale
        camera = np.concatenate([parameters.camera[:, :1], parameters.camera[:, 1:] + shift], 1)
        found = parameters.replace(camera=camera.astype(np.float32))
        points = np.array([[[x, y]]], np.float32)
        std = FaceParameters(**{name: np.full_like(v, 0.2) for name, v in truth.items()})
        given = ParameterMirror(head)(found) if flipped else found
        return Evidence(
            parameters=given, std=std, points=points, points_std=np.ones((1, 1), np.float32)
        )

    where = place_on_mesh(head, truth, nose)
    said = FaceViews(head)(Encoder(answer), spot((where[0], where[1])))
    assert len(seen) == 4
    grown = np.sqrt(seen[1][2] / seen[0][2])
    assert abs(grown - 1) > 0.02
    assert abs(seen[1][0] - seen[0][0]) > 0.02  # moved to the middle
    for other, factor in zip(seen[2:], (0.93, 1.07), strict=True):
        np.testing.assert_allclose(other[0], -seen[1][0] * factor, atol=1e-3)
        np.testing.assert_allclose(np.sqrt(other[2] / seen[1][2]), factor, rtol=0.01)
    np.testing.assert_allclose(said.parameters.camera, truth.camera, rtol=0.01, atol=2e-4)
    np.testing.assert_allclose(said.points[0, 0], where, atol=2e-3)
    np.testing.assert_allclose(said.points_std, 1 / grown, rtol=0.01)
    assert said.std is not None
    mean = (1 + 1 / 0.93 + 1 / 1.07) / 3
    np.testing.assert_allclose(said.std.camera[0, 0], 0.2 / grown * mean, rtol=0.01)
    np.testing.assert_allclose(said.std.camera[0, 1:], 0.2, atol=1e-6)


def test_both_sides_are_averaged(head: HeadModel) -> None:
    mirror = ParameterMirror(head)
    shape = np.random.default_rng(4).normal(size=(1, head.group("shape").dim))
    truth = off_centre(head).replace(
        head_pose=np.array([[0.1, 0.2, -0.1]], np.float32), shape=shape.astype(np.float32)
    )
    asked: list[np.ndarray] = []

    def answer(crops: np.ndarray) -> Evidence:
        flipped = len(asked) >= 2
        asked.append(crops)
        assert crops.flags["C_CONTIGUOUS"]
        seen = mirror(truth) if flipped else truth
        return Evidence(
            parameters=seen.replace(expression=seen.expression + (0.2 if flipped else 0.0)),
            std=FaceParameters(
                **{name: np.full_like(v, 0.3 if flipped else 0.1) for name, v in truth.items()}
            ),
        )

    said = FaceViews(head)(Encoder(answer), spot((0.3, 0.0)))
    assert len(asked) == 4
    # two mirrored views of three
    np.testing.assert_allclose(said.parameters.expression, truth.expression + 0.4 / 3, atol=1e-6)
    np.testing.assert_allclose(said.parameters.head_pose, truth.head_pose, atol=1e-6)
    np.testing.assert_allclose(said.parameters.shape, truth.shape, atol=1e-6)
    assert said.std is not None
    for name, values in said.std.items():
        if name != "camera":  # of views that are larger and smaller
            np.testing.assert_allclose(values, np.full_like(values, 0.7 / 3), atol=1e-6)


def test_a_head_without_symmetry_is_not_mirrored() -> None:
    pca = tiny_head("pca").to_numpy()
    asked = []

    def answer(crops: np.ndarray) -> Evidence:
        asked.append(crops)
        return Evidence(parameters=pca.neutral(1), std=None)

    assert FaceViews(pca)(Encoder(answer), spot((0.0, 0.0))).std is None
    assert len(asked) == 2


def test_a_first_look_that_is_far_off_does_not_lose_the_face(head: HeadModel) -> None:
    guess = head.neutral(1).replace(camera=np.array([[0.5, 1.0, 1.0]], np.float32))
    seen = []

    def answer(crops: np.ndarray) -> Evidence:
        seen.append(place_of(crops))
        return Evidence(parameters=guess, std=None)

    FaceViews(head)(Encoder(answer), spot((0.0, 0.0)))
    assert all(abs(x) < 0.5 and abs(y) < 0.5 and mass > 0 for x, y, mass in seen)
