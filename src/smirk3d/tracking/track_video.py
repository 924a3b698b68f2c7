"""A video file to a folder of results, resumable."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from smirk3d.assets.atomic import atomic_directory
from smirk3d.pipeline import FaceReconstructor
from smirk3d.preprocessing.video_reader import VideoReader
from smirk3d.tracking.clip_outputs import OVERLAY, write_clip_result, write_person
from smirk3d.tracking.overlay_video import write_overlay
from smirk3d.tracking.track_file import FILE_NAME, Track
from smirk3d.tracking.track_store import TrackStore, input_digest
from smirk3d.tracking.tracker import FaceTracker, TrackerConfig

Smoothing = Literal["off", "live", "best"]
OnProgress = Callable[[str, int, int], None]
"""Called with what is done (``track`` or ``overlay``), how many frames, and of how many; 0 where
that is not known."""

_STORE_VERSION = 3


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """How a video is tracked.

    Attributes:
        smooth: ``best`` smooths afterwards without lag; see ``TrackerConfig`` for the others.
        tracker: settings of the tracker; its ``smooth`` is set by this one's.
        chunk: frames between savings.
        least_frames: people seen in fewer frames are left out.
        fov: the camera's horizontal field of view in degrees; for pinhole cameras in the results.
    """

    smooth: Smoothing = "best"
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    chunk: int = 150
    least_frames: int = 5
    fov: float | None = None


@dataclass(frozen=True)
class ClipOutcome:
    """What became of a video.

    Attributes:
        track: its people.
        interrupted: whether the user stopped it; the track then ends there.
    """

    track: Track
    interrupted: bool


def track_video(
    path: str | Path,
    reconstructor: FaceReconstructor,
    folder: Path,
    formats: Sequence[str] = (),
    config: ClipConfig | None = None,
    *,
    fresh: bool = False,
    on_progress: OnProgress | None = None,
) -> ClipOutcome:
    """Track a video and write its folder of results.

    While running, finished stretches are kept in ``.STEM.tracking`` beside the folder. A run that
    was killed goes on from the last of them, and leaves the same files as an unbroken run. One
    that is stopped (Ctrl-C) writes what it has, without the overlay, and can be gone on with too.

    Args:
        path: the video.
        reconstructor: what estimates the faces.
        folder: for the results; made, or replaced.
        formats: names of :data:`smirk3d.tracking.clip_outputs.CLIP_FORMATS`.
        config: settings.
        fresh: start over, even where an earlier run can be gone on with.
        on_progress: see :data:`OnProgress`.

    Raises:
        InputError: if the video cannot be read at all.
        OutputError: if the disk is full; what was tracked is kept.
    """
    config = config or ClipConfig()
    video = VideoReader(path)
    store = TrackStore(
        folder.with_name(f".{folder.name}.tracking"), _job(video, reconstructor, config)
    )
    if fresh:
        store.remove()
        store = TrackStore(store.folder, _job(video, reconstructor, config))
    tell = on_progress or (lambda what, done, total: None)
    try:
        interrupted = _follow(video, reconstructor, store, config, tell)
    except BaseException:
        store.remove_if_empty()
        raise
    meta = clip_meta(str(path), video.info.rate, reconstructor, config)
    meta |= {"complete": not interrupted, "damage": video.damage}
    track = store.track(meta, least_frames=config.least_frames)
    track = finished(track, reconstructor, config)
    write_results(folder, track, reconstructor, formats, video.info.rate)
    if OVERLAY in formats and not interrupted:
        write_overlay(
            folder / "overlay.mp4",
            video,
            track,
            reconstructor.head,
            on_progress=lambda done, total: tell("overlay", done, total),
        )
    if not interrupted:
        store.remove()
    return ClipOutcome(track, interrupted)


def _follow(
    video: VideoReader,
    reconstructor: FaceReconstructor,
    store: TrackStore,
    config: ClipConfig,
    tell: OnProgress,
) -> bool:
    """Track what is not tracked yet; return whether the user stopped it."""
    total = video.info.num_frames
    with tracker_of(reconstructor, config) as tracker, stop_on_interrupt() as stop:
        first = store.resume(tracker)
        tell("track", first, total)
        frames = video.frames(first)
        for frame in frames:
            faces = tracker.step(frame.image, frame.seconds)
            store.add(frame.seconds, (frame.image.shape[1], frame.image.shape[0]), faces)
            tell("track", frame.index + 1, total)
            if stop.is_set():
                break
            if store.num_pending >= config.chunk:
                store.flush(tracker)
        store.flush(tracker)
        return stop.is_set()


def tracker_of(reconstructor: FaceReconstructor, config: ClipConfig) -> FaceTracker:
    """Return the tracker of a clip."""
    smooth: Literal["off", "live"] = "live" if config.smooth == "live" else "off"
    return FaceTracker(reconstructor, replace(config.tracker, smooth=smooth))


def clip_meta(
    source: str, rate: Fraction, reconstructor: FaceReconstructor, config: ClipConfig
) -> dict[str, Any]:
    """Return what ``track.npz`` says of where it comes from."""
    head = reconstructor.head
    return {
        "input": source,
        "rate": f"{rate.numerator}/{rate.denominator}",
        "head": head.name,
        "head_fingerprint": head.fingerprint,
        "weights": {"name": reconstructor.weights, "sha256": reconstructor.weights_sha256},
        "smoothing": config.smooth,
    }


def finished(track: Track, reconstructor: FaceReconstructor, config: ClipConfig) -> Track:
    """Return the track smoothed and seen through the pinhole that the config asks for."""
    if config.smooth == "best":
        track = track.smoothed(reconstructor.head)
    if config.fov is not None:
        focal = track.image_size[0] / 2 / math.tan(math.radians(config.fov) / 2)
        track = track.seen_through_pinhole(reconstructor.head, focal)
    return track


def write_results(
    folder: Path,
    track: Track,
    reconstructor: FaceReconstructor,
    formats: Sequence[str],
    rate: Fraction,
) -> None:
    """Write ``track.npz``, ``result.json`` and each person's files, all or nothing.

    Raises:
        OutputError: if the folder cannot be written.
    """
    head = reconstructor.head
    with atomic_directory(folder, overwrite=True) as temporary:
        track.save(temporary / FILE_NAME)
        write_clip_result(temporary, track, head)
        for person in range(len(track.ids)):
            for name in formats:
                if name != OVERLAY:
                    write_person(temporary, name, track, person, head, rate)


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Give an event that the first Ctrl-C sets, so that a loop ends between two frames."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number: int, frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _job(
    video: VideoReader, reconstructor: FaceReconstructor, config: ClipConfig
) -> dict[str, Any]:
    return {
        "version": _STORE_VERSION,
        "input": input_digest(video.path),
        "head": reconstructor.head.fingerprint,
        "weights": reconstructor.weights_sha256,
        "refine": reconstructor.refine,
        "live": config.smooth == "live",
        "tracker": asdict(config.tracker),
    }
