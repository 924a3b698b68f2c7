"""The parameters of faces: one tensor for each parameter group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from smirk3d.errors import ShapeError, UsageError


@dataclass(kw_only=True)
class FaceParameters:
    """Parameters of B faces; a group that the head lacks has size zero.

    One face may also stand alone, without B: ``parameters[3]`` is the face in row 3, and
    ``parameters[None]`` makes a batch of one of it. Head models take batches.

    Attributes:
        shape: identity coefficients ``[B, S]``, standard normal among people.
        expression: weights of named actions in [0, 1], or PCA coefficients ``[B, E]``.
        jaw: opening, motion to the subject's left and forward of a blend jaw, or axis-angle in
            radians of a jaw joint ``[B, 3]``.
        eyelids: closing of the left and the right eye, 0 open to 1 closed ``[B, 2]``.
        eyes: axis-angle in radians of the left, then of the right eye ``[B, 6]``.
        neck: axis-angle in radians ``[B, 3]``.
        head_pose: axis-angle in radians ``[B, 3]``.
        camera: scale per metre, tx and ty in metres of the crop's scaled-orthographic camera
            ``[B, 3]``.
    """

    shape: Tensor
    expression: Tensor
    jaw: Tensor
    eyelids: Tensor
    eyes: Tensor
    neck: Tensor
    head_pose: Tensor
    camera: Tensor

    def __post_init__(self) -> None:
        """Check that all groups are floating-point numbers with one batch dimension, or none."""
        batch = self.shape.shape[:-1]
        for name, tensor in self.items():
            if tensor.shape[:-1] != batch or len(batch) > 1 or not tensor.ndim:
                raise ShapeError(
                    f"{name} must have shape [B, D] or [D] with the B of shape,"
                    f" got {list(tensor.shape)} beside {list(self.shape.shape)}"
                )
            if not tensor.is_floating_point():
                raise UsageError(
                    f"{name} must hold floating-point numbers, got {tensor.dtype}: convert it first"
                )

    def items(self) -> Iterator[tuple[str, Tensor]]:
        """Yield (group name, tensor ``[B, D]``)."""
        for field in fields(self):
            yield field.name, getattr(self, field.name)

    def as_dict(self) -> dict[str, Tensor]:
        """Return the groups by name; :meth:`from_dict` is its inverse."""
        return dict(self.items())

    @classmethod
    def from_dict(cls, groups: Mapping[str, Tensor]) -> FaceParameters:
        """Build from groups by name.

        Raises:
            ValueError: if a group is missing or unknown.
        """
        known = {field.name for field in fields(cls)}
        if set(groups) != known:
            raise ValueError(f"parameters must be {sorted(known)}, got {sorted(groups)}")
        return cls(**groups)

    @staticmethod
    def cat(parts: Sequence[FaceParameters]) -> FaceParameters:
        """Join batches along B.

        Raises:
            UsageError: if there are none.
        """
        if not parts:
            raise UsageError("no batch of parameters is given to join")
        names = [field.name for field in fields(FaceParameters)]
        return FaceParameters(
            **{name: torch.cat([getattr(part, name) for part in parts]) for name in names}
        )

    @property
    def batch_size(self) -> int:
        """B; a face without batch dimension counts as 1."""
        return self.shape.shape[0] if self.shape.ndim > 1 else 1

    def __len__(self) -> int:
        """B."""
        return self.batch_size

    def __getitem__(self, rows: int | slice | Tensor | Sequence[int] | None) -> FaceParameters:
        """Select rows by number, slice, list, index tensor or mask ``[B]``; None adds B = 1."""
        return FaceParameters(**{name: tensor[rows] for name, tensor in self.items()})

    def replace(self, **groups: Tensor) -> FaceParameters:
        """Return a copy in which the named groups are replaced."""
        return FaceParameters.from_dict({**self.as_dict(), **groups})

    def to(self, target: torch.device | torch.dtype | str | Tensor) -> FaceParameters:
        """Return all groups on a device, in a precision, or both like another tensor."""
        return FaceParameters(
            **{name: tensor.to(target) for name, tensor in self.items()}  # type: ignore[arg-type]
        )

    def detach(self) -> FaceParameters:
        """Return the same values without gradient history."""
        return FaceParameters(**{name: tensor.detach() for name, tensor in self.items()})

    def clone(self) -> FaceParameters:
        """Return a copy that shares no memory."""
        return FaceParameters(**{name: tensor.clone() for name, tensor in self.items()})

    def repeat_interleave(self, copies: int) -> FaceParameters:
        """Return every row ``copies`` times in succession, ``[B * copies, D]``."""
        return FaceParameters(
            **{name: tensor.repeat_interleave(copies, dim=0) for name, tensor in self.items()}
        )
