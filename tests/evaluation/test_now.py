from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from smirk3d.errors import InputError
from smirk3d.evaluation.config import EvaluationConfig
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.methods import make_methods
from smirk3d.evaluation.protocols.now import SEVEN, picture_names, run
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head


def test_a_submission_has_a_neutral_mesh_and_seven_points_a_picture(tmp_path: Path) -> None:
    folder = tmp_path / "now"
    name = "FaMoS_1/multiview_neutral/IMG_0001.jpg"
    for picture, file in ((data.astronaut(), name), (np.zeros((99, 99, 3), np.uint8), "a/b/c.jpg")):
        (folder / "iphone_pictures" / file).parent.mkdir(parents=True)
        Image.fromarray(picture).save(folder / "iphone_pictures" / file)
    (folder / "imagepathsvalidation.txt").write_text(f"{name}\na/b/c.jpg\n")
    head = load_head("open")
    context = EvaluationContext(
        head, make_methods(["none"], head), EvaluationConfig(now=folder), out=tmp_path / "out"
    )
    section = run(context)
    assert section.tables[0].rows == [["none", "now-none", 2, 1]]
    points = np.load(tmp_path / "out/now-none/FaMoS_1/multiview_neutral/IMG_0001.npy")
    assert points.shape == (len(SEVEN), 3)
    # the subject's left is +x; eyes are above the nose, the nose above the mouth
    assert (points[[0, 1, 5], 0] < 0).all()
    assert (points[[2, 3, 6], 0] > 0).all()
    assert points[:4, 1].min() > points[4, 1] > points[5:, 1].max()
    lines = (tmp_path / "out/now-none/FaMoS_1/multiview_neutral/IMG_0001.obj").read_text()
    vertices = [line.split()[1:] for line in lines.splitlines() if line.startswith("v ")]
    found = np.array(vertices, float)
    assert found.shape == (head.num_vertices, 3)
    mean = (tmp_path / "out/now-none/a/b/c.obj").read_text()
    assert mean != lines
    with torch.no_grad():
        neutral = head(head.neutral()).vertices[0].numpy()
    assert 1e-4 < np.abs(found - neutral).max() < 0.05


def test_what_is_no_challenge_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="imagepathsvalidation"):
        picture_names(tmp_path)
    (tmp_path / "imagepathsvalidation.txt").write_text("a/b.jpg\n../../b.jpg\n")
    with pytest.raises(InputError, match="which is not below the folder"):
        picture_names(tmp_path)
    context = EvaluationContext(tiny_head(), [], EvaluationConfig(), out=tmp_path)
    with pytest.raises(InputError, match="--now"):
        run(context)
