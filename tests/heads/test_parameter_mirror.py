"""Parameters of mirrored faces."""

from __future__ import annotations

import numpy as np
import pytest

from smirk3d.array_interface import default_array, to_numpy
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
