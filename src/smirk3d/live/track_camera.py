"""A camera to a folder of results for each take, until it is stopped."""

from __future__ import annotations

import datetime
import itertools
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from smirk3d.assets.result_folders import Destination
from smirk3d.closing import stop_on_interrupt
from smirk3d.errors import InputError, OutputError
from smirk3d.live.camera import LiveCamera
from smirk3d.preprocessing.media.video_reader import VideoFrame
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.track_store import TrackStore, read_job
from smirk3d.tracking.track_video import (
    ClipConfig,
    ClipOutcome,
    OnProgress,
    clip_meta,
    finished,
    store_folder,
    tracker_of,
    write_results,
)
from smirk3d.tracking.tracker import TrackedFace

CAMERA_RATE = Fraction(30)
"""Frames a second that ``track.npz`` gives for a camera; the frames' own times are uneven."""
OnFaces = Callable[[VideoFrame, Sequence[TrackedFace], Mapping[int, int]], None]
"""Called with a frame, its faces, none where it shows nobody, and ``FaceTracker.renamed``."""

_SAVE_EVERY_S = 2.0
"""Seconds of a take that a kill costs at most."""


def track_camera(
    number: int,
    reconstructor: FaceReconstructor,
    out: Path,
    formats: Sequence[str] = (),
    config: ClipConfig | None = None,
    *,
    on_faces: OnFaces | None = None,
    on_progress: OnProgress | None = None,
) -> ClipOutcome:
    """Track a camera until Ctrl-C, or until it gives no more, and write the take's folder.

    Takes are numbered: ``camera-0``, ``camera-0-2``, and so on; none replaces another. While
    running, finished stretches are kept in ``.camera-0.tracking``; :func:`finish_left_takes` makes
    a result of them when the run was killed.

    Args:
        number: of the camera.
        reconstructor: estimates the faces.
        out: for the folders of results.
        formats: names of :data:`smirk3d.tracking.clip_formats.CLIP_FORMATS`, without the overlay.
        config: settings; smoothing is live unless it says otherwise.
        on_faces: see :data:`OnFaces`.
        on_progress: see :data:`smirk3d.tracking.track_video.OnProgress`.

    Raises:
        InputError: if the camera gives no picture.
        OutputError: if the results cannot be written; what was tracked is kept.
    """
    config = config or ClipConfig(smooth="live")
    with LiveCamera(number) as camera, tracker_of(reconstructor, config) as tracker:
        folder = _next_take(number, out)
        job = _take_job(number, reconstructor, config)
        with TrackStore(store_folder(folder), job) as store, stop_on_interrupt() as stop:
            saved = 0.0
            for frame in camera.frames(stop):
                faces = tracker.step(frame.image, frame.seconds)
                if on_faces is not None:
                    on_faces(frame, faces, tracker.renamed())
                store.add(frame.seconds, (frame.image.shape[1], frame.image.shape[0]), faces)
                if store.num_pending >= config.chunk or frame.seconds - saved >= _SAVE_EVERY_S:
                    store.flush(tracker)
                    saved = frame.seconds
                if on_progress is not None:
                    on_progress("track", frame.index + 1, 0)
            store.flush(tracker)
            return _finish_take(store, job, folder, reconstructor, formats, camera.dropped)


def finish_left_takes(
    number: int, reconstructor: FaceReconstructor, out: Path, formats: Sequence[str] = ()
) -> Iterator[ClipOutcome | InputError | OutputError]:
    """Make results of takes whose run was killed, and yield the outcome or the error of each.

    Takes of another head or other weights stay as they are, for a run with those.
    """
    pattern = re.compile(rf"\.(camera-{number}(?:-\d+)?)\.tracking")
    names = sorted(entry.name for entry in out.iterdir()) if out.is_dir() else []
    for match in filter(None, map(pattern.fullmatch, names)):
        folder = out / match[1]
        job = read_job(store_folder(folder))
        if job is None or job.get("camera") != number:
            continue
        if (job.get("head"), job.get("weights")) != _networks(reconstructor):
            yield OutputError(
                f"{store_folder(folder)} holds a take of another head or other weights: run the"
                " same command with those to finish it"
            )
            continue
        try:
            with TrackStore(store_folder(folder), job) as store:
                if store.is_empty:
                    store.remove()
                    continue
                with tracker_of(reconstructor, _take_config(job)) as tracker:
                    store.resume(tracker)
                yield _finish_take(store, job, folder, reconstructor, formats, None)
        except (InputError, OutputError) as error:
            yield error


def _finish_take(
    store: TrackStore,
    job: dict[str, Any],
    folder: Path,
    reconstructor: FaceReconstructor,
    formats: Sequence[str],
    dropped: int | None,
) -> ClipOutcome:
    """Write the results of the chunks of a take, and remove them."""
    config = _take_config(job)
    source = f"camera {job['camera']}, {job['started']}"
    meta = clip_meta(source, CAMERA_RATE, reconstructor, config)
    meta |= {"complete": dropped is not None, "damage": None, "dropped": dropped}
    track = finished(store.track(meta, least_frames=config.least_frames), reconstructor, config)
    with Destination(Path(source), folder).writing() as draft:
        write_results(draft.path, track, reconstructor, formats, config.csv_fps)
    store.remove()
    return ClipOutcome(track, draft.folder)


def _next_take(number: int, out: Path) -> Path:
    """Return the first folder that neither a take nor what is left of one has."""
    for count in itertools.count(1):
        folder = out / (f"camera-{number}" + (f"-{count}" if count > 1 else ""))
        if not os.path.lexists(folder) and not os.path.lexists(store_folder(folder)):
            return folder
    raise AssertionError("numbers do not end")


def _take_job(number: int, reconstructor: FaceReconstructor, config: ClipConfig) -> dict[str, Any]:
    head, weights = _networks(reconstructor)
    return {
        "camera": number,
        "started": datetime.datetime.now().astimezone().isoformat(timespec="milliseconds"),
        "head": head,
        "weights": weights,
        "smooth": config.smooth,
        "fov": config.fov,
        "csv_fps": str(config.csv_fps),
        "tracker": asdict(config.tracker),
    }


def _take_config(job: dict[str, Any]) -> ClipConfig:
    return ClipConfig(smooth=job["smooth"], fov=job["fov"], csv_fps=Fraction(job["csv_fps"]))


def _networks(reconstructor: FaceReconstructor) -> tuple[str, str | None]:
    return reconstructor.head.fingerprint, reconstructor.weights_sha256
