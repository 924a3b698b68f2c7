from __future__ import annotations

import numpy as np
import pytest
import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.editing.action_texts import parse_actions
from smirk3d.editing.expressions import EXPRESSION_GROUPS, with_actions, with_expression_of
from smirk3d.errors import UsageError
from smirk3d.heads.registry import load_head
from tests.export.faces import random_faces


def test_actions_are_parsed_whatever_their_case_and_separators() -> None:
    texts = ["jawOpen=0.6", "JAWLEFT = 0.2, mouthSmileLeft=1", "jawOpen=0.5"]
    assert parse_actions(texts) == {"jawOpen": 0.5, "jawLeft": 0.2, "mouthSmileLeft": 1.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jawOpne=0.5", "did you mean jawOpen"),
        ("mouthSmile=0.5", "mouthSmileLeft or mouthSmileRight"),
        ("xyzzy=1", "smirk3d heads show open"),
        ("jawOpen", "write NAME=VALUE"),
        ("jawOpen=wide", "from 0 to 1"),
        ("jawOpen=1.5", "from 0 to 1"),
        ("jawOpen=nan", "from 0 to 1"),
        ("jawOpen=-0.1", "from 0 to 1"),
    ],
)
def test_mistakes_are_named_with_the_way_out(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_actions([text])


def test_set_actions_are_read_back_and_nothing_else_changes() -> None:
    head = load_head("open")
    faces = random_faces(head, 3)
    asked = {"jawOpen": 0.6, "mouthSmileLeft": 0.9, "eyeBlinkRight": 1.0, "browInnerUp": 0.3}
    changed = with_actions(head, faces, asked)
    before, after = head.arkit(faces), head.arkit(changed)
    for number, name in enumerate(ARKIT_NAMES):
        if name in asked:
            torch.testing.assert_close(after[:, number], torch.full((3,), asked[name]))
    others = [number for number, name in enumerate(ARKIT_NAMES) if name not in asked]
    assert torch.equal(before[:, others], after[:, others])
    for name in ("shape", "head_pose", "camera", "neck", "eyes"):
        assert torch.equal(getattr(faces, name), getattr(changed, name))


def test_an_expression_is_taken_over_without_the_person() -> None:
    head = load_head("open")
    one, others = random_faces(head, 1), random_faces(head, 4)
    taken = with_expression_of(head, one, others)
    for name in EXPRESSION_GROUPS:
        torch.testing.assert_close(getattr(taken, name), getattr(others, name))
    assert torch.equal(taken.shape, one.shape.expand(4, -1))
    assert torch.equal(taken.camera, one.camera.expand(4, -1))
    half = with_expression_of(head, one, others, 0.5)
    torch.testing.assert_close(half.expression, (one.expression + others.expression) / 2)
    strong = with_expression_of(head, one, others, 2.0)
    assert strong.expression.max() <= 1
    assert strong.expression.min() >= 0


def test_numpy_and_torch_give_the_same_target() -> None:
    head = load_head("open")
    one, others = random_faces(head, 1), random_faces(head, 3)
    on_numpy = head.to_numpy()
    taken = with_expression_of(head, one, others, 0.7)
    same = with_expression_of(on_numpy, one.to_numpy(), others.to_numpy(), 0.7)
    actions = {"jawOpen": 0.4, "mouthSmileLeft": 1.0}
    for left, right in (
        (taken, same),
        (with_actions(head, taken, actions), with_actions(on_numpy, same, actions)),
    ):
        for name, values in right.as_dict().items():
            assert isinstance(values, np.ndarray)
            np.testing.assert_allclose(getattr(left, name).numpy(), values, rtol=0, atol=2e-6)
