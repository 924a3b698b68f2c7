"""The textured skin in the page.

viser moves meshes of one colour sixty times a second, but textured ones come as whole GLB files,
and while a page reads one it shows nothing. So two nodes alternate: the one that is hidden is
read while the other is shown, fifteen times a second.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.export.rigs.surface import Primitive
from smirk3d.viewer.scene.drawn_head import Points
from smirk3d.viewer.scene.photo_texture import FACE_EDGE

_EVERY = 1 / 15
"""Seconds between textures that are sent; a choice against traffic, as a texture is a picture."""


class TexturedMesh:
    """Writes the GLB of a textured mesh, of which only positions and extent change."""

    def __init__(
        self, skin: Primitive, jpeg: bytes, face: NDArray[np.float32], *, two_sided: bool
    ) -> None:
        """Prepare all but the positions.

        Args:
            skin: vertices, triangles and texture coordinates.
            jpeg: the texture.
            face: how far each vertex is within the face ``[U]``, from 0 to 1.
            two_sided: whether its back is drawn.
        """
        self._ids = skin.vertex_ids
        faces = skin.faces.astype(np.uint32)
        uv = skin.uv.astype(np.float32)
        uv = np.ascontiguousarray(np.stack([uv[:, 0], 1 - uv[:, 1]], 1))
        colours = np.full((len(face), 4), 255, np.uint8)
        colours[:, 3] = np.rint(255 * np.clip(face, 0, 1))
        views = [uv.tobytes(), faces.tobytes(), colours.tobytes(), jpeg + b"\0" * (-len(jpeg) % 4)]
        self._tail = b"".join(views)
        self._model = _document(len(self._ids), faces.size, [*map(len, views[:3]), len(jpeg)])
        self._model["materials"][0]["doubleSided"] = two_sided

    def glb(self, head_vertices: Points, *, whole: bool = True) -> bytes:
        """Return the file for the head's vertices ``[V, 3]``: the whole skin, or the face alone."""
        self._model["materials"][0]["alphaCutoff"] = 0.0 if whole else FACE_EDGE
        points = np.ascontiguousarray(head_vertices[self._ids], np.float32)
        self._model["accessors"][0] |= {
            "min": points.min(0).tolist(),
            "max": points.max(0).tolist(),
        }
        text = json.dumps(self._model, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        body = points.tobytes() + self._tail
        size = 12 + 8 + len(text) + 8 + len(body)
        chunks = (
            struct.pack("<4sII", b"glTF", 2, size),
            struct.pack("<I4s", len(text), b"JSON"),
            text,
            struct.pack("<I4s", len(body), b"BIN\0"),
            body,
        )
        return b"".join(chunks)


def _document(count: int, corners: int, sizes: Sequence[int]) -> dict[str, Any]:
    """Return the JSON part of the GLB of a textured mesh; positions come first in its buffer.

    Args:
        count: number of vertices.
        corners: number of the triangles' corners.
        sizes: bytes of texture coordinates, triangles, colours and the JPEG, which start at
            multiples of four and follow the positions.
    """
    starts = np.cumsum([12 * count, *(-(-size // 4) * 4 for size in sizes)]).tolist()
    return {
        "asset": {"version": "2.0", "generator": "smirk3d"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "extensionsUsed": ["KHR_materials_unlit"],
        "meshes": [
            {
                "primitives": [
                    {
                        "attributes": {"POSITION": 0, "TEXCOORD_0": 1, "COLOR_0": 3},
                        "indices": 2,
                        "material": 0,
                    }
                ]
            }
        ],
        "materials": [
            {
                "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}},
                "extensions": {"KHR_materials_unlit": {}},
                "alphaMode": "MASK",
            }
        ],
        "textures": [{"source": 0}],
        "images": [{"mimeType": "image/jpeg", "bufferView": 4}],
        "buffers": [{"byteLength": starts[-1]}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 12 * count},
            {"buffer": 0, "byteOffset": starts[0], "byteLength": sizes[0]},
            {"buffer": 0, "byteOffset": starts[1], "byteLength": sizes[1]},
            {"buffer": 0, "byteOffset": starts[2], "byteLength": sizes[2]},
            {"buffer": 0, "byteOffset": starts[3], "byteLength": sizes[3]},
        ],
        "accessors": [
            _accessor(0, 5126, count, "VEC3"),
            _accessor(1, 5126, count, "VEC2"),
            _accessor(2, 5125, corners, "SCALAR"),
            _accessor(3, 5121, count, "VEC4") | {"normalized": True},
        ],
    }


def _accessor(view: int, component: int, count: int, kind: str) -> dict[str, Any]:
    return {"bufferView": view, "componentType": component, "count": count, "type": kind}


class PhotoSkin:
    """Two nodes that show one textured skin alternately."""

    def __init__(self, server: Any, name: str) -> None:
        """Add nothing yet: the nodes come with the first texture."""
        self._server = server
        self._name = name
        self._mesh: TexturedMesh | None = None
        self._nodes: list[Any] = []
        self._front = 0
        self._sent: NDArray[np.float32] | None = None
        self._shown: NDArray[np.float32] | None = None
        self._last = 0.0
        self._whole = True

    def set_texture(self, mesh: TexturedMesh) -> None:
        """Take a texture."""
        self._mesh = mesh
        self._sent = self._shown = None

    @property
    def is_textured(self) -> bool:
        """Whether it has a texture."""
        return self._mesh is not None

    def show(self, vertices: Points, *, whole: bool) -> bool:
        """Show the skin at vertices ``[V, 3]`` and return whether the page has it already.

        Not whole, it is the face alone, which fades into its photo.

        It is to be called again until it returns True and :attr:`is_settled` is true.
        """
        if self._mesh is None:
            return False
        now = time.monotonic()
        if now - self._last >= _EVERY:
            self._last = now
            if self._sent is not self._shown:
                self._swap()
            same = self._sent is not None and np.array_equal(self._sent, vertices)
            if not same or whole != self._whole:
                self._send(self._mesh.glb(vertices, whole=whole))
                self._sent, self._whole = vertices.copy(), whole
        return self._shown is not None

    @property
    def is_settled(self) -> bool:
        """Whether the page shows the vertices that were sent last."""
        return self._sent is self._shown

    def _send(self, glb: bytes) -> None:
        back = 1 - self._front
        if len(self._nodes) < 2:
            node = self._server.scene.add_glb(
                f"{self._name}{len(self._nodes)}", glb, visible=False,
                cast_shadow=False, receive_shadow=False,
            )  # fmt: skip
            self._nodes.append(node)
            self._front = 1 - self._nodes.index(node)
            return
        self._nodes[back].glb_data = glb

    def _swap(self) -> None:
        self._front = 1 - self._front
        for number, node in enumerate(self._nodes):
            node.visible = number == self._front
        self._shown = self._sent

    def hide(self) -> None:
        """Hide both nodes."""
        for node in self._nodes:
            node.visible = False
        self._sent = self._shown = None
