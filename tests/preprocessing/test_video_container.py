"""Files that are hard to open as a video, and files that are no video but would open others."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from tests.preprocessing.test_video_reader import grey, read
from tests.tracking.clips import write_video

from smirk3d.errors import InputError
from smirk3d.preprocessing.media import video_container
from smirk3d.preprocessing.media.video_reader import VideoReader

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="other systems lack such names")


@linux_only
@pytest.mark.parametrize(
    "name", [b"12:30:45.mp4", b"50%d.mp4", b"Fran\xe7ois.mp4", b"two\nlines.mp4", b"-i.mp4",
             b"http:__x.mp4", b"concat:a|b.mp4"],
)  # fmt: skip
def test_names_are_no_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes):
    path = write_video(tmp_path / "a.mp4", grey(4))
    shutil.copy(path, tmp_path / os.fsdecode(name))
    monkeypatch.chdir(tmp_path)
    assert len(read(Path(os.fsdecode(name)))) == 4


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nVIDEO\n#EXT-X-ENDLIST\n",
         "an HLS playlist"),
        ("a.mp4", "#EXTM3U\n#EXTINF:1,\nVIDEO\n", "an HLS playlist"),
        ("a.ffconcat", "ffconcat version 1.0\nfile VIDEO\n", "a list of files"),
        ("a.mpd", '<?xml version="1.0"?>\n<MPD><BaseURL>VIDEO</BaseURL></MPD>', "DASH"),
        ("a.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", "SDP"),
        ("a%d.png", "\x89PNG\r\n", "no readable video"),
        ("a.txt", "file VIDEO\n", "no readable video"),
    ],
)  # fmt: skip
def test_lists_of_other_files_open_nothing(tmp_path: Path, name: str, content: str, reason: str):
    video = write_video(tmp_path / "v.mp4", grey(4))
    path = tmp_path / name
    path.write_text(content.replace("VIDEO", str(video)))
    with pytest.raises(InputError, match=reason) as raised:
        VideoReader(path)
    assert str(path) in str(raised.value)


def test_an_image_that_ffmpeg_would_read_as_a_pipe_is_no_video(tmp_path: Path):
    from PIL import Image

    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="no readable video"):
        VideoReader(tmp_path / "a.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_devices_are_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "a.mp4")
    for path in (tmp_path / "a.mp4", Path("/dev/zero")):
        with pytest.raises(InputError, match="not a regular file"):
            VideoReader(path)


def test_an_error_of_a_library_under_a_decoder_costs_one_frame(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (6, 32, 32, 3), np.uint8)
    path = write_video(tmp_path / "a.mov", iter(noise), codec="png", pixels="rgb24")
    content = bytearray(path.read_bytes())
    place = -1
    for _ in range(3):  # the third frame
        place = content.index(b"IDAT", place + 1)
    content[place + 8 : place + 40] = b"\xff" * 32
    path.write_bytes(content)
    reader = VideoReader(path)
    frames = list(reader.frames())
    assert len(frames) == 5
    assert reader.damage is not None
    assert "external library" in reader.damage
    assert np.allclose(np.diff([f.seconds for f in frames]), np.array([1, 2, 1, 1]) / 30, atol=1e-5)


def test_the_first_stream_with_a_decoder_is_read(tmp_path: Path):
    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream(codec, rate=25) for codec in ("libx264", "mjpeg")]
        for stream, side in zip(streams, (64, 128), strict=True):
            stream.width = stream.height = side
            stream.pix_fmt = "yuvj420p"
        for stream in streams:
            picture = np.full((stream.height, stream.width, 3), 100, np.uint8)
            for _ in range(4):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    assert read(path)[0].image.shape == (64, 64, 3)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zz9z"))
    assert VideoReader(path).info.width == 128
    assert {frame.image.shape for frame in read(path)} == {(128, 128, 3)}
    path.write_bytes(path.read_bytes().replace(b"jpeg", b"zz8z"))
    with pytest.raises(InputError, match=r"a\.mov: FFmpeg has no decoder for its pictures"):
        VideoReader(path)


def test_larger_frames_than_the_budget_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_video(tmp_path / "a.mp4", grey(3, 64, 96))
    assert len(read(path)) == 3
    monkeypatch.setattr(video_container, "MAX_FRAME_PIXELS", 64 * 96 - 1)
    with pytest.raises(InputError, match="frames of 96 x 64 pixels, more than"):
        VideoReader(path)


def test_frames_that_grow_beyond_the_budget_are_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "a.ts"
    parts = [
        write_video(tmp_path / f"{n}.ts", itertools.repeat(np.zeros((n, n, 3), np.uint8), 300))
        for n in (64, 128)
    ]  # longer than what is looked through to learn what there is
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    monkeypatch.setattr(video_container, "MAX_FRAME_PIXELS", 100 * 100)
    reader = VideoReader(path)
    assert {frame.image.shape for frame in reader.frames()} == {(64, 64, 3)}
    assert reader.damage


def test_a_frame_that_cannot_be_converted_ends_the_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write_video(tmp_path / "a.mp4", grey(4))

    class Broken(Exception):
        pass

    def fail(index: int, seconds: float, frame: object, stamp: int | None) -> None:
        raise Broken("no such conversion")

    reader = VideoReader(path)
    monkeypatch.setattr("smirk3d.preprocessing.media.video_reader._picture", fail)
    with pytest.raises(InputError, match=r"a\.mp4: no frame can be decoded \(no such conversion\)"):
        list(reader.frames())


def test_an_absurd_time_is_no_gap_of_years(tmp_path: Path):
    moments = [0, 40, 80, 10**12, 10**12 + 40]
    path = write_video(tmp_path / "a.mkv", grey(5), times=lambda number: moments[number])
    times = [frame.seconds for frame in read(path)]
    assert np.allclose(times, np.arange(5) * 0.04, atol=0.01)


def test_a_number_of_frames_that_is_no_truth_takes_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write_video(tmp_path / "a.mp4", grey(4))
    reader = VideoReader(path)
    object.__setattr__(reader.info, "num_frames", 2**40)
    with pytest.raises(InputError, match="ends before the first"):
        list(reader.evenly_spaced(3))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("m00-rgb.mkv", "no decoder for its pictures"), ("m01-m3x5.mov", "no decoder|no readable")],
)
def test_videos_without_a_decoder_of_the_cases(shared_dir: Path, name: str, reason: str):
    path = shared_dir / "cases" / "video-no-codec" / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    with pytest.raises(InputError, match=reason):
        read(path)


def test_external_errors_of_the_cases(shared_dir: Path):
    path = shared_dir / "cases" / "video-external-error" / "m00-m16x16.mov"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    reader = VideoReader(path)
    assert len(list(reader.frames())) == 18
    assert reader.damage is not None
    assert "external library" in reader.damage
