"""The command on a real photo, and on everything that goes wrong."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageOps

from smirk3d.cli.main import main
from smirk3d.editing.provenance import SOURCE_TYPE
from smirk3d.preprocessing.media.image_io import read_image
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.track_file import MOVING, Track


def _opening(path: Path) -> float:
    (face,) = FaceReconstructor(weights="none")(read_image(path))
    return face.arkit()["jawOpen"]


def test_an_opened_mouth_is_open_to_the_detector_and_the_rest_stays(
    portrait: Path, tmp_path: Path
) -> None:
    out = tmp_path / "open.png"
    assert main(["edit", str(portrait), "--set", "jawOpen=0.7", "--out", str(out)]) == 0
    assert _opening(out) > _opening(portrait) + 0.25
    before, after = read_image(portrait), read_image(out)
    changed = (before != after).any(2)
    assert 0.005 < changed.mean() < 0.06
    assert not changed[250:].any()
    with Image.open(out) as picture:
        assert SOURCE_TYPE.encode() in picture.info["xmp"]


def test_an_expression_is_taken_from_another_photo(portrait: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    assert main(["edit", str(portrait), "--set", "jawOpen=0.8", "--out", str(other)]) == 0
    out = tmp_path / "like.webp"
    arguments = ["edit", str(portrait), "--like", str(other), "--out", str(out)]
    assert main([*arguments, "--set", "eyeBlinkLeft=0, eyeBlinkRight=0"]) == 0
    # by 0.225 with the shipped weights
    assert _opening(out) > _opening(portrait) + 0.2


def test_a_track_moves_a_photo(portrait: Path, tmp_path: Path) -> None:
    (face,) = FaceReconstructor(weights="none")(read_image(portrait))
    frames = face.parameters[None]
    rows = {name: getattr(frames, name).repeat(3, 1).numpy() for name in MOVING}
    rows["jaw"][:, 0] = 0, 0.5, 1
    rows |= {"T_crop_image": np.tile(np.eye(3), (3, 1, 1)), "box": np.zeros((3, 4))}
    rows |= {"score": np.ones(3), "quality": np.ones(3)}
    Track(
        meta={"image_size": [512, 512], "head_fingerprint": face.head.fingerprint},
        timestamps=np.arange(3) / 25, ids=np.array([0]), valid=np.ones((1, 3), bool),
        shape=frames.shape.numpy(), rows=rows,
    ).save(tmp_path / "track.npz")  # fmt: skip
    out = tmp_path / "talks.mp4"
    assert main(["edit", str(portrait), "--retarget", str(tmp_path), "--out", str(out)]) == 0
    with av.open(str(out)) as video:
        assert len(list(video.decode(video=0))) == 3
    assert main(["edit", str(portrait), "--retarget", str(tmp_path), "--person", "1"]) == 3


def test_one_of_several_faces_is_chosen(
    portrait: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = Image.open(portrait)
    pair = Image.new("RGB", (1024, 512), "grey")
    pair.paste(photo.resize((1024, 1024)).crop((200, 0, 712, 512)), (0, 0))
    pair.paste(ImageOps.mirror(photo), (512, 0))
    path = tmp_path / "pair.png"
    pair.save(path)
    edited = {}
    for name, choice in (("largest", []), ("second", ["--face", "1"])):
        out = tmp_path / f"{name}.png"
        arguments = ["edit", str(path), "--set", "jawOpen=0.7", "--out", str(out), *choice]
        assert main(arguments) == 0
        edited[name] = (read_image(out) != read_image(path)).any(2)
    assert "2 faces, changing the largest" in capsys.readouterr().out
    assert edited["largest"][:, :512].any()
    assert not edited["largest"][:, 512:].any()
    assert edited["second"][:, 512:].any()
    assert not edited["second"][:, :512].any()
    assert main(["edit", str(path), "--set", "jawOpen=1", "--face", "2"]) == 3
    assert "has 2 faces" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "nothing to change"),
        (["--set", "jawOpne=1"], 2, "did you mean jawOpen"),
        (["--set", "jawOpen=2"], 2, "from 0 to 1"),
        (["--set", "jawOpen=1", "--out", "a.bmp"], 2, "unknown ending"),
        (["--set", "jawOpen=1", "--out", "PHOTO"], 2, "is the photo itself"),
        (["--like", "PHOTO", "--out", "PHOTO", "--overwrite"], 2, "is the photo itself"),
        (["--retarget", "x", "--out", "a.png"], 2, "name it .mp4"),
        (["--retarget", "x", "--like", "y"], 2, "choose one"),
        (["--like", "missing.jpg"], 3, "missing.jpg does not exist"),
        (["--retarget", "missing"], 3, "no such file"),
        (["--like", "PHOTO", "--strength", "3"], 2, "from 0 to 2"),
        (["--set", "jawOpen=1", "--face", "5"], 3, "has 1 face:"),
        (["--set", "jawOpen=1", "--face", "-1"], 2, "--face -1"),
        (["--set", "jawOpen=1", "--head", "nobody"], 2, "no head named 'nobody'"),
        (["--set", "jawOpen=1", "--weights", "nobody"], 2, "no weights named 'nobody'"),
        (["--set", "jawOpen=1", "--inpainter", "PHOTO"], 3, "not a whole safetensors file"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(
    arguments: list[str],
    code: int,
    said: str,
    portrait: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [str(portrait) if a == "PHOTO" else a for a in arguments]
    kept = portrait.read_bytes()
    assert main(["edit", str(portrait), *given]) == code
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert portrait.read_bytes() == kept


def test_unusable_photos_and_finished_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    empty, damaged = tmp_path / "wall.png", tmp_path / "broken.jpg"
    Image.new("RGB", (200, 200), "grey").save(empty)
    damaged.write_bytes(b"\xff\xd8\xff not a picture")
    assert main(["edit", str(empty), "--set", "jawOpen=1"]) == 3
    assert "wall.png: no face found" in capsys.readouterr().err
    assert main(["edit", str(damaged), "--set", "jawOpen=1"]) == 3
    assert "broken.jpg" in capsys.readouterr().err
    finished = tmp_path / "wall-edited.png"
    finished.write_bytes(b"mine")
    assert main(["edit", str(empty), "--set", "jawOpen=1"]) == 3
    assert "exists: give --overwrite" in capsys.readouterr().err
    assert finished.read_bytes() == b"mine"
