"""Wavefront OBJ as head models publish it: positions, texture coordinates, polygons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import InputError

LARGEST_OBJ = 64 << 20
"""Bytes; ICT-FaceKit's base mesh has 3 MB."""
_MOST_NUMBERS, _MOST_TRIANGLES = 3_000_000, 1_000_000
"""A million vertices: forty times what the largest known head has."""
_LONGEST_NUMBER = 40
"""Characters; ICT-FaceKit's meshes have up to 12."""
_LONGEST_MATERIAL = 64
"""Characters; each triangle keeps as many as the longest name has."""


@dataclass(frozen=True, kw_only=True)
class ObjMesh:
    """A mesh, its polygons cut into triangles.

    Attributes:
        vertices: ``[V, 3]`` in the file's unit.
        uv: ``[T, 2]``, v upwards; T is 0 if the file has none.
        faces: ``[F, 3]``.
        uv_faces: ``[F, 3]``, indices into ``uv``; zeros where the file has none.
        materials: name of each triangle's material ``[F]``.
    """

    vertices: NDArray[np.float64]
    uv: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv_faces: NDArray[np.int64]
    materials: NDArray[np.str_]


def parse_obj_vertices(content: bytes, name: str) -> NDArray[np.float64]:
    """Return the positions ``[V, 3]`` of an OBJ file, in the file's unit and order.

    Args:
        content: the file.
        name: of the file, for messages.

    Raises:
        InputError: if a vertex line does not hold three finite numbers, or there is none.
    """
    return _numbers(content, b"v", 3, name)


def parse_obj(content: bytes, name: str) -> ObjMesh:
    """Return the mesh of an OBJ file; a polygon ``a b c d`` becomes ``a b c`` and ``a c d``.

    Raises:
        InputError: if a line cannot be read, or an index names nothing.
    """
    vertices = parse_obj_vertices(content, name)
    if content.count(b"\nf ") > _MOST_TRIANGLES:
        raise InputError(f"{name} has more than {_MOST_TRIANGLES} faces: give a smaller mesh")
    uv = _numbers(content, b"vt", 2, name) if b"\nvt " in content else np.zeros((0, 2))
    corners: list[tuple[int, int, int]] = []
    uv_corners: list[tuple[int, int, int]] = []
    materials: list[str] = []
    material = ""
    for line in content.splitlines():
        if line.startswith(b"usemtl"):
            material = line[6:].strip()[:_LONGEST_MATERIAL].decode("ascii", "replace")
        elif line.startswith(b"f "):
            polygon = [_corner(corner, name) for corner in line[2:].split()]
            for (a, ta), (b, tb) in pairwise(polygon[1:]):
                corners.append((polygon[0][0], a, b))
                uv_corners.append((polygon[0][1], ta, tb))
                materials.append(material)
            if len(corners) > _MOST_TRIANGLES:
                raise InputError(
                    f"{name} has more than {_MOST_TRIANGLES} triangles: give a smaller mesh"
                )
    if not corners:
        raise InputError(f"{name} has no faces: it is no mesh")
    faces, uv_faces = np.array(corners) - 1, np.array(uv_corners) - 1
    if not len(uv):
        uv_faces = np.zeros_like(faces)
    for kind, index, limit in (("vertex", faces, len(vertices)), ("uv", uv_faces, max(len(uv), 1))):
        if index.min() < 0 or index.max() >= limit:
            raise InputError(f"{name} has a face with a {kind} number outside 1 to {limit}")
    return ObjMesh(
        vertices=vertices, uv=uv, faces=faces, uv_faces=uv_faces, materials=np.array(materials)
    )


def _corner(text: bytes, name: str) -> tuple[int, int]:
    vertex, _, rest = text[: 2 * _LONGEST_NUMBER].partition(b"/")
    try:
        return int(vertex), int(rest.partition(b"/")[0] or 1)
    except ValueError as error:
        raise InputError(f"{name} has a face corner {text[:30]!r} that is no number") from error


def _numbers(content: bytes, key: bytes, width: int, name: str) -> NDArray[np.float64]:
    """Return the numbers ``[N, width]`` of the lines that begin with a key.

    Lines of one key follow one another in most files, and are then read at once, which is what
    makes hundreds of files bearable.
    """
    if len(content) > LARGEST_OBJ:
        raise InputError(f"{name} has more than {LARGEST_OBJ >> 20} MiB: give a smaller mesh")
    prefix = key + b" "
    first = content.find(b"\n" + prefix) + 1 if not content.startswith(prefix) else 0
    last = content.rfind(b"\n" + prefix) + 1
    end = content.find(b"\n", last)
    block = content[first : end if end >= 0 else len(content)]
    if not block.startswith(prefix):
        raise InputError(f"{name} has no {key.decode()!r} lines: it is no OBJ mesh")
    count = content.count(b"\n" + prefix) + content.startswith(prefix)
    if block.count(b"\n") + 1 != count:
        block = b"\n".join(line for line in block.splitlines() if line.startswith(prefix))
    if count * width > _MOST_NUMBERS or len(block) > count * (3 + width * _LONGEST_NUMBER):
        raise InputError(
            f"{name}: each of up to {_MOST_NUMBERS // width} {key.decode()!r} lines must hold "
            f"{width} numbers"
        )
    try:
        values = np.array(block.replace(prefix, b" ").split(), np.float64)
    except ValueError as error:
        raise InputError(f"{name} has a {key.decode()!r} line that is no number") from error
    if values.size != count * width:
        raise InputError(f"{name}: each {key.decode()!r} line must hold {width} numbers")
    if not np.isfinite(values).all():
        raise InputError(f"{name} has a number that is not finite")
    return values.reshape(-1, width)
