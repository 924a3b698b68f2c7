from __future__ import annotations

import numpy as np
import pytest
import torch

from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.personal_head import one_person
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head
from smirk3d.viewer.session.parameter_layout import ParameterLayout


@pytest.fixture(scope="module")
def open_head() -> HeadModel:
    return load_head("open")


def test_vectors_hold_all_groups(open_head: HeadModel) -> None:
    layout = ParameterLayout(open_head)
    parameters = open_head.neutral(3)
    for number, (_, tensor) in enumerate(parameters.items()):
        tensor.copy_(torch.randn_like(tensor) + number)
    vectors = layout.flatten(parameters)
    assert vectors.shape == (3, layout.size)
    for name, tensor in layout.parameters(vectors).items():
        assert torch.equal(tensor, getattr(parameters, name)), name
        assert np.array_equal(vectors[:, layout.slice(name)], tensor.numpy())


def test_every_component_that_can_move_has_one_slider_by_its_name(open_head: HeadModel) -> None:
    layout = ParameterLayout(open_head)
    indices = [control.index for control in layout.controls]
    assert sorted(indices) == indices == sorted(set(indices))
    fixed = {i for i in range(layout.size) if layout.lo[i] == layout.hi[i]}
    assert set(range(layout.size)) - set(indices) == fixed
    assert len(fixed) == 2  # the eyes do not roll
    by_label = {control.label: control for control in layout.controls}
    assert by_label["mouthSmileLeft"].folder == "Mouth"
    assert by_label["browInnerUp"].folder == "Brows"
    assert by_label["jawOpen"].folder == "Jaw"
    assert by_label["eyeBlinkRight"].folder == "Eyelids"
    assert by_label["left yaw"].folder == "Gaze"
    folders = {control.folder for control in layout.controls}
    assert {"Identity", "More identity", "Neck", "Head pose", "Camera", "Tongue"} <= folders


def test_other_heads_have_sliders_too() -> None:
    layout = ParameterLayout(tiny_head())
    assert {control.group for control in layout.controls} >= {"shape", "expression", "camera"}


def test_moved_values_keep_within_bounds_and_others_stay(open_head: HeadModel) -> None:
    layout = ParameterLayout(open_head)
    own = layout.flatten(open_head.neutral())[0]
    jaw = layout.slice("jaw").start
    own[jaw + 1] = 1.5  # beyond its bound, as it came
    offset = np.zeros(layout.size, np.float32)
    offset[jaw] = 7
    offset[layout.slice("camera").start] = -100
    moved = layout.moved(own, offset)
    assert moved[jaw] == 1
    assert moved[jaw + 1] == 1.5
    assert 0 < moved[layout.slice("camera").start] < 0.1
    assert np.array_equal(layout.moved(own, np.zeros_like(offset)), own)


def test_one_person_is_the_head_with_that_shape(open_head: HeadModel) -> None:
    parameters = open_head.neutral(2)
    torch.nn.init.normal_(parameters.shape)
    parameters.shape[1] = parameters.shape[0]
    torch.nn.init.uniform_(parameters.expression)
    torch.nn.init.uniform_(parameters.jaw)
    torch.nn.init.normal_(parameters.head_pose, std=0.3)
    torch.nn.init.normal_(parameters.neck, std=0.3)
    expected = open_head(parameters)
    person = one_person(open_head, parameters.shape[0])
    mesh = person(parameters.replace(shape=parameters.shape[:, :0]))
    assert torch.allclose(mesh.vertices, expected.vertices, atol=1e-6)
    assert torch.allclose(mesh.joints, expected.joints, atol=1e-6)
    assert open_head.group("shape").dim == 100


def test_one_person_refuses_another_heads_shape(open_head: HeadModel) -> None:
    with pytest.raises(ValueError, match="shape must have shape"):
        one_person(open_head, torch.zeros(3))
