"""A binary glTF as it is written, read by pygltflib."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pygltflib
import pytest

from smirk3d.export.gltf_document import ARRAY_BUFFER, GltfDocument


def test_arrays_and_text_are_read_back(tmp_path: Path) -> None:
    document = GltfDocument()
    document.view(b"abc")  # the next view begins at a multiple of four
    points = np.array([[1, -2, 3], [0.5, 4, -1]], np.float32)
    number = document.accessor(points, "VEC3", target=ARRAY_BUFFER, bounds=True)
    document.content["extras"] = {"name": "Ünïcode"}
    document.save(tmp_path / "a.glb")
    assert (tmp_path / "a.glb").stat().st_size % 4 == 0
    read = pygltflib.GLTF2.load(str(tmp_path / "a.glb"))
    accessor = read.accessors[number]
    view = read.bufferViews[accessor.bufferView]
    assert view.byteOffset == 4
    assert accessor.min == [0.5, -2, -1]
    assert accessor.max == [1, 4, 3]
    data = read.binary_blob()[view.byteOffset :][: view.byteLength]
    np.testing.assert_array_equal(np.frombuffer(data, np.float32).reshape(2, 3), points)
    assert read.extras == {"name": "Ünïcode"}
    assert read.buffers[0].byteLength == view.byteOffset + view.byteLength


def test_only_moved_vertices_are_stored() -> None:
    document = GltfDocument()
    offsets = np.zeros((5, 3), np.float32)
    offsets[3] = [1, 2, 3]
    number = document.sparse_offsets(offsets, np.array([3]))
    sparse = document.content["accessors"][number]
    assert sparse["sparse"]["count"] == 1
    assert sparse["min"] == [0, 0, 0]
    assert sparse["max"] == [1, 2, 3]
    nothing, nowhere = np.zeros((5, 3), np.float32), np.zeros(0, np.int64)
    still = document.sparse_offsets(nothing, nowhere)
    assert document.sparse_offsets(nothing, nowhere) == still


def test_numbers_that_json_lacks_are_refused(tmp_path: Path) -> None:
    document = GltfDocument()
    document.content["extras"] = {"wrong": float("nan")}
    with pytest.raises(ValueError, match="JSON"):
        document.save(tmp_path / "a.glb")
