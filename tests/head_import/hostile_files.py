"""Files that try to run something, to fill the memory, or to pass for a head."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch


class _Calls:
    """An object whose pickle calls a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def _pickled(value: Any, protocol: int = 2) -> bytes:
    return pickle.dumps(value, protocol)


def _flame_with(canary: Path, **entries: Any) -> bytes:
    return _pickled({"v_template": np.zeros((4, 3)), **entries})


def _npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _npy_promising(shape: str) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + b"\0" * 64


def _zip(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


def _tar(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _nested(depth: int) -> bytes:
    return b"\x80\x02" + b")" + b"\x85" * depth + b"."


def _laughs() -> bytes:
    """Lists of ten references to the list before, thirty deep."""
    levels = [b"\x80\x02]q\x00"]
    for level in range(30):
        levels.append(b"](" + b"h" + bytes([level]) + (b"h" + bytes([level])) * 9 + b"eq")
        levels.append(bytes([level + 1]))
    return b"".join(levels) + b"."


def _torch_storage(canary: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save(_Calls(os.system, f"touch {canary}"), buffer)
    storage = _Calls(torch.storage._load_from_bytes, buffer.getvalue())
    table = np.array({"static_lmk_faces_idx": storage}, dtype=object)
    buffer = io.BytesIO()
    np.save(buffer, table, allow_pickle=True)
    return buffer.getvalue()


def _array_state(shape: tuple[int, ...], data: bytes) -> bytes:
    """A float64 array whose state is given, as numpy writes it in protocol 2."""
    reconstruct = np.zeros(1).__reduce__()
    array = _Calls(reconstruct[0], *reconstruct[1])
    array.call = (*array.call, (1, shape, np.dtype("f8"), False, data))
    return _pickled({"v_template": array})


Builder = Callable[[Path], bytes]

HOSTILE: dict[str, tuple[str, Builder, str]] = {
    "os.system in text": (
        "a.pkl", lambda c: b"cos\nsystem\n(S'touch " + bytes(c) + b"'\ntR.", "asks for os.system"),
    "posix.system": (
        "a.pkl", lambda c: _pickled(_Calls(os.system, f"touch {c}")), "asks for .*system"),
    "system by stacked name": (
        "a.pkl", lambda c: _pickled(_Calls(os.system, f"touch {c}"), 4), "asks for .*system"),
    "builtins.eval": (
        "a.pkl", lambda c: _pickled(_Calls(eval, f"open({str(c)!r}, 'w')")), "asks for .*eval"),
    "builtins.exec inside a model": (
        "a.pkl",
        lambda c: _flame_with(c, shapedirs=_Calls(exec, f"open({str(c)!r}, 'w')")),
        "asks for .*exec"),
    "subprocess": (
        "a.pkl",
        lambda c: _pickled(_Calls(subprocess.Popen, ("touch", str(c)))),
        "asks for .*Popen"),
    "nested reduce": (
        "a.pkl",
        lambda c: b"cfunctools\npartial\n(cposix\nsystem\nS'touch " + bytes(c) + b"'\ntR(tR.",
        "asks for functools.partial"),
    "numpy.load": (
        "a.pkl", lambda c: _pickled(_Calls(np.load, str(c), None, True)), "asks for numpy.*load"),
    "numpy runs text": (
        "a.pkl",
        lambda c: b"cnumpy.testing\nrunstring\n(S'open(\"" + bytes(c) + b"\",\"w\")'\n}tR.",
        "asks for numpy.testing.runstring"),
    "object array with a call": (
        "a.pkl",
        lambda c: _flame_with(c, f=np.array([_Calls(os.system, f"touch {c}")], object)),
        "asks for .*system"),
    "state for a function": (
        "a.pkl",
        lambda c: b"cnumpy.core.multiarray\n_reconstruct\n}S'__code__'\nI1\nsb.",
        "not a whole pickle"),
    "old-style instance": (
        "a.pkl", lambda c: b"(S'touch " + bytes(c) + b"'\nios\nsystem\n.", "instruction b'i'"),
    "extension code": ("a.pkl", lambda c: b"\x80\x02\x82\x01.", r"instruction b'\\x82'"),
    "persistent id": ("a.pkl", lambda c: b"Pos.system\n.", "instruction b'P'"),
    "huge shape": ("a.pkl", lambda c: _array_state((10**6, 10**6), b""), "than a head can be"),
    "shape without bytes": (
        "a.pkl", lambda c: _array_state((1000, 3), b"\0" * 8), "24000 bytes are not there"),
    "deep nesting": ("a.pkl", lambda c: _nested(100_000), "nested too deep"),
    "billion laughs": ("a.pkl", lambda c: _laughs(), "nested too deep or refers to itself"),
    "endless number": ("a.pkl", lambda c: b"I" + b"9" * 100_000 + b"\n.", "number of more than"),
    "picture as pickle": (
        "a.pkl", lambda c: b"\x89PNG\r\n\x1a\n" + bytes(200), "instruction|not a whole"),
    "empty file": ("a.pkl", lambda c: b"", "not a whole pickle"),
    "plain text": ("a.pkl", lambda c: b"hello there, this is no head\n", "not a whole|instruction"),
    "pickle of something else": ("a.pkl", lambda c: _pickled([1, 2]), "holds no FLAME model"),
    "torch storage with a call": (
        "landmark_embedding.npy", _torch_storage, "weights-only loading refuses"),
    "object array in npz": (
        "gnm.npz",
        lambda c: _npz(template_vertex_positions=np.array(
            [_Calls(os.system, f"touch {c}")], object)),
        "holds objects"),
    "npz that promises more": (
        "gnm.npz",
        lambda c: _zip(template_vertex_positions__npy=_npy_promising("(100000000, 3)")),
        "unpack to more than"),
    "npz cut short": ("gnm.npz", lambda c: _npz(a=np.zeros(9))[:100], "not a whole npz"),
    "tar that climbs out": (
        "a.tar.gz", lambda c: _tar(f"../../{c.name}", b"x"), "holds no head that is known"),
    "archive cut short": (
        "a.tar.gz", lambda c: _tar("x/generic_neutral_mesh.obj", os.urandom(9999))[:500],
        "cannot be read"),
    "mesh of another model": (
        "a.tar.gz", lambda c: _tar("FaceXModel/generic_neutral_mesh.obj", b"v 0 0 0\nf 1 1 1\n"),
        "1 vertices"),
}  # fmt: skip
"""By description: file name, builder from a canary's path, pattern of the refusal."""
