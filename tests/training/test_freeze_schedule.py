from __future__ import annotations

from dataclasses import replace

from smirk3d.training.freeze_schedule import alternation
from tests.training.small_runs import small_config


def test_renderer_and_encoders_take_turns_in_the_cycle_path() -> None:
    config = small_config()
    encoders = {"trunk", "pose", "shape", "expression", "points"}
    assert alternation(0, config).cycle is None
    assert alternation(1, config).cycle == encoders
    assert alternation(2, config).cycle == {"renderer"}
    assert alternation(2, config).reconstruction == encoders | {"renderer"}


def test_without_weight_the_cycle_path_never_runs() -> None:
    config = small_config()
    config = replace(config, losses=replace(config.losses, cycle=0.0))
    assert all(alternation(step, config).cycle is None for step in range(5))


def test_without_turns_all_learn_together() -> None:
    config = small_config()
    config = replace(config, cycle=replace(config.cycle, alternate=False))
    assert alternation(3, config).cycle == alternation(3, config).reconstruction


def test_a_turn_of_nobody_is_left_out() -> None:
    config = small_config()
    config = replace(config, networks=replace(config.networks, learning=("renderer",)))
    assert alternation(2, config).cycle == {"renderer"}
    assert alternation(3, config).cycle is None
