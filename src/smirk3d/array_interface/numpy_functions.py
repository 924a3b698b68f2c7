"""Functions of torch that drawing, export and tracking use, on NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from smirk3d.array_interface.numpy_tensor import NumpyTensor, base, wrapped

float32, float64, int64, int32 = np.float32, np.float64, np.int64, np.int32
uint8 = np.uint8
inf, pi = math.inf, math.pi


def tensor(values: Any, *, dtype: Any = None, device: Any = None) -> NumpyTensor:
    """Return numbers as a new array; floating-point ones in single precision unless told."""
    array = np.array(base(values))
    return wrapped(_typed(array, dtype, convert=not isinstance(values, np.ndarray)))


def as_tensor(values: Any, *, dtype: Any = None, device: Any = None) -> NumpyTensor:
    """Return numbers as an array, which shares memory where it can."""
    array = np.asarray(base(values))
    return wrapped(_typed(array, dtype, convert=not isinstance(values, np.ndarray | np.generic)))


def from_numpy(array: Any) -> NumpyTensor:
    """Return an array that shares memory."""
    return wrapped(array)


def _typed(array: Any, dtype: Any, *, convert: bool) -> Any:
    if dtype is None and convert and array.dtype == np.float64:
        dtype = np.float32
    return array if dtype is None else array.astype(dtype, copy=False)


def _filled(value: float, sizes: tuple[Any, ...], dtype: Any) -> NumpyTensor:
    shape = sizes[0] if sizes and isinstance(sizes[0], tuple | list) else sizes
    return wrapped(np.full(tuple(shape), value, dtype or np.float32))


def zeros(*sizes: Any, dtype: Any = None, device: Any = None) -> NumpyTensor:
    """Return zeros."""
    return _filled(0, sizes, dtype)


def ones(*sizes: Any, dtype: Any = None, device: Any = None) -> NumpyTensor:
    """Return ones."""
    return _filled(1, sizes, dtype)


def empty(*sizes: Any, dtype: Any = None, device: Any = None) -> NumpyTensor:
    """Return an array whose numbers will be set."""
    return _filled(0, sizes, dtype)


def full(size: Any, value: Any, *, dtype: Any = None, device: Any = None) -> NumpyTensor:
    """Return copies of a number."""
    kind = np.int64 if isinstance(value, int) else np.float32
    return wrapped(np.full(size, value, dtype or kind))


def eye(size: int, *, dtype: Any = None, device: Any = None) -> NumpyTensor:
    """Return the identity matrix."""
    return wrapped(np.eye(size, dtype=dtype or np.float32))


def arange(*limits: Any, dtype: Any = None, device: Any = None) -> NumpyTensor:
    """Return numbers in steps of one."""
    return wrapped(np.arange(*limits, dtype=dtype))


def linspace(start: float, end: float, count: int, **_: Any) -> NumpyTensor:
    """Return evenly spaced numbers."""
    return wrapped(np.linspace(start, end, count, dtype=np.float32))


def zeros_like(array: Any, **_: Any) -> NumpyTensor:
    """Return zeros of the shape of an array."""
    return wrapped(np.zeros_like(base(array)))


def ones_like(array: Any, **_: Any) -> NumpyTensor:
    """Return ones of the shape of an array."""
    return wrapped(np.ones_like(base(array)))


def full_like(array: Any, value: Any) -> NumpyTensor:
    """Return copies of a number in the shape of an array."""
    return wrapped(np.full_like(base(array), value))


def cat(arrays: Sequence[Any], dim: int = 0) -> NumpyTensor:
    """Join arrays along a dimension."""
    return wrapped(np.concatenate(base(list(arrays)), axis=dim))


def stack(arrays: Sequence[Any], dim: int = 0) -> NumpyTensor:
    """Join arrays along a new dimension."""
    return wrapped(np.stack(base(list(arrays)), axis=dim))


def where(condition: Any, first: Any, second: Any) -> NumpyTensor:
    """Return elements of the first array where a condition holds, else of the second."""
    first, second = base(first), base(second)
    kind = next((x.dtype for x in (first, second) if isinstance(x, np.ndarray)), np.float32)
    found = np.where(base(condition), first, second)
    plain = not isinstance(first, np.ndarray) or not isinstance(second, np.ndarray)
    return wrapped(found.astype(kind, copy=False) if plain else found)


def lerp(start: Any, end: Any, weight: Any) -> NumpyTensor:
    """Return ``start + weight (end - start)``."""
    start, end = base(start), base(end)
    return wrapped(start + base(weight) * (end - start))


def minimum(first: Any, second: Any) -> NumpyTensor:
    """Return the smaller elements."""
    return wrapped(np.minimum(base(first), base(second)))


def maximum(first: Any, second: Any) -> NumpyTensor:
    """Return the larger elements."""
    return wrapped(np.maximum(base(first), base(second)))


def acos(array: Any) -> NumpyTensor:
    """Return arc cosines."""
    return wrapped(np.arccos(base(array)))


def asin(array: Any) -> NumpyTensor:
    """Return arc sines."""
    return wrapped(np.arcsin(base(array)))


def atan2(y: Any, x: Any) -> NumpyTensor:
    """Return angles of points."""
    return wrapped(np.arctan2(base(y), base(x)))


def exp(array: Any) -> NumpyTensor:
    """Return exponentials."""
    return wrapped(np.exp(base(array)))


def cos(array: Any) -> NumpyTensor:
    """Return cosines."""
    return wrapped(np.cos(base(array)))


def sin(array: Any) -> NumpyTensor:
    """Return sines."""
    return wrapped(np.sin(base(array)))


def sign(array: Any) -> NumpyTensor:
    """Return signs."""
    return wrapped(np.sign(base(array)))


def isfinite(array: Any) -> NumpyTensor:
    """Return which elements are finite."""
    return wrapped(np.isfinite(base(array)))


def isin(array: Any, among: Any) -> NumpyTensor:
    """Return which elements are among others."""
    return wrapped(np.isin(base(array), base(among)))


def equal(first: Any, second: Any) -> bool:
    """Return whether two arrays have the same shape and elements."""
    return np.array_equal(base(first), base(second))


def nonzero(array: Any, *, as_tuple: bool = False) -> Any:
    """Return the places of elements that are not zero."""
    return wrapped(np.asarray(base(array))).nonzero(as_tuple=as_tuple)


def searchsorted(edges: Any, values: Any, *, right: bool = False) -> NumpyTensor:
    """Return where values belong in ascending edges."""
    side: Any = "right" if right else "left"
    return wrapped(np.searchsorted(base(edges), base(values), side=side))


def bincount(array: Any, *, minlength: int = 0) -> NumpyTensor:
    """Return how often each number occurs."""
    return wrapped(np.bincount(base(array), minlength=minlength))


def div(first: Any, second: Any, *, rounding_mode: str) -> NumpyTensor:
    """Return integer quotients, rounded down."""
    assert rounding_mode == "floor"
    return wrapped(base(first) // base(second))


def det(matrix: Any) -> NumpyTensor:
    """Return determinants."""
    return wrapped(np.linalg.det(base(matrix)))


def einsum(pattern: str, *arrays: Any) -> NumpyTensor:
    """Return a sum of products by Einstein's notation."""
    return wrapped(np.einsum(pattern, *map(base, arrays)))


def cdist(first: Any, second: Any) -> NumpyTensor:
    """Return the distances between two sets of points ``[N, D]`` and ``[M, D]``."""
    a, b = base(first), base(second)
    # by a product of matrices, as torch does: differences of all pairs would fill memory
    square = (a * a).sum(-1)[:, None] + (b * b).sum(-1) - 2 * (a @ b.T)
    return wrapped(np.sqrt(np.maximum(square, 0)))


def meshgrid(*axes: Any, indexing: Any) -> tuple[NumpyTensor, ...]:
    """Return the coordinates of a grid's points."""
    return tuple(wrapped(axis) for axis in np.meshgrid(*map(base, axes), indexing=indexing))


def diag_embed(diagonals: Any) -> NumpyTensor:
    """Return matrices that are zero but for their diagonals."""
    values = base(diagonals)
    return wrapped(values[..., None] * np.eye(values.shape[-1], dtype=values.dtype))


def block_diag(*blocks: Any) -> NumpyTensor:
    """Return a matrix of blocks along its diagonal."""
    parts = [np.atleast_2d(base(block)) for block in blocks]
    sizes = np.array([part.shape for part in parts])
    joined = np.zeros(sizes.sum(0), np.result_type(*parts))
    for part, (row, column) in zip(parts, sizes.cumsum(0) - sizes, strict=True):
        joined[row : row + part.shape[0], column : column + part.shape[1]] = part
    return wrapped(joined)


def cholesky_solve(right: Any, factor: Any) -> NumpyTensor:
    """Return the solutions of systems given by Cholesky's lower factors."""
    lower = base(factor)
    return wrapped(np.linalg.solve(lower @ lower.swapaxes(-1, -2), base(right)))


class _LinearAlgebra:
    """Functions of ``torch.linalg``."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **named: wrapped(getattr(np.linalg, name)(*base(args), **base(named)))

    @staticmethod
    def cross(first: Any, second: Any, dim: int = -1) -> NumpyTensor:
        """Return cross products."""
        return wrapped(np.cross(base(first), base(second), axis=dim))

    @staticmethod
    def lstsq(matrix: Any, right: Any) -> Any:
        """Return the least-squares solution of one system as ``solution``."""
        return SimpleNamespace(
            solution=wrapped(np.linalg.lstsq(base(matrix), base(right), rcond=None)[0])
        )

    @staticmethod
    def solve(matrix: Any, right: Any) -> NumpyTensor:
        """Return the solutions of systems with one right side, or several."""
        a, b = base(matrix), base(right)
        single = b.ndim == a.ndim - 1
        found = np.linalg.solve(a, b[..., None] if single else b)
        return wrapped(found[..., 0] if single else found)


linalg = _LinearAlgebra()


class functional:
    """Functions of ``torch.nn.functional``."""

    @staticmethod
    def pad(array: Any, sizes: Sequence[int], value: float = 0.0) -> NumpyTensor:
        """Return an array with a border; sizes are those of the last dimension first."""
        pairs = list(zip(sizes[::2], sizes[1::2], strict=True))[::-1]
        values = base(array)
        return wrapped(
            np.pad(values, [(0, 0)] * (values.ndim - len(pairs)) + pairs, constant_values=value)
        )

    @staticmethod
    def normalize(vectors: Any, dim: int = 1) -> NumpyTensor:
        """Return vectors over their length, at least 1e-12."""
        values = base(vectors)
        length = np.sqrt((values * values).sum(dim, keepdims=True))
        return wrapped(values / np.maximum(length, 1e-12))

    @staticmethod
    def avg_pool2d(pictures: Any, size: int, stride: int = 0, padding: int = 0) -> NumpyTensor:
        """Return the means of squares of pixels, a square a stride; the border counts as zero."""
        values = base(pictures)
        around = [(0, 0)] * (values.ndim - 2) + [(padding, padding)] * 2
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(values, around), (size, size), axis=(-2, -1)
        )
        step = stride or size
        return wrapped(windows[..., ::step, ::step, :, :].mean((-2, -1)))

    @staticmethod
    def interpolate(pictures: Any, size: tuple[int, int]) -> NumpyTensor:
        """Return pictures ``[B, C, H, W]`` in another size, each pixel the one before or at it."""
        values = base(pictures)
        rows, columns = (
            np.arange(wanted) * own // wanted
            for own, wanted in zip(values.shape[-2:], size, strict=True)
        )
        return wrapped(values[..., rows[:, None], columns])

    @staticmethod
    def grid_sample(
        pictures: Any,
        grid: Any,
        mode: str = "bilinear",
        padding_mode: str = "zeros",
        align_corners: bool = False,
    ) -> NumpyTensor:
        """Return pictures ``[B, C, H, W]`` at places ``[B, h, w, 2]`` in device coordinates."""
        assert not align_corners
        values, places = base(pictures), base(grid)
        return wrapped(
            np.stack(
                [
                    _sampled(picture, place, mode, padding_mode)
                    for picture, place in zip(values, places, strict=True)
                ]
            )
        )


nn = SimpleNamespace(functional=functional)


def _sampled(picture: Any, places: Any, mode: str, padding: str) -> Any:
    height, width = picture.shape[1:]
    x = (places[..., 0] + 1) * (width / 2) - 0.5
    y = (places[..., 1] + 1) * (height / 2) - 0.5
    if padding == "border":
        x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    if mode == "nearest":
        return _pixels(picture, np.rint(x), np.rint(y))
    left, top = np.floor(x), np.floor(y)
    right, down = (x - left).astype(picture.dtype), (y - top).astype(picture.dtype)
    total = np.zeros((len(picture), *x.shape), picture.dtype)
    for step_x, weight_x in ((0, 1 - right), (1, right)):
        for step_y, weight_y in ((0, 1 - down), (1, down)):
            total += _pixels(picture, left + step_x, top + step_y) * (weight_x * weight_y)
    return total


def _pixels(picture: Any, x: Any, y: Any) -> Any:
    """Return pixels ``[C, h, w]``, zero outside the picture."""
    height, width = picture.shape[1:]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    columns = np.where(inside, x, 0).astype(np.int64)
    rows = np.where(inside, y, 0).astype(np.int64)
    return picture[:, rows, columns] * inside
