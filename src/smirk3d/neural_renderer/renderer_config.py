"""Size of the neural renderer and what it sees, at hand before anything heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NeuralRendererConfig:
    """Size of the neural renderer; the default is the published one.

    Attributes:
        features: channels of each level, from the finest; the last is the bottleneck's.
        blocks: number of residual blocks in the bottleneck.
        depthwise: split 3x3 convolutions into depthwise and pointwise ones.
        patch: pixels of a side that are folded into channels before the first level, and unfolded
            after the last; 1 for none.
    """

    features: tuple[int, ...] = (32, 64, 128, 256, 512)
    blocks: int = 5
    depthwise: bool = False
    patch: int = 1


LIGHT = NeuralRendererConfig(features=(32, 48, 96, 128), blocks=2, depthwise=True, patch=2)
"""For training on a CPU: about a fiftieth of the published size's multiplications."""


@dataclass(frozen=True, kw_only=True)
class MaskingConfig:
    """How much of the photo the neural renderer sees; the defaults are SMIRK's.

    Attributes:
        dilation: growth of the hull, in pixels of a 224 crop.
        point_fraction: drawn pixels of the face, as a fraction of all pixels of the picture.
        noise: standard deviation of the factor on each drawn colour.
        hole_fraction: of a 224 crop's pixels that are centres of holes in the drawn pixels.
        hole_side: of a hole, in pixels of a 224 crop.
    """

    dilation: float = 10.0
    point_fraction: float = 0.01
    noise: float = 0.05
    hole_fraction: float = 0.01
    hole_side: int = 11
