"""FLAME's parameters, ARKit's curves and tracks become each other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.cli.edit import Edit
from smirk3d.cli.main import main
from smirk3d.errors import AssetError, InputError
from smirk3d.export.arkit_csv import rotation_angles, write_arkit_csv
from smirk3d.export.arkit_csv_reading import read_arkit_csv, rotations_of
from smirk3d.export.flame.parameter_files import read_flame_parameters, write_flame_parameters
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head
from smirk3d.tracking.track_file import read_track

sys.path.insert(0, str(Path(__file__).parents[1] / "head_import"))
from flame_files import companion_tables, flame_arrays, write_companions, write_flame
from test_heads_people_own import open_landmarks


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A user's folder with a FLAME head that was imported."""
    folder, home = tmp_path_factory.mktemp("assets"), tmp_path_factory.mktemp("home")
    arrays = flame_arrays("open")
    write_flame(folder / "generic_model.pkl", arrays)
    write_companions(folder, {**companion_tables(len(arrays["f"])), "mediapipe": open_landmarks()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMIRK3D_HOME", str(home))
        assert main(["heads", "import", str(folder)]) == 0
        yield home


@pytest.fixture
def flame(home: Path) -> HeadModel:
    return load_head("flame")


def moves(head: HeadModel, count: int = 3):
    """Faces of one person on which the jaw opens and the head turns."""
    generator = torch.Generator().manual_seed(2)
    shape = 0.5 * torch.randn(1, 300, generator=generator)
    jaw = torch.zeros(count, 3)
    jaw[:, 0] = torch.linspace(0, 0.2, count)
    turn = 0.2 * torch.randn(count, 3, generator=generator)
    return head.neutral(count).replace(shape=shape.repeat(count, 1), jaw=jaw, head_pose=turn)


def test_curves_come_back_from_the_csv(tmp_path: Path) -> None:
    head = tiny_head()
    weights = torch.rand(4, 52, generator=torch.Generator().manual_seed(1))
    faces = head.from_arkit(weights)
    faces = faces.replace(head_pose=0.3 * torch.randn(4, 3))
    times = [0.0, 0.04, 0.08, 0.2]
    write_arkit_csv(tmp_path / "a.csv", head, faces, timestamps=times)
    read, found = read_arkit_csv(tmp_path / "a.csv", head)
    np.testing.assert_allclose(found, times, atol=1e-5)
    torch.testing.assert_close(head.arkit(read), head.arkit(faces), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        axis_angle_to_matrix(read.head_pose), axis_angle_to_matrix(faces.head_pose),
        atol=1e-5, rtol=0,
    )  # fmt: skip


def test_angles_come_back_from_rotations() -> None:
    matrices = axis_angle_to_matrix(0.5 * torch.randn(9, 3, dtype=torch.float64))
    torch.testing.assert_close(rotations_of(rotation_angles(matrices)), matrices)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "lacks the column Timecode"),
        ("Timecode,JawOpen\n0,1\n", "lacks the column"),
        ("HEADER\n", "has no frames"),
        ("HEADER\n25,ROW\n", "is no timecode"),
        ("HEADER\n00:00:00:01,ROW\n00:00:00:01,ROW\n", "do not increase"),
        ("HEADER\n00:00:00:01,ROW\n00:00:00:02,x\n", "not a whole recording"),
    ],
)
def test_damaged_curves_are_named(tmp_path: Path, content: str, reason: str) -> None:
    from smirk3d.export.arkit_csv import HEADER

    path = tmp_path / "a.csv"
    row = ",".join(["61", *["0.1"] * 61])
    path.write_text(content.replace("HEADER", ",".join(HEADER)).replace("ROW", row))
    with pytest.raises(InputError, match=reason):
        read_arkit_csv(path, tiny_head(), fps=Fraction(60))


def test_flame_parameters_come_back(flame: HeadModel, tmp_path: Path) -> None:
    faces = moves(flame)
    write_flame_parameters(tmp_path / "a.npz", flame, faces)
    read = read_flame_parameters(tmp_path / "a.npz", flame)
    for name in ("shape", "expression", "jaw", "neck", "eyes", "head_pose"):
        torch.testing.assert_close(getattr(read, name), getattr(faces, name))
    # a file a frame, as GaussianAvatars keeps them, with other names
    folder = tmp_path / "set" / "flame_param"
    folder.mkdir(parents=True)
    for number in range(3):
        np.savez(
            folder / f"{number:05d}.npz", shape=np.zeros(300), expr=np.full((1, 100), number),
            jaw_pose=np.full((1, 3), 0.1 * number), static_offset=np.zeros((1, 5143, 3)),
        )  # fmt: skip
    read = read_flame_parameters(tmp_path / "set", flame)
    assert read.expression[:, 0].tolist() == [0, 1, 2]
    np.testing.assert_allclose(read.jaw[:, 0], [0, 0.1, 0.2], atol=1e-6)


def test_what_is_no_flame_is_named(flame: HeadModel, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", jaw=np.zeros((2, 3)))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="has none of expr, exp"):
        read_flame_parameters(tmp_path / "a.npz", flame)
    with pytest.raises(InputError, match="no FLAME parameters"):
        read_flame_parameters(empty, flame)
    with pytest.raises(AssetError, match="is not FLAME"):
        read_flame_parameters(tmp_path / "a.npz", tiny_head())


def test_flame_to_curves_and_back(
    flame: HeadModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = moves(flame)
    write_flame_parameters(tmp_path / "talk.npz", flame, faces)
    out = tmp_path / "out"
    arguments = ["convert", str(tmp_path / "talk.npz"), "--to", "arkit-csv,glb", "--rate", "25"]
    assert main([*arguments, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "flame to open@2, on average the expression is off by" in said
    assert sorted(path.name for path in out.iterdir()) == ["talk.csv", "talk.glb"]
    head = load_head("open")
    curves, times = read_arkit_csv(out / "talk.csv", head)
    np.testing.assert_allclose(times, [0, 0.04, 0.08], atol=1e-4)
    assert (np.diff(curves.jaw[:, 0]) > 0.02).all(), "the jaw opens"
    arguments = ["convert", str(out / "talk.csv"), "--to", "flame", "--out", str(out)]
    assert main(arguments) == 0
    back = read_flame_parameters(out / "talk-flame.npz", flame)
    assert len(back) == 3
    turned = axis_angle_to_matrix(back.head_pose) - axis_angle_to_matrix(faces.head_pose)
    assert turned.abs().max() < 0.1


def test_curves_become_a_track_and_come_back(tmp_path: Path) -> None:
    head = load_head("open")
    weights = torch.rand(3, 52, generator=torch.Generator().manual_seed(1))
    faces = head.from_arkit(weights)
    write_arkit_csv(tmp_path / "take.csv", head, faces, timestamps=[0.0, 0.02, 0.04])
    out = tmp_path / "out"
    arguments = ["convert", str(tmp_path / "take.csv"), "--to", "track", "--head", "open"]
    assert main([*arguments, "--out", str(out)]) == 0
    track = read_track(out / "take-track.npz")
    assert track.valid.all()
    assert track.meta["rate"] == "50/1"
    back = tmp_path / "back"
    arguments = ["convert", str(out / "take-track.npz"), "--out", str(back)]
    assert main([*arguments, "--to", "arkit-csv"]) == 0
    read, times = read_arkit_csv(back / "take-track.csv", head)
    np.testing.assert_allclose(times, [0, 0.02, 0.04], atol=1e-4)
    torch.testing.assert_close(head.arkit(read), head.arkit(faces), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "reason", "code"),
    [
        ([], "nothing to convert", 2),
        (["a.csv", "--to", "fbx"], "unknown format 'fbx'", 2),
        (["a.csv", "--rate", "0"], "--rate", 2),
        (["a.csv"], "a.csv", 3),
        (["a.txt"], "no performance", 3),
    ],
)
def test_what_cannot_be_converted_is_said(
    arguments: list[str], reason: str, code: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["convert", *arguments]) == code
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["there", "new", "new/deeper"])
def test_edits_go_into_a_folder_too(tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    edit = Edit(photo=Path("me.jpg"), actions=("jawOpen=1",), out=tmp_path / name)
    assert edit._out() == tmp_path / name / "me-edited.png"
    edit = Edit(photo=Path("me.jpg"), retarget=Path("t"), out=tmp_path / name)
    assert edit._out() == tmp_path / name / "me-edited.mp4"
    assert Edit(photo=Path("me.jpg"), out=tmp_path / "a.webp")._out() == tmp_path / "a.webp"
