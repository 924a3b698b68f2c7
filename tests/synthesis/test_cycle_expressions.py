from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.training.small_runs import some_faces

from smirk3d.heads.tiny import tiny_head
from smirk3d.synthesis.cycle_expressions import changed_expressions
from smirk3d.synthesis.expression_change_config import ExpressionChangeConfig
from smirk3d.synthesis.expression_templates import template_bank
from smirk3d.training.recipes.smirk import CHANGE

STILL = replace(CHANGE, small_noise=0.0, jaw_fraction=0.0, eyelid_noise=0.0, gaze_fraction=0.0)


@pytest.mark.parametrize("kind", ["named", "pca"])
def test_changes_are_even_stay_in_range_and_leave_the_person(kind) -> None:
    head = tiny_head(kind)
    start = some_faces(head, 64)
    start.expression.requires_grad_(True)
    bank = template_bank(head) if kind == "named" else None
    changed, change = changed_expressions(start, head, bank, CHANGE, torch.Generator())
    assert change.bincount().tolist() == [16, 16, 16, 16]
    for group in head.spec:
        values = getattr(changed, group.name)
        torch.testing.assert_close(values, group.clamp(values), rtol=0, atol=0)
        assert not values.requires_grad
    for name in ("shape", "neck", "head_pose", "camera"):
        assert torch.equal(getattr(changed, name), getattr(start, name).detach())
    assert (changed.expression != start.expression).any(1).all()


def test_noise_on_named_actions_is_sparse_and_strong() -> None:
    head = tiny_head()
    start = head.neutral(400)
    changed, change = changed_expressions(start, head, None, STILL, torch.Generator())
    noisy = changed.expression[change == 0]
    count = (noisy > 0).sum(1)
    assert count.min() == 1
    assert count.max() == 5
    assert noisy[noisy > 0].min() >= 0.2
    assert noisy.max() > 0.95


def test_noise_on_coefficients_is_normal_on_half_of_them() -> None:
    head = tiny_head("pca")
    changed, change = changed_expressions(head.neutral(800), head, None, STILL, torch.Generator())
    noisy = changed.expression[change == 0]
    assert (noisy != 0).float().mean() == pytest.approx(0.5, abs=0.05)
    assert noisy.abs().max() <= 4
    # a factor uniform in 1..3 has a mean square of 13/3; some is lost to the bound of 4
    assert noisy[noisy != 0].square().mean() == pytest.approx(13 / 3 * 0.85, rel=0.1)


def test_neutral_faces_keep_only_lids() -> None:
    head = tiny_head()
    changed, change = changed_expressions(
        some_faces(head, 40), head, None, STILL, torch.Generator()
    )
    neutral = changed[change == 3]
    assert not neutral.expression.any()
    assert not neutral.jaw.any()
    assert neutral.eyelids.std() > 0.2


def test_templates_and_permutations_come_from_where_they_should() -> None:
    head = tiny_head()
    bank = head.neutral(1)
    bank = bank.replace(expression=torch.zeros_like(bank.expression))
    bank.expression[0, 5] = 0.5
    start = head.neutral(40)
    start = start.replace(expression=torch.zeros_like(start.expression))
    start.expression[:, 9] = 0.4
    changed, change = changed_expressions(start, head, bank, STILL, torch.Generator())
    permuted, template = changed.expression[change == 1], changed.expression[change == 2]
    assert (permuted.nonzero()[:, 1] == 9).all()
    assert 0.1 <= permuted[:, 9].min() < permuted[:, 9].max() <= 0.6
    assert (template.nonzero()[:, 1] == 5).all()
    assert 0.125 <= template[:, 5].min() < template[:, 5].max() <= 0.75


def test_the_same_state_gives_the_same_expressions() -> None:
    head = tiny_head()
    start = some_faces(head, 8)
    one, two = (
        changed_expressions(start, head, None, CHANGE, torch.Generator().manual_seed(4))[0]
        for _ in range(2)
    )
    assert torch.equal(one.expression, two.expression)
    assert torch.equal(one.eyes, two.eyes)


def test_by_default_no_noise_is_added() -> None:
    head = tiny_head("pca")
    start = some_faces(head, 16)
    changed, change = changed_expressions(
        start, head, None, ExpressionChangeConfig(), torch.Generator()
    )
    noisy = change == 0
    for group in ("expression", "jaw", "eyelids"):
        expected = head.group(group).clamp(getattr(start, group))
        torch.testing.assert_close(getattr(changed, group)[noisy], expected[noisy], rtol=0, atol=0)
