from __future__ import annotations

import pytest
import torch

from smirk3d.heads.tiny import tiny_head
from smirk3d.training.config import WarmStartConfig
from smirk3d.training.paths.warm_start import warm_start_loss

HEAD = tiny_head()


def loss(predicted, exact: bool, **config) -> float:
    target = HEAD.neutral(1)
    return float(
        warm_start_loss(
            predicted, target, torch.tensor([exact]), HEAD.spec, WarmStartConfig(**config)
        )
    )


def off(name: str, component: int, spreads: float):
    faces = HEAD.neutral(1)
    values = getattr(faces, name).clone()
    std = dict.fromkeys(("head_pose", "camera"), (0.2, 0.3, 0.1))
    spread = std[name] if name in std else HEAD.group(name).prior_std
    values[0, component] += spreads * spread[component]
    return faces.replace(**{name: values})


def test_is_zero_at_the_target() -> None:
    assert loss(HEAD.neutral(1), exact=False) == 0


def test_is_the_smooth_distance_in_spreads() -> None:
    # smooth L1 at 1 spread with beta 0.2 is 0.9, one of 38 components
    assert loss(off("expression", 3, 1.0), exact=False) == pytest.approx(0.9 / 38, rel=1e-4)
    assert loss(off("expression", 3, 1.0), exact=True) == pytest.approx(1.5 * 0.9 / 38, rel=1e-4)
    assert loss(off("jaw", 0, 1.0), exact=False) == pytest.approx(0.4 * 0.9 / 3, rel=1e-4)
    assert loss(off("head_pose", 1, 1.0), exact=False) == pytest.approx(0.9 / 3, rel=1e-4)


def test_actions_that_no_landmark_shows_count_less_on_photos() -> None:
    tongue = HEAD.expression_names.index("tongueOut")
    photo = loss(off("expression", tongue, 1.0), exact=False)
    assert photo == pytest.approx(0.2 * 0.9 / 38, rel=1e-4)
    known = loss(off("expression", tongue, 1.0), exact=True)
    assert known == pytest.approx(1.5 * 0.9 / 38, rel=1e-4)


def test_fixed_components_and_groups_without_gain_do_not_count() -> None:
    assert loss(off("eyes", 2, 1.0), exact=False) == 0
    assert loss(off("neck", 0, 1.0), exact=False) == 0
    assert loss(off("jaw", 0, 1.0), exact=False, gains={"shape": 1.0}) == 0
