"""A binary glTF 2.0 file in the making: its JSON as plain objects, and its buffer.

Property names are the specification's. Absent properties are left out, so that their defaults hold.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNSIGNED_SHORT, UNSIGNED_INT, FLOAT = 5123, 5125, 5126
"""Component types."""
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
"""What buffer views hold: vertices, indices of triangles."""
LINEAR, LINEAR_MIPMAP_LINEAR = 9729, 9987
"""A sampler's filters."""
MAGIC = b"glTF"
_VERSION, _JSON, _BINARY = 2, 0x4E4F534A, 0x004E4942
"""Of the container, and the types of its chunks: the specification's, "JSON" and "BIN" in ASCII."""
_COMPONENTS = {"f4": FLOAT, "u2": UNSIGNED_SHORT, "u4": UNSIGNED_INT}

Object = dict[str, Any]
"""A glTF object."""


@dataclass
class GltfDocument:
    """Collects the objects of one glTF, and arrays as its buffer views and accessors.

    Attributes:
        content: the top-level object.
        data: the buffer.
        resting: accessor of targets without motion, by number of vertices.
    """

    content: Object = field(
        default_factory=lambda: {"asset": {"version": "2.0", "generator": "smirk3d"}}
    )
    data: bytearray = field(default_factory=bytearray)
    resting: dict[int, int] = field(default_factory=dict)

    def add(self, kind: str, entry: Object) -> int:
        """Append an object to a top-level array such as ``nodes``, and return its number."""
        entries = self.content.setdefault(kind, [])
        entries.append(entry)
        return len(entries) - 1

    def view(self, payload: bytes, target: int | None = None) -> int:
        """Append bytes to the buffer, and return the number of their view."""
        self.data.extend(b"\0" * (-len(self.data) % 4))
        start = len(self.data)
        self.data.extend(payload)
        about = {"buffer": 0, "byteOffset": start, "byteLength": len(payload)}
        return self.add("bufferViews", about if target is None else about | {"target": target})

    def accessor(
        self, array: NDArray[Any], kind: str, *, target: int | None = None, bounds: bool = False
    ) -> int:
        """Add an array ``[N, ...]`` and return the number of its accessor.

        Args:
            array: single precision, or unsigned integers of 16 or 32 bits.
            kind: glTF's type of an element, such as ``VEC3``.
            target: what the buffer view holds.
            bounds: state least and largest components.
        """
        array = np.ascontiguousarray(array)
        about = {
            "bufferView": self.view(array.tobytes(), target),
            "componentType": _COMPONENTS[array.dtype.str[1:]],
            "count": len(array),
            "type": kind,
        }
        if bounds:
            rows = array.reshape(len(array), -1)
            about |= {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
        return self.add("accessors", about)

    def sparse_offsets(self, offsets: NDArray[np.float32], moved: NDArray[np.intp]) -> int:
        """Add a VEC3 accessor ``[U, 3]`` that stores only the offsets of some vertices.

        All targets without motion use one accessor.

        Args:
            offsets: ``[U, 3]``.
            moved: numbers of the vertices whose offsets are stored, ascending.
        """
        if len(moved):
            return self._sparse(offsets, moved)
        if len(offsets) not in self.resting:
            nothing = np.zeros_like(offsets)
            self.resting[len(offsets)] = self._sparse(nothing, np.zeros(1, np.int64))
        return self.resting[len(offsets)]

    def _sparse(self, offsets: NDArray[np.float32], moved: NDArray[np.intp]) -> int:
        values = offsets[moved]
        still = [np.zeros((1, 3), np.float32)] if len(moved) < len(offsets) else []
        bounds = np.concatenate([values, *still])
        index_type = np.dtype(np.uint16 if len(offsets) <= 0xFFFF else np.uint32)
        indices = self.view(moved.astype(index_type).tobytes())
        return self.add(
            "accessors",
            {
                "componentType": FLOAT,
                "count": len(offsets),
                "type": "VEC3",
                "min": bounds.min(0).tolist(),
                "max": bounds.max(0).tolist(),
                "sparse": {
                    "count": len(moved),
                    "indices": {
                        "bufferView": indices,
                        "componentType": _COMPONENTS[index_type.str[1:]],
                    },
                    "values": {"bufferView": self.view(values.tobytes())},
                },
            },
        )

    def save(self, path: Path) -> None:
        """Write the binary file."""
        self.content["buffers"] = [{"byteLength": len(self.data)}]
        text = json.dumps(self.content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        chunks = [(_JSON, _padded(text.encode(), b" ")), (_BINARY, _padded(self.data, b"\0"))]
        length = 12 + sum(8 + len(chunk) for _, chunk in chunks)
        with path.open("wb") as file:
            file.write(MAGIC + struct.pack("<II", _VERSION, length))
            for kind, chunk in chunks:
                file.write(struct.pack("<II", len(chunk), kind))
                file.write(chunk)


def _padded(data: bytes | bytearray, filler: bytes) -> bytes:
    return bytes(data) + filler * (-len(data) % 4)
