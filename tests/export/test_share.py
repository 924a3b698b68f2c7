from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from smirk3d.errors import InputError
from smirk3d.export.format_names import parse_formats
from smirk3d.export.formats import PICTURED, write_face
from smirk3d.export.pictures.figure import action_bars, write_figure
from smirk3d.export.pictures.turntable import write_turntable
from smirk3d.faces import Face, Picture
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head
from tests.export.faces import random_faces

HEAD = tiny_head()
torch.manual_seed(0)
FACE = Face(parameters=random_faces(HEAD, 1)[0], head=HEAD, T_crop_image=np.diag([2.0, 2.0, 1.0]))


def _face(pixels: bool = True) -> Face:
    image = np.full((120, 160, 3), (200, 60, 40), np.uint8)
    picture = Picture(path="a.jpg", size=(160, 120), pixels=image if pixels else None)
    return replace(FACE, picture=picture)


@pytest.mark.parametrize("name", PICTURED)
def test_formats_with_pictures_write_their_ending_with_and_without(
    name: str, tmp_path: Path
) -> None:
    assert parse_formats(f"{name},glb") == (name, "glb")
    with_photo = write_face(name, tmp_path / "face-0", _face())
    without = write_face(name, tmp_path / "face-1", _face(pixels=False))
    assert with_photo.stat().st_size > without.stat().st_size > 1000
    again = tmp_path / f"again{with_photo.suffix}"
    _face().save(again)
    assert again.read_bytes() == with_photo.read_bytes()


def test_a_figure_has_a_panel_for_photo_overlay_clay_and_actions(tmp_path: Path) -> None:
    write_figure(tmp_path / "all.png", _face())
    write_figure(tmp_path / "two.png", FACE)
    with Image.open(tmp_path / "all.png") as four, Image.open(tmp_path / "two.png") as two:
        assert four.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert four.width > 1.9 * two.width
        assert four.getpixel((four.width // 8, four.height // 2)) == (200, 60, 40)


def test_bars_are_as_long_as_weights() -> None:
    def ink(weights: list[float]) -> int:
        chart = action_bars(["a", "b"], weights, 300).astype(int)
        return int(((chart[..., 2] > 180) & (chart[..., 0] < 100)).sum())

    assert ink([0.8, 0.4]) == pytest.approx(1.5 * ink([0.8, 0.0]), rel=0.05)
    assert ink([0.0, 0.0]) == 0


@pytest.mark.parametrize("ending", [".gif", ".mp4"])
def test_a_turntable_turns_once(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"head{ending}"
    # the tiny head is too round to tell front from back
    head = load_head("open")
    write_turntable(path, head, head.neutral(1)[0])
    if ending == ".gif":
        with Image.open(path) as gif:
            frames = []
            for number in range(gif.n_frames):
                gif.seek(number)
                frames.append(np.asarray(gif.convert("RGB")).astype(int))
    else:
        with av.open(str(path)) as video:
            frames = [f.to_ndarray(format="rgb24").astype(int) for f in video.decode(video=0)]
    assert len(frames) == 72
    apart = [np.abs(frame - frames[0]).mean() for frame in frames]
    assert apart[36] > 2 * max(apart[1], apart[71])


def test_a_picture_gives_its_face_at_its_own_resolution() -> None:
    face = _face()
    assert face.crop(16, 1000).shape == (112, 112, 3)
    assert face.crop(200, 1000).shape == (200, 200, 3)
    with pytest.raises(InputError, match="not at hand"):
        _face(pixels=False).crop(16, 64)


def test_reduced_pixels_show_the_same_face() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[40:60, 20:40] = 255
    placed = replace(FACE, T_crop_image=np.eye(3) * [[4], [4], [1]])
    whole, half = (
        replace(placed, picture=Picture(path="", size=(100, 100), pixels=pixels))
        for pixels in (image, image[::2, ::2])
    )
    apart = np.abs(whole.crop(56, 56).astype(int) - half.crop(56, 56).astype(int))
    assert apart.mean() < 4
