"""Blender itself, from PyPI's bpy, shows the heads of our GLB and USD files as we pose them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.export.blender.bpy_python import BPY_PYTHON, HAS_BPY, REASON
from tests.export.faces import random_faces

from smirk3d.export.glb import write_glb
from smirk3d.export.rigs.rig import HeadMotion
from smirk3d.export.rigs.surface import primitives
from smirk3d.export.usd.writing import write_usd
from smirk3d.heads.tiny import tiny_head

pytestmark = pytest.mark.skipif(not HAS_BPY, reason=REASON)
HEAD = tiny_head()
READER = Path(__file__).with_name("blender_reader.py")


def in_blender(path: Path, frames: list[float]) -> dict[str, np.ndarray]:
    """World vertices by mesh and frame, as Blender evaluates them."""
    out = path.with_suffix(".npz")
    arguments = [str(path), str(out), *(f"{frame:g}" for frame in frames)]
    subprocess.run([BPY_PYTHON, str(READER), *arguments], check=True, capture_output=True)
    with np.load(out) as stored:
        return {name: stored[name] for name in stored}


def vertex_ids() -> dict[str, np.ndarray]:
    """Vertices of each part's mesh."""
    return {primitive.part: primitive.vertex_ids for primitive in primitives(HEAD)}


def moving() -> HeadMotion:
    """Three frames at 24 a second, as Blender's scenes have."""
    frames = random_faces(HEAD, 3)
    frames = frames.replace(shape=frames.shape[:1].expand(3, -1))
    return HeadMotion(parameters=frames, timestamps=[0.0, 1 / 24, 2 / 24])


@pytest.mark.parametrize("animated", [False, True], ids=["still", "animated"])
def test_usd_opens_posed(tmp_path: Path, animated: bool) -> None:
    motion = moving()
    path = tmp_path / "face.usd"
    write_usd(path, HEAD, motion.parameters[0], motion=motion if animated else None)
    seen = in_blender(path, [0, 1, 2])
    expected = HEAD(motion.parameters).vertices.numpy()
    for frame in range(3):
        posed = expected[frame if animated else 0]
        for part, ids in vertex_ids().items():
            np.testing.assert_allclose(seen[f"{part}/{frame}"], posed[ids], atol=1e-5)


@pytest.mark.parametrize("animated", [False, True], ids=["still", "animated"])
def test_glb_opens_posed(tmp_path: Path, animated: bool) -> None:
    motion = moving()
    path = tmp_path / "face.glb"
    write_glb(path, HEAD, motion.parameters[0], motion=motion if animated else None)
    seen = in_blender(path, [0, 1, 2])
    expected = HEAD(motion.parameters).vertices.numpy()
    for frame in range(3):
        posed = expected[frame if animated else 0]
        ids = np.concatenate(list(vertex_ids().values()))
        (found,) = (points for name, points in seen.items() if name.endswith(f"/{frame}"))
        np.testing.assert_allclose(found, posed[ids], atol=1e-5)
