"""From files in FLAME's layout and a checkpoint with the published keys to results, by command."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.assets.file_lists import LIST_NAME
from smirk3d.cli.main import main
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.smirk_checkpoint import SMIRK_CONFIG, encoder_to_state
from smirk3d.export.flame.layouts import FOLDERS
from smirk3d.export.result import read_result
from smirk3d.heads.head_file import read_head_file
from smirk3d.heads.registry import find_head, load_head
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.neural_renderer.renderer_config import PUBLISHED
from smirk3d.neural_renderer.smirk_checkpoint import renderer_to_state

sys.path.insert(0, str(Path(__file__).parents[2] / "head_import"))
from flame_files import companion_tables, flame_arrays, write_companions, write_flame


def open_landmarks() -> dict[str, np.ndarray]:
    """105 of the open head's landmarks on the mesh that ``flame_arrays("open")`` has."""
    arrays = read_head_file(find_head("open")).arrays
    whole = (arrays["part"] <= 2)[arrays["faces"]].all(1)
    there = np.flatnonzero(whole[arrays["lmk_mp_tri"]] & (arrays["lmk_mp_id"] < 468))
    rows = there[np.linspace(0, len(there) - 1, 105).astype(int)]
    return {
        "lmk_face_idx": (np.cumsum(whole) - 1)[arrays["lmk_mp_tri"][rows]],
        "lmk_b_coords": arrays["lmk_mp_bary"][rows].astype(np.float64),
        "landmark_indices": arrays["lmk_mp_id"][rows],
    }


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("assets") / "SMIRK_em1.pt"


@pytest.fixture(scope="module")
def home(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with FLAME and SMIRK imported from what such users have."""
    folder = checkpoint.parent
    arrays = flame_arrays("open")
    write_flame(folder / "generic_model.pkl", arrays)
    write_companions(folder, {**companion_tables(len(arrays["f"])), "mediapipe": open_landmarks()})
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMIRK3D_HOME", str(home))
        assert main(["heads", "import", str(folder)]) == 0
        torch.manual_seed(0)
        encoder = FaceEncoder(load_head("flame"), SMIRK_CONFIG)
        renderer = NeuralRenderer(PUBLISHED)
        torch.save({**encoder_to_state(encoder), **renderer_to_state(renderer)}, checkpoint)
        assert main(["weights", "import", str(checkpoint)]) == 0
    return home


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMIRK3D_HOME", str(home))


@pytest.fixture(scope="module")
def flame_result(home: Path, portrait: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMIRK3D_HOME", str(home))
        arguments = ["--head", "flame", "--weights", "smirk-em1", "--format", "glb,obj,flame"]
        assert main(["reconstruct", str(portrait), "--out", str(out), *arguments]) == 0
    return out / "portrait"


@pytest.fixture(scope="module")
def open_result(portrait: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    arguments = ["--weights", "none", "--format", "json"]
    assert main(["reconstruct", str(portrait), "--out", str(out), *arguments]) == 0
    return out / "portrait"


def test_flame_with_smirks_weights_reconstructs_a_photo(flame_result: Path) -> None:
    record = read_result(flame_result)
    assert (record.head, record.weights) == ("flame", "smirk-em1")
    (face,) = record.faces
    assert json.loads((flame_result / "result.json").read_text())["faces"][0]["arkit"] is None
    sizes = {name: len(values) for name, values in face.parameters.items()}
    assert (sizes["shape"], sizes["expression"], sizes["jaw"], sizes["eyelids"]) == (300, 50, 3, 2)
    assert sorted(path.name for path in flame_result.iterdir()) == [
        "face-0-flame", "face-0.glb", "face-0.obj", "overlay.png", "photo.jpg", "result.json",
    ]  # fmt: skip
    mesh = trimesh.load(flame_result / "face-0.obj", process=False, force="mesh")
    assert len(mesh.faces) == len(load_head("flame").faces)


def test_the_neural_renderer_comes_along(home: Path) -> None:
    renderer = NeuralRenderer.from_file(home / "renderers" / "smirk-em1.safetensors")
    assert renderer.provenance == {"source": "SMIRK_em1.pt"}


@pytest.mark.parametrize("part", ["smirk_encoder.", "smirk_generator."])
@pytest.mark.parametrize("change", ["missing", "unknown"])
def test_a_checkpoint_of_other_tensors_is_refused_with_their_name(
    part: str, change: str, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = torch.load(checkpoint, weights_only=True)
    key = next(key for key in state if key.startswith(part))
    if change == "missing":
        del state[key]
    else:
        key = f"{part}nothing.like.it"
        state[key] = torch.zeros(1)
    torch.save(state, tmp_path / "other.pt")
    assert main(["weights", "import", str(tmp_path / "other.pt"), "--name", "other"]) == 3
    said = capsys.readouterr().err
    assert str(tmp_path / "other.pt") in said
    assert f"is {change}" in said
    assert main(["weights", "show", "other"]) == 2


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(50), b"cos\nsystem\n(S'x'\ntR."])
def test_what_is_no_checkpoint_is_refused(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "SMIRK_em1.pt"
    file.write_bytes(content)
    assert main(["weights", "import", str(file), "--name", "other"]) == 3
    assert str(file) in capsys.readouterr().err


def test_a_photo_leaves_in_each_layout_of_flames_users(flame_result: Path) -> None:
    folder = flame_result / "face-0-flame"
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FOLDERS, LIST_NAME])
    parameters = read_result(flame_result).faces[0].parameters
    frames = json.loads((folder / "gaussian-avatars" / "transforms.json").read_text())["frames"]
    assert [frame["file_path"] for frame in frames] == [read_result(flame_result).input]
    with np.load(folder / "gaussian-avatars" / "flame_param" / "00000.npz") as stored:
        assert np.allclose(stored["shape"], parameters.shape, atol=1e-6)
        assert np.allclose(stored["expr"][0, :50], parameters.expression, atol=1e-6)
    content = json.loads((folder / "imavatar" / "flame_params.json").read_text())
    assert np.allclose(content["frames"][0]["pose"][6:9], parameters.jaw, atol=1e-6)
    assert (folder / "metrical-tracker" / "checkpoint" / "00000.frame").is_file()


def test_an_open_result_leaves_as_flame(
    open_result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(open_result), "--format", "flame", "--out", str(tmp_path)]) == 3
    assert "convert with `export --to-head flame`" in capsys.readouterr().err
    arguments = ["--to-head", "flame", "--format", "flame,glb", "--out", str(tmp_path)]
    assert main(["export", str(open_result), *arguments]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(
        f"face 0: {DEFAULT_HEAD} to flame, on average the expression is off by"
    )
    assert said[1:] == [str(tmp_path / "face-0-flame-flame"), str(tmp_path / "face-0-flame.glb")]
    assert all(Path(line).exists() for line in said[1:])


def test_a_flame_result_leaves_with_arkits_weights(flame_result: Path, tmp_path: Path) -> None:
    arguments = ["--to-head", "open", "--format", "arkit-csv,json", "--out", str(tmp_path)]
    assert main(["export", str(flame_result), *arguments]) == 0
    stored = json.loads((tmp_path / "face-0-open.json").read_text())
    assert stored["head"] == "open"
    assert stored["head_fingerprint"] == load_head("open").fingerprint
    assert (tmp_path / "face-0-open.csv").is_file()


def test_a_person_at_rest_calibrates_the_conversion(
    open_result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = ["--format", "json", "--out", str(tmp_path)]
    rest = ["--neutral", str(open_result)]
    assert main(["export", str(open_result), *target, *rest]) == 2
    assert "give --to-head as well" in capsys.readouterr().err
    found = []
    for options in ([], [*rest, "--overwrite"]):
        assert main(["export", str(open_result), *target, *options, "--to-head", "flame"]) == 0
        stored = json.loads((tmp_path / "face-0-flame.json").read_text())["parameters"]
        found.append({name: np.linalg.norm(values) for name, values in stored.items()})
    # the picture itself as the rest: only the eyelids that follow the gaze are left to express
    plain, calibrated = found
    assert calibrated["expression"] < 0.3 * plain["expression"]
    assert calibrated["shape"] > 0.1


def test_the_heads_file_is_taken_where_its_name_is_unknown(
    flame_result: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMIRK3D_HOME", str(tmp_path / "elsewhere"))
    target = ["--format", "json", "--out", str(tmp_path)]
    assert main(["export", str(flame_result), *target]) == 3
    file = home / "heads" / "flame.npz"
    assert main(["export", str(flame_result), *target, "--head", str(file)]) == 0
    assert main(["export", str(flame_result), *target, "--head", "open"]) == 3
