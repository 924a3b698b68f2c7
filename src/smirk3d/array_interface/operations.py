"""What the array API standard leaves out, and the choice between the two libraries."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, ParamSpec, TypeAlias, TypeVar

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import UsageError
from smirk3d.library_choice import Library, default_library

Array: TypeAlias = Any
"""A NumPy array or a torch tensor; what goes in comes out. Type checkers see Any, because the
standard has no protocol for arrays."""

_NUMPY_IS_STANDARD = np.lib.NumpyVersion(np.__version__) >= "2.1.0"

P = ParamSpec("P")
R = TypeVar("R")


def is_torch(array: object) -> bool:
    """Return whether this is a torch tensor."""
    # asked thousands of times a face, mostly of NumPy's
    return not isinstance(array, np.ndarray) and array_api_compat.is_torch_array(array)


def array_namespace(*arrays: Array) -> ModuleType:
    """Return the namespace that computes with arrays: NumPy's or torch's.

    Its functions have the names and arguments of the array API standard (2024.12). NumPy has them
    itself from 2.1 on; the compatible namespace for older ones imports all of NumPy, f2py included,
    which takes a quarter of a second.

    Raises:
        UsageError: if the arrays are of different libraries, or of none.
    """
    if (
        arrays
        and _NUMPY_IS_STANDARD
        and all(isinstance(array, np.ndarray | np.generic) for array in arrays)
    ):
        return np
    try:
        namespace: ModuleType = array_api_compat.array_namespace(*arrays)
    except TypeError as error:
        kinds = ", ".join(type(array).__name__ for array in arrays)
        text = f"expected NumPy arrays alone or torch tensors alone, got {kinds}"
        raise UsageError(text) from error
    return namespace


def constant(values: Sequence[Any], like: Array) -> Array:
    """Return numbers as an array of the library, precision and device of another one."""
    if is_torch(like):
        return like.new_tensor(values)
    return np.asarray(values, dtype=like.dtype)


def as_like(array: Array, like: Array) -> Array:
    """Return an array in the library, precision and device of another one."""
    if is_torch(like):
        torch = sys.modules["torch"]
        return torch.as_tensor(array).to(like)
    return to_numpy(array).astype(like.dtype, copy=False)


def beside(array: Array, like: Array) -> Array:
    """Return an array in the library and on the device of another one, in its own precision."""
    if is_torch(like):
        torch = sys.modules["torch"]
        return torch.as_tensor(array, device=like.device)
    return to_numpy(array)


def default_array(array: NDArray[Any], name: Library | None = None) -> Array:
    """Return a NumPy array in a library, on the CPU, perhaps sharing memory.

    Args:
        array: the array.
        name: the library; :func:`default_library` unless given.
    """
    if (name or default_library()) == "numpy":
        return array
    torch = importlib.import_module("torch")
    return torch.as_tensor(array)


def to_numpy(array: Array) -> NDArray[Any]:
    """Return an array as a NumPy array without gradient history, perhaps sharing memory."""
    if is_torch(array):
        return array.detach().cpu().numpy()
    return np.asarray(array)


def in_precision(array: Array, like: Array) -> Array:
    """Return an array in the precision of another one of the same library."""
    return array.to(like.dtype) if is_torch(array) else array.astype(like.dtype, copy=False)


def on_cpu(array: Array) -> Array:
    """Return an array whose values the CPU can read."""
    return array.cpu() if is_torch(array) else array


def copied(array: Array) -> Array:
    """Return a copy that can be written to; of a tensor with its gradient."""
    return array.clone() if is_torch(array) else array.copy()


def without_gradients(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function that keeps no gradients of torch tensors, as ``torch.no_grad`` does."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        torch = sys.modules.get("torch")
        if torch is None:
            return function(*args, **kwargs)
        with torch.no_grad():
            return function(*args, **kwargs)

    return run


def split(array: Array, sizes: Sequence[int], axis: int) -> list[Array]:
    """Return the parts of an array along an axis, by their sizes."""
    parts, start = [], 0
    before = (slice(None),) * (axis % array.ndim)
    for size in sizes:
        parts.append(array[(*before, slice(start, start + size))])
        start += size
    return parts


def set_columns(array: Array, columns: Array, values: Array) -> Array:
    """Return a copy of rows ``[B, C]`` in which some columns ``[N]`` are replaced ``[B, N]``."""
    if is_torch(array):
        return array.scatter(1, columns.expand(len(array), -1), values)
    changed = array.copy()
    changed[:, columns] = values
    return changed


def add_at(array: Array, axis: int, rows: Array, values: Array) -> Array:
    """Return a copy to which values are added at some rows of an axis; rows may repeat.

    Args:
        array: floating-point numbers ``[..., R, ...]``.
        axis: not negative.
        rows: ``[N]``.
        values: ``[..., N, ...]``, in the array's precision.
    """
    if is_torch(array):
        index = rows.reshape(-1, *(1,) * (array.ndim - 1 - axis)).expand(values.shape)
        return array.scatter_add(axis, index, values)
    added = np.moveaxis(np.zeros_like(array), axis, 0)
    values = np.moveaxis(values, axis, 0)
    # whichever loop is the shorter: NumPy's add.at takes a hundred times as long
    if len(rows) < added[:1].size:
        for row, value in zip(rows, values, strict=True):
            added[row] += value
    else:
        for place in np.ndindex(added.shape[1:]):
            column = (slice(None), *place)
            added[column] = np.bincount(rows, values[column], len(added))
    return array + np.moveaxis(added, 0, axis)


def lower_at(array: Array, places: Array, values: Array) -> None:
    """Lower numbers ``[N]``, in place, to the least of the values at their places.

    Args:
        array: ``[N]``.
        places: ``[M]`` int64, not negative; they may repeat.
        values: ``[M]``, in the array's precision.
    """
    if is_torch(array):
        array.scatter_reduce_(0, places, values, "amin")
    else:
        np.minimum.at(array, places, values)


def zeros(shape: Sequence[int], like: Array) -> Array:
    """Return zeros in the library, precision and device of an array."""
    if is_torch(like):
        return like.new_zeros(tuple(shape))
    return np.zeros(tuple(shape), like.dtype)


def counted(count: int, like: Array) -> Array:
    """Return the numbers from 0 to before ``count``, int64, beside an array."""
    return beside(np.arange(count), like)


def distances(first: Array, second: Array) -> Array:
    """Return the distances ``[N, M]`` between two sets of points ``[N, D]`` and ``[M, D]``."""
    if is_torch(first):
        return sys.modules["torch"].cdist(first, second)
    # by a product of matrices, as torch does: differences of all pairs would fill memory
    square = (first * first).sum(1)[:, None] + (second * second).sum(1) - 2 * (first @ second.T)
    return np.sqrt(np.maximum(square, 0))


_PORTION = 16_384
"""Elements of a portion, a choice: a dozen arrays of as many stay in a processor's cache."""


def portions(count: int) -> Iterator[slice]:
    """Yield slices of ``count`` elements, for work on each that goes through memory many times.

    NumPy makes an array of each step of a formula; large ones are fetched from memory each, and
    taken anew from the system.
    """
    for start in range(0, count, _PORTION):
        yield slice(start, start + _PORTION)


def diagonal_matrices(diagonals: Array) -> Array:
    """Return matrices ``[..., D, D]`` that are zero but for diagonals ``[..., D]``."""
    if is_torch(diagonals):
        return diagonals.diag_embed()
    identity = np.eye(diagonals.shape[-1], dtype=diagonals.dtype)
    return diagonals[..., None] * identity


def identity_like(size: int, like: Array) -> Array:
    """Return the identity matrix ``[size, size]`` like another array."""
    return diagonal_matrices(constant([1.0] * size, like))


def norm(vectors: Array, *, keepdims: bool = False) -> Array:
    """Return the Euclidean length of vectors along the last axis."""
    if is_torch(vectors):
        return vectors.norm(dim=-1, keepdim=keepdims)
    return np.sqrt((vectors * vectors).sum(-1, keepdims=keepdims))


def require_finite(array: Array, name: str) -> None:
    """Refuse an array of integers, or with numbers that are not finite.

    Raises:
        UsageError: if a number is infinite or not a number; the text names the first row.
    """
    require_floating(array, name)
    xp = array_namespace(array)
    finite = xp.isfinite(array)
    if bool(xp.all(finite)):
        return
    row = int(xp.nonzero(~finite)[0][0])
    raise UsageError(f"{name} must be finite numbers, but row {row} is not: leave that face out")


def is_floating(array: Array) -> bool:
    """Return whether an array holds real floating-point numbers."""
    if is_torch(array):
        return bool(array.is_floating_point())
    return bool(array.dtype.kind == "f")


def require_floating(array: Array, name: str) -> None:
    """Refuse an array of integers or truth values, which formulas would silently round.

    Raises:
        UsageError: if the array does not hold real floating-point numbers; the text names it.
    """
    array_namespace(array)
    if not is_floating(array):
        raise UsageError(
            f"{name} must hold floating-point numbers, got {array.dtype}: convert it first"
        )


_IMAGE_SLACK = 0.5
"""Distance from [0, 1] that values may have: resampling overshoots by less, and 0 to 255 or
normalized pictures exceed it."""


def check_images(images: Array, *, values: bool = True) -> None:
    """Refuse images that are not floating-point numbers in [0, 1].

    Args:
        images: pictures of any shape.
        values: whether the values are checked too; that waits for the device.

    Raises:
        UsageError: if the images hold integers, not-a-number, or values far outside [0, 1].
    """
    if not is_floating(images):
        raise UsageError(
            f"images must be floating-point numbers in [0, 1], got {images.dtype}: "
            "divide uint8 pictures by 255"
        )
    if not values or not all(images.shape) or (is_torch(images) and images.is_meta):
        return
    low, high = float(images.min()), float(images.max())
    if not -_IMAGE_SLACK <= low <= high <= 1 + _IMAGE_SLACK:
        raise UsageError(f"images must lie in [0, 1], got values from {low:.4g} to {high:.4g}")
