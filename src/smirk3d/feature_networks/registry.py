"""Feature networks by name, from files that the user has put in their folder."""

from __future__ import annotations

from pathlib import Path

from smirk3d.assets import user_folder
from smirk3d.errors import AssetError
from smirk3d.feature_networks.emotion import load_emotion_network
from smirk3d.feature_networks.frozen import Frozen
from smirk3d.feature_networks.imagenet import load_lite0
from smirk3d.feature_networks.vgg import load_vgg16

VGG_PATTERN = "vgg16*.pth"
EMOTION_PATTERN = "emotion*.*"


def find_network(pattern: str) -> Path | None:
    """Return the first file of a pattern in the user's folder ``networks``, None if there is none.

    See :func:`smirk3d.assets.user_folder` for where that is.
    """
    return next(iter(sorted(user_folder("networks").glob(pattern))), None)


def perceptual_network(choice: str = "auto") -> Frozen:
    """Return a network that gives feature maps, for the perceptual loss.

    Args:
        choice: ``"vgg16"`` for the user's file of torchvision's weights, ``"lite0"`` for
            EfficientNet-Lite0 from its package, ``"auto"`` for the first of the two that is there,
            or the path of a VGG-16 file.

    Raises:
        AssetError: if the weights are absent or damaged.
    """
    found = find_network(VGG_PATTERN)
    if choice == "lite0" or (choice == "auto" and found is None):
        return load_lite0()
    if choice in {"auto", "vgg16"}:
        if found is None:
            raise AssetError(
                f"{user_folder('networks') / VGG_PATTERN}: no such file; put torchvision's "
                "vgg16-397923af.pth there, or choose the network lite0"
            )
        return load_vgg16(found)
    return load_vgg16(choice)


def emotion_network(choice: str = "auto") -> Frozen | None:
    """Return the network for the emotion loss.

    Args:
        choice: ``"auto"`` for the user's file, None if they have none; or its path.

    Raises:
        AssetError: if the file is damaged, or a path is given where there is none.
    """
    path = find_network(EMOTION_PATTERN) if choice == "auto" else Path(choice)
    return None if path is None else load_emotion_network(path)
