from __future__ import annotations

import pytest
import torch

from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.training.paths.config import PseudoLabelConfig
from smirk3d.training.paths.pseudo_labels import change_loss, pseudo_label_loss

HEAD = tiny_head()


def loss(predicted, truth: bool, **config) -> float:
    target = HEAD.neutral(1)
    return float(
        pseudo_label_loss(
            predicted,
            target,
            torch.tensor([truth]),
            HEAD.spec,
            PseudoLabelConfig(**config),
        )
    )


def off(name: str, component: int, distance: float):
    faces = HEAD.neutral(1)
    values = getattr(faces, name).clone()
    values[0, component] += distance
    return faces.replace(**{name: values})


def test_is_zero_at_the_target() -> None:
    assert loss(HEAD.neutral(1), truth=False) == 0


def test_weights_count_in_their_unit_and_the_rest_in_standard_deviations() -> None:
    unit, gains = 0.2, PseudoLabelConfig().gains
    smile = loss(off("expression", 3, unit), truth=False)
    # smooth L1 at 1 with beta 2 is 1/4, one of 38 components
    assert smile == pytest.approx(gains["expression"] * 0.25 / 38, rel=1e-4)
    assert loss(off("expression", 3, unit), truth=True) == pytest.approx(6 * smile, rel=1e-4)
    assert loss(off("jaw", 0, unit), truth=False) == pytest.approx(
        gains["jaw"] * 0.25 / 3, rel=1e-4
    )
    turned = loss(off("head_pose", 1, 0.3), truth=False)
    assert turned == pytest.approx(gains["head_pose"] * 0.25 / 3, rel=1e-4)
    sized = loss(off("shape", 0, 3 * HEAD.group("shape").prior_std[0]), truth=False)
    assert sized == pytest.approx(gains["shape"] * 2 / HEAD.group("shape").dim, rel=1e-4)


def test_actions_that_no_landmark_shows_count_less_on_photos() -> None:
    tongue = HEAD.expression_names.index("tongueOut")
    smile = loss(off("expression", 3, 0.2), truth=False)
    assert loss(off("expression", tongue, 0.2), truth=False) == pytest.approx(0.2 * smile, rel=1e-4)
    known = loss(off("expression", tongue, 0.2), truth=True)
    assert known == pytest.approx(6 * smile, rel=1e-4)


def test_unknown_targets_do_not_count_and_give_no_gradient() -> None:
    faces = HEAD.neutral(1)
    shape = faces.shape.clone().requires_grad_()
    target = HEAD.neutral(1)
    target = target.replace(shape=torch.full_like(target.shape, torch.nan))
    expression = faces.expression + 0.2
    total = pseudo_label_loss(
        faces.replace(shape=shape, expression=expression), target, torch.tensor([True]),
        HEAD.spec, PseudoLabelConfig(),
    )  # fmt: skip
    total.backward()
    assert total > 0
    assert (shape.grad == 0).all()


def test_fixed_components_and_groups_without_gain_do_not_count() -> None:
    assert loss(off("eyes", 2, 1.0), truth=False) == 0
    assert loss(off("neck", 0, 1.0), truth=False) == 0
    assert loss(off("jaw", 0, 1.0), truth=False, gains={"shape": 1.0}) == 0


def test_changes_are_compared_whatever_both_pictures_share() -> None:
    target = FaceParameters.cat([off("expression", 3, 0.5), HEAD.neutral(1), HEAD.neutral(1)])
    shifted = target.replace(expression=target.expression + 0.3, shape=target.shape + 1)
    config = PseudoLabelConfig()
    assert change_loss(shifted, target, 1, HEAD.spec, config) == pytest.approx(0, abs=1e-6)
    unread = HEAD.neutral(3)
    # 0.5 is 2.5 units: the square over twice beta, one of 38 + 2 + 3 + 4 free components
    expected = 2.5**2 / 4 / (38 + 2 + 3 + 4)
    assert change_loss(unread, target, 1, HEAD.spec, config) == pytest.approx(expected, rel=1e-4)
    assert change_loss(unread, target, 0, HEAD.spec, config) == 0


def test_large_changes_that_are_missed_weigh_more_than_invented_ones() -> None:
    config = PseudoLabelConfig(large_changes=3.0)
    target = FaceParameters.cat([off("expression", 3, 0.5), HEAD.neutral(1)])
    missed = change_loss(HEAD.neutral(2), target, 1, HEAD.spec, config)
    invented = change_loss(target, HEAD.neutral(2), 1, HEAD.spec, config)
    assert missed == pytest.approx(float((1 + 3 * 0.5) * invented), rel=1e-4)


def test_distances_to_ground_truth_stay_quadratic() -> None:
    near = loss(off("expression", 3, 0.2), truth=True)
    assert loss(off("expression", 3, 0.8), truth=True) == pytest.approx(16 * near, rel=1e-4)
    near = loss(off("expression", 3, 0.2), truth=False)
    assert loss(off("expression", 3, 0.8), truth=False) < 15 * near
