"""The page's TypeScript finds what Python finds, and writes what Python reads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.export.arkit_csv import arkit_rows
from smirk3d.export.arkit_csv_reading import read_arkit_csv
from smirk3d.export.gaps import with_gaps_filled
from smirk3d.export.rigs.surface import has_closed_skin
from smirk3d.heads.registry import load_head
from smirk3d.live.vmc import unity_quaternion_xyzw
from smirk3d.parameters.face_parameters import FaceParameters
from tests.export.gltf_reading import GltfHead

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
HAIR = (7, 9)
"""Numbers of the parts that the page's files leave out."""


def vitest() -> list[str]:
    """The command of the page's tests; skips the test where it cannot run."""
    npx = shutil.which("npx")
    if npx is None:
        pytest.skip("no npx here: install Node.js to test the page")
    if not (WEB / "node_modules" / "vitest").is_dir():
        pytest.skip("the page's packages are not installed: npm ci in web/")
    return [npx, "vitest", "run", "tests/head.test.ts", "tests/motion.test.ts"]


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    command = vitest()
    pytest.importorskip("skimage")
    folder = tmp_path_factory.mktemp("vectors")
    writer = [sys.executable, str(ROOT / "scripts" / "web_vectors.py"), str(folder)]
    subprocess.run([*writer, "--heads-only"], check=True)
    environment = {**os.environ, "SMIRK3D_WEB_VECTORS": str(folder)}
    done = subprocess.run(
        command, check=False, cwd=WEB, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def performance(vectors: Path) -> tuple[FaceParameters, np.ndarray]:
    """The faces that the page's files show, and their times."""
    told = json.loads((vectors / "motion.json").read_text("utf-8"))
    rows = {name: [frame[name] for frame in told["frames"]] for name in told["frames"][0]}
    frames = FaceParameters(**{name: torch.tensor(values) for name, values in rows.items()})
    frames = frames.replace(shape=frames.shape[:1].expand_as(frames.shape))
    times = np.array(told["seconds"]) - told["seconds"][0]
    seen = np.array([t for t in range(len(times)) if t % 12 < 9])
    head = load_head("open@2")
    return with_gaps_filled(head, frames[torch.from_numpy(seen)], seen, times), times


def test_typescript_reproduces_heads_and_motion(vectors: Path) -> None:
    assert (vectors / "motion.glb").is_file()


def test_a_recorded_glb_has_the_heads_vertices(
    vectors: Path, performance: tuple[FaceParameters, np.ndarray]
) -> None:
    frames, times = performance
    head = load_head("open@2")
    hairless = ~torch.isin(head.part[head.faces], torch.tensor(HAIR)).any(1)
    ids = head.faces[hairless].unique()
    file = GltfHead.load(vectors / "motion.glb")
    animation = file.model.animations[0]
    outputs = {}
    for channel in animation.channels:
        sampler = animation.samplers[channel.sampler]
        np.testing.assert_allclose(file.array(sampler.input)[:, 0], times, atol=1e-6)
        outputs[channel.target.node, channel.target.path] = file.array(sampler.output)
    whole = head(frames.to(head.v_template)).vertices.numpy()
    mesh = file.model.meshes[0]
    assert set(mesh.extras["targetNames"]) >= {"jawOpen", "eyeBlinkLeft", "mouthSmileLeft"}
    for t in (0, 5, len(times) - 1):
        for (node, path), values in outputs.items():
            if path == "weights":
                mesh.weights = values.reshape(len(times), -1)[t].tolist()
            else:
                file.model.nodes[node].rotation = values[t].tolist()
        (read,) = file.posed_primitives()
        np.testing.assert_allclose(read, whole[t][ids], atol=2.5e-4)


def test_a_still_glb_is_the_face_itself(
    vectors: Path, performance: tuple[FaceParameters, np.ndarray]
) -> None:
    head = load_head("open@2")
    file = GltfHead.load(vectors / "still.glb")
    assert not file.model.animations
    (material,) = file.model.materials
    assert material.doubleSided is not has_closed_skin(head)
    hairless = ~torch.isin(head.part[head.faces], torch.tensor(HAIR)).any(1)
    whole = head(performance[0][:1].to(head.v_template)).vertices[0].numpy()
    (read,) = file.posed_primitives()
    np.testing.assert_allclose(read, whole[head.faces[hairless].unique()], atol=3e-5)


def test_a_recorded_csv_is_read_back(
    vectors: Path, performance: tuple[FaceParameters, np.ndarray]
) -> None:
    frames, times = performance
    head = load_head("open@2")
    lines = (vectors / "motion.csv").read_text("ascii").splitlines()
    values = np.array([[float(cell) for cell in line.split(",")[2:]] for line in lines[1:]])
    np.testing.assert_allclose(values, arkit_rows(head, frames).numpy(), atol=2e-5)
    clipped = [line.split(",") for line in lines]
    for row in clipped[1:]:
        row[2:] = [f"{min(max(float(cell), -1), 1):.10f}" for cell in row[2:]]
    bounded = vectors / "bounded.csv"
    bounded.write_text("\n".join(map(",".join, clipped)), "ascii")
    read, read_times = read_arkit_csv(bounded, head)
    assert len(read.jaw) == len(times)
    np.testing.assert_allclose(read_times, times, atol=1e-3)


def test_recorded_vmc_messages_are_the_senders(
    vectors: Path, performance: tuple[FaceParameters, np.ndarray]
) -> None:
    frames, times = performance
    head = load_head("open@2")
    told = json.loads((vectors / "motion.vmc.json").read_text("utf-8"))
    assert len(told["frames"]) == len(times)
    weights = head.arkit(frames).numpy()
    angles = np.asarray(arkit_rows(head, frames))[:, len(ARKIT_NAMES) :]
    for t, frame in enumerate(told["frames"]):
        messages = frame["messages"]
        assert messages[0][:2] == ["/VMC/Ext/Bone/Pos", "Head"]
        turn = unity_quaternion_xyzw(*map(float, angles[t, :3]))
        np.testing.assert_allclose(messages[0][5:], turn, atol=1e-5)
        blends = [message[2] for message in messages if message[0] == "/VMC/Ext/Blend/Val"]
        np.testing.assert_allclose(blends, weights[t], atol=1e-5)
        assert messages[-1] == ["/VMC/Ext/T", frame["seconds"]]
        assert frame["seconds"] == pytest.approx(times[t], abs=1e-9)
