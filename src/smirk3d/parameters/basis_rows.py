"""The order of the rows in a head's linear basis, defined here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

Channel = Literal["expression", "jaw_positive", "jaw_negative", "eyelids", "gaze"]
Block = Literal["shape", Channel, "correctives"]

CHANNEL_BLOCKS: tuple[Channel, ...] = (
    "expression", "jaw_positive", "jaw_negative", "eyelids", "gaze",
)  # fmt: skip
"""Blocks of rows whose weights follow from expression, jaw, eyelids and eyes, in their order."""

BASIS_BLOCKS: tuple[Block, ...] = ("shape", *CHANNEL_BLOCKS, "correctives")
"""All blocks of rows of a head's basis, in their order."""


@dataclass(frozen=True, kw_only=True)
class BasisRows:
    """Number of rows of each block of a head's basis.

    Attributes:
        shape: rows of identity.
        expression: rows of expression, one for each component.
        jaw_positive: offsets of the blend jaw's components per positive unit; 0 for a jaw joint.
        jaw_negative: offsets of the same components per negative unit.
        eyelids: rows of the eyelids, left then right; 0 where they are added after the pose.
        gaze: rows of the skin around the eyes that follows the gaze.
        correctives: rows weighted by products of two channels.
    """

    shape: int
    expression: int
    jaw_positive: int = 0
    jaw_negative: int = 0
    eyelids: int = 0
    gaze: int = 0
    correctives: int = 0

    def __post_init__(self) -> None:
        """Check that the attributes are the blocks in their order."""
        assert tuple(field.name for field in fields(self)) == BASIS_BLOCKS

    @property
    def num_channels(self) -> int:
        """Number of rows of all :data:`CHANNEL_BLOCKS`."""
        return sum(self.size(block) for block in CHANNEL_BLOCKS)

    def size(self, block: Block) -> int:
        """Return the number of rows of a block."""
        count: int = getattr(self, block)
        return count

    def rows(self, block: Block) -> slice:
        """Return the rows of a block within the whole basis."""
        start = sum(self.size(before) for before in BASIS_BLOCKS[: BASIS_BLOCKS.index(block)])
        return slice(start, start + self.size(block))

    def channels(self, block: Channel) -> slice:
        """Return the rows of a block counted from the first channel, without identity."""
        rows = self.rows(block)
        return slice(rows.start - self.shape, rows.stop - self.shape)

    @property
    def moving(self) -> slice:
        """The rows of all channels and correctives: the basis without identity."""
        return slice(self.shape, self.rows("correctives").stop)
