"""Small pickles that would build gigabytes are refused before they do, within bounded memory."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.errors import AssetError
from smirk3d.head_import.reading.array_budget import ByteBudget, Refused, plain_array
from smirk3d.head_import.reading.array_pickle import read_array_pickle

_ADDRESS_SPACE = 500 << 20
"""Bytes that reading may take above what the imports have."""

_READ = """
import resource, sys
import torch
from smirk3d.errors import AssetError
from smirk3d.head_import.flame.files import parse_flame_model
torch.set_num_threads(1)
torch.zeros(1000).sum()
own = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = own + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    parse_flame_model(sys.stdin.buffer.read(), "x.pkl")
except AssetError as error:
    assert "MemoryError" not in str(error) and "allocate" not in str(error), error
    print(error)
"""


class _Made:
    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple[object, ...]:
        return self.call


def _view(count: int, dtype: torch.dtype = torch.int8) -> bytes:
    """A tensor of one number with a stride of 0."""
    return pickle.dumps({"v_template": torch.zeros(1, dtype=dtype).expand(count)}, 2)


def _wide_selection() -> bytes:
    """chumpy's Select of one text of 200 bytes, ten million times."""
    named = pickle.dumps({"a": np.array(["x" * 50]), "idxs": np.zeros(10_000_000, np.int8)}, 2)
    body = named[2:-1]
    return b"\x80\x02}X\x0a\x00\x00\x00v_templatecchumpy.reordering\nSelect\n)\x81" + body + b"bs."


def _list_of_one(value: object, count: int) -> bytes:
    return pickle.dumps({"v_template": [value] * count}, 2)


def _repeated_call() -> bytes:
    """A text of 8 MB that is encoded a thousand times."""
    text = b"X" + (8 << 20).to_bytes(4, "little") + b"x" * (8 << 20)
    call = b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R"
    return b"\x80\x02" + text + b"q\x000](" + call * 1000 + b"e."


def _colliding_keys() -> bytes:
    """Whole numbers that hash alike."""
    prime = (1 << 61) - 1
    keys = b"".join(
        b"\x8a\x0c" + (n * prime).to_bytes(12, "little", signed=True) + b"N"
        for n in range(1, 20_000)
    )
    return b"\x80\x02}(" + keys + b"u."


_ZEROS = bytes(1 << 20)

BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a view of one number": (lambda: _view(1 << 25), "larger than its storage"),
    "many views": (
        lambda: pickle.dumps(
            {"v_template": [torch.zeros(1, dtype=torch.complex128).expand(1 << 27)] * 3}, 2),
        "not plain numbers|larger than"),
    "a wide selection": (_wide_selection, "something else than numbers"),
    "a text encoded often": (_repeated_call, "more than 384 MiB"),
    "colliding keys": (_colliding_keys, "huge numbers"),
    "small numbers": (
        lambda: pickle.dumps({"v_template": np.zeros(60 << 20, np.int8)}, 2),
        "larger than a head"),
    "many arrays of the same bytes": (
        lambda: pickle.dumps(
            {"v_template": [np.frombuffer(_ZEROS, np.int8)[:].copy() for _ in range(60)]}, 2),
        "more than 384 MiB"),
    "an empty shape with a long side": (
        lambda: pickle.dumps({"v_template": np.zeros((0, 10**12))}, 2), "larger than a head"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(name: str) -> None:
    make, reason = BOMBS[name]
    with pytest.raises(AssetError, match=reason):
        read_array_pickle(make(), "x.pkl", ["v_template", "shapedirs"])


def _refused_within_memory(content: bytes) -> str:
    if not sys.platform.startswith("linux"):
        pytest.skip("limits of the address space are Linux's")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(_ADDRESS_SPACE)], input=content, env=environment,
        capture_output=True, check=True,
    )  # fmt: skip
    return done.stdout.decode().strip()


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("pickle-select-bomb-13GB", "something else than numbers"),
        ("pickle-tensor-many", "not plain numbers"),
    ],
)
def test_the_bombs_that_were_seen_are_refused_within_500_mb(
    shared_dir: Path, case: str, reason: str
) -> None:
    for path in (shared_dir / "cases" / case).glob("*.pkl"):
        text = _refused_within_memory(path.read_bytes())
        assert reason in text and text.isprintable()


def test_a_text_encoded_often_is_refused_within_500_mb() -> None:
    assert "384 MiB" in _refused_within_memory(BOMBS["a text encoded often"][0]())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.zeros(1 << 20, np.int8), "more than 384 MiB"),
        ("x" * 100_000, "something else than numbers"),
        (np.array(["x" * 1000]), "something else than numbers"),
    ],
)
def test_what_is_listed_often_counts_as_often_as_an_array(value: object, reason: str) -> None:
    found = read_array_pickle(_list_of_one(value, 9_000), "x.pkl", ["v_template"])
    with pytest.raises(Refused, match=reason):
        plain_array(found["v_template"], ByteBudget())


def test_names_of_others_are_printed_in_one_safe_line() -> None:
    for content in (
        b"\x80\x02c\x1b[2J\x1b[31mevil\nx\n.",
        b"\x80\x04X\x05\x00\x00\x00numpyX\x0f\x00\x00\x00dtype\x1b[31m\nEVIL\x93.",
    ):
        with pytest.raises(AssetError, match="nothing was run") as caught:
            read_array_pickle(content, "x.pkl")
        assert str(caught.value).isprintable()


def test_what_a_real_model_holds_is_within_the_budget() -> None:
    model = {
        "shapedirs": np.zeros((5023, 3, 400)), "posedirs": np.zeros((5023, 3, 36)),
        "weights": np.zeros((5023, 5)), "f": np.zeros((9976, 3), np.uint32),
    }  # fmt: skip
    buffer = io.BytesIO()
    pickle.dump(model, buffer, 2)
    assert read_array_pickle(buffer.getvalue(), "x.pkl")["shapedirs"].shape == (5023, 3, 400)
