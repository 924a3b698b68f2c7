from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from smirk3d.errors import AssetError, OutputError
from smirk3d.heads.head_file import read_head_file, write_head_file
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head_arrays


def _replaced_member(source: Path, target: Path, name: str, data: bytes | None) -> Path:
    """Copy a head file with one member replaced, or left out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        if data is not None:
            new.writestr(name, data)
    return target


def _npy(array: np.ndarray, **kwargs: bool) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **kwargs)
    return buffer.getvalue()


@pytest.fixture
def head_path(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.npz"
    write_head_file(path, *tiny_head_arrays())
    return path


@pytest.mark.parametrize("kind", ["named", "pca"])
def test_round_trip_keeps_every_array(tmp_path: Path, kind: str) -> None:
    arrays, meta = tiny_head_arrays(kind)
    write_head_file(tmp_path / "head.npz", arrays, meta)
    found = read_head_file(tmp_path / "head.npz")
    assert found.meta == {**meta, "format": 1}
    assert set(found.arrays) == set(arrays)
    for name, array in arrays.items():
        if array.dtype.kind == "f":
            assert found.arrays[name].dtype == np.float32
            # half precision keeps offsets of centimetres to 8 micrometres
            np.testing.assert_allclose(found.arrays[name], array, rtol=6e-4, atol=1e-6)
        else:
            np.testing.assert_array_equal(found.arrays[name], array)
    assert HeadModel(found.arrays, found.meta).name == f"tiny-{kind}"


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_head_file(tmp_path / name, *tiny_head_arrays())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_unknown_arrays_are_left_out_when_read(head_path: Path, tmp_path: Path) -> None:
    path = _replaced_member(head_path, tmp_path / "n.npz", "later.npy", _npy(np.zeros(3)))
    assert "later" not in read_head_file(path).arrays


def test_unknown_arrays_are_refused_when_written(tmp_path: Path) -> None:
    arrays, meta = tiny_head_arrays()
    with pytest.raises(AssetError, match="no array named landmarks"):
        write_head_file(tmp_path / "head.npz", {**arrays, "landmarks": np.zeros(3)}, meta)
    assert not (tmp_path / "head.npz").exists()


def _without(name: str):
    return lambda arrays: arrays.pop(name)


def _put(name: str, index, value):
    def change(arrays: dict) -> None:
        arrays[name] = np.array(arrays[name])
        arrays[name][index] = value

    return change


def _set(name: str, array):
    return lambda arrays: arrays.__setitem__(name, np.asarray(array))


UNFIT = {
    "lacks v_template": _without("v_template"),
    "lacks region_face": _without("region_face"),
    "v_template has a number that is not finite": _put("v_template", (0, 0), np.nan),
    "shape_basis has a number that is not finite": _put("shape_basis", (0, 0, 0), 1e6),
    "expr_lo has a number that is not finite": _put("expr_lo", 0, np.nan),
    "expr_lo exceeds expr_hi": _put("expr_lo", 0, 2.0),
    "expr_prior_std must be positive": _put("expr_prior_std", 0, 0.0),
    "lmk_mp_sigma must be positive": _put("lmk_mp_sigma", 0, 0.0),
    "rows of lmk_mp_bary must sum to 1": _put("lmk_mp_bary", 0, 0.9),
    "rows of lbs_weights must sum to 1": _put("lbs_weights", 0, 0.0),
    "lbs_weights has negative": _put("lbs_weights", 0, [-1.0, 2.0, 0, 0, 0]),
    "faces has an index outside 0 to 59": _put("faces", (0, 0), 60),
    "uv_faces has an index outside": _put("uv_faces", (0, 0), -1),
    "part has an index outside 0 to 9": _put("part", 0, 10),
    "lmk_mp_tri has an index outside": _put("lmk_mp_tri", 0, 10_000),
    "names a landmark twice": _put("lmk_mp_id", 0, 468),
    "gate names an expression": _put("gate", (0, 0), 38),
    "gate needs a jaw_basis": lambda a: (a.pop("jaw_basis"), a.pop("jaw_basis_neg")),
    "belong together": _without("gaze_range"),
    "a joint's parent must precede it": _put("joint_parents", 1, 2),
    "unknown joint tail": _put("joint_names", 2, "tail"),
    "a joint is named twice": _put("joint_names", 2, "neck"),
    "expr_names names an action twice": _put("expr_names", 0, "tongueOut"),
    r"eyelid_basis must have shape \[2 V 3\]": _set("eyelid_basis", np.zeros((1, 60, 3))),
    r"shape_basis must have shape \[S V 3\]": _set("shape_basis", np.zeros((6, 59, 3))),
    "pose_basis must have shape": _set("pose_basis", np.zeros((9, 180))),
    "faces does not hold whole numbers": _set("faces", np.zeros((4, 3))),
    "v_template does not hold real numbers": _set("v_template", np.zeros((60, 3), int)),
    "expr_names is not text": _set("expr_names", np.zeros(38)),
    "and heads are in metres": lambda a: a.__setitem__("v_template", a["v_template"] * 1000),
}


@pytest.mark.parametrize("complaint", UNFIT)
def test_unfit_arrays_are_refused(tmp_path: Path, complaint: str) -> None:
    arrays, meta = tiny_head_arrays()
    UNFIT[complaint](arrays)
    with pytest.raises(AssetError, match=complaint) as caught:
        write_head_file(tmp_path / "head.npz", arrays, meta)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "head.npz") in str(caught.value)


@pytest.mark.parametrize("key", ["name", "version", "source", "licence"])
def test_metadata_must_say_what_the_head_is(tmp_path: Path, key: str) -> None:
    arrays, meta = tiny_head_arrays()
    del meta[key]
    with pytest.raises(AssetError, match=f"metadata lack {key}"):
        write_head_file(tmp_path / "head.npz", arrays, meta)


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="is not there"):
        read_head_file(tmp_path / "none.npz")


def test_foreign_file(tmp_path: Path) -> None:
    path = tmp_path / "head.npz"
    path.write_text("not a head")
    with pytest.raises(AssetError, match="not a whole head file"):
        read_head_file(path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_truncated_file(head_path: Path, kept: float) -> None:
    data = head_path.read_bytes()
    head_path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(AssetError, match="not a whole head file"):
        read_head_file(head_path)


def test_damaged_file(head_path: Path) -> None:
    data = bytearray(head_path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    head_path.write_bytes(bytes(data))
    with pytest.raises(AssetError, match="not a whole head file"):
        read_head_file(head_path)


def test_a_missing_member_is_named(head_path: Path, tmp_path: Path) -> None:
    path = _replaced_member(head_path, tmp_path / "n.npz", "uv.npy", None)
    with pytest.raises(AssetError, match="lacks uv"):
        read_head_file(path)


@pytest.mark.parametrize(
    ("meta", "complaint"),
    [
        (None, "no metadata"),
        (_npy(np.array("{]")), "not JSON"),
        (_npy(np.array("[1]")), "no JSON object"),
        (_npy(np.zeros(3)), "meta holds real numbers"),
        (_npy(np.array(json.dumps({"name": "x", "format": 2}))), "format 2, readable is 1"),
    ],
)
def test_bad_metadata(head_path: Path, tmp_path: Path, meta: bytes | None, complaint: str) -> None:
    path = _replaced_member(head_path, tmp_path / "n.npz", "meta.npy", meta)
    with pytest.raises(AssetError, match=complaint):
        read_head_file(path)


def test_nothing_is_unpickled(head_path: Path, tmp_path: Path) -> None:
    pickled = _npy(np.array([{}], dtype=object), allow_pickle=True)
    path = _replaced_member(head_path, tmp_path / "n.npz", "uv.npy", pickled)
    with pytest.raises(AssetError, match="uv holds objects"):
        read_head_file(path)


def test_a_header_that_promises_too_much_is_refused(head_path: Path, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 3)}
    np.lib.format.write_array_header_1_0(buffer, header)
    path = _replaced_member(head_path, tmp_path / "n.npz", "uv.npy", buffer.getvalue())
    with pytest.raises(AssetError, match=r"shape \[T 2\]"):
        read_head_file(path)


def test_a_bomb_is_refused(head_path: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("smirk3d.heads.head_file.LARGEST_HEAD", 10_000)
    with pytest.raises(AssetError, match="would unpack to more than"):
        read_head_file(head_path)


def test_a_folder_is_no_place_for_a_head(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        write_head_file(tmp_path, *tiny_head_arrays())
