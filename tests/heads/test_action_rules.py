"""Opposites, gates, correctives and the size of a person, as the head and its exports see them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError
from smirk3d.export.rigs.rig import rig_frames, rig_of
from smirk3d.heads.action_names import EXPRESSION_ACTIONS
from smirk3d.heads.head_buffers import fingerprint
from smirk3d.heads.head_file import read_head_file, write_head_file
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.personal_head import one_person
from smirk3d.heads.tiny import tiny_head, tiny_head_arrays
from smirk3d.parameters.face_parameters import FaceParameters


def faces(head: HeadModel, **weights: float) -> FaceParameters:
    """Return one face with some of ARKit's weights."""
    row = torch.zeros(1, 52)
    for name, weight in weights.items():
        row[0, ARKIT_NAMES.index(name)] = weight
    return head.from_arkit(row)


def moved(head: HeadModel, **weights: float) -> torch.Tensor:
    return head.shaped(faces(head, **weights))[0] - head.v_template


def test_of_opposites_only_the_difference_acts() -> None:
    head = tiny_head("ruled")
    both = moved(head, mouthLeft=0.9, mouthRight=0.3)
    assert torch.allclose(both, moved(head, mouthLeft=0.6), atol=1e-7)
    assert moved(head, mouthLeft=0.5, mouthRight=0.5).abs().max() < 1e-7
    named = head.arkit(faces(head, mouthLeft=0.9, mouthRight=0.3))[0]
    assert named[ARKIT_NAMES.index("mouthLeft")] == pytest.approx(0.6)
    assert named[ARKIT_NAMES.index("mouthRight")] == 0


def test_the_tongue_waits_for_an_open_mouth() -> None:
    head = tiny_head("ruled")
    assert moved(head, tongueOut=1.0).abs().max() == 0
    whole = head.offsets[head.group("shape").dim + EXPRESSION_ACTIONS.index("tongueOut")]
    for jaw, fraction in ((0.25, 0.5), (0.5, 1.0), (0.9, 1.0)):
        tongue = moved(head, tongueOut=1.0, jawOpen=jaw) - moved(head, jawOpen=jaw)
        assert torch.allclose(tongue, fraction * whole, atol=1e-6)


def test_a_blink_takes_what_widens_the_eye() -> None:
    head = tiny_head("ruled")
    closed = moved(head, eyeBlinkLeft=1.0)
    assert torch.allclose(moved(head, eyeBlinkLeft=1.0, eyeWideLeft=1.0), closed, atol=1e-7)


def test_a_corrective_is_weighed_by_a_product() -> None:
    arrays, meta = tiny_head_arrays("ruled")
    head = HeadModel(arrays, meta)
    both = moved(head, mouthSmileLeft=0.5, mouthFunnel=0.8)
    alone = moved(head, mouthSmileLeft=0.5) + moved(head, mouthFunnel=0.8)
    wanted = 0.4 * torch.from_numpy(arrays["corrective_basis"][0]).float()
    assert torch.allclose(both - alone, wanted, atol=1e-6)


def test_actions_grow_with_the_person() -> None:
    arrays, meta = tiny_head_arrays("ruled")
    head = HeadModel(arrays, meta)
    shape = torch.linspace(-1, 1, 6)[None]
    wide = faces(head, jawOpen=1.0, eyeSquintRight=1.0).replace(shape=shape)
    alone = faces(head, jawOpen=1.0, eyeSquintRight=1.0)
    grown = head.shaped(wide) - head.shaped(head.neutral().replace(shape=shape))
    size = 1 + arrays["action_scale"] @ shape[0].numpy()
    first = head.group("shape").dim
    jaw = head.offsets[first + len(EXPRESSION_ACTIONS)]
    squint = head.offsets[first + EXPRESSION_ACTIONS.index("eyeSquintRight")]
    assert torch.allclose(grown[0], float(size[1]) * jaw + float(size[0]) * squint, atol=1e-6)
    assert torch.allclose(head.shaped(alone)[0] - head.v_template, jaw + squint, atol=1e-6)


def test_a_rig_moves_as_the_head_does() -> None:
    head = tiny_head("ruled")
    parameters = head.from_arkit(torch.rand(5, 52, generator=torch.Generator().manual_seed(1)))
    shape = torch.linspace(-1, 1, 6).repeat(5, 1)
    parameters = parameters.replace(shape=shape)
    rig = rig_of(head, parameters[0])
    weights = rig_frames(head, parameters).weights
    found = rig.vertices + np.einsum("tk,kvc->tvc", weights, rig.offsets)
    np.testing.assert_allclose(found, head.shaped(parameters), atol=1e-6)
    assert rig.target_names[:52] == ARKIT_NAMES
    assert rig.correctives["mouthSmileLeft_mouthFunnel"] == ("mouthSmileLeft", "mouthFunnel")
    assert rig.gates["tongueOut"].slopes == {"mouthClose": -1.0, "jawOpen": 2.0}
    assert rig.gates["mouthClose"].high is None
    assert rig.opposed == (("mouthLeft", "mouthRight"), ("jawLeft", "jawRight"))


def test_one_person_keeps_the_rules() -> None:
    head = tiny_head("ruled")
    parameters = head.from_arkit(torch.rand(3, 52, generator=torch.Generator().manual_seed(2)))
    shape = torch.linspace(-1, 1, 6)
    expected = head(parameters.replace(shape=shape.repeat(3, 1))).vertices
    person = one_person(head, shape)
    found = person(parameters.replace(shape=parameters.shape[:, :0])).vertices
    assert torch.allclose(found, expected, atol=1e-6)
    assert torch.equal(person.eyelid_offsets.argmax(), head.eyelid_offsets.argmax())


def test_points_and_slopes_follow_the_rules() -> None:
    head = tiny_head("ruled").double()
    ids = torch.arange(40)
    some = head.at_vertices(ids)
    parameters = head.neutral().to(torch.float64)
    expression = torch.rand(1, 38, generator=torch.Generator().manual_seed(3)).double()
    shape = torch.linspace(-1, 1, 6).double()[None]
    jaw = parameters.jaw.new_tensor([[0.2, 0.1, 0.0]])
    parameters = parameters.replace(expression=expression, jaw=jaw, shape=shape)
    assert torch.allclose(some.shaped(parameters), head.shaped(parameters)[:, ids])
    slopes = head.channel_slopes(parameters)[0]
    for name in ("tongueOut", "eyeWideLeft", "mouthLeft", "browInnerUp"):
        index = EXPRESSION_ACTIONS.index(name)
        more = expression.clone()
        more[0, index] += 1e-6
        rise = (head.shaped(parameters.replace(expression=more)) - head.shaped(parameters)) / 1e-6
        row = head.offsets[head.group("shape").dim + index]
        change = (rise[0] * row).sum() / (row**2).sum()
        if name == "mouthLeft" and expression[0, index] < expression[0, index + 1]:
            continue
        assert change == pytest.approx(float(slopes[index]), abs=1e-4), name


def test_rules_are_written_read_and_told_apart(tmp_path: Path) -> None:
    arrays, meta = tiny_head_arrays("ruled")
    write_head_file(tmp_path / "ruled.npz", arrays, meta)
    read = read_head_file(tmp_path / "ruled.npz")
    for name in ("opposed", "gate_slope", "corrective_pair", "action_scale"):
        np.testing.assert_allclose(read.arrays[name], arrays[name], rtol=1e-6)
    assert fingerprint(read.arrays) != fingerprint(tiny_head_arrays("named")[0])


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("opposed", np.array([[0, 99]], np.int32), "names an action that is not there"),
        ("corrective_pair", np.array([[-1, 0]] * 2, np.int32), "that is not there"),
        ("gate_slope", np.zeros((2, 5)), "must have 54 columns"),
        ("gate_channel", np.array([3, 3], np.int32), "multiply an action twice"),
    ],
)
def test_unfit_rules_are_refused(tmp_path: Path, name: str, value: np.ndarray, reason: str) -> None:
    arrays, meta = tiny_head_arrays("ruled")
    with pytest.raises(AssetError, match=reason):
        write_head_file(tmp_path / "unfit.npz", {**arrays, name: value}, meta)
