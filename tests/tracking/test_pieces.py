"""Long videos in pieces: where they are cut, what a piece decodes, and who is who afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from smirk3d import FaceReconstructor
from smirk3d.assets.result_folders import Destination
from smirk3d.errors import InputError
from smirk3d.preprocessing.media.video_reader import FramePlace, VideoFrame, VideoReader
from smirk3d.tracking.pieces.cutting import pieces_of
from smirk3d.tracking.pieces.joining import TrackedPiece, join_pieces
from smirk3d.tracking.pieces.long_video import cut, is_long, join, track_piece
from smirk3d.tracking.track_video import ClipConfig, track_video
from tests.tracking.clips import background, paste, write_video


def scenes(lengths: list[int]) -> Iterator[VideoFrame]:
    """Noise that stands still for as many tenths of a second, then other noise."""
    index = 0
    for scene, length in enumerate(lengths):
        image = np.random.default_rng(scene).integers(0, 255, (40, 60, 3), dtype=np.uint8)
        for _ in range(length):
            yield VideoFrame(index, index / 10, image, index * 2)
            index += 1


@pytest.mark.parametrize(
    ("lengths", "starts"),
    [
        ([50], [0]),
        ([250], [0, 100, 200]),
        ([80, 80, 80], [0, 80, 160]),
        ([10, 130], [0, 100]),  # a cut too early is none
        ([60, 30, 60], [0, 90]),  # the last one that fits
        ([40, 120], [0, 40, 140]),
    ],
)
def test_pieces_end_at_the_last_cut_that_fits(lengths: list[int], starts: list[int]) -> None:
    pieces = list(pieces_of(scenes(lengths), longest=10.0))
    assert [piece.place.index for piece in pieces] == starts
    assert [piece.place.stamp for piece in pieces] == [2 * start for start in starts]
    ends = [piece.place.index + piece.num_frames for piece in pieces]
    assert ends == [*starts[1:], sum(lengths)]
    cuts = np.cumsum(lengths)
    assert [piece.after_cut for piece in pieces] == [start in cuts for start in starts]


def test_no_frames_are_no_pieces() -> None:
    assert list(pieces_of([])) == []


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "ts"])
def test_decoding_from_a_place_gives_the_same_frames(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"clip.{ending}"
    write_video(path, (background(96, 128, n / 5) for n in range(40)))
    whole = list(VideoReader(path).frames())
    for first in (1, 17, 39):
        place = FramePlace(whole[first].index, whole[first].stamp)
        part = list(VideoReader(path).frames(first, place))
        assert [frame.index for frame in part] == list(range(first, 40))
        for one, other in zip(part, whole[first:], strict=True):
            assert one.seconds == other.seconds and np.array_equal(one.image, other.image)
    later = list(VideoReader(path).frames(20, FramePlace(17, whole[17].stamp)))
    assert [frame.seconds for frame in later] == [frame.seconds for frame in whole[20:]]


def test_a_place_that_is_not_in_the_file_is_decoded_from_its_beginning(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", (background(96, 128, n / 5) for n in range(9)))
    found = list(VideoReader(path).frames(4, FramePlace(4, 10**9)))
    assert [frame.index for frame in found] == [4, 5, 6, 7, 8]


def two_people(number: int) -> np.ndarray:
    """Somebody for 12 frames, with somebody else from the sixth on; then the first one alone."""
    picture = background(160, 320, number / 30, seed=number >= 12)
    x = 80 + 2 * number if number < 12 else 200
    paste(picture, data.astronaut()[20:240, 110:340], x, 80, 0.6)
    if 6 <= number < 12:
        other = data.astronaut()[20:240, 110:340][:, ::-1, ::-1]
        paste(picture, np.ascontiguousarray(other), 240, 80, 0.5)
    return picture


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_video(path, map(two_people, range(24)))


@pytest.fixture(scope="module")
def reconstructor() -> FaceReconstructor:
    return FaceReconstructor(fast=True)


CONFIG = ClipConfig(smooth="off", least_frames=2)


def in_pieces(
    clip: Path, out: Path, reconstructor: FaceReconstructor, longest: float, order: int = 1
) -> tuple[int, Path]:
    place = Destination(clip, out)
    count = cut(VideoReader(clip), place, reconstructor, (), CONFIG, longest)
    assert isinstance(count, int)
    for number in list(range(count))[::order]:
        track_piece(clip, place, reconstructor, CONFIG, number)
    return count, join(clip, place, reconstructor, (), CONFIG).folder


@pytest.mark.slow
def test_pieces_joined_are_the_whole(
    clip: Path, tmp_path: Path, reconstructor: FaceReconstructor
) -> None:
    assert is_long(VideoReader(clip), 0.4) and not is_long(VideoReader(clip))
    whole = track_video(clip, reconstructor, tmp_path / "whole", (), CONFIG).track
    out = tmp_path / "joined"
    count, folder = in_pieces(clip, out, reconstructor, 0.4)
    assert count == 2 and folder == out
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    done = cut(VideoReader(clip), Destination(clip, out), reconstructor, (), CONFIG, 0.4)
    assert not isinstance(done, int) and done.skipped
    joined = done.track
    assert np.array_equal(joined.timestamps, whole.timestamps)
    assert joined.ids.tolist() == whole.ids.tolist()
    assert joined.valid[0].all() and np.array_equal(joined.valid, whole.valid)
    # the cut falls on a change of scene, at which a tracker begins anew anyway
    for name, rows in whole.rows.items():
        assert np.allclose(joined.rows[name], rows, atol=1e-5), name
    assert np.allclose(joined.shape, whole.shape, atol=0.3)
    reverse = tmp_path / "reverse"
    in_pieces(clip, reverse, reconstructor, 0.4, order=-1)
    for name in ("track.npz", "result.json"):
        assert (reverse / name).read_bytes() == (out / name).read_bytes()


@pytest.mark.slow
def test_somebody_is_followed_over_an_end_that_is_no_cut(
    clip: Path, tmp_path: Path, reconstructor: FaceReconstructor
) -> None:
    count, folder = in_pieces(clip, tmp_path / "out", reconstructor, 0.25)
    assert count > 2
    place = Destination(clip, folder)
    done = cut(VideoReader(clip), place, reconstructor, (), CONFIG, 0.25)
    assert not isinstance(done, int)
    assert done.track.valid[0].all(), "one number all along"


@pytest.mark.slow
def test_another_file_in_its_place_is_refused(
    clip: Path, tmp_path: Path, reconstructor: FaceReconstructor
) -> None:
    moved = tmp_path / "clip.mp4"
    moved.write_bytes(clip.read_bytes())
    place = Destination(moved, tmp_path / "out")
    cut(VideoReader(moved), place, reconstructor, (), CONFIG, 0.4)
    write_video(moved, map(two_people, range(15)))
    with pytest.raises(InputError, match="was changed while it was tracked"):
        track_piece(moved, place, reconstructor, CONFIG, 1)
    with pytest.raises(InputError, match="was changed while it was tracked"):
        join(moved, place, reconstructor, (), CONFIG)
    (tmp_path / ".out.pieces" / "pieces.json").write_text("{}")
    with pytest.raises(InputError, match="job is no JSON object"):
        track_piece(moved, place, reconstructor, CONFIG, 0)


@pytest.mark.slow
def test_people_of_pieces_without_faces(tmp_path: Path, reconstructor: FaceReconstructor) -> None:
    frames = [background(120, 160, n / 30) for n in range(8)]
    path = write_video(tmp_path / "empty.mp4", frames)
    _, folder = in_pieces(path, tmp_path / "out", reconstructor, 0.1)
    assert (folder / "track.npz").is_file()
    track = track_video(path, reconstructor, tmp_path / "whole", (), CONFIG).track
    lone = [TrackedPiece(replace(track), {}, after_cut=False)] * 2
    joined = join_pieces(lone, least_frames=2)
    assert joined.valid.shape == (0, 16) and len(joined.ids) == 0
