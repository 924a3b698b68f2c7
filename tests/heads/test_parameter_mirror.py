"""Parameters of mirrored faces, and what an encoder says of a crop and its mirror image."""

from __future__ import annotations

import numpy as np
import pytest

from smirk3d.array_interface import default_array, to_numpy
from smirk3d.encoders.evidence import Evidence
from smirk3d.fitting.observations.encoder_evidence import evidence_of_views
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.parameter_mirror import ParameterMirror
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters

FLIP = np.array([-1.0, 1.0, 1.0], np.float32)


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open@2").to_numpy()


def faces(head: HeadModel, count: int) -> FaceParameters:
    rng = np.random.default_rng(4)
    drawn = {
        group.name: to_numpy(group.clamp(default_array(
            (rng.normal(size=(count, group.dim)) * group.prior_std).astype(np.float32), "numpy"
        )))
        for group in head.spec
    }  # fmt: skip
    turned = rng.normal(size=(count, 3)).astype(np.float32) * 0.3
    return head.neutral(count).replace(**drawn, head_pose=turned)


def test_the_mesh_of_mirrored_parameters_is_the_mirrored_mesh(head: HeadModel) -> None:
    mirror = ParameterMirror(head)
    assert mirror.is_exact
    some = faces(head, 3)
    template = head.v_template
    partner = np.stack(
        [np.linalg.norm(template - vertex * FLIP, axis=1).argmin() for vertex in template[::7]]
    )
    plain, mirrored = head(some).vertices, head(mirror(some)).vertices
    assert np.abs(plain - head(head.neutral(3)).vertices).max() > 0.01
    away = np.abs(mirrored[:, partner] - plain[:, ::7] * FLIP)
    assert np.quantile(away, 0.99) < 1e-4  # twins at one place may be taken for each other
    again = mirror(mirror(some))
    for name, values in some.items():
        np.testing.assert_array_equal(getattr(again, name), values)


def test_a_head_without_symmetry_is_not_mirrored() -> None:
    pca = tiny_head("pca").to_numpy()
    mirror = ParameterMirror(pca)
    assert mirror.shape_signs is None
    assert not mirror.is_exact
    images = np.zeros((1, 3, 4, 4), np.float32)
    asked = []

    def answer(crops: np.ndarray) -> Evidence:
        asked.append(crops)
        return Evidence(parameters=pca.neutral(1), std=None)

    assert evidence_of_views(_Encoder(answer), images, mirror).std is None
    assert len(asked) == 3  # as it is, smaller and larger


class _Encoder:
    """Answers by a function of the images."""

    def __init__(self, answer) -> None:
        self.evidence = answer


def test_both_sides_are_averaged(head: HeadModel) -> None:
    mirror = ParameterMirror(head)
    truth = faces(head, 2)
    images = np.zeros((2, 3, 4, 4), np.float32)
    images[..., 0] = 1  # the left edge of the plain crops

    def answer(crops: np.ndarray) -> Evidence:
        flipped = bool(crops[0, 0, 0, 0] == 0)
        assert crops.flags["C_CONTIGUOUS"]
        seen = mirror(truth) if flipped else truth
        std = 0.3 if flipped else 0.1
        return Evidence(
            parameters=seen.replace(expression=seen.expression + (0.2 if flipped else 0.0)),
            std=FaceParameters(**{name: np.full_like(v, std) for name, v in truth.items()}),
            points=np.full((2, 5, 2), float(flipped), np.float32),
        )

    said = evidence_of_views(_Encoder(answer), images, mirror)
    assert said.std is not None
    # two mirrored views of three
    np.testing.assert_allclose(said.parameters.expression, truth.expression + 0.4 / 3, atol=1e-6)
    np.testing.assert_allclose(said.parameters.head_pose, truth.head_pose, atol=1e-6)
    np.testing.assert_allclose(said.parameters.shape, truth.shape, atol=1e-6)
    for name, values in said.std.items():
        near = 1e-3 if name == "camera" else 1e-6  # of views that are larger and smaller
        np.testing.assert_allclose(values, np.full_like(values, 0.7 / 3), atol=near)
    assert said.points is not None and not said.points.any()


def test_larger_and_smaller_views_tell_of_the_crop_itself(head: HeadModel) -> None:
    side = 64
    away = np.abs(np.arange(side) + 0.5 - side / 2)
    disc = np.hypot(away[:, None], away) < 20
    images = np.broadcast_to(disc, (1, 3, side, side)).astype(np.float32)
    seen: list[float] = []

    def answer(crops: np.ndarray) -> Evidence:
        radius = float(np.sqrt(crops[0, 0].sum() / np.pi))
        seen.append(radius)
        camera = np.array([[radius, 0.5, -0.25]], np.float32)
        return Evidence(parameters=head.neutral(1).replace(camera=camera), std=None)

    said = evidence_of_views(_Encoder(answer), images, ParameterMirror(head))
    assert len(seen) == 3
    np.testing.assert_allclose(sorted(set(np.round(seen, 1))), [18.6, 20, 21.4], atol=0.11)
    camera = said.parameters.camera
    np.testing.assert_allclose(camera[0, 1:], [-0.5 / 3, -0.25], atol=1e-6)  # x of two mirrored
    assert camera[0, 0] == pytest.approx(20, rel=0.005)
