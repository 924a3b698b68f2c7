from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from smirk3d.cli.main import main
from smirk3d.data.annotated_faces import read_annotated_faces

pytest.importorskip("webdataset", reason="shards are written by the extra train")


def test_photos_become_shards_with_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    portrait = Image.fromarray(skimage.data.astronaut())
    for number in range(2):
        portrait.rotate(5 * number).save(photos / f"{number}.jpg")
    Image.new("RGB", (64, 64)).save(photos / "7.jpg")
    out = tmp_path / "shards"
    assert main(["preprocess", f"ffhq={photos}", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert f"2 faces in {out}" in told and "1 refused" in told
    faces = read_annotated_faces(out)
    assert set(faces.sources) == {"ffhq"} and set(faces.persons) == {"0", "1"}
    assert (out / "fits-open@2.ckpt").is_file()
    with np.load(out / "annotations.npz") as file:
        assert {"sharpness", "quality", "origin", "landmarks_z"} <= set(file.files)


def test_a_layout_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preprocess", f"imagenet={tmp_path}", "--out", str(tmp_path / "o")]) == 2
    assert "no layout 'imagenet'" in capsys.readouterr().err
