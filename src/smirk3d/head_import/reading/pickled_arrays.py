"""The objects that an array pickle may name, each rebuilt from plain values alone."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.assets.foreign.archives import ZipArchive
from smirk3d.head_import.reading.array_budget import (
    LARGEST_TOTAL,
    ByteBudget,
    Refused,
    plain_array,
)

_LARGEST_TENSOR_FILE = 64 << 20
"""Bytes of a tensor that is pickled as a file; the largest of FLAME's landmark tables has 79 x 17 x
3 numbers."""
_MOST_MEMBERS = 100
"""Of a file of one storage, which has about six."""
_MOST_VALUES = 200_000
"""Values of a pickle; an array of numbers counts as one, however large."""
_DEEPEST = 40
"""Levels; Python itself would stop at a thousand calls, and a head has a few."""
_PLAIN_DTYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248]|[SU]\d{1,4}|O8?|\?)")


@dataclass(frozen=True)
class PickleName:
    """A class or function as a pickle names it; nothing but text."""

    full: str

    def __str__(self) -> str:
        return self.full[:100]


class Finisher:
    """Builds what is pending in a value, counting what it builds."""

    def __init__(self, budget: ByteBudget) -> None:
        """Begin with nothing built.

        Args:
            budget: what is built is taken off it.
        """
        self.budget = budget
        self._values = 0
        self._built: dict[int, Any] = {}

    def __call__(self, value: Any, depth: int = 0) -> Any:
        """Return the value with its arrays built; what is referred to twice is built once.

        Raises:
            Refused: if it is nested too deep, too large, or holds what is no array.
        """
        self._values += 1
        if depth > _DEEPEST or self._values > _MOST_VALUES:
            raise Refused("it is nested too deep or refers to itself")
        if isinstance(value, Pending):
            if id(value) not in self._built:
                self._built[id(value)] = value.build(
                    lambda part: self(part, depth + 1), self.budget
                )
            return self._built[id(value)]
        if isinstance(value, PickleName):
            raise Refused(f"it holds {value} itself, which is no array")
        if isinstance(value, dict):
            return {key: self(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self(item, depth + 1) for item in value)
        return value


Finish = Callable[[Any], Any]


class Pending:
    """An object under construction; its state arrives after it was made."""

    def __init__(self, name: str) -> None:
        """Begin an object of the class of that name."""
        self.name = name
        self.state: Any = None

    def set_state(self, state: Any) -> None:
        """Take the state that the pickle gives."""
        if self.state is not None:
            raise Refused(f"it sets the state of a {self.name} twice")
        self.state = state

    def build(self, finish: Finish, budget: ByteBudget) -> Any:
        """Return the finished value.

        Args:
            finish: builds a part of it.
            budget: bytes are taken off it before they are allocated.

        Raises:
            Refused: if it is no array, or the budget is spent.
        """
        raise Refused(f"it holds a {self.name} where an array should be")

    def parts(self) -> dict[str, Any]:
        """Return the attributes that the state gives."""
        state = self.state
        if isinstance(state, tuple) and len(state) == 2:
            # attributes in a dictionary, then those in slots
            both = [half or {} for half in state]
            state = {**both[0], **both[1]} if all(isinstance(h, dict) for h in both) else None
        if not isinstance(state, dict):
            raise Refused(f"it has a {self.name} without parts")
        return {str(key): value for key, value in state.items()}


class PendingDtype(Pending):
    """``numpy.dtype``: a letter and a size, later a byte order."""

    def __init__(self, spec: Any = None, *_flags: Any) -> None:
        """Take the specification, ``"f8"``."""
        super().__init__("numpy.dtype")
        if not isinstance(spec, str) or not _PLAIN_DTYPE.fullmatch(spec):
            raise Refused(f"it has an array of type {str(spec)[:40]!r}, which is not plain numbers")
        self.spec = spec

    def dtype(self) -> np.dtype[Any]:
        """Return the type with its byte order."""
        order = self.spec[0]
        if isinstance(self.state, tuple) and len(self.state) > 1 and isinstance(self.state[1], str):
            order = self.state[1]
        letter = "O" if self.spec.lstrip("<>=|")[0] == "O" else self.spec.lstrip("<>=|")
        return np.dtype(f">{letter}" if order == ">" else letter)


class PendingArray(Pending):
    """``numpy.ndarray``: (version, shape, type, column-major, bytes or list)."""

    def __init__(self, *_arguments: Any) -> None:
        """Begin an array; what counts is in its state."""
        super().__init__("numpy.ndarray")

    def build(self, finish: Finish, budget: ByteBudget) -> Any:
        """Return the array, or the list in it where it holds objects."""
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            raise Refused("it has an array whose state cannot be read")
        _, given_shape, dtype, column_major, data = self.state
        if not isinstance(dtype, PendingDtype):
            raise Refused("it has an array without a type")
        shape, kind = _shape(given_shape), dtype.dtype()
        if kind.hasobject:
            if not isinstance(data, list) or len(data) != math.prod(shape):
                raise Refused("it has an array of objects whose shape does not fit")
            return finish(data[0] if shape == () else data)
        size = math.prod(shape) * kind.itemsize
        budget.charge_array(shape, 2 * kind.itemsize)
        if isinstance(data, str):
            data = data.encode("latin-1") if len(data) == size else b""
        if not isinstance(data, bytes) or len(data) != size:
            raise Refused(f"it has an array of shape {shape} whose {size} bytes are not there")
        array = np.frombuffer(data, kind).reshape(shape, order="F" if column_major else "C")
        return array.astype(kind.newbyteorder("="))


class PendingSparse(Pending):
    """A sparse matrix of scipy, by columns, by rows or by coordinates."""

    def build(self, finish: Finish, budget: ByteBudget) -> Any:
        """Return the dense matrix."""
        parts = self.parts()
        shape = _shape(finish(parts.get("_shape", parts.get("shape"))), 2)
        data = plain_array(finish(parts.get("data")), budget)
        if "indptr" in parts:
            minor = _indices(finish(parts.get("indices")), budget)
            axis = 0 if ".csr_" in self.name else 1
            major = _expanded(_indices(finish(parts["indptr"]), budget), shape[axis], len(minor))
            row, column = (major, minor) if axis == 0 else (minor, major)
        else:
            row, column = (_indices(c, budget) for c in finish(self._coordinates(parts)))
        if not len(row) == len(column) == data.size:
            raise Refused("it has a sparse matrix whose parts differ in length")
        if not ((row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])).all():
            raise Refused("it has a sparse matrix with an entry outside its shape")
        budget.charge_array(shape)
        dense = np.zeros(shape)
        np.add.at(dense, (row, column), data.ravel())
        return dense

    def _coordinates(self, parts: dict[str, Any]) -> tuple[Any, Any]:
        pair = parts.get("coords", (parts.get("row"), parts.get("col")))
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise Refused("it has a sparse matrix without coordinates")
        return pair[0], pair[1]


class PendingChumpy(Pending):
    """A class of chumpy; ``Ch`` has an array ``x``, ``Select`` chooses entries of another."""

    def build(self, finish: Finish, budget: ByteBudget) -> Any:
        """Return the array."""
        parts = self.parts()
        if self.name.endswith(".Select"):
            source = plain_array(finish(parts.get("a")), budget).ravel()
            chosen = _indices(finish(parts.get("idxs")), budget)
            if len(chosen) and not 0 <= chosen.min() <= chosen.max() < len(source):
                raise Refused("it has a selection outside its array")
            shape = _shape(finish(parts.get("preferred_shape", len(chosen))))
            if math.prod(shape) != len(chosen):
                raise Refused("it has a selection whose shape does not fit")
            budget.charge_array(shape, source.itemsize)
            return source[chosen].reshape(shape)
        if "x" not in parts:
            raise Refused(f"it has a {self.name} without values: open it with chumpy and save it")
        return plain_array(finish(parts["x"]), budget)


class PendingTensor(Pending):
    """A tensor of torch as a view of a storage."""

    def __init__(self, *arguments: Any) -> None:
        """Take storage, offset, size and stride."""
        super().__init__("torch.Tensor")
        if len(arguments) < 4:
            raise Refused("it has a tensor without storage")
        self.state = arguments[:4]

    def build(self, finish: Finish, budget: ByteBudget) -> Any:
        """Return the tensor as an array."""
        storage, offset, given_size, given_stride = self.state
        if not isinstance(storage, _Storage) or type(offset) is not int or offset < 0:
            raise Refused("it has a tensor without storage")
        size = _shape(given_size)
        stride = _shape(given_stride, len(size))
        flat = storage.values
        reach = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        count = math.prod(size)
        if count > len(flat) or (count and reach >= len(flat)):
            raise Refused("it has a tensor larger than its storage")
        budget.charge_array(size, flat.itemsize)
        steps = [step * flat.itemsize for step in stride]
        return np.lib.stride_tricks.as_strided(flat[offset:], size, steps).copy()


@dataclass(frozen=True, eq=False)
class _Storage:
    values: NDArray[Any]


def _expanded(ends: NDArray[np.int64], lines: int, entries: int) -> NDArray[np.int64]:
    """Return the line of each entry of a compressed sparse matrix."""
    counts = np.diff(ends)
    if len(counts) != lines or (counts < 0).any() or ends[0] != 0 or ends[-1] != entries:
        raise Refused("it has a sparse matrix whose pointers do not fit its shape")
    return np.repeat(np.arange(lines), counts)


def _shape(value: Any, length: int | None = None) -> tuple[int, ...]:
    if type(value) is int:
        value = (value,)
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iu":
        value = tuple(value.tolist())
    if not isinstance(value, tuple | list) or not all(type(n) is int and n >= 0 for n in value):
        raise Refused("it has an array whose shape is not a row of whole numbers")
    if len(value) > 32 or (length is not None and len(value) != length):
        raise Refused(f"it has an array of {len(value)} dimensions")
    if math.prod(max(n, 1) for n in value) * 8 > LARGEST_TOTAL:
        raise Refused(f"it has an array of shape {tuple(value)}, larger than a head can be")
    return tuple(value)


def _indices(value: Any, budget: ByteBudget) -> NDArray[np.int64]:
    array = plain_array(value, budget)
    if array.dtype.kind not in "iu":
        raise Refused("it has indices that are not whole numbers")
    budget.charge_array(array.shape)
    return array.ravel().astype(np.int64)


def _scalar(dtype: Any = None, data: Any = None) -> PendingArray:
    return _from_buffer(data, dtype, ())


def _from_buffer(
    data: Any = None, dtype: Any = None, shape: Any = None, order: Any = "C"
) -> PendingArray:
    array = PendingArray()
    array.set_state((1, shape, dtype, order == "F", data))
    return array


def _encode(text: Any = None, encoding: Any = "latin1", *_: Any) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refused("it has bytes in another spelling than Latin-1")
    return text.encode("latin-1")


def _no_bytes(*arguments: Any) -> bytes:
    if arguments:
        raise Refused("it makes bytes of something")
    return b""


def _reconstruct(kind: Any = None, *_arguments: Any) -> Pending:
    if not isinstance(kind, PickleName):
        raise Refused("it makes an object without a class")
    return begin_object(kind)


def _ordered(items: Any = ()) -> dict[Any, Any]:
    if not isinstance(items, list | tuple):
        raise Refused("it has a dictionary without entries")
    entries: dict[Any, Any] = {}
    for pair in items:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise Refused("it has a dictionary whose keys are not text")
        entries[pair[0]] = pair[1]
    return entries


def _set(items: Any = ()) -> list[Any]:
    # kept as a list, for hashing anything nested could run very deep
    return list(items) if isinstance(items, list | tuple) else []


def _tensor_storage(data: Any = None) -> _Storage:
    if not isinstance(data, bytes) or len(data) > _LARGEST_TENSOR_FILE:
        raise Refused("it has a tensor that is no file of at most 64 MiB")
    file = io.BytesIO(data)
    try:
        if data[:2] == b"PK":
            with ZipArchive(data, most_members=_MOST_MEMBERS) as archive:
                if sum(map(archive.size, archive.names)) > len(data):
                    raise Refused("it has a tensor that unpacks to more than its file holds")
        storage = torch.load(file, weights_only=True, map_location="cpu")
        values = torch.tensor([], dtype=storage.dtype).set_(storage).numpy()
        if values.nbytes > len(data) or values.dtype.kind not in "fiub":
            raise Refused("it has a tensor that is not plain numbers of its file's size")
    except Refused:
        raise
    except Exception as error:
        raise Refused("it has a tensor that weights-only loading refuses") from error
    return _Storage(values)


def begin_object(name: PickleName) -> Pending:
    """Return an object of a class to which the pickle will give a state.

    Raises:
        Refused: if objects of the class do not occur among arrays.
    """
    for prefix, kind in _CLASSES.items():
        if name.full.startswith(prefix):
            return kind(name.full)
    raise Refused(f"it makes an object of {name}, which is no array; nothing was run")


def is_known(name: str) -> bool:
    """Tell whether a pickle of arrays may hold this class or function."""
    return name in CALLS or name in _MARKERS or name.startswith(tuple(_CLASSES))


_MARKERS = ("numpy.ndarray", "__builtin__.object", "builtins.object")
_CLASSES: Mapping[str, Callable[[str], Pending]] = {
    "scipy.sparse.": PendingSparse,
    "chumpy.": PendingChumpy,
}

_NUMPY_CALLS: dict[str, Callable[..., Any]] = {
    "multiarray._reconstruct": PendingArray,
    "multiarray.scalar": _scalar,
    "numeric._frombuffer": _from_buffer,
}

CALLS: Mapping[str, Callable[..., Any]] = {
    **{f"numpy.core.{name}": call for name, call in _NUMPY_CALLS.items()},
    **{f"numpy._core.{name}": call for name, call in _NUMPY_CALLS.items()},
    "numpy.dtype": PendingDtype,
    "_codecs.encode": _encode,
    "__builtin__.bytes": _no_bytes,
    "builtins.bytes": _no_bytes,
    "copy_reg._reconstructor": _reconstruct,
    "copyreg._reconstructor": _reconstruct,
    "collections.OrderedDict": _ordered,
    "__builtin__.set": _set,
    "builtins.set": _set,
    "torch._utils._rebuild_tensor_v2": PendingTensor,
    "torch.storage._load_from_bytes": _tensor_storage,
}
"""Functions that a pickle may name, and what is done in their place."""
