"""Heads, fits and estimates give the same on NumPy arrays and on torch tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from smirk3d.array_interface import library
from smirk3d.encoders.evidence import Evidence
from smirk3d.errors import UsageError
from smirk3d.faces import Face
from smirk3d.faces.confidence import action_confidence, group_confidence
from smirk3d.fitting import LandmarkFit
from smirk3d.fitting.joint_estimate import JointEstimator
from smirk3d.fitting.tongue_gate import TongueGate
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.geometry.views import transform_view
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.personal_head import one_person
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters

CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def faces(head: HeadModel, count: int) -> FaceParameters:
    torch.manual_seed(5)
    groups = {}
    for group in head.spec:
        std = torch.tensor(group.prior_std) * group.observable
        groups[group.name] = group.clamp(torch.randn(count, group.dim) * std)
    camera = torch.tensor([7.0, 0.0, 0.0]).expand(count, 3)
    turned = torch.randn(count, 3) * 0.15
    return head.neutral(count).replace(**groups, head_pose=turned, camera=camera)


def landmarks(head: HeadModel, parameters: FaceParameters) -> torch.Tensor:
    points = head.landmarks(head(parameters).vertices)
    full = torch.zeros(len(parameters), 478, 2)
    full[:, head.landmark_ids] = ndc_to_pixels(project(points, parameters.camera), 224)[..., :2]
    return full


def assert_close(found: Any, expected: Any, **tolerance: float) -> None:
    if isinstance(expected, FaceParameters):
        for name, values in expected.items():
            assert_close(getattr(found, name), values, **tolerance)
        return
    assert isinstance(found, np.ndarray)
    assert found.dtype == expected.numpy().dtype
    np.testing.assert_allclose(found, expected.numpy(), **(tolerance or CLOSE))


@pytest.mark.parametrize("kind", ["named", "ruled", "pca"])
def test_head(kind: Any) -> None:
    head = tiny_head(kind)
    other, parameters = head.to_numpy(), faces(head, 3)
    given = parameters.to_numpy()
    for count in (3, 0):
        mesh, expected = other(given[:count]), head(parameters[:count])
        assert_close(mesh.vertices, expected.vertices)
        assert_close(mesh.joints, expected.joints)
    assert_close(other.channel_slopes(given), head.channel_slopes(parameters))
    assert_close(other.contact_offsets(given), head.contact_offsets(parameters))
    assert_close(other.pivot(given), head.pivot(parameters))
    person = one_person(other, given.shape[0])
    known = one_person(head, parameters.shape[0])
    shapeless = given.replace(shape=given.shape[:, :0])
    assert_close(
        person(shapeless).vertices,
        known(parameters.replace(shape=parameters.shape[:, :0])).vertices,
    )
    if head.has_named_actions:
        weights = head.arkit(parameters)
        assert_close(other.arkit(given), weights)
        assert_close(other.from_arkit(weights.numpy()), head.from_arkit(weights))


def test_shipped_head_has_arrays_of_the_library_that_is_asked_for() -> None:
    expected = load_head("open", library="torch")
    head = load_head("open", library="numpy")
    assert isinstance(head.v_template, np.ndarray)
    assert isinstance(expected.v_template, torch.Tensor)
    assert head.fingerprint == expected.fingerprint
    parameters = faces(expected, 2)
    assert_close(head(parameters.to_numpy()).vertices, expected(parameters).vertices)
    with library("numpy"):
        assert isinstance(load_head("open").v_template, np.ndarray)
    assert isinstance(head.to_torch().v_template, torch.Tensor)


def test_head_refuses_parameters_of_the_other_library() -> None:
    head = tiny_head()
    with pytest.raises(UsageError, match="to_numpy"):
        head.to_numpy()(head.neutral(1))


@pytest.mark.parametrize("kind", ["named", "ruled", "pca"])
def test_joint_estimate(kind: Any) -> None:
    head = tiny_head(kind)
    truth = faces(head, 4)
    seen = landmarks(head, truth)
    off = truth.replace(head_pose=truth.head_pose + 0.1, camera=truth.camera * 1.05)
    std = FaceParameters(**{name: torch.full_like(v, 0.2) for name, v in truth.items()})
    expected = JointEstimator(head)(Evidence(parameters=off, std=std), seen, person=[0, 0, 1, 2])
    evidence = Evidence(parameters=off.to_numpy(), std=std.to_numpy())
    found = JointEstimator(head.to_numpy())(evidence, seen.numpy(), person=[0, 0, 1, 2])
    assert_close(found.parameters, expected.parameters, rtol=1e-3, atol=1e-4)
    assert_close(found.std, expected.std, rtol=1e-3, atol=1e-4)


def test_landmark_fit() -> None:
    head = tiny_head()
    seen = landmarks(head, faces(head, 3))
    expected = LandmarkFit(head)(seen, person=[1, 0, 1])
    found = LandmarkFit(head.to_numpy())(seen.numpy(), person=[1, 0, 1])
    assert_close(found.error, expected.error, rtol=1e-2, atol=1e-2)
    # what landmarks leave open follows rounding, what they show does not
    for name in ("head_pose", "camera"):
        assert_close(getattr(found.parameters, name), getattr(expected.parameters, name),
                     rtol=1e-2, atol=5e-3)  # fmt: skip


def test_confidence_view_and_tongue() -> None:
    head = tiny_head()
    other, parameters = head.to_numpy(), faces(head, 3)
    given = parameters.to_numpy()
    std = FaceParameters(**{name: torch.full_like(v, 0.1) for name, v in parameters.items()})
    expected = group_confidence(head, std) | action_confidence(head, parameters, std)
    found = group_confidence(other, std.to_numpy())
    found |= action_confidence(other, given, std.to_numpy())
    for name, values in expected.items():
        assert_close(found[name], values)
    turn = torch.tensor([[0.8, -0.6, 10.0], [0.6, 0.8, -20.0], [0.0, 0.0, 1.0]]).repeat(3, 1, 1)
    moved = transform_view(parameters, turn, 224, 224, pivot=head.pivot(parameters))
    again = transform_view(given, turn.numpy(), 224, 224, pivot=other.pivot(given))
    assert_close(again, moved)
    assert_close(TongueGate(other)(given), TongueGate(head)(parameters))


@pytest.mark.parametrize("ending", ["obj", "npz", "json"])
def test_a_face_is_written_in_the_library_of_its_own_arrays(tmp_path: Path, ending: str) -> None:
    written = []
    for own in ("torch", "numpy"):
        for default in ("torch", "numpy"):
            head = load_head("open", library=own)
            face = Face(parameters=head.neutral(1)[0], head=head)
            path = tmp_path / f"{own}-{default}.{ending}"
            with library(default):
                face.save(path)
            written.append(path.read_bytes())
    assert len(set(written)) == 1
