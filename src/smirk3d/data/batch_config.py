"""How batches are made: settings, which import nothing heavy."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import UsageError
from smirk3d.synthesis.expression_augmentation_config import ExpressionAugmentationConfig


def _check_fractions(prefix: str, **values: float) -> None:
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise UsageError(
                f"--{prefix}{name.replace('_', '-')} {value:g}: give a fraction from 0 to 1"
            )


@dataclass(frozen=True, kw_only=True)
class MixingConfig:
    """How photos are drawn.

    Attributes:
        fractions: fraction of each source by name; other sources get the rest by their size. If
            empty, all sources are drawn by size.
        evenness: of sources without a fraction: 0 draws photos alike, 1 draws sources alike.
        activity: how much more often expressive faces are drawn; 0 for all alike.
        rotation: how much more often rotated heads are drawn; 0 for all alike.
        largest: no photo is drawn more than this many times as often as a neutral, frontal one.
    """

    fractions: dict[str, float] = field(default_factory=dict)
    evenness: float = 0.5
    activity: float = 1.0
    rotation: float = 0.3
    largest: float = 12.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        prefix = "data.batches.mixing."
        _check_fractions(prefix, evenness=self.evenness, **self.fractions)
        if not (self.activity >= 0 and self.rotation >= 0 and self.largest >= 1):
            raise UsageError(f"--{prefix}*: activity and rotation are 0 or more, largest 1 or more")


@dataclass(frozen=True, kw_only=True)
class AugmentationConfig:
    """Ranges of the augmentation.

    Attributes:
        crop_scale: side of the crop in landmark boxes, drawn uniformly.
        shift: largest shift of the crop's centre, in crop sides.
        rotation: largest rotation in degrees, either way.
        flip: fraction of faces that are mirrored.
        brightness: range of the brightness factor around 1.
        contrast: range of the contrast factor around 1.
        colour: range of each channel's factor around 1.
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

    def __post_init__(self) -> None:
        """Check the ranges."""
        prefix = "data.batches.augmentation."
        _check_fractions(
            prefix, shift=self.shift, flip=self.flip, brightness=self.brightness,
            contrast=self.contrast, colour=self.colour, grey=self.grey, blur=self.blur,
            noise=self.noise, occlusion=self.occlusion,
        )  # fmt: skip
        low, high = self.crop_scale
        if not 0 < low <= high < math.inf or not 0 <= self.rotation <= 180:
            raise UsageError(
                f"--{prefix}crop-scale {low:g} {high:g}, rotation {self.rotation:g}: give "
                "two rising sides above 0 and 0 to 180 degrees"
            )


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """How batches are made.

    Attributes:
        batch_size: number of faces in a batch, all processes together.
        image_size: side of the pictures in pixels.
        warped: fraction of each batch whose faces are moved to other expressions; as many again are
            the photos that they come from, cut out and lit alike.
        warped_truth: whether warped faces count as ground truth, with the identity and view that
            were fitted to their photos; False leaves the change of expression between photo and
            warp as the only target, for ``losses.change``.
        rendered: fraction of each batch that are renders of procedural heads, two expressions of
            each person.
        people: fraction of each batch that are drawn people from ``data.people``.
        people_turned: how often people turned away by more than 50 degrees are taken, relative to
            the others.
        people_pairs: fraction of the drawn people who are shown twice in a batch, in the two
            pictures of a pair, cut out and lit alike.
        people_look: number of steps after which ``data.people`` is looked at for sets that were
            finished since; 0 never looks again.
        people_most: largest number of drawn people in memory, 0.28 MB each: the sets read first
            give way; 0 keeps all.
        rendered_heads: names of the heads that are rendered in alternation; none for the trained
            one.
        on_device: keep all photos in the device's memory, as a GPU can.
        ahead: number of batches that a thread makes ahead; 0 makes each when it is asked for.
        mixing: which photos are drawn.
        augmentation: how pictures are changed.
        expression_augmentation: expressions that faces are moved to.
    """

    batch_size: int = 32
    image_size: int = CROP_SIZE
    warped: float = 0.0
    warped_truth: bool = True
    rendered: float = 0.0
    people: float = 0.0
    people_turned: float = 1.0
    people_pairs: float = 0.0
    people_look: int = 0
    people_most: int = 0
    rendered_heads: tuple[str, ...] = ()
    on_device: bool = False
    ahead: int = 2
    mixing: MixingConfig = field(default_factory=MixingConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    expression_augmentation: ExpressionAugmentationConfig = field(
        default_factory=ExpressionAugmentationConfig
    )

    def __post_init__(self) -> None:
        """Check the ranges, and that the kinds of faces fit into a batch."""
        least = {"batch-size": (self.batch_size, 1), "image-size": (self.image_size, 1),
                 "ahead": (self.ahead, 0), "people-look": (self.people_look, 0),
                 "people-most": (self.people_most, 0)}  # fmt: skip
        for name, (value, bound) in least.items():
            if not value >= bound:
                raise UsageError(f"--data.batches.{name} {value:g}: give {bound} or more")
        _check_fractions(
            "data.batches.", warped=self.warped, rendered=self.rendered, people=self.people,
            people_turned=self.people_turned, people_pairs=self.people_pairs,
        )  # fmt: skip
        if 2 * self.warped + self.rendered + self.people > 1:
            raise UsageError(
                f"twice the fraction of warped faces and those of rendered ones and of people "
                f"exceed a batch: 2 x {self.warped:g} + {self.rendered:g} + {self.people:g}"
            )
