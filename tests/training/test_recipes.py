from __future__ import annotations

import ast
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest
import tyro

import smirk3d
from smirk3d.training.checkpoints import run_settings
from smirk3d.training.config import TrainConfig
from smirk3d.training.recipes import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_presets_say_how_long_and_can_be_overridden(name: str) -> None:
    config = PRESETS[name].config()
    assert config.run.steps or config.run.minutes
    changed = tyro.cli(
        TrainConfig, default=config, args=["--minutes", "3", "--data.batches.batch-size", "8"]
    )
    assert (changed.run.minutes, changed.data.batches.batch_size) == (3.0, 8)
    assert run_settings(changed)["data"]["batches"]["batch_size"] == 8


def test_released_code_has_the_published_settings() -> None:
    config = PRESETS["released-code"].config()
    weights = config.losses
    assert (weights.landmarks, weights.photometric, weights.perceptual) == (100, 10, 10)
    assert (weights.emotion, weights.cycle, weights.expression_prior) == (1, 1, 1e-3)
    assert config.cycle.gains == {"expression": 1.0, "jaw": 10.0, "eyelids": 10.0}
    assert config.optimizer.renderer_rate == 4 * config.optimizer.encoder_rate == 1e-3
    assert config.optimizer.betas == (0.5, 0.999)
    assert config.networks.learning == ("expression", "renderer")
    assert config.run.steps == 78125
    assert sum(PRESETS["paper"].config().data.batches.mixing.fractions.values()) == pytest.approx(
        1.0
    )


def test_smirks_masking_size_and_changes_are_in_the_presets_alone() -> None:
    plain, smirk = TrainConfig(), PRESETS["released-code"].config()
    assert (smirk.masking.point_fraction, smirk.masking.dilation) == (0.01, 10)
    assert smirk.networks.renderer.features == (32, 64, 128, 256, 512)
    assert (smirk.cycle.change.noise, smirk.cycle.change.eyelid_noise) == ((1, 3), 0.25)
    assert (plain.masking.point_fraction, plain.masking.dilation, plain.masking.noise) == (0, 0, 0)
    assert plain.cycle.change.noise == (0, 0)
    for name in PRESETS:
        config = PRESETS[name].config()
        assert (config.masking, config.cycle.change) == (smirk.masking, smirk.cycle.change), name


def nested(kind: type) -> set[type]:
    import typing

    found = {kind}
    hints = typing.get_type_hints(kind)
    for field in fields(kind):
        for part in (hints[field.name], *typing.get_args(hints[field.name])):
            if is_dataclass(part) and isinstance(part, type):
                found |= nested(part)
    return found


def test_every_field_of_every_config_is_read_somewhere() -> None:
    read: set[str] = set()
    for path in Path(smirk3d.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                read.add(node.attr)
        if path.name in {"reconstruction_path.py", "augmented_cycle_path.py"}:
            # losses are looked up in the table of weights by the names of their terms
            keys = [k for n in ast.walk(tree) if isinstance(n, ast.Dict) for k in n.keys]
            keys += [n.slice for n in ast.walk(tree) if isinstance(n, ast.Subscript)]
            read |= {k.value for k in keys if isinstance(k, ast.Constant)}
    kinds = nested(TrainConfig)
    assert len(kinds) >= 12
    unread = [f"{kind.__name__}.{f.name}" for kind in kinds for f in fields(kind)
              if f.name not in read]  # fmt: skip
    assert unread == []
