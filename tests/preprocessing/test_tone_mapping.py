"""High dynamic range and animated WebP, read as ordinary clips."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from smirk3d.preprocessing.media.tone_mapping import HLG, PQ
from smirk3d.preprocessing.media.video_reader import VideoReader


def high_range_clip(path: Path, transfer: int, levels: list[int]) -> Path:
    """Grey bars of 10-bit levels in video range, tagged BT.2020 and the transfer."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16 * len(levels), 16, "yuv444p10le"
        codec = stream.codec_context
        codec.color_primaries, codec.color_trc, codec.colorspace, codec.color_range = (
            9, transfer, 9, 1,
        )  # fmt: skip
        frame = av.VideoFrame(stream.width, stream.height, "yuv444p10le")
        brightness = np.repeat(np.array(levels, np.uint16), 16)
        for plane, row in zip(frame.planes, (brightness, *[0 * brightness + 512] * 2), strict=True):
            filled = np.zeros((plane.height, plane.line_size // 2), np.uint16)
            filled[:, : plane.width] = row
            plane.update(filled.tobytes())
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        frame.color_trc, frame.color_primaries = transfer, 9
        frame.colorspace, frame.color_range = 9, 1
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def level(signal: float) -> int:
    return round(64 + 876 * signal)


@pytest.mark.parametrize(
    ("transfer", "white"),
    # diffuse white by BT.2408: 203 nits in PQ, three quarters of the signal in HLG
    [(PQ, 0.5807), (HLG, 0.75)],
)
def test_diffuse_white_is_bright_and_highlights_stay(
    tmp_path: Path, transfer: int, white: float
) -> None:
    signals = [0.0, 0.35, white, 0.5 * (1 + white), 1.0]
    path = high_range_clip(tmp_path / "hdr.mkv", transfer, [level(s) for s in signals])
    reader = VideoReader(path)
    assert reader.info.colours == (1, 1, 1), "what is shown is no longer of high range"
    (frame,) = reader.frames()
    bars = frame.image[8, 8::16].astype(int)
    assert np.ptp(bars, axis=1).max() <= 3, "grey stays grey"
    grey = bars.mean(1)
    assert grey[0] <= 1
    assert 225 < grey[2] < 250
    assert (np.diff(grey) >= 0).all()
    assert grey[-1] >= 253
    (planes,) = VideoReader(path).planes()
    luma = planes.y[8, 8::16].astype(float)
    np.testing.assert_allclose((luma - 16) / 219 * 255, grey, atol=3)


def test_ordinary_range_is_left_alone(tmp_path: Path) -> None:
    path = high_range_clip(tmp_path / "sdr.mkv", 1, [level(0.5), level(1.0)])
    (frame,) = VideoReader(path).frames()
    np.testing.assert_allclose(frame.image[8, [8, 24], 0], [128, 255], atol=2)


def test_an_animated_webp_is_a_clip(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (32, 24), (60 * n, 20, 200 - 60 * n)) for n in range(3)]
    path = tmp_path / "clip.webp"
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=[40, 80, 40], lossless=True
    )
    reader = VideoReader(path)
    assert (reader.info.width, reader.info.height, reader.info.num_frames) == (32, 24, 3)
    frames = list(reader.frames())
    assert [frame.image[0, 0].tolist() for frame in frames] == [
        [0, 20, 200], [60, 20, 140], [120, 20, 80],
    ]  # fmt: skip
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.04, 0.12])
    assert reader.damage is None


def test_a_damaged_webp_ends_early(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 255, (40, 40, 3), np.uint8)) for _ in range(4)]
    path = tmp_path / "clip.webp"
    noise[0].save(path, save_all=True, append_images=noise[1:], duration=40, lossless=True)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    from smirk3d.errors import InputError

    try:
        reader = VideoReader(path)
        frames = list(reader.frames())
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert len(frames) < 4
        assert reader.damage
