"""The neural renderer: a U-Net that renders the photo from grey geometry and a few pixels."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smirk3d.assets.foreign.origin import one_line
from smirk3d.assets.weight_files import (
    RENDERER,
    check_build,
    load_strictly,
    read_weights,
    read_weights_header,
    write_weights,
)
from smirk3d.errors import AssetError, check_shape
from smirk3d.neural_renderer.blocks import DoubleConv, ResidualBlock
from smirk3d.neural_renderer.renderer_config import PUBLISHED, NeuralRendererConfig

_MOST_CHANNELS, _MOST_LEVELS, _MOST_BLOCKS, _LARGEST_PATCH = 4096, 8, 64, 16
"""Bounds far above the published size: files state the size that is built."""
_SMALLEST_BOTTLENECK = 2


class NeuralRenderer(nn.Module):
    """Renders a face from its grey rendering and the masked photo.

    Attributes:
        config: size of the network.
        kind: task that it has learnt, :data:`~smirk3d.assets.weight_files.RENDERER` or
            :data:`~smirk3d.assets.weight_files.INPAINTER`; files of one kind are refused where the
            other belongs.
        provenance: origin of the weights; kept in the file.
    """

    def __init__(self, config: NeuralRendererConfig) -> None:
        """Build it with random weights."""
        super().__init__()
        self.config = config
        self.kind = RENDERER
        self.provenance: dict[str, Any] = {}
        *levels, deepest = config.features
        area = config.patch**2
        inputs = [6 * area, *levels]
        self.down = nn.ModuleList(
            DoubleConv(channels, out, depthwise=config.depthwise)
            for channels, out in zip(inputs, levels, strict=False)
        )
        self.bottleneck = DoubleConv(levels[-1], deepest, depthwise=config.depthwise)
        self.residual = nn.Sequential(
            *(ResidualBlock(deepest, depthwise=config.depthwise) for _ in range(config.blocks))
        )
        coarse_to_fine = levels[::-1]
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(channels, out, 2, stride=2)
            for channels, out in zip([deepest, *coarse_to_fine], coarse_to_fine, strict=False)
        )
        self.up = nn.ModuleList(
            DoubleConv(2 * out, out, depthwise=config.depthwise) for out in coarse_to_fine
        )
        self.output = nn.Conv2d(levels[0], 3 * area, 1)
        if config.patch > 1:
            self._start_without_grid()

    def _start_without_grid(self) -> None:
        """Let neighbouring pixels that one feature vector gives start alike (Aitken et al. 2017).

        With independent starting weights, short trainings leave a grid of the patch's period.
        """
        with torch.no_grad():
            area = self.config.patch**2
            for parameter in (self.output.weight, self.output.bias):
                if parameter is not None:
                    parameter.copy_(parameter[::area].repeat_interleave(area, 0))
            for layer in self.enlarge:
                weight = cast(nn.ConvTranspose2d, layer).weight
                weight.copy_(weight[..., :1, :1].expand_as(weight))

    def start_grey(self) -> None:
        """Start from even grey: no correction, where corrections are learnt."""
        nn.init.zeros_(self.output.weight)
        if self.output.bias is not None:
            nn.init.zeros_(self.output.bias)

    @property
    def granularity(self) -> int:
        """Pictures are padded to multiples of this many pixels."""
        return int(self.config.patch * 2 ** len(self.down))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return rendered images ``[B, 3, H, W]`` in [0, 1].

        Args:
            inputs: ``[B, 6, H, W]``: grey rendering, then masked photo; any size.

        Raises:
            ShapeError: if it has another shape.
        """
        size = check_shape(inputs, "B 6 H W", "inputs")
        x = self._padded(inputs, size["H"], size["W"])
        x = F.pixel_unshuffle(x, self.config.patch).contiguous(memory_format=torch.channels_last)
        skips: list[Tensor] = []
        for level in self.down:
            skips.append(level(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.residual(self.bottleneck(x))
        for enlarge, level in zip(self.enlarge, self.up, strict=True):
            x = level(torch.cat((enlarge(x), skips.pop()), 1))
        x = F.pixel_shuffle(self.output(x), self.config.patch)
        return torch.sigmoid(x[..., : size["H"], : size["W"]])

    def _padded(self, inputs: Tensor, height: int, width: int) -> Tensor:
        step = self.granularity
        down, right = (
            max(-(-size // step), _SMALLEST_BOTTLENECK) * step - size for size in (height, width)
        )
        if down == right == 0:
            return inputs
        return F.pad(inputs, (0, right, 0, down), mode="replicate")

    def save(self, path: str | Path, *, half: bool = False) -> None:
        """Write weights, config and provenance to one safetensors file.

        Args:
            path: the file to write, whole or not at all.
            half: store kernels in half precision.

        Raises:
            OutputError: if it cannot be written.
        """
        header = {"config": asdict(self.config), "provenance": self.provenance}
        write_weights(path, self.state_dict(), kind=self.kind, header=header, half=half)

    @classmethod
    def from_file(cls, path: str | Path, *, kind: str = RENDERER) -> NeuralRenderer:
        """Return the neural renderer of a weights file, in evaluation mode.

        Args:
            path: the file.
            kind: task that it must have learnt.

        Raises:
            AssetError: if the file is absent, damaged or of another kind.
        """
        header = read_weights_header(path, kind=kind)
        config = _config(header.get("config"), str(path))
        if max(config.features) > max(PUBLISHED.features) or config.blocks > PUBLISHED.blocks:
            # a look at the file first takes a second
            check_build(lambda: cls(config), path)
        renderer = cls(config)
        provenance = header.get("provenance")
        renderer.kind = kind
        renderer.provenance = provenance if isinstance(provenance, dict) else {}
        load_strictly(renderer, read_weights(path), str(path))
        return renderer.eval()


def _config(content: Any, source: str) -> NeuralRendererConfig:
    try:
        entries = dict(content)
        entries["features"] = tuple(entries["features"])
        config = NeuralRendererConfig(**entries)
        sizes = (*config.features, config.blocks + 1, config.patch)
        most = (*(_MOST_CHANNELS,) * len(config.features), _MOST_BLOCKS + 1, _LARGEST_PATCH)
        whole = all(type(n) is int and 0 < n <= limit for n, limit in zip(sizes, most, strict=True))
        if not whole or not 2 <= len(config.features) <= _MOST_LEVELS:
            raise ValueError(f"no network has the sizes {list(sizes)}")
        if not isinstance(config.depthwise, bool):
            raise ValueError("depthwise is neither true nor false")
    except (KeyError, TypeError, ValueError) as error:
        raise AssetError(
            f"{source}: this version cannot build its config ({one_line(error)}); train it again"
        ) from error
    return config
