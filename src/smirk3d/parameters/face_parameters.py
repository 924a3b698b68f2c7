"""The parameters of faces: one array for each parameter group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from smirk3d.array_interface import (
    Array,
    array_namespace,
    as_like,
    copied,
    default_array,
    is_floating,
    is_torch,
    to_numpy,
)
from smirk3d.errors import ShapeError, UsageError


@dataclass(kw_only=True)
class FaceParameters:
    """Parameters of B faces; a group that the head lacks has size zero.

    One face may also stand alone, without B: ``parameters[3]`` is the face in row 3, and
    ``parameters[None]`` makes a batch of one of it. Head models take batches.

    All groups are NumPy arrays, or all are torch tensors: those of the head that made them.

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

    shape: Array
    expression: Array
    jaw: Array
    eyelids: Array
    eyes: Array
    neck: Array
    head_pose: Array
    camera: Array

    def __post_init__(self) -> None:
        """Check that all groups are floating-point numbers with one batch dimension, or none."""
        batch = self.shape.shape[:-1]
        for name, tensor in self.items():
            if tensor.shape[:-1] != batch or len(batch) > 1 or not tensor.ndim:
                raise ShapeError(
                    f"{name} must have shape [B, D] or [D] with the B of shape,"
                    f" got {list(tensor.shape)} beside {list(self.shape.shape)}"
                )
            if not is_floating(tensor):
                raise UsageError(
                    f"{name} must hold floating-point numbers, got {tensor.dtype}: convert it first"
                )

    def items(self) -> Iterator[tuple[str, Array]]:
        """Yield (group name, array ``[B, D]``)."""
        for field in fields(self):
            yield field.name, getattr(self, field.name)

    def as_dict(self) -> dict[str, Array]:
        """Return the groups by name; :meth:`from_dict` is its inverse."""
        return dict(self.items())

    @classmethod
    def from_dict(cls, groups: Mapping[str, Array]) -> FaceParameters:
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
        xp = array_namespace(*(part.shape for part in parts))
        return FaceParameters(
            **{name: xp.concat([getattr(part, name) for part in parts], axis=0) for name in names}
        )

    @property
    def batch_size(self) -> int:
        """B; a face without batch dimension counts as 1."""
        return self.shape.shape[0] if self.shape.ndim > 1 else 1

    def __len__(self) -> int:
        """B."""
        return self.batch_size

    def __getitem__(self, rows: int | slice | Array | Sequence[int] | None) -> FaceParameters:
        """Select rows by number, slice, list, index tensor or mask ``[B]``; None adds B = 1."""
        return FaceParameters(**{name: tensor[rows] for name, tensor in self.items()})

    def replace(self, **groups: Array) -> FaceParameters:
        """Return a copy in which the named groups are replaced."""
        return FaceParameters.from_dict({**self.as_dict(), **groups})

    def to(self, target: Any) -> FaceParameters:
        """Return all groups like another array, or on a torch device, or in a precision.

        Args:
            target: an array, whose library, precision and device the result has; a precision of
                the groups' own library; or for tensors a device. NumPy arrays lie on the CPU, so
                that ``"cpu"`` leaves them as they are.
        """
        return FaceParameters(**{name: _moved(array, target) for name, array in self.items()})

    def to_numpy(self) -> FaceParameters:
        """Return the same values as NumPy arrays, perhaps sharing memory."""
        return FaceParameters(
            **{name: default_array(to_numpy(array), "numpy") for name, array in self.items()}
        )

    def to_default(self) -> FaceParameters:
        """Return the same values in :func:`smirk3d.array_interface.default_library`, on the CPU."""
        return FaceParameters(
            **{name: default_array(to_numpy(array)) for name, array in self.items()}
        )

    def detach(self) -> FaceParameters:
        """Return the same values without gradient history."""
        if not is_torch(self.shape):
            return self
        return FaceParameters(**{name: tensor.detach() for name, tensor in self.items()})

    def clone(self) -> FaceParameters:
        """Return a copy that shares no memory."""
        return FaceParameters(**{name: copied(array) for name, array in self.items()})

    def repeat_interleave(self, copies: int) -> FaceParameters:
        """Return every row ``copies`` times in succession, ``[B * copies, D]``."""
        xp = array_namespace(self.shape)
        return FaceParameters(
            **{name: xp.repeat(array, copies, axis=0) for name, array in self.items()}
        )


def _moved(array: Array, target: Any) -> Array:
    if is_torch(target) or isinstance(target, np.ndarray):
        return as_like(array, target)
    if is_torch(array):
        return array.to(target)
    return array if str(target) == "cpu" else array.astype(target, copy=False)
