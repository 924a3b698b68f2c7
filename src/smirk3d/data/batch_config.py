"""How batches are made: settings, at hand before anything heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass, field

from smirk3d.conventions import CROP_SIZE
from smirk3d.synthesis.expression_augmentation_config import ExpressionAugmentationConfig


@dataclass(frozen=True, kw_only=True)
class MixingConfig:
    """How photos are drawn.

    Attributes:
        fractions: fraction of each source by name; others get the rest by their size. Empty for all
            by size.
        evenness: of sources without a share: 0 draws photos alike, 1 draws sources alike.
        activity: how much more often expressive faces are drawn; 0 for all alike.
        turn: the same for turned heads.
        largest: no photo is drawn more than this many times as often as a calm, frontal one.
    """

    fractions: dict[str, float] = field(default_factory=dict)
    evenness: float = 0.5
    activity: float = 1.0
    turn: float = 0.3
    largest: float = 12.0


@dataclass(frozen=True, kw_only=True)
class AugmentationConfig:
    """Ranges of the augmentation.

    Attributes:
        crop_scale: side of the crop in landmark boxes, drawn uniformly.
        shift: of the crop's centre, in crop sides.
        rotation: in degrees, either way.
        flip: fraction of batches' faces that are mirrored.
        brightness: factor's range around 1.
        contrast: factor's range around 1.
        colour: each channel's factor's range around 1.
        grey: fraction of pictures without colour.
        blur: fraction of pictures that are blurred.
        noise: largest standard deviation of the noise.
        occlusion: fraction of pictures with a covered patch.
    """

    crop_scale: tuple[float, float] = (1.25, 1.75)
    shift: float = 0.05
    rotation: float = 15.0
    flip: float = 0.5
    brightness: float = 0.3
    contrast: float = 0.3
    colour: float = 0.12
    grey: float = 0.08
    blur: float = 0.25
    noise: float = 0.04
    occlusion: float = 0.2


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """How batches are made.

    Attributes:
        batch_size: faces a batch, all processes together.
        image_size: side of the pictures in pixels.
        warped: fraction of each batch whose faces are moved to strong expressions; as many again
            are the photos that they come from, cut out and lit alike.
        rendered: fraction of each batch that is not photos but painted renders of heads, two
            expressions of each person.
        rendered_heads: names of the heads that are rendered, in turn; none for the trained one.
        on_device: keep all photos in the device's memory, as a GPU can.
        ahead: batches that a thread makes ahead; 0 makes each when it is asked for.
        mixing: which photos are drawn.
        augmentation: what is done to them.
        strong: to what expressions faces are moved.
    """

    batch_size: int = 32
    image_size: int = CROP_SIZE
    warped: float = 0.0
    rendered: float = 0.0
    rendered_heads: tuple[str, ...] = ()
    on_device: bool = False
    ahead: int = 2
    mixing: MixingConfig = field(default_factory=MixingConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    strong: ExpressionAugmentationConfig = field(default_factory=ExpressionAugmentationConfig)
