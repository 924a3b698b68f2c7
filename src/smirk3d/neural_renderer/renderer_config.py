"""Size of the neural renderer and how photos are masked; this module imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class NeuralRendererConfig:
    """Size of the neural renderer.

    What a file says is checked where it is read, by
    :meth:`~smirk3d.neural_renderer.generator.NeuralRenderer.from_file`.

    Attributes:
        features: channels of each level, from the finest; the last is the bottleneck's.
        blocks: number of residual blocks in the bottleneck.
        depthwise: split 3x3 convolutions into depthwise and pointwise ones.
        patch: pixels of a side that are folded into channels before the first level, and unfolded
            after the last; 1 for none.
    """

    features: tuple[int, ...]
    blocks: int
    depthwise: bool = False
    patch: int = 1


PUBLISHED = NeuralRendererConfig(features=(32, 64, 128, 256, 512), blocks=5)
"""Size of SMIRK's published network (Retsinas et al. 2024)."""
LIGHT = NeuralRendererConfig(features=(32, 48, 96, 128), blocks=2, depthwise=True, patch=2)
"""Size for training on a CPU: about a fiftieth of the published size's multiplications."""


@dataclass(frozen=True, kw_only=True)
class MaskingConfig:
    """How much of the photo the neural renderer sees; by default nothing of the face.

    Attributes:
        dilation: growth of the hull, in pixels of a 224 crop.
        point_fraction: number of drawn pixels of the face, as a fraction of the picture's pixels.
        noise: standard deviation of the factor on each drawn colour.
        hole_fraction: fraction of a 224 crop's pixels that are centres of holes in the drawn
            pixels.
        hole_side: side of a hole, in pixels of a 224 crop.
    """

    dilation: float = 0.0
    point_fraction: float = 0.0
    noise: float = 0.0
    hole_fraction: float = 0.0
    hole_side: int = 1

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (self.dilation >= 0 and self.noise >= 0 and self.hole_side >= 1):
            raise UsageError("masking: dilation and noise must be 0 or more, hole-side 1 or more")
        if not (0 <= self.point_fraction <= 1 and 0 <= self.hole_fraction <= 1):
            raise UsageError("masking: point-fraction and hole-fraction must lie from 0 to 1")
