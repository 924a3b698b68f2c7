"""Runs of training: what they learn, leave behind and start from."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.heads.tiny import tiny_head
from smirk3d.losses.loss_weights import LossWeights
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.neural_renderer.renderer_config import LIGHT
from smirk3d.training.checkpoints import (
    check_checkpoint,
    checkpoints,
    latest_checkpoint,
    run_settings,
    save_checkpoint,
)
from smirk3d.training.network_config import NetworkConfig
from smirk3d.training.networks import build_networks
from smirk3d.training.trainer import Trainer
from smirk3d.training.weights_export import export_weights
from tests.training.small_runs import run_in, small_config, small_trainer, take_steps, with_run


def assert_same_state(one: Trainer, two: Trainer) -> None:
    for name, value in one.networks.state_dict().items():
        assert torch.equal(value, two.networks.state_dict()[name]), name


@pytest.mark.parametrize("kind", ["named", "pca"])
def test_both_paths_learn(kind: str) -> None:
    config = small_config(shared=False)
    trainer, batches = small_trainer(config, kind)
    before = {name: value.clone() for name, value in trainer.networks.state_dict().items()}
    losses = take_steps(trainer, batches, 4)
    assert all(math.isfinite(value) for step in losses for value in step.values())
    assert "cycle" not in losses[0]
    assert losses[1]["cycle"] > 0
    moved = {
        name.split(".")[1]
        for name, value in trainer.networks.state_dict().items()
        if name.startswith("encoder") and not torch.equal(value, before[name])
    }
    assert moved == {"pose_encoder", "shape_encoder", "expression_encoder"}
    assert {"photo", "grey", "masked", "rendered", "changed", "cycle rendered"} <= set(
        trainer.panels
    )


def test_a_resumed_run_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    config = small_config(steps=4)
    whole, batches = small_trainer(config)
    run_in(tmp_path / "whole", whole, batches)
    first, batches = small_trainer(with_run(config, steps=4))
    for _ in range(2):
        first.train_step(batches.batch(first.step), first.step / 4)
    folder = tmp_path / "parts"
    save_checkpoint(folder, first.state(), first.step)
    second, batches = small_trainer(config)
    stored = latest_checkpoint(folder)
    assert stored is not None
    check_checkpoint(stored, folder, second.head.fingerprint, run_settings(config))
    second.load_state(stored)
    assert second.step == 2
    run_in(folder, second, batches)
    assert_same_state(whole, second)
    assert whole.average is not None
    assert second.average is not None
    for name, value in whole.average.state.items():
        assert torch.equal(value, second.average.state[name]), name


def test_a_run_leaves_weights_checkpoints_log_and_panels(tmp_path: Path) -> None:
    trainer, batches = small_trainer(small_config())
    run_in(tmp_path, trainer, batches)
    encoder = FaceEncoder.from_file(tmp_path / "encoder.safetensors", tiny_head())
    assert encoder.provenance["steps"] == 4
    assert encoder.provenance["photos_seen"] == 16
    assert trainer.average is not None
    torch.testing.assert_close(encoder.state_dict(), trainer.average.state, rtol=0, atol=0)
    NeuralRenderer.from_file(tmp_path / "renderer.safetensors")
    assert [path.name for path in checkpoints(tmp_path)] == [
        "step-00000003.ckpt",
        "step-00000004.ckpt",
    ]
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 4
    assert len(list((tmp_path / "panels").glob("*.png"))) == 2


def test_frozen_networks_stay_bit_by_bit() -> None:
    config = small_config(shared=False)
    networks = replace(config.networks, learning=("expression",))
    trainer, batches = small_trainer(replace(config, networks=networks))
    before = {name: value.clone() for name, value in trainer.networks.state_dict().items()}
    take_steps(trainer, batches, 3)
    after = trainer.networks.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed
    assert all(name.startswith("encoder.expression_encoder") for name in changed)
    assert any(name.endswith("running_mean") for name in changed)


def test_frozen_norms_of_encoders_stay_where_weights_move() -> None:
    config = small_config()
    networks = replace(config.networks, frozen_norms=True)
    trainer, batches = small_trainer(replace(config, networks=networks))
    before = {name: value.clone() for name, value in trainer.networks.state_dict().items()}
    take_steps(trainer, batches, 2)
    after = trainer.networks.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    counts = {name for name in changed if "running" in name or "num_batches" in name}
    assert counts and all(name.startswith("renderer") for name in counts)
    assert any(name.startswith("encoder") for name in changed)


def test_a_time_budget_ends_a_run_with_weights(tmp_path: Path) -> None:
    config = with_run(small_config(renders=False), steps=0, minutes=0.01, panel_steps=0)
    trainer, batches = small_trainer(config)
    run_in(tmp_path, trainer, batches)
    assert trainer.step >= 1
    assert (tmp_path / "encoder.safetensors").is_file()
    assert not (tmp_path / "renderer.safetensors").exists()


def test_losses_of_twenty_steps() -> None:
    config = with_run(small_config(), steps=20)
    trainer, batches = small_trainer(config)
    totals = [losses["total"] for losses in take_steps(trainer, batches, 20)]
    assert [totals[i] for i in (0, 4, 9, 14, 19)] == pytest.approx(GOLDEN, rel=0.03)


GOLDEN = [34.41, 41.22, 28.46, 32.47, 31.78]


def test_weights_tell_what_they_started_from(tmp_path: Path) -> None:
    first, batches = small_trainer(small_config())
    take_steps(first, batches, 1)
    export_weights(first, tmp_path)
    config = small_config()
    again = replace(
        config,
        networks=replace(config.networks, encoder_start=tmp_path / "encoder.safetensors"),
    )
    second, _ = small_trainer(again)
    (tmp_path / "second").mkdir()
    export_weights(second, tmp_path / "second")
    stored = FaceEncoder.from_file(tmp_path / "second" / "encoder.safetensors", second.head)
    assert stored.provenance["steps"] == 0
    assert stored.provenance["started_from"]["steps"] == 1
    assert "started_from" not in stored.provenance["started_from"]


def test_spatial_channels_start_as_the_encoder_without_them(tmp_path: Path) -> None:
    head = tiny_head()
    size = EncoderConfig(
        shared=True, expression_backbone="mobilenetv3_small_minimal", input_size=64
    )
    FaceEncoder(head, size).save(tmp_path / "pooled.safetensors")
    config = NetworkConfig(
        encoder=replace(size, spatial_channels=8), encoder_start=tmp_path / "pooled.safetensors",
        renderer=LIGHT,
    )  # fmt: skip
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    pooled = FaceEncoder.from_file(tmp_path / "pooled.safetensors", head)
    with torch.no_grad():
        expected, got = pooled(images), build_networks(head, config).encoder.eval()(images)
    for name, tensor in expected.items():
        torch.testing.assert_close(getattr(got, name), tensor)


def test_calibrated_weights_start_with_open_gates_and_may_see_more(tmp_path: Path) -> None:
    head = tiny_head()
    size = EncoderConfig(
        shared=True, expression_backbone="mobilenetv3_small_minimal", input_size=64,
        spatial_channels=8, uncertainty=True,
    )  # fmt: skip
    plain = FaceEncoder(head, size).eval()
    torch.nn.init.normal_(plain.expression_encoder.output.activity_layer.weight, std=0.1)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = plain(images)
    output = plain.expression_encoder.output
    assert len(output.sparse)
    output.gate_low.fill_(0.3)
    output.gate_high.fill_(0.6)
    output.gain.fill_(1.2)
    plain.save(tmp_path / "calibrated.safetensors")
    config = NetworkConfig(
        encoder=replace(size, local_activity=True),
        encoder_start=tmp_path / "calibrated.safetensors", renderer=LIGHT,
    )  # fmt: skip
    encoder = build_networks(head, config).encoder.eval()
    seen = encoder.expression_encoder.output.activity_layer.in_features
    assert seen == encoder.expression_encoder.output.linear.in_features
    assert seen > output.activity_layer.in_features
    with torch.no_grad():
        got = encoder(images)
    for name, tensor in expected.items():
        torch.testing.assert_close(getattr(got, name), tensor)


def test_with_the_cycle_path_alone_no_photo_is_painted() -> None:
    config = small_config()
    config = replace(
        config,
        networks=replace(config.networks, learning=("trunk", "pose", "shape", "expression")),
        losses=replace(config.losses, photometric=0.0),
        cycle=replace(config.cycle, first_step=0, alternate=False),
    )
    trainer, batches = small_trainer(config)
    painted: list[int] = []
    trainer.networks.renderer.register_forward_hook(lambda *call: painted.append(len(call[2])))
    (losses,) = take_steps(trainer, batches, 1)
    assert painted == [4]
    assert losses["cycle"] > 0 and "photometric" not in losses
    assert set(trainer.panels) == {
        "photo", "grey", "masked", "changed", "moved pixels", "cycle rendered"
    }  # fmt: skip


def test_a_renderer_learns_from_ground_truth_without_encoders() -> None:
    config = small_config()
    config = replace(
        config,
        rendered="ground_truth",
        networks=replace(config.networks, learning=("renderer",)),
        losses=LossWeights(photometric=10.0),
    )
    trainer, batches = small_trainer(config)
    read: list[torch.Tensor] = []
    trainer.networks.encoder.register_forward_hook(lambda *call: read.append(call[1][0]))
    before = {name: value.clone() for name, value in trainer.networks.state_dict().items()}
    take_steps(trainer, batches, 2)
    assert not read
    head = trainer.head
    rows = batches.batch(1)
    surface = trainer.fixture.surface
    grey = surface(head(rows.targets).vertices, rows.targets.camera).image
    torch.testing.assert_close(trainer.panels["grey"], grey)
    moved = {
        name.split(".")[0]
        for name, value in trainer.networks.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert moved == {"renderer"}
