"""The zip of the Blender add-on, installed and used in Blender."""

from __future__ import annotations

import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.export.blender.bpy_python import BPY_PYTHON, HAS_BPY, REASON

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import OutputError
from smirk3d.export.arkit_csv import write_arkit_csv
from smirk3d.export.glb import write_glb
from smirk3d.export.rigs.surface import hair_primitives, primitives
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head
from smirk3d.live.datagrams import face_values
from smirk3d.live.live_link import LiveLinkSender
from smirk3d.live.vmc import VmcSender
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.tracking.performance import Performance

ROOT = Path(__file__).parents[3]
RUNNER = Path(__file__).with_name("blender_addon_run.py")
in_blender = pytest.mark.skipif(not HAS_BPY, reason=REASON)


@pytest.fixture(scope="module")
def addon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the zip was unpacked, as Blender unpacks it."""
    folder = tmp_path_factory.mktemp("addon")
    zipped = folder / "smirk3d-blender.zip"
    builder = ROOT / "scripts" / "blender_addon.py"
    subprocess.run([sys.executable, str(builder), str(zipped)], check=True)
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(folder / "smirk3d")
    return folder


def run(addon: Path, out: Path, *arguments: object) -> dict[str, np.ndarray]:
    command = [BPY_PYTHON, str(RUNNER), str(addon), str(out), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    with np.load(out) as stored:
        return {name: stored[name] for name in stored}


def acting(head: HeadModel, count: int = 3) -> FaceParameters:
    """Faces of one person that speak, look about and turn; lips and lids touch nothing."""
    weights = torch.zeros(count, 52)
    steps = torch.linspace(0.2, 0.6, count)
    for name, size in (
        ("jawOpen", 1.0), ("mouthClose", 0.5), ("mouthSmileLeft", 0.8), ("browInnerUp", 1.0),
        ("eyeLookInLeft", 0.7), ("eyeLookOutRight", 0.7), ("jawLeft", 0.3), ("jawRight", 0.1),
    ):  # fmt: skip
        weights[:, ARKIT_NAMES.index(name)] = size * steps
    faces = head.from_arkit(weights)
    turn = torch.tensor([[0.1, 0.3, -0.1], [0.2, -0.4, 0.1], [-0.1, 0.5, 0.2]])[:count]
    return faces.replace(head_pose=turn)


def assert_posed(
    seen: np.ndarray, head: HeadModel, face: FaceParameters, *, strips: bool = False
) -> None:
    """Compare the GLB's mesh, part after part ``[U, 3]``, with a head of one face ``[1]``.

    Contact of lips and lids is in the faces of a GLB alone: that much, it may be off.
    """
    parts = [*primitives(head), *(hair_primitives(head) if strips else [])]
    ids = np.concatenate([part.vertex_ids for part in parts])
    expected = head(face).vertices[0, ids].numpy()
    slack = head.contact_offsets(face)[0, ids].norm(dim=1).numpy()
    assert (np.abs(seen - expected).max(1) <= slack + 2e-5).all()
    assert (slack < 1e-6).mean() > 0.9


def test_the_zip_is_an_extension(addon: Path) -> None:
    names = set(zipfile.ZipFile(addon / "smirk3d-blender.zip").namelist())
    assert {"__init__.py", "blender_manifest.toml", "live.py", "LICENSE"} <= names
    manifest = (addon / "smirk3d" / "blender_manifest.toml").read_text()
    assert 'id = "smirk3d"' in manifest
    assert 'type = "add-on"' in manifest


def test_its_names_are_arkits() -> None:
    scope: dict[str, object] = {}
    source = ROOT / "blender" / "smirk3d" / "conventions.py"
    exec(compile(source.read_text(), str(source), "exec"), scope)
    assert scope["ARKIT_NAMES"] == ARKIT_NAMES


@in_blender
@pytest.mark.parametrize("name", ["tiny", "open@2"])
def test_a_recording_moves_the_head(addon: Path, tmp_path: Path, name: str) -> None:
    head = tiny_head() if name == "tiny" else load_head(name)
    faces = acting(head)
    write_glb(tmp_path / "head.glb", head, head.neutral()[0])
    write_arkit_csv(tmp_path / "take.csv", head, faces, timestamps=[0.0, 1 / 24, 2 / 24])
    seen = run(
        addon, tmp_path / "out.npz", "import", tmp_path / "head.glb", tmp_path / "take.csv", 1, 2, 3
    )
    for row in range(3):
        assert_posed(seen[f"{row + 1}"], head, faces[row : row + 1], strips=name != "tiny")


@in_blender
def test_a_track_moves_any_mesh_with_arkits_names(addon: Path, tmp_path: Path) -> None:
    head = tiny_head()
    faces = acting(head)
    times = np.array([0.0, 1 / 24, 2 / 24])
    Performance(head, faces, times).as_track("made").save(tmp_path / "track.npz", head)
    seen = run(addon, tmp_path / "out.npz", "plain", tmp_path / "track.npz")
    weights = head.arkit(faces).numpy()
    names = ("jawOpen", "mouthSmileLeft")
    wanted = np.stack([weights[:, ARKIT_NAMES.index(name)] for name in names], 1)
    np.testing.assert_allclose(seen["keys"][:, :2], wanted, atol=1e-5)
    np.testing.assert_array_equal(seen["keys"][:, 2], 0.25)
    to_blender = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    before = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    turned = to_blender @ axis_angle_to_matrix(faces.head_pose).numpy() @ to_blender.T @ before
    np.testing.assert_allclose(seen["rotation"], turned, atol=1e-5)
    assert "shape keys by ARKit's names" in str(seen["refusal"][0])


@in_blender
@pytest.mark.parametrize("protocol", ["LIVE_LINK", "VMC"])
def test_a_live_face_moves_the_head(addon: Path, tmp_path: Path, protocol: str) -> None:
    head = tiny_head()
    faces = acting(head, 1)
    write_glb(tmp_path / "head.glb", head, head.neutral()[0])
    port = 21000 + (hash(str(tmp_path)) % 9000)
    out = tmp_path / "out.npz"
    command = [BPY_PYTHON, RUNNER, addon, out, "live", tmp_path / "head.glb", protocol, port]
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True) as blender:
        assert blender.stdout is not None
        while "ready" not in (line := blender.stdout.readline()):
            assert line, "Blender ended"
        kind = {"VMC": VmcSender, "LIVE_LINK": LiveLinkSender}[protocol]
        with kind("127.0.0.1", port) as sender:
            while blender.poll() is None:
                try:
                    sender.post(sender.datagrams(face_values(head, faces)[0], 0.0))
                except OutputError:
                    break  # it has stopped listening
                time.sleep(0.05)
        blender.stdout.read()
    assert blender.returncode == 0
    with np.load(out) as stored:
        assert_posed(stored["live"], head, faces)
