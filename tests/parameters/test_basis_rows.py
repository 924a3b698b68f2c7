"""The order of a basis's rows follows from one description, and the heads keep to it."""

from __future__ import annotations

import pytest
import torch

from smirk3d.heads.action_names import CHANNEL_NAMES, EXPRESSION_ACTIONS
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.personal_head import one_person
from smirk3d.heads.tiny import Kind, tiny_head, tiny_head_arrays
from smirk3d.parameters.basis_rows import BASIS_BLOCKS, CHANNEL_BLOCKS, BasisRows
from smirk3d.parameters.groups import HEAD_GROUPS, VIEW_GROUPS, VIEW_SPEC


def test_blocks_follow_each_other_without_gaps() -> None:
    rows = BasisRows(shape=4, expression=5, jaw_positive=3, jaw_negative=3, gaze=8, correctives=2)
    starts = [rows.rows(block).start for block in BASIS_BLOCKS]
    stops = [rows.rows(block).stop for block in BASIS_BLOCKS]
    assert starts == [0, *stops[:-1]]
    assert stops[-1] == 25
    assert rows.moving == slice(4, 25)
    assert rows.num_channels == 19
    assert rows.channels("expression") == slice(0, 5)
    assert rows.channels("gaze") == slice(11, 19)
    assert rows.rows("eyelids") == slice(15, 15)


@pytest.mark.parametrize("kind", ["named", "ruled", "pca"])
def test_heads_keep_to_the_order(kind: Kind) -> None:
    arrays, _ = tiny_head_arrays(kind)
    head = tiny_head(kind)
    rows = head.basis_rows
    assert len(head.offsets) == rows.rows("correctives").stop
    names = {
        "shape": "shape_basis", "expression": "expr_basis", "jaw_positive": "jaw_basis",
        "jaw_negative": "jaw_basis_neg", "eyelids": "eyelid_basis", "gaze": "gaze_basis",
        "correctives": "corrective_basis",
    }  # fmt: skip
    for block in BASIS_BLOCKS:
        expected = torch.as_tensor(arrays.get(names[block], [])).float()
        found = head.offsets[rows.rows(block)]
        assert torch.equal(found, expected.reshape(found.shape)), block


def test_weights_come_in_the_order_of_the_blocks() -> None:
    head = tiny_head()
    shut = head.neutral().replace(eyelids=torch.tensor([[0.25, 0.5]]))
    asked = head.channel_weights(shut)[0]
    assert asked[head.basis_rows.channels("eyelids")].tolist() == [0.25, 0.5]
    back = head.neutral().replace(jaw=torch.tensor([[0.0, -0.5, 0.0]]))
    asked = head.channel_weights(back)[0]
    assert asked[head.basis_rows.channels("jaw_negative")].tolist() == [0.0, 0.5, 0.0]
    assert asked[head.basis_rows.channels("jaw_positive")].tolist() == [0.0, 0.0, 0.0]
    assert head.basis_rows.channels("expression") == slice(0, len(EXPRESSION_ACTIONS))


def test_a_persons_basis_has_no_identity() -> None:
    head = tiny_head("ruled")
    person = one_person(head, torch.zeros(head.group("shape").dim))
    assert person.basis_rows.shape == 0
    assert head.basis_rows.shape == head.group("shape").dim
    assert torch.equal(person.eyelid_offsets, head.eyelid_offsets)
    assert isinstance(person, HeadModel)


def test_every_group_has_one_description() -> None:
    head = tiny_head()
    assert tuple(group.name for group in head.spec) == HEAD_GROUPS
    assert tuple(group.name for group in VIEW_SPEC) == VIEW_GROUPS
    assert tuple(head.neutral().as_dict()) == HEAD_GROUPS + VIEW_GROUPS
    assert tuple(CHANNEL_NAMES) == CHANNEL_BLOCKS[1:]
    assert set(CHANNEL_BLOCKS) < set(BASIS_BLOCKS)
    camera = head.neutral(2).camera
    assert torch.equal(camera, torch.tensor(VIEW_SPEC[1].default).expand(2, 3))
