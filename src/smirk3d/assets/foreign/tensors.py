"""Tensors from outside: safetensors files, and files by ``torch.save`` without code."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from smirk3d.array_interface import is_torch
from smirk3d.assets.foreign.archives import ZipArchive
from smirk3d.assets.foreign.json_text import is_whole, parse_json, require_object
from smirk3d.assets.foreign.origin import Origin, Unfit, one_line
from smirk3d.assets.optional import require

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_WEIGHTS = 2 << 30
"""Bytes of a weights file: the published SMIRK checkpoint has 0.14 GB, VGG-16 0.55 GB."""
LARGEST_CHECKPOINT = 4 << 30
"""Bytes of a run's checkpoint: networks, averages and two moments of each weight."""

_LARGEST_HEADER = 4 << 20
"""Bytes; the shipped encoder's header with all its settings has 39 kB."""
_MOST_TENSORS = 20_000
"""Tensors of a file. The shipped encoder has 313; its training's checkpoint four to five times as
many (networks, averages, two moments)."""
_TYPES = {
    "F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2),
    "I64": ("int64", 8), "I32": ("int32", 4), "I16": ("int16", 2), "I8": ("int8", 1),
    "U8": ("uint8", 1), "BOOL": ("bool", 1),
}  # fmt: skip
"""torch's name and the bytes of each type of number that safetensors files hold."""
_MOST_MEMBERS = 50_000
"""Members of a PyTorch file, one for each storage and a few more: over twice
:data:`_MOST_TENSORS`."""
_DEEPEST = 32
"""Levels of dictionaries and lists; an optimizer's state has three, and what holds it a few
more."""


@dataclass(frozen=True)
class _Place:
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


class SafetensorsFile:
    """A safetensors file whose header is checked against the file's size.

    Attributes:
        metadata: text by name.
        shapes: shapes of the tensors by name.
    """

    def __init__(self, origin: Origin) -> None:
        """Read the header.

        Args:
            origin: names the path of the file.

        Raises:
            Smirk3dError: of the origin's class, if the file is absent, damaged or too large.
        """
        self._origin, self._path = origin, origin.require_file()
        with origin.refusing(), self._path.open("rb") as file:
            size = self._path.stat().st_size
            header = self._header(file, size)
            self.metadata = _metadata(header.pop("__metadata__", {}))
            self._places = _checked_places(header, size - self._begin)
        self.shapes = {name: place.shape for name, place in self._places.items()}

    def _header(self, file: IO[bytes], size: int) -> dict[str, Any]:
        length = int.from_bytes(file.read(8), "little")
        self._begin = 8 + length
        if length > min(_LARGEST_HEADER, size) or self._begin > size:
            raise Unfit(f"its header of {length} bytes is not there or larger than 4 MiB")
        if size > LARGEST_WEIGHTS:
            raise Unfit("it is larger than 2 GiB")
        return require_object(parse_json(file.read(length), self._origin), "its header")

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors, whose numbers are finite, each with its own memory.

        Raises:
            Smirk3dError: of the origin's class, if the file changed or a number is not finite.
            MissingExtra: if torch is not installed.
        """
        with self._origin.refusing(), self._path.open("rb") as file:
            return {name: self._tensor(file, name, at) for name, at in self._places.items()}

    def _tensor(self, file: IO[bytes], name: str, place: _Place) -> Tensor:
        torch = require("torch", extra="train")
        dtype = getattr(torch, place.dtype)
        if place.start == place.end:
            empty: Tensor = torch.zeros(place.shape, dtype=dtype)
            return empty
        file.seek(self._begin + place.start)
        data = bytearray(place.end - place.start)
        if file.readinto(data) != len(data):  # type: ignore[attr-defined]
            raise Unfit("it ends early")
        if place.dtype == "bool" and max(data) > 1:
            raise Unfit(f"{name} holds a truth value that is neither 0 nor 1")
        tensor: Tensor = torch.frombuffer(data, dtype=dtype).reshape(place.shape)
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise Unfit(f"{name} has a number that is not finite")
        return tensor


def _metadata(value: Any) -> dict[str, str]:
    metadata = require_object(value, "its metadata")
    if not all(isinstance(text, str) for text in metadata.values()):
        raise Unfit("its metadata hold something else than text")
    return metadata


def _checked_places(header: dict[str, Any], size: int) -> dict[str, _Place]:
    if len(header) > _MOST_TENSORS:
        raise Unfit(f"it has {len(header)} tensors")
    places = {name: _place(value, name) for name, value in header.items()}
    end = 0
    for name, place in sorted(places.items(), key=lambda item: (item[1].start, item[1].end)):
        if place.start != end:
            raise Unfit(f"{name} begins at byte {place.start}, not where the one before ends")
        end = place.end
    if end != size:
        raise Unfit(f"its tensors have {end} bytes, the file has {size} for them")
    return places


def _place(value: Any, name: str) -> _Place:
    entry = require_object(value, name)
    dtype, shape, offsets = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    known = _TYPES.get(dtype) if isinstance(dtype, str) else None
    if known is None:
        raise Unfit(f"{name} is of the unknown type {dtype!r}")
    sizes, ends = _sizes(shape, 8), _sizes(offsets, 2)
    if sizes is None or ends is None or len(ends) != 2:
        raise Unfit(f"{name} has no shape or place")
    if math.prod(sizes) * known[1] != ends[1] - ends[0]:
        raise Unfit(f"{name} does not have the bytes of its shape {shape}")
    return _Place(known[0], sizes, ends[0], ends[1])


def _sizes(value: Any, most: int) -> tuple[int, ...] | None:
    fits = (
        isinstance(value, list)
        and len(value) <= most
        and all(is_whole(n) and 0 <= n <= LARGEST_WEIGHTS for n in value)
    )
    return tuple(value) if fits else None


def save_torch_file(content: Any, path: Path) -> None:
    """Write a file by ``torch.save`` whose failure is the file system's own error.

    torch's writer of files turns a full disk into a RuntimeError without the cause.

    Raises:
        OSError: if it cannot be written.
    """
    torch = require("torch", extra="train")
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.write_bytes(buffer.getbuffer())


def load_torch_file(origin: Origin, *, largest: int = LARGEST_WEIGHTS) -> Any:
    """Return what a file by ``torch.save`` holds, on the CPU, without running code from it.

    Args:
        origin: names the path of the file.
        largest: bytes that the file, its members and its tensors may have.

    Raises:
        Smirk3dError: of the origin's class, if the file is absent, damaged, too large, or holds
            more than tensors and plain values.
    """
    path = origin.require_file()
    with origin.refusing():
        if path.stat().st_size > largest:
            raise Unfit(f"it is larger than {largest >> 30} GiB")
        if zipfile.is_zipfile(path):
            _check_members(path, largest)
    torch = require("torch", extra="train")
    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # its errors have no common base
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise origin.refusal(one_line(reason, longest=120)) from error
    with origin.refusing():
        _check_tensors(value, largest)
    return value


def _check_members(path: Path, largest: int) -> None:
    with ZipArchive(path, most_members=_MOST_MEMBERS) as archive:
        if any(archive.is_packed(name) for name in archive.names):
            raise Unfit("its members are compressed, which torch does not do")
        if sum(archive.size(name) for name in archive.names) > largest:
            raise Unfit(f"its members have more than {largest >> 30} GiB")


def _check_tensors(value: Any, largest: int) -> None:
    """Refuse tensors that are larger than what the file can hold, as views of one number are."""
    total = 0
    for tensor in _tensors_in(value):
        if (
            str(tensor.layout) != "torch.strided"
            or tensor.device.type != "cpu"
            or tensor.is_quantized
        ):
            raise Unfit("it holds a tensor of another kind than plain numbers")
        own = tensor.untyped_storage().nbytes()
        if tensor.numel() * tensor.element_size() > own:
            raise Unfit(f"it holds a tensor of shape {list(tensor.shape)} in {own} bytes")
        total += tensor.numel() * tensor.element_size()
        if total > largest:
            raise Unfit(f"its tensors have more than {largest >> 30} GiB")


def _tensors_in(value: Any) -> Iterator[Tensor]:
    level, seen = [value], 0
    for _ in range(_DEEPEST):
        inner: list[Any] = []
        for item in level:
            if is_torch(item):
                yield item
            elif isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list | tuple | set):
                inner += item
        seen += len(inner)
        if not inner:
            return
        if seen > 1_000_000:
            raise Unfit("it holds more than a million values")
        level = inner
    raise Unfit(f"it is nested deeper than {_DEEPEST} levels")
