from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.input_size import with_input_size
from smirk3d.heads.tiny import tiny_head
from smirk3d.training.network_config import NetworkConfig
from smirk3d.training.networks import build_networks


def some_encoder(*, shared: bool, normalized: bool, places: int = 3) -> FaceEncoder:
    torch.manual_seed(0)
    name = "mobilenetv3_small_minimal"
    config = EncoderConfig(
        pose_backbone=name, shape_backbone=name, expression_backbone=name, shared=shared,
        spatial_channels=places, normalized=normalized, input_size=64,
    )  # fmt: skip
    encoder = FaceEncoder(tiny_head(), config).eval()
    encoder.normalize_features([torch.rand(4, 3, 64, 64)])
    return encoder


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("size", [32, 96])
def test_cells_are_read_as_if_resampled(shared: bool, normalized: bool, size: int) -> None:
    before = some_encoder(shared=shared, normalized=normalized)
    after = with_input_size(before, tiny_head(), size)
    side = size // 16
    pooled, cells = torch.randn(5, 576), torch.randn(5, 3, side, side)
    old_cells = F.interpolate(cells, size=(4, 4), mode="bilinear", antialias=True)
    for ours, theirs in zip(before.encoders(), after.encoders(), strict=True):
        wanted = ours.output(torch.cat([pooled, old_cells.flatten(1)], 1))
        read = theirs.output(torch.cat([pooled, cells.flatten(1)], 1))
        for name, group in wanted.items():
            torch.testing.assert_close(read[name], group, rtol=1e-4, atol=1e-5)
    assert before.config.input_size == 64
    assert after(torch.rand(2, 3, 224, 224)).expression.shape[0] == 2


def test_a_training_goes_on_at_another_size(tmp_path: Path) -> None:
    start = some_encoder(shared=True, normalized=True)
    start.save(tmp_path / "start.safetensors")
    encoder = replace(start.config, input_size=96)
    config = NetworkConfig(encoder=encoder, encoder_start=tmp_path / "start.safetensors")
    networks = build_networks(tiny_head(), config)
    wanted = with_input_size(start, tiny_head(), 96).state_dict()
    for name, value in networks.encoder.state_dict().items():
        torch.testing.assert_close(value, wanted[name], msg=name)
    assert not networks.fresh_spatial_features


def test_activities_and_points_see_resampled_cells() -> None:
    torch.manual_seed(0)
    name = "mobilenetv3_small_minimal"
    config = EncoderConfig(
        pose_backbone=name, shape_backbone=name, expression_backbone=name, shared=True,
        spatial_channels=3, normalized=True, input_size=64, uncertainty=True, local_activity=True,
        points=6,
    )  # fmt: skip
    before = FaceEncoder(tiny_head(), config).eval()
    before.normalize_features([torch.rand(4, 3, 64, 64)])
    assert before.points is not None
    layers = [before.expression_encoder.output.activity_layer, before.points.points]
    for layer in layers:
        torch.nn.init.normal_(layer.weight)
    after = with_input_size(before, tiny_head(), 96)
    pooled, cells = torch.randn(5, 576), torch.randn(5, 3, 6, 6)
    old_cells = F.interpolate(cells, size=(4, 4), mode="bilinear", antialias=True)
    seen = torch.cat([pooled, old_cells.flatten(1)], 1), torch.cat([pooled, cells.flatten(1)], 1)
    answers = []
    for encoder, features in zip((before, after), seen, strict=True):
        output = encoder.expression_encoder.output
        assert encoder.points is not None
        details = output.details(features)
        points = encoder.points(output.normalized_features(features))
        answers.append((details.activity, details.log_std, points.points, points.log_std))
    assert answers[0][0].std() > 0.1
    for ours, theirs in zip(*answers, strict=True):
        torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-4)
