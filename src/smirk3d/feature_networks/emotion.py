"""The emotion network of EMOCA: a ResNet-50 whose averaged features separate expressions."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from smirk3d.assets.weight_files import load_strictly, read_torch_state
from smirk3d.errors import check_shape
from smirk3d.feature_networks.frozen import Frozen

_PREFIX = "backbone."
_EXPANSION = 4
"""Outer by inner channels of a bottleneck block (ResNet, He et al. 2016)."""
_STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
"""Inner channels and number of blocks of each stage."""


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions added to a shortcut (He et al. 2016, figure 5)."""

    def __init__(self, channels: int, inner: int, stride: int) -> None:
        """Build one block; the shortcut has a convolution where shapes change."""
        super().__init__()
        out = inner * _EXPANSION
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Sequential()
        if stride > 1 or channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, C', H', W']``."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + self.downsample(x))  # type: ignore[no-any-return]


class ResNet50(nn.Module):
    """ResNet-50 without classifier; the state dict has torchvision's names."""

    def __init__(self) -> None:
        """Build it with random weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = 64
        for number, (inner, repeats) in enumerate(_STAGES, start=1):
            blocks = []
            for repeat in range(repeats):
                stride = 2 if number > 1 and repeat == 0 else 1
                blocks.append(Bottleneck(channels, inner, stride))
                channels = inner * _EXPANSION
            setattr(self, f"layer{number}", nn.Sequential(*blocks))

    def forward(self, images: Tensor) -> Tensor:
        """Return global average pooled features ``[B, 2048]`` of images ``[B, 3, H, W]`` in [0, 1].

        Raises:
            ShapeError: if the images have another shape.
        """
        check_shape(images, "B 3 H W", "images")
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for number in range(1, len(_STAGES) + 1):
            x = getattr(self, f"layer{number}")(x)
        return x.mean((2, 3))  # type: ignore[no-any-return]


def load_emotion_network(path: str | Path) -> Frozen:
    """Return EMOCA's emotion network (Danecek et al. 2022), frozen.

    It takes photos in [0, 1] as they are, and gives the features before its output layer.

    Args:
        path: checkpoint of the network, which the user has: ``backbone.*`` in torchvision's names.
            Its output layer and classifier are not read.

    Raises:
        AssetError: if the file is damaged or of another network.
    """
    state = {
        name.removeprefix(_PREFIX): value
        for name, value in read_torch_state(path).items()
        if name.startswith(_PREFIX) and not name.startswith(_PREFIX + "fc.")
    }
    network = ResNet50()
    load_strictly(network, state, str(path))
    return Frozen(network)
