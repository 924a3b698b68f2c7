from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from smirk3d.assets.weight_files import write_weights
from smirk3d.errors import AssetError, ShapeError
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.neural_renderer.renderer_config import LIGHT, PUBLISHED, NeuralRendererConfig
from smirk3d.neural_renderer.smirk_checkpoint import (
    load_smirk_renderer,
    renderer_from_state,
    renderer_to_state,
)

TINY = NeuralRendererConfig(features=(4, 6, 8), blocks=1)
FOLDED = NeuralRendererConfig(features=(32, 36), blocks=1, depthwise=True, patch=2)


def size(config: NeuralRendererConfig) -> int:
    return sum(p.numel() for p in NeuralRenderer(config).parameters())


def test_sizes() -> None:
    # by hand: levels 6>32>64>128>256>512 (two kernels of 9 and norms of 2), five blocks of 512,
    # and up again (kernels of 4 with bias, then two of 9 from twice the channels)
    down = sum(9 * o * (i + o) + 4 * o for i, o in [(6, 32), (32, 64), (64, 128), (128, 256)])
    middle = 9 * 512 * (256 + 512) + 4 * 512 + 5 * (2 * 9 * 512 * 512 + 4 * 512)
    up = sum(4 * 2 * o * o + o + 9 * o * 3 * o + 4 * o for o in (32, 64, 128, 256))
    assert size(PUBLISHED) == down + middle + up + 32 * 3 + 3
    assert size(LIGHT) < size(PUBLISHED) / 50


@pytest.mark.parametrize("config", [TINY, FOLDED, LIGHT])
@pytest.mark.parametrize("shape", [(64, 64), (33, 50), (3, 5)])
def test_paints_pictures_of_any_size(config: NeuralRendererConfig, shape: tuple[int, int]) -> None:
    painted = NeuralRenderer(config).eval()(torch.rand(2, 6, *shape))
    assert painted.shape == (2, 3, *shape)
    assert painted.min() > 0
    assert painted.max() < 1


def test_every_input_channel_and_parameter_matters() -> None:
    renderer = NeuralRenderer(TINY)
    inputs = torch.rand(2, 6, 32, 32, requires_grad=True)
    renderer(inputs).square().mean().backward()
    assert inputs.grad is not None
    assert (inputs.grad.abs().amax((0, 2, 3)) > 0).all()
    # the transposed convolutions' biases are summed with what they are concatenated to
    idle = [n for n, p in renderer.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


def test_folded_pictures_start_without_a_grid() -> None:
    renderer = NeuralRenderer(NeuralRendererConfig(features=(8, 8), blocks=1, patch=2)).eval()
    with torch.no_grad():
        painted = renderer(torch.rand(1, 6, 32, 32))
    assert torch.equal(painted[..., ::2, :], painted[..., 1::2, :])
    assert torch.equal(painted[..., ::2], painted[..., 1::2])
    assert painted.std() > 0


def test_padding_does_not_shift_the_picture() -> None:
    renderer = NeuralRenderer(TINY).eval()
    inputs = torch.rand(1, 6, 48, 48)
    with torch.no_grad():
        whole, cut = renderer(inputs), renderer(inputs[..., :47, :45])
    torch.testing.assert_close(whole[..., :8, :8], cut[..., :8, :8], rtol=0, atol=0.05)


def test_wrong_inputs_are_refused() -> None:
    with pytest.raises(ShapeError, match="inputs"):
        NeuralRenderer(TINY)(torch.rand(1, 3, 32, 32))


@pytest.mark.parametrize("config", [TINY, FOLDED])
def test_files_keep_weights_and_config(config: NeuralRendererConfig, tmp_path: Path) -> None:
    renderer = NeuralRenderer(config).eval()
    renderer.provenance = {"steps": 4}
    renderer.save(tmp_path / "r.safetensors")
    loaded = NeuralRenderer.from_file(tmp_path / "r.safetensors")
    assert loaded.config == config
    assert loaded.provenance == {"steps": 4}
    inputs = torch.rand(1, 6, 16, 16)
    assert torch.equal(loaded(inputs), renderer(inputs))


def test_a_config_of_the_future_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.safetensors"
    header = {"config": {"features": [4, 6], "attention": True}}
    write_weights(path, NeuralRenderer(TINY).state_dict(), kind="neural_renderer", header=header)
    with pytest.raises(AssetError, match="attention"):
        NeuralRenderer.from_file(path)


def test_published_names_and_shapes(tmp_path: Path) -> None:
    state = renderer_to_state(NeuralRenderer(PUBLISHED))
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    prefix = "smirk_generator."
    assert all(key.startswith(prefix) for key in shapes)
    # names and shapes of the authors' file
    expected = {
        "encoder1.enc1conv1.weight": (32, 6, 3, 3),
        "encoder4.enc4norm2.running_var": (256,),
        "bottleneck.bottleneckconv2.weight": (512, 512, 3, 3),
        "resnet_blocks.4.conv_block.1.weight": (512, 512, 3, 3),
        "resnet_blocks.4.conv_block.6.bias": (512,),
        "upconv4.weight": (512, 256, 2, 2),
        "upconv1.bias": (32,),
        "decoder4.dec4conv1.weight": (256, 512, 3, 3),
        "decoder1.dec1norm2.num_batches_tracked": (),
        "conv.weight": (3, 32, 1, 1),
    }
    assert {key: shapes[prefix + key] for key in expected} == expected
    # 9 double blocks of 2 kernels and 2 norms of 5, 5 residual ones alike, 4 + 1 with bias
    assert len(shapes) == (9 + 5) * 12 + 10


def by_hand(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Return what the published generator paints, from its tensors alone."""
    net = {key.removeprefix("smirk_generator."): value for key, value in state.items()}

    def normal(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, var = net[f"{name}.running_mean"], net[f"{name}.running_var"]
        return F.batch_norm(x, mean, var, net[f"{name}.weight"], net[f"{name}.bias"])

    def double(x: torch.Tensor, name: str, short: str) -> torch.Tensor:
        for number in (1, 2):
            x = F.conv2d(x, net[f"{name}.{short}conv{number}.weight"], padding=1)
            x = F.relu(normal(x, f"{name}.{short}norm{number}"))
        return x

    skips = []
    for level in (1, 2, 3, 4):
        skips.append(double(x, f"encoder{level}", f"enc{level}"))
        x = F.max_pool2d(skips[-1], 2)
    x = double(x, "bottleneck", "bottleneck")
    for number in range(5):
        y, block = x, f"resnet_blocks.{number}.conv_block"
        for place in (1, 5):
            y = F.conv2d(F.pad(y, (1, 1, 1, 1), "reflect"), net[f"{block}.{place}.weight"])
            y = normal(y, f"{block}.{place + 1}")
            y = F.relu(y) if place == 1 else y
        x = x + y
    for level in (4, 3, 2, 1):
        up = f"upconv{level}"
        x = F.conv_transpose2d(x, net[f"{up}.weight"], net[f"{up}.bias"], stride=2)
        x = double(torch.cat([x, skips.pop()], 1), f"decoder{level}", f"dec{level}")
    return torch.sigmoid(F.conv2d(x, net["conv.weight"], net["conv.bias"]))


@torch.no_grad()
def test_numbers_are_those_of_the_published_network() -> None:
    state = {}
    for key, value in renderer_to_state(NeuralRenderer(PUBLISHED)).items():
        if key.endswith("running_var") or (value.ndim == 1 and key.endswith("weight")):
            state[key] = 0.8 + 0.4 * torch.rand(value.shape)
        else:
            state[key] = value + 0.1 * torch.randn(value.shape) if value.ndim == 1 else 2 * value
    inputs = torch.rand(1, 6, 64, 96)
    expected = by_hand(state, inputs)
    assert expected.std() > 0.01
    torch.testing.assert_close(renderer_from_state(state)(inputs), expected, rtol=0, atol=1e-5)


def test_published_tensors_come_back(tmp_path: Path) -> None:
    state = renderer_to_state(NeuralRenderer(PUBLISHED))
    torch.save({**state, "smirk_encoder.x": torch.zeros(1)}, tmp_path / "em.pt")
    loaded = load_smirk_renderer(tmp_path / "em.pt")
    again = renderer_to_state(loaded)
    assert all(torch.equal(again[key], value) for key, value in state.items())
    with pytest.raises(ValueError, match="published size"):
        renderer_to_state(NeuralRenderer(TINY))


def test_a_lacking_tensor_is_named() -> None:
    state = renderer_to_state(NeuralRenderer(PUBLISHED))
    del state["smirk_generator.upconv2.bias"]
    with pytest.raises(AssetError, match=r"enlarge\.2\.bias is missing"):
        renderer_from_state(state)
