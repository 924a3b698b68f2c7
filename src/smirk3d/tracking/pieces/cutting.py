"""Where a long video is cut into pieces: at cuts between scenes, where there are any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from smirk3d.preprocessing.media.video_reader import FramePlace, VideoFrame
from smirk3d.tracking.scene_cuts import SceneCuts

LONGEST_PIECE = 60.0
"""Seconds of a piece, and the most that a process which dies costs: at 30 frames a second about two
minutes of one process."""

_SHORTEST = 15.0
"""Seconds of all pieces but the last: each opens the file, searches its first frame and starts new
identities, so that rapid cuts do not make many."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a video.

    Attributes:
        place: its first frame.
        num_frames: how many frames it has.
        seconds: time of its first frame.
        after_cut: whether another scene begins with it.
    """

    place: FramePlace
    num_frames: int
    seconds: float
    after_cut: bool


def pieces_of(frames: Iterable[VideoFrame], longest: float = LONGEST_PIECE) -> Iterator[Piece]:
    """Yield the pieces of a video, in order; together they have each frame once.

    A piece ends at the last scene cut within ``longest`` seconds, at least a quarter of them after
    its start; where there is none, after ``longest`` seconds.

    Args:
        frames: all frames of the video.
        longest: seconds of a piece.
    """
    scenes, shortest = SceneCuts(), min(_SHORTEST, longest / 4)
    start: Piece | None = None
    cuts: list[Piece] = []
    count = 0
    for frame in frames:
        after_cut = scenes.is_cut(frame.image, frame.seconds)
        here = Piece(FramePlace(frame.index, frame.stamp), 0, frame.seconds, after_cut)
        start = start or here
        while frame.seconds - start.seconds >= longest:
            cuts = [cut for cut in cuts if cut.seconds - start.seconds >= shortest]
            end = cuts.pop() if cuts else here
            yield _until(start, end.place.index)
            start, cuts = end, []
        if here.after_cut:
            cuts.append(here)
        count = frame.index + 1
    if start is not None:
        yield _until(start, count)


def _until(piece: Piece, end: int) -> Piece:
    return Piece(piece.place, end - piece.place.index, piece.seconds, piece.after_cut)
