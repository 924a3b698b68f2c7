"""Convolution blocks of the neural renderer."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

_FEWEST_SPLIT = 32
"""Inputs with fewer channels get whole kernels even in the light variant."""

_Padding = Literal["zeros", "reflect"]


def _conv3x3(
    channels: int, out: int, *, depthwise: bool, padding_mode: _Padding = "zeros"
) -> nn.Module:
    if not depthwise or channels < _FEWEST_SPLIT:
        return nn.Conv2d(channels, out, 3, padding=1, bias=False, padding_mode=padding_mode)
    return nn.Sequential(
        nn.Conv2d(
            channels, channels, 3, padding=1, bias=False, padding_mode=padding_mode, groups=channels
        ),
        nn.Conv2d(channels, out, 1, bias=False),
    )


class DoubleConv(nn.Module):
    """Two 3x3 convolutions, each with batch norm and ReLU."""

    def __init__(self, channels: int, out: int, *, depthwise: bool) -> None:
        """Build one level's block."""
        super().__init__()
        self.conv1 = _conv3x3(channels, out, depthwise=depthwise)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = _conv3x3(out, out, depthwise=depthwise)
        self.norm2 = nn.BatchNorm2d(out)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, out, H, W]``."""
        x = self.act(self.norm1(self.conv1(x)))
        return self.act(self.norm2(self.conv2(x)))  # type: ignore[no-any-return]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with reflected borders, added to their input."""

    def __init__(self, channels: int, *, depthwise: bool) -> None:
        """Build one block; the sum has no activation."""
        super().__init__()
        self.conv1 = _conv3x3(channels, channels, depthwise=depthwise, padding_mode="reflect")
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = _conv3x3(channels, channels, depthwise=depthwise, padding_mode="reflect")
        self.norm2 = nn.BatchNorm2d(channels)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, C, H, W]``; H and W at least 2."""
        y = self.act(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return x + y  # type: ignore[no-any-return]
