"""What the second open head's actions do to each other and how they grow with a person."""

from __future__ import annotations

import pytest
import torch

from smirk3d.assets import heads_folder
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.head_import.anny.interplay import CHANNELS
from smirk3d.heads.head_file import read_head_file
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.parameters.face_parameters import FaceParameters


@pytest.fixture(scope="module")
def head() -> HeadModel:
    file = read_head_file(heads_folder() / "open@2.npz")
    return HeadModel(file.arrays, file.meta)


def vertices(head: HeadModel, **weights: float) -> torch.Tensor:
    row = torch.zeros(1, 52)
    for name, weight in weights.items():
        row[0, ARKIT_NAMES.index(name)] = weight
    return head(head.from_arkit(row)).vertices[0]


def test_channels_are_the_heads(head: HeadModel) -> None:
    first = head.group("shape").dim
    assert tuple(head.expression_names) == CHANNELS[: len(head.expression_names)]
    assert len(CHANNELS) + len(head.corrective_pair) == len(head.offsets) - first


def test_the_tongue_stays_behind_closed_lips(head: HeadModel) -> None:
    rest = vertices(head)
    for shut in ({}, {"jawOpen": 1.0, "mouthClose": 1.0}):
        without = vertices(head, **shut)
        tongue = head.part == PARTS.index("tongue")
        moved = (vertices(head, tongueOut=1.0, **shut) - without)[tongue]
        assert moved.norm(dim=1).max() < 1e-4
    out = vertices(head, tongueOut=1.0, jawOpen=0.5)
    assert out[head.part == PARTS.index("tongue"), 2].max() > rest[:, 2].max() - 0.03


def test_a_mouth_goes_to_one_side(head: HeadModel) -> None:
    both = vertices(head, mouthLeft=0.8, mouthRight=0.8)
    assert (both - vertices(head)).norm(dim=1).max() < 1e-6


def test_actions_of_a_small_face_are_smaller(head: HeadModel) -> None:
    scale = head.action_scale
    assert torch.equal(scale[0], scale[1])
    code = 2 * scale[0] / scale[0].norm()
    large, small = (
        head.neutral().replace(shape=sign * code[None], jaw=torch.tensor([[1.0, 0.0, 0.0]]))
        for sign in (1, -1)
    )
    chin = head.regions["chin"]

    def opened(face: FaceParameters) -> float:
        rest = face.replace(jaw=torch.zeros(1, 3))
        return float((head(face).vertices - head(rest).vertices)[0, chin].norm(dim=1).mean())

    assert opened(small) < 0.97 * opened(large)


def test_sides_have_the_same_rules(head: HeadModel) -> None:
    names = head.rules.named_gates([name or f"none{i}" for i, name in enumerate(CHANNELS)])
    for name, gate in names.items():
        other = name.replace("Left", "#").replace("Right", "Left").replace("#", "Right")
        assert other in names
        assert names[other].base == gate.base
