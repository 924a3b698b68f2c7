"""Joins the tracks of a video's pieces: who in one piece is who in those before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smirk3d.tracking.track_file import Track
from smirk3d.tracking.tracks.crop_region import centre_and_size
from smirk3d.tracking.tracks.face_track import FaceTrack
from smirk3d.tracking.tracks.identity import SAME, Traces, cost_of_same
from smirk3d.tracking.tracks.person_shape import PersonShape


@dataclass(frozen=True, eq=False)
class TrackedPiece:
    """What was tracked of a piece.

    Attributes:
        track: its people, with ids of the piece alone, and the video's times.
        remembered: by these ids, all that the tracker knew of them at the end; nothing of those
            whom it had forgotten.
        after_cut: whether another scene begins with the piece.
    """

    track: Track
    remembered: Mapping[int, FaceTrack]
    after_cut: bool


@dataclass
class _Person:
    """Somebody of the pieces so far: how the last of them saw it, and its shape over all."""

    traces: Traces | None
    shape: PersonShape | None
    mean: NDArray[np.float64]


def join_pieces(pieces: Sequence[TrackedPiece], *, least_frames: int) -> Track:
    """Return one track of the people of all pieces.

    A person of a piece is the one of the pieces before that it resembles most, by the costs with
    which a tracker identifies lost faces again; one whom it resembles too little is new. The shape
    is the mean over the pieces, weighted as over frames.

    Args:
        pieces: in the order of the video.
        least_frames: people seen in fewer frames of the whole video are left out.
    """
    people: list[_Person] = []
    numbers = [_identify(piece, people) for piece in pieces]
    starts = np.cumsum([0, *(len(piece.track.timestamps) for piece in pieces)])
    seen: list[tuple[int, NDArray[np.int64], Track, int]] = []
    for piece, ids, start in zip(pieces, numbers, starts.tolist(), strict=False):
        track = piece.track
        seen += [(n, start + track.frames(p), track, p) for p, n in enumerate(ids)]
    counts = np.zeros(len(people), np.int64)
    for number, frames, _, _ in seen:
        counts[number] += len(frames)
    least = min(least_frames, int(starts[-1]))
    kept = np.flatnonzero(counts >= least)
    # of each person piece after piece: rows follow people, then frames
    seen = sorted((part for part in seen if part[0] in kept), key=lambda part: part[0])
    valid = np.zeros((len(kept), int(starts[-1])), bool)
    for number, frames, _, _ in seen:
        valid[np.searchsorted(kept, number), frames] = True
    first = pieces[0].track
    return Track(
        meta=first.meta,
        timestamps=np.concatenate([piece.track.timestamps for piece in pieces]),
        ids=kept.astype(np.int64),
        valid=valid,
        shape=np.stack([people[n].mean for n in kept]).astype(np.float32)
        if len(kept)
        else np.zeros((0, 0), np.float32),
        rows={
            name: np.concatenate([t.rows[name][t.rows_of(p)] for _, _, t, p in seen])
            if seen
            else values[:0]
            for name, values in first.rows.items()
        },
    )


def _identify(piece: TrackedPiece, people: list[_Person]) -> list[int]:
    """Return the numbers of a piece's people among all, to whom new ones are added."""
    track = piece.track
    known = range(len(people))
    ends = {p: piece.remembered.get(int(number)) for p, number in enumerate(track.ids)}
    costs: list[tuple[float, int, int]] = []
    for p, face in ends.items():
        if face is None:
            continue
        found = _at_first_sight(track, p, face)
        for number in known:
            lost = people[number].traces
            if lost is not None:
                costs.append((cost_of_same(lost, found, cut=piece.after_cut), p, number))
    names: dict[int, int] = {}
    for cost, p, number in sorted(costs):
        if cost <= SAME and p not in names and number not in names.values():
            names[p] = number
    for p, face in ends.items():
        if p not in names:
            names[p] = len(people)
            people.append(_Person(None, None, track.shape[p].astype(np.float64)))
        _take_in(people[names[p]], face)
    return [names[p] for p in ends]


def _at_first_sight(track: Track, person: int, face: FaceTrack) -> Traces:
    """Return the traces of a person where a piece shows it first."""
    first = track.rows_of(person).start
    corners = track.rows["box"][first].astype(np.float64).reshape(2, 2)
    centre, size = centre_and_size(corners)
    seconds = float(track.timestamps[track.frames(person)[0]])
    return replace(face.traces(), position=centre, speed=np.zeros(2), size=size, seconds=seconds)


def _take_in(person: _Person, face: FaceTrack | None) -> None:
    if face is None:
        return
    person.shape = face.shape if person.shape is None else person.shape.joined(face.shape)
    person.mean = person.shape.mean
    person.traces = replace(face.traces(), shape=person.mean)
