"""The command on real pictures and on everything that goes wrong with files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from skimage import data

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.cli.main import main
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.export.result import read_result


@pytest.fixture(scope="module")
def result(portrait: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    assert main(["reconstruct", str(portrait), "--out", str(out), "--weights", "none"]) == 0
    return out / "portrait"


def test_a_photo_gives_its_folder(result: Path) -> None:
    assert sorted(path.name for path in result.iterdir()) == [
        "face-0.glb",
        "overlay.png",
        "photo.jpg",
        "result.json",
    ]
    content = json.loads((result / "result.json").read_text())
    assert content["schema"] == "smirk3d.result/1"
    assert content["image_size"] == [512, 512]
    assert content["head"] == DEFAULT_HEAD
    assert content["weights"] == {"name": "none", "sha256": None}
    (face,) = content["faces"]
    assert list(face["arkit"]) == list(ARKIT_NAMES)
    assert 0.5 < face["score"] <= 1
    left, top, right, bottom = face["box"]
    assert 150 < left < right < 300
    assert 50 < top < bottom < 220


def test_the_face_smiles_with_both_corners(result: Path) -> None:
    arkit = read_result(result).faces[0].arkit()
    assert arkit["mouthSmileLeft"] > 0.25
    assert arkit["mouthSmileRight"] > 0.25
    assert arkit["eyeBlinkLeft"] < 0.4


def test_the_overlay_shows_photo_and_mesh(result: Path) -> None:
    overlay = np.asarray(Image.open(result / "overlay.png"))
    assert overlay.shape[1] > overlay.shape[0]
    assert overlay.std() > 20


def test_a_result_is_exported_to_other_formats(result: Path, tmp_path: Path) -> None:
    assert main(["export", str(result), "--format", "obj,arkit-csv", "--out", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face-0.csv", "face-0.obj"]
    mesh = trimesh.load(tmp_path / "face-0.obj", process=False, force="mesh")
    assert mesh.vertices[:, 2].max() > 0


BAD_FILES = {
    "missing.jpg": None,
    "empty.jpg": b"",
    "text.png": b"this is no picture",
    "pixel.png": "pixel",
    "truncated.jpg": "truncated",
    "nobody.png": "nobody",
    "folder.jpg": "folder",
}


def _spoil(folder: Path, portrait: Path) -> list[Path]:
    for name, content in BAD_FILES.items():
        path = folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content == "pixel":
            Image.new("RGB", (1, 1)).save(path)
        elif content == "truncated":
            path.write_bytes(portrait.read_bytes()[:9000])
        elif content == "nobody":
            Image.new("RGB", (300, 300), (40, 90, 160)).save(path)
        elif content == "folder":
            path.mkdir()
    return [folder / name for name in BAD_FILES]


def test_bad_files_are_named_and_the_others_done(
    portrait: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / 'it\'s "Zoë" 人.jpg'
    shutil.copy(portrait, good)
    bad = _spoil(tmp_path, portrait)
    out = tmp_path / "out"
    photos = [str(path) for path in [*bad[:3], good, *bad[3:]]]
    assert main(["reconstruct", *photos, "--out", str(out), "--weights", "none"]) == 3
    assert [path.name for path in out.iterdir()] == [good.stem]
    assert (out / good.stem / "face-0.glb").is_file()
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("smirk3d: ")]
    assert len(lines) == len(bad)
    for path in bad:
        assert sum(str(path) in line for line in lines) == 1, path


def test_a_folder_that_cannot_be_made_is_named(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / "out"
    code = main(["reconstruct", str(portrait), "--out", str(out), "--weights", "none"])
    assert code == 3
    assert "cannot be written" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "in the way"


def test_an_earlier_result_stays_when_writing_fails(
    result: Path, portrait: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(result, out / "portrait")

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device", str(out))

    monkeypatch.setattr("smirk3d.export.reconstruction_folder.write_result", full_disk)
    code = main(["reconstruct", str(portrait), "--out", str(out), "--weights", "none"])
    assert code == 3
    assert [path.name for path in out.iterdir()] == ["portrait"]
    assert read_result(out / "portrait").head == DEFAULT_HEAD


def test_one_person_shares_the_shape(portrait: Path, tmp_path: Path) -> None:
    mirrored = tmp_path / "mirrored.png"
    Image.fromarray(data.astronaut()[:, ::-1]).save(mirrored)
    out = tmp_path / "out"
    arguments = [str(portrait), str(mirrored), "--out", str(out), "--same-person"]
    assert main(["reconstruct", *arguments, "--weights", "none"]) == 0
    shapes = [read_result(out / n).faces[0].parameters.shape for n in ("portrait", "mirrored")]
    assert shapes[0].equal(shapes[1])
    assert shapes[0].abs().max() > 0.1


def test_unknown_formats_and_weights_are_refused_before_any_work(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert main(["reconstruct", str(portrait), "--out", out, "--format", "fbx"]) == 2
    assert "unknown format 'fbx'" in capsys.readouterr().err
    assert main(["reconstruct", str(portrait), "--out", out, "--weights", "mine"]) == 2
    assert "no weights named 'mine'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
