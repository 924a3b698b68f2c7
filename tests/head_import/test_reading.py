"""Archives, meshes and numpy's files of others."""

import io
import tarfile
import zipfile

import numpy as np
import pytest

from smirk3d.errors import AssetError, InputError
from smirk3d.head_import.reading import array_files, source_files
from smirk3d.head_import.reading.array_files import read_npy, read_npz
from smirk3d.head_import.reading.obj_mesh import parse_obj, parse_obj_vertices
from smirk3d.head_import.reading.source_files import read_source_files, source_names

FILES = {"top/a.txt": b"one", "top/deep/b.txt": b"two", "c.bin": b"three"}


def as_folder(path):
    for name, content in FILES.items():
        (path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "all" / name).write_bytes(content)
    return path / "all"


def as_zip(path):
    with zipfile.ZipFile(path / "all.zip", "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return path / "all.zip"


def as_tar(path):
    with tarfile.open(path / "all.tar.xz", "w:xz") as archive:
        for name, content in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path / "all.tar.xz"


@pytest.mark.parametrize("pack", [as_folder, as_zip, as_tar])
def test_folders_and_archives_read_alike(pack, tmp_path):
    source = pack(tmp_path)
    assert set(source_names(source)) == set(FILES)
    found = dict(read_source_files(source, lambda name: name.endswith(".txt")))
    assert found == {name: FILES[name] for name in ("top/a.txt", "top/deep/b.txt")}


def test_depth_limits_the_search_in_folders(tmp_path):
    source = as_folder(tmp_path)
    assert [name for name, _ in read_source_files(source, lambda _: True, depth=0)] == ["c.bin"]


@pytest.mark.parametrize("pack", [as_zip, as_tar])
def test_what_would_unpack_too_large_is_refused(pack, tmp_path, monkeypatch):
    source = pack(tmp_path)
    monkeypatch.setattr(source_files, "LARGEST_FILE", 4)
    with pytest.raises(InputError, match=r"c\.bin makes it larger"):
        list(read_source_files(source, lambda _: True))
    monkeypatch.setattr(source_files, "LARGEST_FILE", 100)
    monkeypatch.setattr(source_files, "LARGEST_TOTAL", 10)
    with pytest.raises(InputError, match="larger than a head can be"):
        list(read_source_files(source, lambda _: True))


def test_an_array_that_would_unpack_too_large_is_refused(monkeypatch):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.zeros(100_000))
    monkeypatch.setattr(array_files, "LARGEST_ARRAYS", 10_000)
    with pytest.raises(AssetError, match="would unpack to more"):
        read_npz(buffer.getvalue(), "x.npz", ["a"])


def test_npy_files_return_as_they_were():
    for array in (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.eye(3)), np.array(7, ">i4")):
        buffer = io.BytesIO()
        np.save(buffer, array)
        assert np.array_equal(read_npy(buffer.getvalue(), "a.npy"), array)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:40],
        lambda data: b"",
        lambda data: data.replace(b"<f8", b"<f3"),
        lambda data: data.replace(b"(4,)", b"(-4,)"),
        lambda data: data.replace(b"NUMPY\x01", b"NUMPY\x09"),
    ],
)
def test_damaged_npy_files_are_refused_by_name(damage):
    buffer = io.BytesIO()
    np.save(buffer, np.arange(4.0))
    with pytest.raises(AssetError, match=r"a\.npy is not a whole array file"):
        read_npy(damage(buffer.getvalue()), "a.npy")


CUBE_SIDE = b"""# a square and a triangle
mtllib x.mtl
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
vn 0 0 1
vt 0 0
vt 1 0
vt 1 1
usemtl front
f 1/1/1 2/2/1 3/3/1 4/1/1
usemtl back
f 1 2 3
"""


def test_polygons_become_triangles_with_their_material():
    mesh = parse_obj(CUBE_SIDE, "x.obj")
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]
    assert mesh.uv_faces.tolist() == [[0, 1, 2], [0, 2, 0], [0, 0, 0]]
    assert mesh.materials.tolist() == ["front", "front", "back"]


def test_vertex_lines_need_not_follow_one_another():
    scattered = CUBE_SIDE + b"v 5 6 7\n"
    assert parse_obj_vertices(scattered, "x.obj")[-1].tolist() == [5, 6, 7]
    assert len(parse_obj_vertices(scattered, "x.obj")) == 5


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no 'v' lines"),
        (b"v 1 2\nf 1 1 1\n", "must hold 3 numbers"),
        (b"v 1 2 nan\nf 1 1 1\n", "not finite"),
        (b"v 1 2 x\nf 1 1 1\n", "is no number"),
        (b"v 1 2 3\n", "no faces"),
        (b"v 1 2 3\nf 1 1 2\n", "vertex number outside 1 to 1"),
        (b"v 1 2 3\nf 1 1 a\n", "is no number"),
        (b"v 1 2 3\nvt 0 0\nf 1/1 1/1 1/2\n", "uv number outside 1 to 1"),
    ],
)
def test_broken_meshes_are_refused_by_name(content, complaint):
    with pytest.raises(InputError, match=complaint) as refused:
        parse_obj(content, "x.obj")
    assert "x.obj" in str(refused.value)
