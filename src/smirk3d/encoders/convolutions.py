"""Convolutions of the backbones, and batch norms that are part of them once they are fixed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_KERNELS_LEARN_FROM = 4
"""In half precision on a CPU depthwise kernels learn from every fourth picture of a batch, scaled
to all: the mean is the same, and the gradients of these few numbers, which would else be 40 % of
the backbone's time (EfficientNet-Lite0 at 160 px with AMX), take a quarter of it."""


class SameConv2d(nn.Conv2d):
    """Convolution without bias, padded so that a stride s gives ``ceil(size / s)``."""

    def __init__(
        self, channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        """Pad symmetrically here where that is the same, in forward where it is not."""
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(
            channels, out, kernel, stride=stride, padding=padding, groups=groups, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, out, ceil(H / s), ceil(W / s)]``."""
        return super().forward(self.padded(x))

    def padded(self, x: Tensor) -> Tensor:
        """Return the input with the margin that the convolution itself does not add."""
        if self.stride[0] > 1:
            x = F.pad(x, self._margin(x.shape[3]) + self._margin(x.shape[2]))
        return x

    def _margin(self, size: int) -> tuple[int, int]:
        stride, kernel = self.stride[0], self.kernel_size[0]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2


def conv_norm(conv: SameConv2d, norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Return ``norm(conv(x))``.

    A batch norm whose statistics are fixed is a factor and a bias of each channel: where gradients
    are wanted they go into the convolution's kernel, which saves passes over the feature maps.

    Args:
        conv: convolution without bias.
        norm: batch norm of its output.
        x: input ``[B, C, H, W]``.
    """
    if norm.training or not torch.is_grad_enabled():
        return norm(conv(x))  # type: ignore[no-any-return]
    assert norm.running_mean is not None and norm.running_var is not None
    factor = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    kernel = conv.weight * factor[:, None, None, None]
    bias = norm.bias - norm.running_mean * factor
    x, stride, padding = conv.padded(x), conv.stride[0], int(conv.padding[0])
    if conv.groups > 1 and x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
        half = torch.get_autocast_dtype("cpu")
        return _HalfDepthwise.apply(x.to(half), kernel.to(half), bias.to(half), stride, padding)  # type: ignore[no-any-return, no-untyped-call]
    return F.conv2d(x, kernel, bias, stride, padding, 1, conv.groups)


class _HalfDepthwise(torch.autograd.Function):
    """Depthwise convolution in half precision on a CPU, with a gradient in single precision.

    torch's own gradient in half precision takes five times as long (torch 2.13 with oneDNN on a
    processor with AMX). Kernels learn from some pictures of the batch (``_KERNELS_LEARN_FROM``).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Tensor, bias: Tensor, stride: int, pad: int) -> Tensor:
        ctx.save_for_backward(x, kernel)
        ctx.stride, ctx.pad = stride, pad
        return F.conv2d(x, kernel, bias, stride, pad, 1, len(kernel))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, kernel = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        wants_x, wants_kernel, wants_bias = ctx.needs_input_grad[:3]
        stride, pad, channels = ctx.stride, ctx.pad, len(kernel)
        of_x = of_kernel = None
        if wants_x and stride == 1:
            around = kernel.shape[2] - 1 - pad
            of_x = F.conv2d(gradient, kernel.flip(2, 3), None, 1, around, 1, channels)
        elif wants_x:
            of_x = _single_backward(gradient, x, kernel, stride, pad, of_input=True)
        if wants_kernel:
            some = slice(None, None, _KERNELS_LEARN_FROM)
            of_some = _single_backward(gradient[some], x[some], kernel, stride, pad, of_input=False)
            of_kernel = of_some * (len(x) / len(x[some]))
        of_bias = gradient.sum((0, 2, 3)) if wants_bias else None
        return of_x, of_kernel, of_bias, None, None


def _single_backward(
    gradient: Tensor, x: Tensor, kernel: Tensor, stride: int, pad: int, *, of_input: bool
) -> Tensor:
    """Return the gradient of a depthwise convolution's input or kernel, computed in single."""
    gradients = torch.ops.aten.convolution_backward(
        gradient.float(), x.float(), kernel.float(), None, (stride, stride), (pad, pad),
        (1, 1), False, (0, 0), len(kernel), (of_input, not of_input, False),
    )  # fmt: skip
    found: Tensor = gradients[0 if of_input else 1]
    return found.to(kernel.dtype)
