"""VGG-16's feature maps, from the weights file that torchvision publishes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from smirk3d.assets.weight_files import load_strictly, read_torch_state
from smirk3d.errors import check_shape
from smirk3d.feature_networks.frozen import Frozen

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean of ImageNet's colours, as torchvision's weights expect it."""
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Standard deviation of ImageNet's colours, as torchvision's weights expect it."""

_WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512)
"""Channels of the convolutions; 0 is a max-pool."""

_LAYERS = (3, 8, 15, 22)
"""Places of relu1_2, relu2_2, relu3_3 and relu4_3 in the sequence."""


class VggFeatures(nn.Module):
    """The first ten convolutions of VGG-16 (Simonyan and Zisserman 2015).

    The state dict has torchvision's names, ``features.N.weight`` and ``features.N.bias``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        """Build it with random weights."""
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in _WIDTHS:
            if width:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        for name, values in {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}.items():
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return four feature maps ``[B, C, h, w]`` of images ``[B, 3, H, W]`` in [0, 1].

        They are the activations after relu1_2 (64 channels, full size), relu2_2, relu3_3 and
        relu4_3 (512 channels, an eighth).

        Raises:
            ShapeError: if the images have another shape.
        """
        check_shape(images, "B 3 H W", "images")
        x = (images - self.mean) / self.std
        maps = []
        for place, layer in enumerate(self.features):
            x = layer(x)
            if place in _LAYERS:
                maps.append(x)
        return maps


def load_vgg16(path: str | Path) -> Frozen:
    """Return VGG-16's feature maps with the weights of torchvision's file, frozen.

    Args:
        path: ``vgg16-397923af.pth``, which the user has; its classifier and last block are not
            read.

    Raises:
        AssetError: if the file is damaged or of another network.
    """
    network = VggFeatures()
    wanted = network.state_dict().keys()
    ignored = ("classifier.", "features.24.", "features.26.", "features.28.")
    state = {
        name: value
        for name, value in read_torch_state(path).items()
        if name in wanted or not name.startswith(ignored)
    }
    load_strictly(network, state, str(path))
    return Frozen(network)
