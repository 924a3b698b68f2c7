"""Folders of numbered pictures, good and bad."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smirk3d.errors import InputError
from smirk3d.preprocessing.media.video_reader import VideoReader


def write_frame(path: Path, level: int, size: tuple[int, int] = (97, 65)) -> Path:
    """Write one grey picture, width by height, with red in the upper left corner."""
    picture = Image.new("RGB", size, (level,) * 3)
    picture.paste((250, 10, 10), (0, 0, 24, 16))
    picture.save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures whose numbers are not written with equally many digits."""
    for number in range(1, 13):
        write_frame(tmp_path / f"frame_{number}.png", 10 * number)
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "._frame_1.png").write_bytes(b"x")
    (tmp_path / "readme 2.txt").write_text("x")
    (tmp_path / "poster.png").write_bytes(b"x")
    return tmp_path


def levels(frames: list) -> list[int]:
    return [round(float(frame.image[40:, 60:].mean())) for frame in frames]


def test_pictures_come_in_the_order_of_their_numbers(folder: Path):
    reader = VideoReader(folder)
    frames = list(reader.frames())
    assert levels(frames) == [10 * number for number in range(1, 13)]
    assert [frame.index for frame in frames] == list(range(12))
    assert np.allclose([frame.seconds for frame in frames], np.arange(12) / 30, atol=1e-6)
    assert (reader.info.width, reader.info.height, reader.info.rate) == (97, 65, 30)
    assert (reader.info.num_frames, reader.damage) == (12, None)
    assert [file.name for file in reader.files] == [f"frame_{n}.png" for n in range(1, 13)]
    assert reader.is_folder


def test_a_later_start_gives_the_same_frames(folder: Path):
    (folder / "frame_3.png").write_bytes(b"broken")
    whole, late = (list(VideoReader(folder).frames(first)) for first in (0, 7))
    assert len(late) == 4
    for one, other in zip(whole[7:], late, strict=True):
        assert (one.index, one.seconds) == (other.index, other.seconds)
        assert (one.image == other.image).all()


def test_the_rate_can_be_told(folder: Path):
    reader = VideoReader(folder, folder_rate=Fraction(24))
    assert np.allclose([f.seconds for f in reader.frames()], np.arange(12) / 24, atol=1e-6)
    assert reader.info.seconds == pytest.approx(0.5)


def test_planes_show_what_pictures_show(folder: Path):
    reader = VideoReader(folder)
    for frame, planes in zip(reader.frames(), reader.planes(), strict=True):
        assert planes.y.shape == (65, 97)
        assert planes.seconds == frame.seconds
        shown = (float(planes.y[40:, 60:].mean()) - 16) * 255 / 219
        assert abs(shown - float(frame.image[40:, 60:].mean())) < 2.5
        assert planes.v[:6, :9].mean() > 200, "red"


def test_a_picture_that_cannot_be_read_leaves_a_gap(folder: Path):
    (folder / "frame_4.png").write_bytes(b"broken")
    reader = VideoReader(folder)
    frames = list(reader.frames())
    assert [frame.index for frame in frames] == list(range(11))
    assert np.diff([frame.seconds for frame in frames]).round(3).tolist()[2] == 0.067
    assert reader.damage is not None
    assert "frame_4.png" in reader.damage


def test_pictures_of_another_size_are_frames_too(folder: Path):
    write_frame(folder / "frame_5.png", 50, (200, 100))
    assert [f.image.shape[:2] for f in VideoReader(folder).frames()][3:5] == [(65, 97), (100, 200)]


def test_some_frames_are_spread_over_the_folder(folder: Path):
    assert [frame.index for frame in VideoReader(folder).evenly_spaced(3)] == [3, 6, 8]


@pytest.mark.parametrize(
    "names",
    [["shot2_007_l.jpg", "shot2_010_l.JPG"], ["9.png", "10.png"], ["f (1).png", "f (2).png"]],
)
def test_numbers_may_stand_anywhere(tmp_path: Path, names: list[str]):
    for level, name in zip((50, 60), names, strict=True):
        write_frame(tmp_path / name, level)
    assert levels(list(VideoReader(tmp_path).frames())) == [50, 60]


def test_folders_without_frames_are_named(tmp_path: Path):
    with pytest.raises(InputError, match="holds no numbered pictures") as raised:
        VideoReader(tmp_path)
    assert str(tmp_path) in str(raised.value)
    (tmp_path / "a1.png").write_bytes(b"broken")
    with pytest.raises(InputError, match="none of its 1 pictures can be read"):
        VideoReader(tmp_path)
    write_frame(tmp_path / "b1.png", 50)
    with pytest.raises(InputError, match=r"several sequences \(a1.png, b1.png\)"):
        VideoReader(tmp_path)
