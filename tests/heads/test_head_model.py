from __future__ import annotations

import pytest
import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError, ShapeError
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head, tiny_head_arrays
from smirk3d.parameters.face_parameters import FaceParameters

KINDS = ("named", "pca")


def random_parameters(head: HeadModel, batch_size: int) -> FaceParameters:
    """Parameters inside their ranges, of moderate size."""
    groups = {}
    for group in head.spec:
        std = torch.tensor(group.prior_std)
        groups[group.name] = group.clamp(torch.randn(batch_size, group.dim) * std)
    neutral = head.neutral(batch_size)
    return neutral.replace(**groups, head_pose=torch.randn(batch_size, 3) * 0.3)


@pytest.mark.parametrize("kind", KINDS)
def test_default_parameters_give_the_template(kind: str) -> None:
    head = tiny_head(kind)
    vertices = head(head.neutral(2)).vertices
    torch.testing.assert_close(vertices, head.v_template.expand(2, -1, -1), atol=1e-7, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_equals_one_by_one(kind: str) -> None:
    head = tiny_head(kind)
    parameters = random_parameters(head, 4)
    together = head(parameters).vertices
    alone = torch.cat([head(parameters[i : i + 1]).vertices for i in range(4)])
    torch.testing.assert_close(together, alone, atol=1e-7, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind: str) -> None:
    head = tiny_head(kind).double()
    start = random_parameters(head, 1).to(torch.float64)
    # inside the ranges, away from the bends at zero
    start = start.replace(jaw=start.jaw.abs() + 0.05, eyes=start.eyes + 0.03)
    names = [name for name, tensor in start.items() if name != "camera"]

    def vertices(*groups: torch.Tensor) -> torch.Tensor:
        chosen = dict(zip(names, groups, strict=True))
        return head(start.replace(**chosen)).vertices[:, ::7]

    inputs = tuple(start.as_dict()[name].requires_grad_() for name in names)
    assert torch.autograd.gradcheck(vertices, inputs, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_left_lid_moves_the_left_only(kind: str) -> None:
    head = tiny_head(kind)
    closed = head(head.neutral().replace(eyelids=torch.tensor([[1.0, 0.0]]))).vertices[0]
    moved = (closed - head.v_template).norm(dim=1) > 0
    assert moved.any()
    assert (head.v_template[moved, 0] > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_head_pose_turns_everything(kind: str) -> None:
    head = tiny_head(kind)
    parameters = random_parameters(head, 2)
    still = head(parameters.replace(head_pose=torch.zeros(2, 3))).vertices
    turn = axis_angle_to_matrix(parameters.head_pose).transpose(1, 2)
    pivot = torch.zeros(2, 1, 3)
    if kind == "pca":
        pivot = head.rest_joints(parameters)[:, head.joint_names.index("root"), None]
    expected = (still - pivot) @ turn + pivot
    torch.testing.assert_close(head(parameters).vertices, expected, atol=1e-6, rtol=0)


def test_mouth_close_acts_only_with_an_open_jaw() -> None:
    head = tiny_head()
    index = head.expression_names.index("mouthClose")
    expression = torch.zeros(1, 38)
    expression[0, index] = 1
    shut = head.neutral().replace(expression=expression)
    torch.testing.assert_close(head(shut).vertices[0], head.v_template)
    jaw = torch.tensor([[0.5, 0.0, 0.0]])
    opened, corrected = head.neutral().replace(jaw=jaw), shut.replace(jaw=jaw)
    difference = head(corrected).vertices - head(opened).vertices
    offset = head.basis.unflatten(1, (-1, 3))[head.group("shape").dim + index]
    torch.testing.assert_close(difference[0], 0.5 * offset, atol=1e-7, rtol=0)


def test_negative_jaw_uses_its_own_basis() -> None:
    arrays, meta = tiny_head_arrays()
    head = HeadModel(arrays, meta)
    right = head(head.neutral().replace(jaw=torch.tensor([[0.0, -1.0, 0.0]]))).vertices[0]
    expected = torch.tensor(arrays["jaw_basis_neg"][1]).float()
    torch.testing.assert_close(right - head.v_template, expected, atol=1e-7, rtol=0)


def test_eyeballs_turn_about_their_joint_and_lids_follow() -> None:
    head = tiny_head()
    looking = head.neutral().replace(eyes=torch.tensor([[0.3, 0.0, 0.0, 0.0, 0.0, 0.0]]))
    moved = head(looking).vertices[0]
    left = head.part == 1
    centre = head.joints[head.joint_names.index("eyeL")]
    turn = axis_angle_to_matrix(torch.tensor([0.3, 0.0, 0.0]))
    expected = (head.v_template[left] - centre) @ turn.T + centre
    torch.testing.assert_close(moved[left], expected, atol=1e-6, rtol=0)
    lids = head.v_template + head.basis.unflatten(1, (-1, 3))[-8] * (0.3 / head.gaze_range[0])
    torch.testing.assert_close(moved[head.part == 0], lids[head.part == 0], atol=1e-6, rtol=0)


def test_arkit_weights_and_back() -> None:
    head = tiny_head()
    weights = torch.rand(6, 52)
    column = ARKIT_NAMES.index
    for a, b in [
        ("jawLeft", "jawRight"),
        ("eyeLookUpLeft", "eyeLookDownLeft"),
        ("eyeLookInLeft", "eyeLookOutLeft"),
        ("eyeLookUpRight", "eyeLookDownRight"),
        ("eyeLookInRight", "eyeLookOutRight"),
    ]:
        weights[::2, column(a)] = 0
        weights[1::2, column(b)] = 0
    again = head.arkit(head.from_arkit(weights))
    torch.testing.assert_close(again, weights, atol=1e-5, rtol=0)


def test_every_arkit_name_moves_its_own_channel() -> None:
    head = tiny_head()
    channels = head.arkit(head.from_arkit(torch.eye(52)))
    torch.testing.assert_close(channels, torch.eye(52), atol=1e-5, rtol=0)


def test_a_head_without_named_actions_has_no_arkit_weights() -> None:
    head = tiny_head("pca")
    assert not head.has_named_actions
    with pytest.raises(AssetError, match="no named actions"):
        head.arkit(head.neutral())


def test_landmark_head_gives_the_landmarks() -> None:
    head = tiny_head()
    parameters = random_parameters(head, 3).replace(neck=torch.zeros(3, 3))
    small = head.at_landmarks()
    assert small.num_vertices == len(head.landmark_ids)
    torch.testing.assert_close(
        small.landmarks(small(parameters).vertices),
        head.landmarks(head(parameters).vertices),
        atol=1e-6,
        rtol=0,
    )
    assert head.num_vertices == 60


def test_vertex_head_gives_those_vertices() -> None:
    head = tiny_head("pca")
    parameters = random_parameters(head, 2)
    ids = torch.tensor([40, 3, 51])
    part = head.at_vertices(ids)(parameters).vertices
    torch.testing.assert_close(part, head(parameters).vertices[:, ids], atol=1e-7, rtol=0)


def test_fingerprint_tells_what_parameters_mean() -> None:
    arrays, meta = tiny_head_arrays()
    fingerprint = HeadModel(arrays, meta).fingerprint
    other_uv = {**arrays, "uv": arrays["uv"] * 2}
    assert HeadModel(other_uv, meta).fingerprint == fingerprint
    other_shape = {**arrays, "shape_basis": arrays["shape_basis"] * 2}
    assert HeadModel(other_shape, meta).fingerprint != fingerprint


def test_other_sizes_are_refused() -> None:
    head = tiny_head()
    with pytest.raises(ShapeError, match="expression must have shape"):
        head(head.neutral().replace(expression=torch.zeros(1, 50)))
