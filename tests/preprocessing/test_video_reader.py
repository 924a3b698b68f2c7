"""Every kind of video file, good and bad."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from tests.tracking.clips import write_video

from smirk3d.errors import InputError
from smirk3d.preprocessing.media.frame_clock import FrameClock
from smirk3d.preprocessing.media.video_reader import VideoReader


def grey(count: int, height: int = 64, width: int = 96) -> Iterator[np.ndarray]:
    for number in range(count):
        frame = np.full((height, width, 3), 10 * number + 5, np.uint8)
        frame[: height // 4, : width // 4] = (250, 10, 10)  # marks the upper left corner
        yield frame


def read(path: Path, first: int = 0) -> list:
    return list(VideoReader(path).frames(first))


def test_frames_come_in_order_with_their_times(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", grey(12), rate=25)
    frames = read(path)
    assert [frame.index for frame in frames] == list(range(12))
    assert np.allclose([frame.seconds for frame in frames], np.arange(12) / 25, atol=1e-6)
    assert [round(float(f.image[32:, 48:].mean()) / 10 - 0.5) for f in frames] == list(range(12))
    info = VideoReader(path).info
    assert (info.width, info.height, info.rate, info.num_frames) == (96, 64, Fraction(25), 12)


def test_a_later_start_gives_the_same_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", grey(12))
    for whole, late in zip(read(path)[7:], read(path, 7), strict=True):
        assert (whole.index, whole.seconds) == (late.index, late.seconds)
        assert (whole.image == late.image).all()


@pytest.mark.parametrize("container", ["a.mp4", "a.h264"])
def test_a_few_frames_are_spread_over_the_video(tmp_path: Path, container: str) -> None:
    path = write_video(tmp_path / container, grey(10))
    frames = list(VideoReader(path).evenly_spaced(3))
    assert [frame.index for frame in frames] == [2, 4, 7]
    for frame in frames:
        assert abs(float(frame.image[32:, 48:].mean()) - 10 * frame.index - 5) < 3
    assert len(list(VideoReader(path).evenly_spaced(50))) == 10


@pytest.mark.parametrize(
    ("codec", "pixels"),
    [("ffv1", "yuv420p"), ("mjpeg", "yuvj420p"), ("ffv1", "bgr0"), ("ffv1", "yuv444p10le")],
)
def test_planes_show_what_pictures_show(tmp_path: Path, codec: str, pixels: str) -> None:
    path = write_video(tmp_path / "a.mkv", grey(4, 65, 97), codec=codec, pixels=pixels)
    frames, all_planes = read(path), list(VideoReader(path).planes())
    assert [p.seconds for p in all_planes] == [f.seconds for f in frames]
    for frame, planes in zip(frames, all_planes, strict=True):
        assert planes.y.shape == (65, 97)
        assert planes.u.shape == planes.v.shape == (33, 49)
        assert planes.y.flags.writeable
        shown = (float(planes.y[40:, 60:].mean()) - 16) * 255 / 219
        assert abs(shown - float(frame.image[40:, 60:].mean())) < 2.5
        assert abs(float(planes.u[20:, 30:].mean()) - 128) < 2
        assert planes.v[:6, :9].mean() > 200, "red"


def test_turned_planes_come_upright(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", grey(3), turn=90)
    planes = next(VideoReader(path).planes())
    assert planes.y.shape == (96, 64)
    assert planes.v[-4:, :4].mean() > 200


def test_variable_frame_rates_keep_their_times(tmp_path: Path) -> None:
    moments = [0, 40, 60, 200, 210, 350, 351, 500]
    path = write_video(tmp_path / "a.mkv", grey(8), times=lambda number: moments[number])
    assert np.allclose([f.seconds * 1000 for f in read(path)], moments, atol=1)


@pytest.mark.parametrize(("turn", "corner"), [(90, (-1, 0)), (180, (-1, -1)), (-90, (0, -1))])
def test_turned_videos_come_upright(tmp_path: Path, turn: int, corner: tuple[int, int]) -> None:
    path = write_video(tmp_path / "a.mp4", grey(3), turn=turn)
    image = read(path)[1].image
    assert image.shape[:2] == ((96, 64) if turn != 180 else (64, 96))
    assert image[corner][0] > 200
    assert image[corner][1] < 100


def test_ten_bits_and_odd_sizes_are_read(tmp_path: Path) -> None:
    odd = write_video(tmp_path / "a.mkv", grey(4, 65, 97), codec="ffv1", pixels="yuv444p10le")
    frames = read(odd)
    assert frames[0].image.shape == (65, 97, 3)
    assert frames[0].image.dtype == np.uint8
    assert abs(float(frames[3].image[40:, 60:].mean()) - 35) < 3


def test_a_frame_of_another_size_in_the_middle_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    parts = [write_video(tmp_path / f"{n}.ts", grey(4, n, n)) for n in (64, 128)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames = read(path)
    assert {frame.image.shape for frame in frames} == {(64, 64, 3), (128, 128, 3)}
    assert (np.diff([frame.seconds for frame in frames]) > 0).all()


def test_frames_a_fraction_of_a_microsecond_apart_keep_their_order() -> None:
    clock = FrameClock(Fraction(30))
    base = Fraction(1, 10**7)
    frames = [SimpleNamespace(pts=n + 9, time_base=base) for n in (0, 4, 13, 24)]
    assert [clock.seconds(frame) for frame in frames] == [0, 1e-6, 2e-6, 3e-6]


def test_a_wrong_rate_tag_does_not_change_the_times(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", grey(5), rate=1000, times=lambda number: 40 * number)
    assert np.allclose([f.seconds for f in read(path)], np.arange(5) * 0.04, atol=1e-3)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.avi"])
def test_what_a_truncated_file_still_holds_is_read_and_its_end_is_missed(
    tmp_path: Path, name: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 64, 96, 3), np.uint8)
    whole = tmp_path / name
    with av.open(str(whole), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        for picture in noise:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    reader = VideoReader(whole)
    assert len(list(reader.frames())) == 40
    assert reader.damage is None
    cut = tmp_path / f"cut-{name}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    reader = VideoReader(cut)
    assert 5 < len(list(reader.frames())) < 40
    assert reader.damage
    assert "1.33" in reader.damage or "nvalid" in reader.damage


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "mpeg4"), ("a.mkv", "libx264")])
def test_frames_that_damage_spoils_are_counted(tmp_path: Path, name: str, codec: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 8, 12, 3), np.uint8)
    path = write_video(tmp_path / name, noise.repeat(12, 1).repeat(12, 2), codec=codec)
    reader = VideoReader(path)
    assert len(list(reader.frames())) == 40
    assert reader.damage is None
    content = bytearray(path.read_bytes())
    middle = slice(len(content) // 2, len(content) * 3 // 4, 40)
    content[middle] = b"\x55" * len(content[middle])
    path.write_bytes(content)
    reader = VideoReader(path)
    frames = list(reader.frames())
    assert reader.damage is not None
    lost = re.search(r"; (\d+) of 40 frames could not be read whole", reader.damage)
    assert lost is not None
    assert 40 - len(frames) <= int(lost[1]) < 30
    assert int(lost[1]) >= 5
    # damage of what is not asked for is of no concern
    early = VideoReader(path, end=0.3)
    assert len(list(early.frames())) == 9
    assert early.damage is None


def test_files_without_pictures_are_named(tmp_path: Path) -> None:
    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 16000), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    whole = write_video(tmp_path / "whole.mp4", grey(4))
    truncated = tmp_path / "truncated.mp4"
    truncated.write_bytes(whole.read_bytes()[:300])
    text = tmp_path / "text.mp4"
    text.write_text("this is no video")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    for path, reason in [
        (sound, "holds no video stream"),
        (truncated, "no readable video"),
        (text, "no readable video"),
        (empty, "is empty"),
        (tmp_path / "missing.mp4", "does not exist"),
        (tmp_path / ("x" * 300), "cannot be read|does not exist"),
    ]:
        with pytest.raises(InputError, match=reason) as caught:
            read(path)
        assert str(path) in str(caught.value)


def test_a_stream_without_frames_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.start_encoding()
    with pytest.raises(InputError, match=r"none.mkv: no"):
        read(path)


def test_leaving_early_stops_the_decoder(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", grey(25))
    frames = VideoReader(path).frames()
    next(frames)
    frames.close()
