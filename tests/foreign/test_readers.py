"""Each format's own ways to lie about sizes, types and names."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.assets.foreign.archives import ZipArchive, tar_members, unpack_gzip
from smirk3d.assets.foreign.json_text import parse_json, read_json_file
from smirk3d.assets.foreign.npy import read_npy_header, read_npy_values
from smirk3d.assets.foreign.npz import read_npz
from smirk3d.assets.foreign.origin import DAMAGE, Origin, Unfit, one_line
from smirk3d.assets.foreign.schema import ArrayRule
from smirk3d.assets.foreign.tensors import SafetensorsFile, load_torch_file, save_torch_file
from smirk3d.errors import AssetError, InputError

ORIGIN = Origin("some.file", "thing", "make it again")
ANY = ArrayRule("...", "fiubU")


def npy(array: object) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array))
    return buffer.getvalue()


def with_header(text: str, values: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + values


def zipped(method: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def npz(content: bytes, budget: int = 1 << 20, **rules: ArrayRule) -> dict[str, np.ndarray]:
    return read_npz(content, ORIGIN, rules or {"a": ANY}, budget=budget)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">i4").reshape(2, 3), np.float16(1.5), np.zeros((0, 4)), np.array("añ"),
        np.asfortranarray(np.arange(12.0).reshape(3, 4)), np.array([True, False]),
        np.array(["", "b"]), np.zeros(3, "<U0"),
    ],
)  # fmt: skip
def test_plain_arrays_return_as_numpy_wrote_them(array: np.ndarray) -> None:
    found = npz(zipped(a=npy(array)))["a"]
    assert np.array_equal(found, array) and found.shape == np.shape(array)
    assert found.dtype.isnative


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_all_versions_of_the_header_are_read(version: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.arange(3), version)
    assert npz(zipped(a=buffer.getvalue()))["a"].tolist() == [0, 1, 2]


HEADERS = {
    "parentheses": ("(" * 4000, "header cannot be read"),
    "call": ("{'descr': open('x'), 'fortran_order': False, 'shape': (3,), }", "cannot be read"),
    "fields": ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }", "fields"),
    "negative": ("{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }", "cannot be read"),
    "huge": ("{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999,), }", "unpack to"),
    "wide text": ("{'descr': '<U999999999', 'fortran_order': False, 'shape': (1,), }", "unpack"),
    "nothing often": ("{'descr': '<U0', 'fortran_order': False, 'shape': (9999999999,)}", "unpack"),
    "objects": ("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", "holds objects"),
    "complex": ("{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }", "not plain numbers"),
    "odd width": ("{'descr': '<f3', 'fortran_order': False, 'shape': (3,), }", "not plain numbers"),
    "many dimensions": (
        "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1," * 40 + ")}", "40 dimensions"),
    "a key twice": ("{'descr': '<f4', 'descr': '<f4', 'shape': (3,), }", "cannot be read"),
    "no shape": ("{'descr': '<f4', 'fortran_order': False}", "not whole"),
    "more after it": (
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), } + 1", "not whole"),
    "empty": ("", "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_lie_are_refused(name: str) -> None:
    text, reason = HEADERS[name]
    with pytest.raises(InputError, match=f"some.file is not a whole thing .*{reason}"):
        npz(zipped(a=with_header(text, bytes(12))))


def test_values_that_their_type_does_not_have_are_refused() -> None:
    flags = npy(np.array([True])).replace(b"\n\x01", b"\n\x07")
    text = npy(np.array(["a"])).replace(b"\na\0\0\0", b"\n\xff\xff\xff\x7f")
    for content in (flags, text):
        with pytest.raises(InputError, match=r"neither 0 nor 1|no character"):
            npz(zipped(a=content))


@pytest.mark.parametrize("extra", [-1, 1])
def test_an_array_has_the_bytes_of_its_shape(extra: int) -> None:
    data = npy(np.arange(4.0))
    data = data[:extra] if extra < 0 else data + b"x"
    with pytest.raises(InputError, match=r"a: (it ends after|more follows)"):
        npz(zipped(a=data))


def test_the_budget_is_for_the_whole_file() -> None:
    content = zipped(zipfile.ZIP_DEFLATED, **{k: npy(np.zeros(1000)) for k in "abc"})
    rules = dict.fromkeys("abc", ANY)
    assert len(npz(content, 24_000, **rules)) == 3
    with pytest.raises(InputError, match="would unpack to more than"):
        npz(content, 23_999, **rules)
    assert len(npz(content, 8_000, a=ANY)) == 1, "what is not asked for costs nothing"


def test_rules_name_shared_sizes_kinds_and_ranges() -> None:
    content = zipped(a=npy(np.zeros((2, 3))), b=npy(np.arange(4)))
    npz(content, a=ArrayRule("N 3"), b=ArrayRule("M", "iu", low=0, high=3))
    for rules, reason in (
        ({"a": ArrayRule("N 3"), "b": ArrayRule("N", "iu")}, r"b must have shape \[N\], N=2"),
        ({"b": ArrayRule("M")}, "b holds whole numbers, not real numbers"),
        ({"b": ArrayRule("M", "i", high=2)}, "b has 3, the most possible is 2"),
        ({"c": ArrayRule("M")}, "it lacks c"),
    ):
        with pytest.raises(InputError, match=reason):
            npz(content, **rules)
    infinite = zipped(a=npy(np.array([np.inf])))
    npz(infinite, a=ArrayRule("N", finite="no nan"))
    with pytest.raises(InputError, match="not finite"):
        npz(infinite, a=ArrayRule("N"))


def _encrypted() -> bytes:
    data = bytearray(zipped(a=npy(np.zeros(2))))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    return bytes(data)


def _twice() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a.npy", npy(np.zeros(2)))
        archive.writestr("a.npy", npy(np.ones(2)))
    return buffer.getvalue()


def _lying_size() -> bytes:
    data = bytearray(zipped(a=npy(np.zeros(2))))
    place = data.index(b"PK\x01\x02")
    data[place + 24 : place + 28] = (1 << 30).to_bytes(4, "little")
    return bytes(data)


def _lying_directory() -> bytes:
    data = bytearray(zipped(a=npy(np.zeros(2))) + bytes(20 << 20))
    end = data.index(b"PK\x05\x06")
    data[end + 12 : end + 16] = (end - 16).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_encrypted, "a.npy is encrypted"),
        (_twice, "holds a.npy twice"),
        (_lying_size, "promises more bytes"),
        (_lying_directory, "not a zip|too large|Bad"),
        (lambda: zipped(zipfile.ZIP_LZMA, a=npy(np.zeros(2))), "another method than deflate"),
        (lambda: zipped(zipfile.ZIP_BZIP2, a=npy(np.zeros(2))), "another method than deflate"),
        (lambda: zipped(**{f"m{n}": b"" for n in range(1001)}), "1001 members"),
        (lambda: b"", "not a zip"),
    ],
)
def test_archives_that_lie_are_refused(make, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        npz(make())


def test_a_member_is_read_up_to_a_limit() -> None:
    with ZipArchive(zipped(a=bytes(100)), most_members=5) as archive:
        assert archive.read("a.npy", largest=100) == bytes(100)
        with pytest.raises(Unfit, match=r"a\.npy would unpack to more"):
            archive.read("a.npy", largest=99)
    with pytest.raises(Unfit, match="unpacks to more than 1 MiB"):
        unpack_gzip(gzip.compress(bytes(5 << 20)), largest=1 << 20)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "nested too deep"),
        ("[" * 40 + "]" * 40, "deeper than 32"),
        ('{"a": 1, "a": 2}', "name twice"),
        ("[NaN]", "holds NaN"),
        ("[-Infinity]", "holds -Infinity"),
        ("[1e999]", "too large a number"),
        ("[" + "9" * 5000 + "]", "5000 digits"),
        ("{", "not JSON"),
        (b"\xff\xfe", "utf-8"),
        ('"' + "x" * 2000 + '"', "more than 1 KiB"),
    ],
)
def test_json_that_json_does_not_allow_is_refused(text: str | bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        parse_json(text, ORIGIN, largest=1 << 20 if "x" not in str(text)[:3] else 1 << 10)


def test_a_json_file_is_not_read_beyond_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(InputError, match="no such file: make it again"):
        read_json_file(Origin(str(path), "thing", "make it again"))
    path.write_text(json.dumps({"a": [1, 2.5, "x", None, True]}))
    origin = Origin(str(path), "thing", "make it again")
    assert read_json_file(origin) == {"a": [1, 2.5, "x", None, True]}
    with pytest.raises(InputError, match="more than 0 KiB"):
        read_json_file(origin, largest=10)


def _safetensors(header: dict[str, object], data: bytes = bytes(8)) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def _entry(**changes: object) -> dict[str, object]:
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not there|nested|JSON"),
        ((1 << 62).to_bytes(8, "little"), "not there"),
        (_safetensors(_entry(shape=[3])), "bytes of its shape"),
        (_safetensors(_entry(shape=[-2])), "no shape or place"),
        (_safetensors(_entry(shape=[2.0])), "no shape or place"),
        (_safetensors(_entry(dtype="F99")), "unknown type"),
        (_safetensors(_entry(data_offsets=[8, 16])), "begins at byte 8"),
        (_safetensors(_entry(), bytes(9)), "the file has 9"),
        (_safetensors({**_entry(), "b": _entry()["a"]}), "begins at byte 0"),
        (_safetensors({**_entry(), "__metadata__": {"x": 1}}), "else than text"),
        (_safetensors({"a": [1]}), "no JSON object"),
    ],
)
def test_safetensors_that_lie_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(AssetError, match=reason):
        SafetensorsFile(Origin(str(path), "safetensors file", "copy it again", AssetError))


def test_safetensors_are_read_as_their_own_library_writes_them(tmp_path: Path) -> None:
    from safetensors.torch import save

    tensors = {
        "a": torch.arange(6.0).reshape(2, 3).half(), "b": torch.tensor(5), "c": torch.zeros(0, 3),
        "d": torch.tensor([True, False]), "e": torch.tensor([1.5], dtype=torch.bfloat16),
    }  # fmt: skip
    path = tmp_path / "a.safetensors"
    path.write_bytes(save(tensors, metadata={"k": "v"}))
    file = SafetensorsFile(Origin(str(path), "file", "copy it again"))
    assert file.metadata == {"k": "v"} and file.shapes["a"] == (2, 3)
    for name, tensor in file.tensors().items():
        assert torch.equal(tensor, tensors[name]) and tensor.dtype == tensors[name].dtype


def test_torch_files_hold_what_their_bytes_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    origin = Origin(str(path), "file of tensors", "copy it again")
    torch.save({"a": torch.zeros(1).expand(1 << 28)}, path)
    with pytest.raises(InputError, match=r"shape \[268435456\] in 4 bytes"):
        load_torch_file(origin)
    torch.save({"a": torch.eye(2).to_sparse()}, path)
    with pytest.raises(InputError, match="another kind than plain numbers"):
        load_torch_file(origin)
    torch.save([torch.zeros(3)], path)
    with pytest.raises(InputError, match="larger than 0 GiB"):
        load_torch_file(origin, largest=10)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "b.pt", "w", 8) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(InputError, match="compressed"):
        load_torch_file(Origin(str(tmp_path / "b.pt"), "file", "copy it again"))


def tar(*members: tuple[str, bytes], size: int | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_tar_archives_are_read_in_every_packing(tmp_path: Path, pack) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(pack(tar(("a", b"one"), ("b", bytes(600)), ("c", b"three" * 500))))
    found = {m.name: m.read() for m in tar_members(path, most_members=9) if m.name != "b"}
    assert found == {"a": b"one", "c": b"three" * 500}
    with pytest.raises(Unfit, match="more than 2 members"):
        list(tar_members(path, most_members=2))


def test_a_torch_file_on_a_full_disk_has_the_disks_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full is Linux's")
    with pytest.raises(OSError, match="No space left"):
        save_torch_file({"a": torch.zeros(1000)}, Path("/dev/full"))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_tar_archives_cut_short_are_damage(tmp_path: Path, pack) -> None:
    path = tmp_path / "a.tar"
    whole = pack(tar(("a", np.random.default_rng(0).bytes(9000))))
    for length in (0, 10, len(whole) // 3, len(whole) - 8):
        path.write_bytes(whole[:length])
        with pytest.raises(DAMAGE):
            for member in tar_members(path, most_members=9):
                assert len(member.read()) == 9000
            if length == len(whole) - 8:
                raise EOFError("the end mark may lack")


def test_a_tar_header_that_asks_for_gigabytes_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 2 << 30
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(info.tobuf() + bytes(1 << 20)))
    with pytest.raises(DAMAGE):
        list(tar_members(path, most_members=9))


def test_refusals_are_one_printable_line() -> None:
    origin = Origin("a\n\x1b[31m\udcff.npz", "thing", "make it again", AssetError)
    text = str(origin.refusal("x\r\ny\x1b]0;evil\x07" + "z" * 999))
    assert text.isprintable() and len(text) < 400
    assert one_line("añ ü") == "añ ü"


def test_values_are_checked_against_their_header() -> None:
    file = io.BytesIO(npy(np.arange(3)))
    header = read_npy_header(file)
    assert (header.shape, header.kind, header.nbytes) == ((3,), "i", 24)
    assert read_npy_values(file, header).tolist() == [0, 1, 2]
