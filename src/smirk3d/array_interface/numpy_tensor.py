"""A NumPy array with the methods of torch's tensors that drawing, export and tracking use."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

_CPU = SimpleNamespace(type="cpu", index=None)


class Extremes(NamedTuple):
    """Extreme elements and their places along a dimension."""

    values: Any
    indices: Any


def _elements(function: Any) -> Any:
    """Return a method that applies a function of NumPy to each element."""
    return lambda tensor, *others: wrapped(function(base(tensor), *map(base, others)))


def _reduction(name: str) -> Any:
    """Return a method that applies an array's own, with either library's names of arguments."""
    return lambda tensor, *dim, **named: wrapped(getattr(base(tensor), name)(*dim, **_named(named)))


class NumpyTensor(np.ndarray):
    """A NumPy array that also answers to torch's names, so that code for tensors runs on it.

    It is an ``ndarray`` for every function of NumPy; results of those on it are of this class too.
    Methods that both libraries have under one name (``sum``, ``repeat``, ``transpose``, ``view``,
    ``nonzero``, ``max``) take the arguments of either, with NumPy's meaning where ``axis`` is
    given by name. Numbers of no dimension stay arrays. There are no gradients and no devices.
    """

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Run a universal function of NumPy."""
        if method == "__call__" and not kwargs:  # most of all calls
            return wrapped(ufunc(*[base(array) for array in inputs]))
        out = kwargs.get("out")
        if out is not None:
            kwargs["out"] = tuple(base(array) for array in out)
        found = getattr(ufunc, method)(*map(base, inputs), **kwargs)
        if out is not None:
            return out[0] if len(out) == 1 else out
        return wrapped(found)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Run any other function of NumPy."""
        return wrapped(func(*base(args), **base(kwargs)))

    def __getitem__(self, key: Any) -> Any:
        """Return an element or a part; a single number is an array of no dimension."""
        return wrapped(super().__getitem__(base(key)))

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set an element or a part."""
        super().__setitem__(base(key), base(value))

    # what torch has and NumPy lacks

    @property
    def device(self) -> Any:  # type: ignore[override]
        """Where the numbers are: the CPU."""
        return _CPU

    def detach(self) -> Any:
        """Return the array."""
        return self

    cpu = contiguous = detach

    def numpy(self) -> Any:
        """Return a plain NumPy array that shares memory."""
        return base(self)

    def to(self, *targets: Any, **named: Any) -> Any:
        """Return the array in the precision of what is given; devices change nothing."""
        for target in (*targets, *named.values()):
            dtype = target.dtype if isinstance(target, np.ndarray) else target
            if isinstance(dtype, type | np.dtype) and dtype is not NumpyTensor:
                return self.astype(dtype, copy=False)
        return self

    def float(self) -> Any:
        """Return the array in single precision."""
        return self.astype(np.float32, copy=False)

    def double(self) -> Any:
        """Return the array in double precision."""
        return self.astype(np.float64, copy=False)

    def long(self) -> Any:
        """Return the array as 64-bit integers."""
        return self.astype(np.int64, copy=False)

    def byte(self) -> Any:
        """Return the array as 8-bit integers."""
        return self.astype(np.uint8)

    def int(self) -> Any:
        """Return the array as 32-bit integers."""
        return self.astype(np.int32)

    def bool(self) -> Any:
        """Return the array as truth values."""
        return self.astype(np.bool_)

    def clone(self) -> Any:
        """Return a copy."""
        return self.copy()

    def numel(self) -> Any:
        """Return the number of elements."""
        return base(self).size

    def is_floating_point(self) -> Any:
        """Return whether the numbers are floating-point ones."""
        return np.issubdtype(self.dtype, np.floating)

    def clamp(self, min: Any = None, max: Any = None) -> Any:
        """Return values moved into a range."""
        return wrapped(np.clip(base(self), base(min), base(max)))

    def flatten(self, start: Any = 0, end: Any = -1) -> Any:
        """Return an array in which the dimensions from start to end are one."""
        if isinstance(start, str):
            return wrapped(base(self).flatten(start))
        last = end % max(self.ndim, 1)
        first = start % max(self.ndim, 1)
        size = int(np.prod(self.shape[first : last + 1], dtype=np.int64))
        return self.reshape(*self.shape[:first], size, *self.shape[last + 1 :])

    def unflatten(self, dim: Any, sizes: Sequence[Any]) -> Any:
        """Return an array in which a dimension is split into several, one perhaps -1."""
        dim %= self.ndim
        total = self.shape[dim]
        known = int(np.prod([size for size in sizes if size != -1], dtype=np.int64))
        full = [total // max(known, 1) if size == -1 else size for size in sizes]
        return self.reshape(*self.shape[:dim], *full, *self.shape[dim + 1 :])

    def permute(self, *dims: Any) -> Any:
        """Return the array with its dimensions in another order."""
        return wrapped(base(self).transpose(dims[0] if isinstance(dims[0], tuple) else dims))

    def t(self) -> Any:
        """Return the transposed matrix."""
        return wrapped(base(self).T)

    def unbind(self, dim: Any = 0) -> tuple[NumpyTensor, ...]:
        """Return the parts along a dimension."""
        return tuple(wrapped(part) for part in np.moveaxis(base(self), dim, 0))

    def split(self, sizes: Any, dim: Any = 0) -> tuple[NumpyTensor, ...]:
        """Return consecutive parts along a dimension: of one size, or of several."""
        if isinstance(sizes, int):
            places = list(range(sizes, self.shape[dim], sizes))
        else:
            places = list(np.cumsum(sizes)[:-1])
        return tuple(wrapped(part) for part in np.split(base(self), places, axis=dim))

    def expand(self, *sizes: Any) -> Any:
        """Return the array repeated along dimensions of size 1; -1 keeps one."""
        asked = list(sizes[0]) if isinstance(sizes[0], tuple | list) else list(sizes)
        own = (1,) * (len(asked) - self.ndim) + self.shape
        full = [size if wanted == -1 else wanted for size, wanted in zip(own, asked, strict=True)]
        return wrapped(np.broadcast_to(base(self), full))

    def expand_as(self, other: Any) -> Any:
        """Return the array repeated to the shape of another."""
        return self.expand(*other.shape)

    def view_as(self, other: Any) -> Any:
        """Return the array in the shape of another."""
        return self.reshape(other.shape)

    def view(self, *shape: Any, **named: Any) -> Any:
        """Return the array in another shape; or, given a type, NumPy's view of the memory."""
        first = shape[0] if shape else None
        if isinstance(first, int | np.integer | tuple | list):
            return self.reshape(*shape)
        return super().view(*shape, **named)

    def index_select(self, dim: Any, rows: Any) -> Any:
        """Return rows of a dimension."""
        return wrapped(np.take(base(self), base(rows), axis=dim))

    def gather(self, dim: Any, index: Any) -> Any:
        """Return the elements that an index of the same number of dimensions chooses."""
        return wrapped(np.take_along_axis(base(self), base(index), axis=dim))

    def scatter(self, dim: Any, index: Any, values: Any) -> Any:
        """Return a copy in which the elements that an index chooses are replaced."""
        changed = base(self).copy()
        np.put_along_axis(changed, base(index), base(values), axis=dim)
        return wrapped(changed)

    def scatter_add(self, dim: Any, index: Any, values: Any) -> Any:
        """Return a copy to which values are added where an index says; places may repeat."""
        changed = base(self).copy()
        _add_at(changed, dim, base(index), base(values))
        return wrapped(changed)

    def scatter_add_(self, dim: Any, index: Any, values: Any) -> Any:
        """Add values where an index says, in place."""
        _add_at(base(self), dim, base(index), base(values))
        return self

    def index_add(self, dim: Any, rows: Any, values: Any) -> Any:
        """Return a copy to which values are added at rows of a dimension; rows may repeat."""
        return self.copy().index_add_(dim, rows, values)

    def index_add_(self, dim: Any, rows: Any, values: Any) -> Any:
        """Add values at rows of a dimension, in place."""
        np.add.at(base(self), (slice(None),) * dim + (base(rows),), base(values))
        return self

    def copy_(self, other: Any) -> Any:
        """Replace all values by those of another array."""
        base(self)[...] = base(other)
        return self

    def masked_fill(self, mask: Any, value: Any) -> Any:
        """Return a copy in which masked elements have a value."""
        return wrapped(np.where(base(mask), np.asarray(value, self.dtype), base(self)))

    def nan_to_num(self, nan: Any = 0.0, posinf: Any = None) -> Any:
        """Return a copy without NaN and infinite numbers."""
        return wrapped(np.nan_to_num(base(self), nan=nan, posinf=posinf))

    def roll(self, shift: Any, dim: Any = None, *, dims: Any = None) -> Any:
        """Return the array moved cyclically along a dimension."""
        return wrapped(np.roll(base(self), shift, axis=dim if dims is None else dims))

    def diff(self, dim: Any = -1) -> Any:
        """Return the differences of successive elements."""
        return wrapped(np.diff(base(self), axis=dim))

    def unique(self, *, return_inverse: Any = False, return_counts: Any = False) -> Any:
        """Return the distinct elements, ascending."""
        found = np.unique(base(self), return_inverse=return_inverse, return_counts=return_counts)
        if return_inverse:
            values, inverse, *rest = found
            return wrapped((values, inverse.reshape(self.shape), *rest))
        return wrapped(found)

    def new_tensor(self, values: Any, dtype: Any = None, device: Any = None) -> Any:
        """Return numbers in this array's precision."""
        return wrapped(np.array(base(values), dtype or self.dtype))

    def new_zeros(self, *sizes: Any) -> Any:
        """Return zeros in this array's precision."""
        return wrapped(np.zeros(_shape(sizes), self.dtype))

    def new_ones(self, *sizes: Any) -> Any:
        """Return ones in this array's precision."""
        return wrapped(np.ones(_shape(sizes), self.dtype))

    def new_full(self, size: Any, value: Any, dtype: Any = None) -> Any:
        """Return copies of a number in this array's precision."""
        return wrapped(np.full(size, value, dtype or self.dtype))

    def norm(self, dim: Any = None, keepdim: Any = False) -> Any:
        """Return Euclidean lengths along a dimension, or of all elements."""
        return wrapped((base(self) ** 2).sum(axis=dim, keepdims=keepdim) ** 0.5)

    def square(self) -> Any:
        """Return squares."""
        return self * self

    def rsqrt(self) -> Any:
        """Return one over square roots."""
        return 1 / self.sqrt()

    def reciprocal(self) -> Any:
        """Return one over the elements."""
        return 1 / self

    def amin(self, dim: Any = None, keepdim: Any = False) -> Any:
        """Return smallest elements along dimensions."""
        return wrapped(base(self).min(axis=dim, keepdims=keepdim))

    def amax(self, dim: Any = None, keepdim: Any = False) -> Any:
        """Return largest elements along dimensions."""
        return wrapped(base(self).max(axis=dim, keepdims=keepdim))

    def median(self, dim: Any = None) -> Any:
        """Return the lower median; along a dimension as ``values``."""
        values = base(self).ravel() if dim is None else base(self)
        axis = 0 if dim is None else dim
        middle = (values.shape[axis] - 1) // 2
        found = wrapped(np.sort(values, axis=axis).take(middle, axis=axis))
        return found if dim is None else SimpleNamespace(values=found)

    def argsort(self, dim: Any = -1, stable: Any = False) -> Any:  # type: ignore[override]
        """Return the order of elements along a dimension."""
        kind: Any = "stable" if stable else None
        return wrapped(np.argsort(base(self), axis=dim, kind=kind))

    def topk(self, count: Any, dim: Any = -1, largest: Any = True) -> Any:
        """Return the extreme elements along a dimension as ``values`` and ``indices``."""
        order = np.argsort(-base(self) if largest else base(self), axis=dim, kind="stable")
        indices = order.take(range(count), axis=dim)
        return Extremes(self.gather(dim, indices), wrapped(indices))

    def repeat_interleave(self, copies: Any, dim: Any = None) -> Any:
        """Return every element ``copies`` times in succession."""
        return wrapped(np.repeat(base(self), base(copies), axis=dim))

    sqrt, abs, sign, floor, ceil = map(_elements, (np.sqrt, np.abs, np.sign, np.floor, np.ceil))
    exp, log, cos, sin, isfinite = map(_elements, (np.exp, np.log, np.cos, np.sin, np.isfinite))
    minimum, maximum = _elements(np.minimum), _elements(np.maximum)

    # what both have, with different arguments

    sum, mean, any, all = map(_reduction, ("sum", "mean", "any", "all"))  # type: ignore[assignment]
    argmin, argmax, cumsum = map(_reduction, ("argmin", "argmax", "cumsum"))  # type: ignore[assignment]

    def max(self, *dim: Any, **named: Any) -> Any:  # type: ignore[override]
        """Return the largest element; along a dimension also the places."""
        if not dim:
            return wrapped(base(self).max(**_named(named)))
        return Extremes(self.amax(*dim), self.argmax(*dim))

    def min(self, *dim: Any, **named: Any) -> Any:  # type: ignore[override]
        """Return the smallest element; along a dimension also the places."""
        if not dim:
            return wrapped(base(self).min(**_named(named)))
        return Extremes(self.amin(*dim), self.argmin(*dim))

    def repeat(self, *sizes: Any, **named: Any) -> Any:  # type: ignore[override]
        """Return the array laid side by side, ``sizes`` times along each dimension."""
        if named:
            return wrapped(base(self).repeat(*sizes, **named))
        return wrapped(np.tile(base(self), _shape(sizes)))

    def transpose(self, *dims: Any) -> Any:  # type: ignore[override]
        """Return the array with two dimensions exchanged."""
        if len(dims) == 2:
            return wrapped(base(self).swapaxes(*dims))
        return wrapped(base(self).transpose(*dims))

    def diagonal(self, *axes: Any, **named: Any) -> Any:  # type: ignore[override]
        """Return the diagonals of two dimensions."""
        spelled = {"dim1": "axis1", "dim2": "axis2"}
        given = {spelled.get(name, name): value for name, value in named.items()}
        return wrapped(base(self).diagonal(*axes, **given))

    def nonzero(self, *, as_tuple: Any = False) -> Any:  # type: ignore[override]
        """Return the places of elements that are not zero: ``[N, D]``, or a row a dimension."""
        found = base(self).nonzero()
        return wrapped(found) if as_tuple else wrapped(np.stack(found, 1))


_PLAIN = frozenset({np.ndarray, float, int, bool, str, slice, type(None), type(...)})
"""Types of values that hold no tensors: looked up, because every operation asks."""


def base(value: Any) -> Any:
    """Return a value with plain NumPy arrays in the place of tensors, those in lists included."""
    kind = type(value)
    if kind is NumpyTensor:
        return np.ndarray.view(value, np.ndarray)
    if kind in _PLAIN:
        return value
    if isinstance(value, tuple | list):
        return kind(map(base, value))
    if isinstance(value, dict):
        return {key: base(entry) for key, entry in value.items()}
    return value


def wrapped(value: Any) -> Any:
    """Return a value with NumPy's arrays and numbers as tensors, those in tuples included."""
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value).view(NumpyTensor)
    if isinstance(value, tuple):
        if hasattr(value, "_fields"):
            return type(value)(*map(wrapped, value))
        return tuple(map(wrapped, value))
    return [wrapped(entry) for entry in value] if isinstance(value, list) else value


def _named(named: dict[str, Any]) -> dict[str, Any]:
    spelled = {"dim": "axis", "keepdim": "keepdims"}
    return {spelled.get(name, name): value for name, value in named.items()}


def _shape(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sizes[0]) if sizes and isinstance(sizes[0], tuple | list) else sizes


def _add_at(array: Any, dim: int, index: Any, values: Any) -> None:
    places = list(np.indices(index.shape, sparse=True))
    places[dim] = index
    np.add.at(array, tuple(places), values)
