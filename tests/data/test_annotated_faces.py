from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smirk3d.data.annotated_faces import read_annotated_faces, read_landmarks, trains
from smirk3d.errors import InputError

KEYS = ("00028", "00029", "00030")


def jpeg(level: int, size: int = 224) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (size, size), (level, level, level)).save(stream, "JPEG")
    return stream.getvalue()


def write(folder: Path, files: dict[str, bytes], shard: str = "faces-0.tar") -> None:
    with tarfile.open(folder / shard, "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "annotations.npz", key=KEYS, source=["a", "b", "a"],
        landmarks_xy=rng.integers(0, 7168, (3, 478, 2)).astype(np.int16),
        blendshapes=np.zeros((3, 52)), blendshape_names=[f"b{i}" for i in range(52)],
        oval_inside=np.ones(3),
    )  # fmt: skip
    return tmp_path


def test_photos_come_in_the_order_of_the_annotations(folder: Path) -> None:
    write(folder, {"00030.jpg": jpeg(30), "00029.jpg": jpeg(20), "00028.jpg": jpeg(10)})
    faces = read_annotated_faces(folder)
    assert faces.keys.tolist() == list(KEYS)
    assert [round(float(image.float().mean())) for image in faces.images] == [10, 20, 30]
    assert faces.persons.tolist() == ["", "", ""]
    assert faces.held_out().tolist() == [False, True, False]
    kept, persons = read_landmarks(folder, keep=trains)
    assert kept.shape == (2, 478, 2) and len(persons) == 2
    assert (kept == faces.landmarks[[0, 2]]).all()


def test_a_corrupt_photo_is_counted_and_the_others_are_read(folder: Path) -> None:
    files = {f"{key}.jpg": jpeg(9) for key in KEYS}
    files["00029.jpg"] = files["00029.jpg"][:300]
    files["00030.jpg"] = jpeg(9, size=100)
    write(folder, files)
    faces = read_annotated_faces(folder)
    assert faces.keys.tolist() == ["00028"]
    assert set(faces.refused) == {"00029.jpg", "00030.jpg"}
    assert "100 x 100" in faces.refused["00030.jpg"]


def test_a_bad_shard_is_named(folder: Path) -> None:
    write(folder, {f"{key}.jpg": jpeg(9) for key in KEYS})
    (folder / "faces-1.tar").write_bytes(b"no tar" * 500)
    with pytest.raises(InputError, match=r"faces-1\.tar is not a whole shard"):
        read_annotated_faces(folder)


def test_a_cut_off_shard_is_named(folder: Path) -> None:
    write(folder, {f"{key}.jpg": jpeg(9) for key in KEYS})
    shard = folder / "faces-0.tar"
    shard.write_bytes(shard.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"not a whole shard|in no shard"):
        read_annotated_faces(folder)


def test_annotations_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"annotations\.npz: no such file"):
        read_annotated_faces(tmp_path)
    (tmp_path / "annotations.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"annotations\.npz is not a whole"):
        read_annotated_faces(tmp_path)
