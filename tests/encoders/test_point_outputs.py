from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.point_outputs import PointFeatures, sampled
from smirk3d.heads.tiny import tiny_head
from smirk3d.neural_renderer.renderer_config import LIGHT
from smirk3d.training.network_config import NetworkConfig
from smirk3d.training.networks import build_networks

SIZE = EncoderConfig(
    shared=True, expression_backbone="mobilenetv3_small_minimal", input_size=64,
    uncertainty=True, points=6,
)  # fmt: skip


def test_maps_are_interpolated_as_torch_does() -> None:
    generator = torch.Generator().manual_seed(0)
    feature_map = torch.rand(2, 5, 7, 10, generator=generator)
    # some outside the picture, where the edge goes on
    points = torch.rand(2, 9, 2, generator=generator) * 2.6 - 1.3
    assert (points.abs() > 1).any()
    wanted = F.grid_sample(
        feature_map, points[:, None], padding_mode="border", align_corners=False
    )[:, :, 0]
    torch.testing.assert_close(sampled(feature_map, points), wanted.transpose(1, 2))


def test_what_is_learnt_at_a_point_is_known_wherever_the_point_is() -> None:
    torch.manual_seed(0)
    layer = PointFeatures((3,), 2, 4, 1)
    torch.nn.init.normal_(layer.value.weight)
    here, there = torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 20)
    here[:, :, 3:6, 3:6] = torch.tensor([1.0, 0.2, -0.5])[None, :, None, None]
    there[:, :, 13:16, 9:12] = here[:, :, 3:6, 3:6]
    points = torch.tensor([[[4.0, 4.0], [4.0, 4.0]]])
    moved = points + torch.tensor([6.0, 10.0])

    def device(cells: torch.Tensor) -> torch.Tensor:
        return (cells + 0.5) / 10 - 1

    value, activity = layer([here], device(points))
    assert value.shape == (1, 4) and activity.shape == (1, 1)
    torch.testing.assert_close(layer([there], device(moved))[0], value)
    assert (layer([there], device(points))[0] - value).abs().max() > 1e-3


def test_points_get_no_gradient_and_maps_do() -> None:
    layer = PointFeatures((3,), 2, 4, 0)
    torch.nn.init.normal_(layer.value.weight)
    feature_map = torch.rand(1, 3, 8, 8, requires_grad=True)
    points = torch.zeros(1, 2, 2, requires_grad=True)
    value, activity = layer([feature_map], points)
    assert activity.shape == (1, 0)
    value.sum().backward()
    assert points.grad is None
    assert feature_map.grad is not None and feature_map.grad.abs().max() > 0


def test_a_start_without_them_predicts_as_before(tmp_path: Path) -> None:
    head = tiny_head("named")
    torch.manual_seed(0)
    plain = FaceEncoder(head, SIZE).eval()
    for part in plain.encoders():
        torch.nn.init.normal_(part.output.linear.weight, std=0.3)
    plain.save(tmp_path / "plain.safetensors")
    config = NetworkConfig(
        encoder=replace(SIZE, point_features=True, point_offsets=True),
        encoder_start=tmp_path / "plain.safetensors", renderer=LIGHT,
    )  # fmt: skip
    encoder = build_networks(head, config).encoder.eval()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted, found = plain(images), encoder(images)
        plain_points, same_points = (
            plain.predict(images)["points"],
            encoder.predict(images)["points"],
        )
    torch.testing.assert_close(same_points, plain_points)
    for name, tensor in wanted.items():
        torch.testing.assert_close(getattr(found, name), tensor)
    # and what it learns there comes back from a file
    assert encoder.expression_encoder.at_points is not None
    assert encoder.points is not None and encoder.points.offsets is not None
    torch.nn.init.normal_(encoder.points.offsets.offset.weight, std=0.3)
    torch.nn.init.normal_(encoder.expression_encoder.at_points.value.weight, std=0.3)
    encoder.save(tmp_path / "learnt.safetensors")
    with torch.no_grad():
        learnt = encoder(images)
        read = FaceEncoder.from_file(tmp_path / "learnt.safetensors", head)(images)
        details = encoder.details(images)
    assert details.points is not None
    assert (details.points.points - plain_points).abs().max() > 1e-3
    assert (learnt.expression - wanted.expression).abs().max() > 1e-3
    for name, tensor in learnt.items():
        torch.testing.assert_close(getattr(read, name), tensor)
        torch.testing.assert_close(getattr(details.parameters, name), tensor)


@pytest.mark.parametrize("lacks", [{"points": 0}, {"uncertainty": False}])
def test_encoders_without_points_or_uncertainty_have_none(lacks: dict[str, int]) -> None:
    config = replace(SIZE, point_features=True, **lacks)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="point_features needs"):
        FaceEncoder(tiny_head("named"), config)
