"""A long video, cut into pieces, each tracked by itself, and joined to one folder of results.

Three steps, each a function of the file and the settings: :func:`cut`, :func:`track_piece` for each
piece, in any order and by any process, and :func:`join`. Between them the places of the pieces and
what was tracked are kept in ``.NAME.pieces`` beside the folder of results.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.json_text import is_number, is_whole, read_json_file, require_object
from smirk3d.assets.foreign.origin import Origin, Unfit
from smirk3d.assets.result_folders import Destination
from smirk3d.errors import InputError, OutputError
from smirk3d.preprocessing.media.video_reader import FramePlace, VideoReader
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.pieces.cutting import LONGEST_PIECE, Piece, pieces_of
from smirk3d.tracking.pieces.joining import TrackedPiece, join_pieces
from smirk3d.tracking.track_store import TrackStore, input_digest
from smirk3d.tracking.track_video import (
    ClipConfig,
    ClipOutcome,
    ClipResult,
    clip_meta,
    deliver,
    finished_outcome,
    open_video,
    result_job,
    tracker_of,
    tracking_job,
)

_PLAN = "pieces.json"


@dataclass(frozen=True)
class Plan:
    """The pieces of a video.

    Attributes:
        job: all that their rows depend on, the file's hash among them.
        pieces: in the order of the video.
        damage: what was wrong with the file, or None.
    """

    job: dict[str, Any]
    pieces: tuple[Piece, ...]
    damage: str | None


def is_long(video: VideoReader, longest: float = LONGEST_PIECE) -> bool:
    """Return whether a video is cut: it is longer than ``longest`` seconds, by its header."""
    return video.info.seconds > longest


def cut(
    video: VideoReader,
    destination: Destination,
    reconstructor: FaceReconstructor,
    formats: Sequence[str],
    config: ClipConfig,
    longest: float = LONGEST_PIECE,
) -> int | ClipOutcome:
    """Find the pieces of a video, and return their number, or what an earlier run has finished.

    Args:
        video: reader of what is tracked.
        destination: place of the results.
        reconstructor: estimator of the faces.
        formats: formats of each person's files.
        config: settings.
        longest: seconds of a piece.

    Raises:
        InputError: if not one frame can be decoded.
        OutputError: if the places of the pieces cannot be written.
    """
    digest = input_digest(video.files)
    job = tracking_job(video, digest, reconstructor, config) | {"longest_piece": longest}
    done = finished_outcome(destination, result_job(job, formats, config))
    if done is not None:
        return done
    path = _folder(destination) / _PLAN
    with contextlib.suppress(InputError):
        plan = _read_plan(path)
        if plan.job == job:
            return len(plan.pieces)
    plan = Plan(job, tuple(pieces_of(video.frames(), longest)), video.damage)
    record = {
        "job": job,
        "damage": plan.damage,
        "pieces": [
            [p.place.index, p.place.stamp, p.num_frames, p.seconds, p.after_cut]
            for p in plan.pieces
        ],
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(record), encoding="utf-8")
    return len(plan.pieces)


def track_piece(
    path: Path,
    destination: Destination,
    reconstructor: FaceReconstructor,
    config: ClipConfig,
    number: int,
) -> None:
    """Track the piece of a number, from 0, of a video that was cut; go on where it was left.

    Raises:
        InputError: if the file gives fewer frames than when it was cut, or was never cut.
        OutputError: if the disk is full, or another run works on the piece.
    """
    plan = _read_plan(_folder(destination) / _PLAN)
    piece = plan.pieces[number]
    video = open_video(path, config)
    with _store(destination, plan, number) as store, tracker_of(reconstructor, config) as tracker:
        done = store.resume(tracker)
        first = piece.place.index + done
        frames = video.frames(first, piece.place)
        with contextlib.closing(frames):
            for frame in islice(frames, piece.num_frames - done):
                faces = tracker.step(frame.image, frame.seconds)
                store.add(frame.seconds, (frame.image.shape[1], frame.image.shape[0]), faces)
                done += 1
                if store.num_pending >= config.chunk:
                    store.flush(tracker)
        store.flush(tracker)
    if done < piece.num_frames:
        raise InputError(f"{path} was changed while it was tracked: track it again")


def join(
    path: Path,
    destination: Destination,
    reconstructor: FaceReconstructor,
    formats: Sequence[str],
    config: ClipConfig,
) -> ClipOutcome:
    """Write the results of a video whose pieces are tracked, and remove what was kept of them.

    Raises:
        InputError: if the file is another one than when it was cut.
        OutputError: if a piece is absent, or the results cannot be written.
    """
    plan = _read_plan(_folder(destination) / _PLAN)
    video = open_video(path, config)
    digest = input_digest(video.files)
    if digest != plan.job["input"]:
        raise InputError(f"{path} was changed while it was tracked: track it again")
    name = result_job(plan.job, formats, config)
    meta = clip_meta(destination.input_text, video.info.rate, reconstructor, config)
    meta |= {"complete": True, "damage": plan.damage}
    with contextlib.ExitStack() as stack:
        stores = [
            stack.enter_context(_store(destination, plan, n)) for n in range(len(plan.pieces))
        ]
        tracked = [
            _tracked(store, piece, meta, reconstructor, config)
            for store, piece in zip(stores, plan.pieces, strict=True)
        ]
        track = join_pieces(tracked, least_frames=config.least_frames)
        result = ClipResult(destination, digest, name, tuple(formats), config)
        outcome, _ = deliver(
            result, video, track, reconstructor, lambda *_: None, threading.Event()
        )
        for store in stores:
            store.remove()
        folder = _folder(destination)
        with contextlib.suppress(OSError):
            (folder / _PLAN).unlink()
            folder.rmdir()
    return outcome


def _tracked(
    store: TrackStore,
    piece: Piece,
    meta: dict[str, Any],
    reconstructor: FaceReconstructor,
    config: ClipConfig,
) -> TrackedPiece:
    track = store.track(meta, least_frames=1)
    if len(track.timestamps) != piece.num_frames:
        raise OutputError(f"{store.folder}: a part of it is absent: track the video again")
    registry = store.registry(reconstructor.head, config.tracker)
    return TrackedPiece(track, {face.id: face for face in registry.tracks}, piece.after_cut)


def _folder(destination: Destination) -> Path:
    return destination.folder.with_name(f".{destination.folder.name}.pieces")


def _store(destination: Destination, plan: Plan, number: int) -> TrackStore:
    piece = plan.pieces[number]
    job = {**plan.job, "piece": [piece.place.index, piece.num_frames]}
    return TrackStore(_folder(destination) / f"{number:05d}", job)


def _read_plan(path: Path) -> Plan:
    origin = Origin(str(path), "list of a video's pieces", "remove it, and the video is cut again")
    with origin.refusing():
        record = require_object(read_json_file(origin))
        job, rows = require_object(record.get("job"), "job"), record.get("pieces")
        damage = record.get("damage")
        if not isinstance(rows, list) or not all(map(_is_piece, rows)) or not rows:
            raise Unfit("its pieces are no list of places")
        if damage is not None and not isinstance(damage, str):
            raise Unfit("its damage is no text")
        pieces = tuple(
            Piece(FramePlace(index, stamp), count, float(seconds), after_cut)
            for index, stamp, count, seconds, after_cut in rows
        )
        return Plan(job, pieces, damage)


def _is_piece(row: Any) -> bool:
    return (
        isinstance(row, list)
        and len(row) == 5
        and is_whole(row[0])
        and (row[1] is None or is_whole(row[1]))
        and is_whole(row[2])
        and is_number(row[3])
        and isinstance(row[4], bool)
    )
