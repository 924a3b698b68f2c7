"""Sound that comes along, and sound that cannot."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest

from smirk3d.preprocessing.media.video_output import mp4_output
from smirk3d.preprocessing.media.video_reader import VideoReader
from smirk3d.tracking.overlay.sound import Sound
from tests.tracking.clips import write_video


def copied(source: Path, path: Path) -> str | None:
    """Write a video of black frames with the sound of another; return why sound is missing."""
    video = VideoReader(source)
    with mp4_output(path) as output:
        stream = output.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        with closing(Sound(output, video)) as sound:
            for planes in video.planes():
                picture = np.zeros((64, 64, 3), np.uint8)
                output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                sound.write_until(planes.seconds)
            output.mux(stream.encode())
            sound.finish(planes.seconds)
    return sound.missing


def loudness(path: Path) -> float:
    """Return the mean level of a video's sound, 0 without any."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return 0.0
        return float(np.mean([np.abs(f.to_ndarray()).mean() for f in container.decode(audio=0)]))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    frames = (np.full((64, 64, 3), 4 * number, np.uint8) for number in range(30))
    return write_video(tmp_path / "12:30:45.mp4", frames, sound=True)


def without_decoder(clip: Path) -> Path:
    """Give the sound the name of a codec that FFmpeg knows but cannot decode."""
    path = clip.with_name("apac.mp4")
    path.write_bytes(clip.read_bytes().replace(b"mp4a", b"apac").replace(b"esds", b"free"))
    return path


def test_sound_is_copied(clip: Path, tmp_path: Path) -> None:
    assert copied(clip, tmp_path / "o.mp4") is None
    assert loudness(tmp_path / "o.mp4") == pytest.approx(loudness(clip), rel=0.1)
    assert loudness(clip) > 0.01


def test_sound_without_a_decoder_is_missed(clip: Path, tmp_path: Path) -> None:
    missing = copied(without_decoder(clip), tmp_path / "o.mp4")
    assert missing == "no sound is written (FFmpeg has no decoder for it)"
    assert loudness(tmp_path / "o.mp4") == 0


def test_the_first_sound_with_a_decoder_is_taken(shared_dir: Path, tmp_path: Path) -> None:
    path = shared_dir / "cases" / "audio-no-decoder" / "apac_first.mov"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    assert copied(path, tmp_path / "o.mp4") is None
    assert loudness(tmp_path / "o.mp4") > 0.001


def test_sound_that_mp4_does_not_hold_is_encoded_anew(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    with av.open(str(clip)) as source, av.open(str(path), "w") as container:
        picture = container.add_stream("mjpeg", rate=30)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuvj420p"
        sound = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        for frame in source.decode(audio=0):
            container.mux(sound.encode(frame))
        source.seek(0)
        for frame in source.decode(video=0):
            container.mux(picture.encode(frame))
    assert copied(path, tmp_path / "o.mp4") is None
    assert loudness(tmp_path / "o.mp4") > 0.01


def test_damaged_sound_leaves_the_pictures(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    shutil.copy(clip, path)
    content = bytearray(path.read_bytes())
    place = content.index(b"mp4a")
    content[place + 20 : place + 32] = b"\xff" * 12  # channels, bits and rate
    path.write_bytes(content)
    copied(path, tmp_path / "o.mp4")
    assert len(list(VideoReader(tmp_path / "o.mp4").frames())) == 30


def test_folders_have_no_sound(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    from PIL import Image

    for number in range(3):
        Image.new("RGB", (64, 64), (number,) * 3).save(folder / f"{number}.png")
    assert copied(folder, tmp_path / "o.mp4") is None
