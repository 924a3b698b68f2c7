"""Made heads in our own layout and in those of FLAME, GNM and ICT-FaceKit; nothing is theirs."""

from __future__ import annotations

import functools
import io
import pickle
import tarfile
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tests.head_import.flame_files import (
    companion_tables,
    flame_arrays,
    write_companions,
    write_flame,
)
from tests.head_import.gnm_files import gnm_arrays
from tests.head_import.hostile_files import HOSTILE
from tests.head_import.python2_pickles import python2_pickle

from fuzz.inputs import Files
from smirk3d.heads.action_names import BLINKS, EXPRESSION_ACTIONS, GAZE_ACTIONS, JAW_ACTIONS
from smirk3d.heads.head_file import write_head_file
from smirk3d.heads.tiny import tiny_head_arrays

_ICT_VERTICES = 26_719
"""Of ICT-FaceKit's light model."""


def npz(**arrays: NDArray[np.generic]) -> bytes:
    """Return arrays as an npz file, not compressed, so that changes reach the numbers."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def tiny_head_file(kind: Literal["named", "pca"] = "named") -> bytes:
    """Return the synthetic head as a head file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.npz"
        write_head_file(path, *tiny_head_arrays(kind))
        return path.read_bytes()


def head_seeds() -> list[Files]:
    """Return head files."""
    return [{"head.npz": tiny_head_file("named")}, {"head.npz": tiny_head_file("pca")}]


def pickle_seeds() -> list[Files]:
    """Return pickles of arrays in all protocols, and those that try to run something."""
    values = {
        "v_template": np.zeros((4, 3)),
        "f": np.arange(6, dtype=np.uint32).reshape(2, 3),
        "column_major": np.asfortranarray(np.ones((3, 2), ">f4")),
        "names": np.array(["a", "bc"]),
        "objects": np.array([1, "x", None], dtype=object),
        "scalar": np.float32(1.5),
        "plain": [1, 2.5, "text", b"bytes", None, True, {"a": (1, 2)}, 2**70],
    }
    plain = [{"a.pkl": pickle.dumps(values, protocol)} for protocol in range(6)]
    # chumpy's and scipy's objects, as FLAME's own file has them
    plain += [{"a.pkl": python2_pickle(protocol)} for protocol in (0, 2)]
    small = _four_vertices(flame_arrays())
    with tempfile.TemporaryDirectory() as folder:
        for protocol in (0, 2):
            path = write_flame(Path(folder) / "flame.pkl", small, protocol)
            plain.append({"flame.pkl": path.read_bytes()})
    # files that are read count for more than those that are refused at once
    seeds = [*plain, *plain]
    for name, build, _ in HOSTILE.values():
        if name.endswith(".pkl"):
            content = build(Path("/nowhere/canary"))
            if len(content) < 1 << 16:
                seeds.append({"a.pkl": content})
    return seeds


def _four_vertices(arrays: dict[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    """Return a FLAME model's arrays for its first vertices alone, so that its file is short."""
    few = {name: arrays[name][:4] for name in ("v_template", "posedirs", "weights")}
    return {
        **arrays,
        **few,
        "shapedirs": np.zeros((4, 3, 301)),
        "J_regressor": arrays["J_regressor"][:, :4],
        "f": np.array([[0, 1, 2], [0, 2, 3]], np.uint32),
    }


def array_seeds() -> list[Files]:
    """Return npy and npz files as they lie beside heads."""
    table = np.array({"static_lmk_faces_idx": np.arange(3)}, dtype=object)
    buffer = io.BytesIO()
    np.save(buffer, table, allow_pickle=True)
    seeds: list[Files] = [{"table.npy": buffer.getvalue()}]
    for array in (np.zeros((5, 3)), np.asfortranarray(np.ones((2, 3), ">i2")), np.array(1.0)):
        buffer = io.BytesIO()
        np.save(buffer, array)
        seeds.append({"a.npy": buffer.getvalue()})
    seeds.append({"a.npz": npz(key=np.arange(3), other=np.array("text"))})
    return seeds


def import_seeds() -> list[Files]:
    """Return what `heads import` is given: files, folders and archives."""
    seeds = [_flame_file(2), _flame_folder(), {"gnm.npz": npz(**gnm_arrays())}]
    return [*seeds, {"head.npz": tiny_head_file()}, _ict_archive()]


def ict_seeds() -> list[Files]:
    """Return single files of ICT-FaceKit's layout, which replace those of :func:`ict_folder`."""
    folder = ict_folder()
    names = ("generic_neutral_mesh", "jawOpen", "eyeBlink_L", "identity000")
    return [{name: folder[name]} for name in (f"FaceXModel/{stem}.obj" for stem in names)]


def _flame_file(protocol: int) -> Files:
    with tempfile.TemporaryDirectory() as folder:
        path = write_flame(Path(folder) / "generic_model.pkl", flame_arrays(), protocol)
        return {path.name: path.read_bytes()}


def _flame_folder() -> Files:
    files = {f"assets/{name}": content for name, content in _flame_file(2).items()}
    arrays = flame_arrays()
    count = len(arrays["v_template"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_companions(folder, companion_tables(len(arrays["f"])))
        for side in "lr":
            np.save(folder / f"{side}_eyelid.npy", np.full((count, 3), 0.001))
        for path in sorted(folder.iterdir()):
            files[f"assets/{path.name}"] = path.read_bytes()
    lines = [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in arrays["v_template"]] + ["vt 0.5 0.5"]
    lines += [f"f {a}/1 {b}/1 {c}/1" for a, b, c in (arrays["f"].astype(int) + 1).tolist()]
    files["assets/head_template.obj"] = "\n".join(lines).encode() + b"\n"
    return files


@functools.cache
def ict_folder() -> Files:
    """Return a folder in ICT-FaceKit's layout with a mesh of random places and all actions."""
    rng = np.random.default_rng(0)
    vertices = rng.integers(-9, 10, (_ICT_VERTICES, 3))
    lines = [f"v {x} {y} {z}" for x, y, z in vertices.tolist()] + ["vt 0.5 0.5", "usemtl M_Face"]
    # each vertex in one triangle: whatever the converter looks for is there
    for first in range(1, _ICT_VERTICES - 2, 3):
        lines.append(f"f {first}/1 {first + 1}/1 {first + 2}/1")
    files = {"FaceXModel/generic_neutral_mesh.obj": "\n".join(lines).encode()}
    names = [*BLINKS, *JAW_ACTIONS, *GAZE_ACTIONS, *EXPRESSION_ACTIONS, "identity000"]
    names += ["browInnerUp_L", "browInnerUp_R", "cheekPuff_L", "cheekPuff_R"]
    whole = ("mouthLeft", "mouthRight", "jawLeft", "jawRight")
    for number, name in enumerate(dict.fromkeys(names)):
        short = name if name in whole else name.replace("Left", "_L").replace("Right", "_R")
        moved = vertices + rng.integers(-1, 2, 3) * (number % 3)
        points = [f"v {x} {y} {z}" for x, y, z in moved.tolist()]
        files[f"FaceXModel/{short}.obj"] = "\n".join(points).encode()
    return files


def _ict_archive() -> Files:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        name, content = next(iter(ict_folder().items()))
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return {"ict.tar": buffer.getvalue()}
