"""A video file to a folder of results, resumable."""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Literal

from smirk3d.assets.result_folders import Destination, Draft
from smirk3d.closing import stop_on_interrupt
from smirk3d.errors import InputError
from smirk3d.export.arkit_csv import DEFAULT_FPS
from smirk3d.fitting.observations.encoder_evidence import gives_uncertainty
from smirk3d.preprocessing.media.video_container import DEFAULT_RATE
from smirk3d.preprocessing.media.video_reader import VideoReader
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.clip_formats import DATA_SET_FORMATS, OVERLAY
from smirk3d.tracking.clip_outputs import write_clip_result, write_person
from smirk3d.tracking.data_sets import write_person_data_set
from smirk3d.tracking.overlay.video import write_overlay
from smirk3d.tracking.track_file import FILE_NAME, Track, read_track
from smirk3d.tracking.track_store import TrackStore, input_digest, input_identity
from smirk3d.tracking.tracker import FaceTracker
from smirk3d.tracking.tracker_config import TrackerConfig

OVERLAY_NAME = "overlay.mp4"
Smoothing = Literal["off", "live", "best"]
OnProgress = Callable[[str, int, int], None]
"""Progress callback. It gets the stage (``track``, ``overlay`` or a data set), the number of frames
done, and the number of all frames, 0 where that is not known."""

_STORE_VERSION = 4
"""Version of what a store holds; chunks of another one are removed, and the clip is tracked
anew."""


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """How a video is tracked.

    Attributes:
        smooth: kind of smoothing; ``best`` smooths afterwards without lag, the others are those
            of ``TrackerConfig``.
        tracker: settings of the tracker, but for its ``smooth``, which follows the field above, and
            its ``of_clip``, which follows the weights.
        chunk: frames between savings.
        least_frames: people seen in fewer frames are left out.
        fov: the camera's horizontal field of view in degrees; for pinhole cameras in the results.
        csv_fps: frames a second that timecodes of ARKit's curves count, whatever the video has.
        folder_rate: frames a second of a folder of numbered pictures; videos have their own.
        start, end: span that is tracked, in seconds of the video; to its end where end is None.
            Only a whole video gets an overlay.
    """

    smooth: Smoothing = "best"
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    chunk: int = 150
    least_frames: int = 5
    fov: float | None = None
    csv_fps: Fraction = DEFAULT_FPS
    folder_rate: Fraction = DEFAULT_RATE
    start: float = 0.0
    end: float | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of a video is tracked."""
        return not self.start and self.end is None


@dataclass(frozen=True)
class ClipOutcome:
    """Outcome of tracking a video.

    Attributes:
        track: track of its people.
        folder: folder of the results.
        interrupted: whether the user stopped it; track or overlay may then end early.
        skipped: whether an earlier run had finished it.
        notes: a line each for the user on what the results lack, such as the overlay's sound.
    """

    track: Track
    folder: Path
    interrupted: bool = False
    skipped: bool = False
    notes: tuple[str, ...] = ()


class _Stopped(Exception):
    """The user asked to stop while the overlay was drawn."""


def track_video(
    path: str | Path,
    reconstructor: FaceReconstructor,
    destination: Path | Destination,
    formats: Sequence[str] = (),
    config: ClipConfig | None = None,
    *,
    fresh: bool = False,
    on_progress: OnProgress | None = None,
) -> ClipOutcome:
    """Track a video, or a folder of numbered pictures, and write its folder of results.

    A video whose results are there already, whole and of the same file, weights and settings, is
    not tracked again. While running, finished stretches are kept in ``.NAME.tracking`` beside the
    folder. A run that was killed goes on from the last of them, and leaves the same files as an
    unbroken run. One that is stopped (Ctrl-C) writes what it has, without the overlay, and can be
    gone on with too.

    Args:
        path: the video file, or the folder of pictures.
        reconstructor: estimator of the faces.
        destination: the folder for the results, or its place among those of other inputs. It is
            made, or replaced where it holds nothing but an earlier result of this video.
        formats: names of :data:`smirk3d.tracking.clip_formats.CLIP_FORMATS`.
        config: settings.
        fresh: start over, even where there are results or an earlier run can be gone on with.
        on_progress: progress callback, see :data:`OnProgress`.

    Raises:
        InputError: if the video cannot be read at all, or was changed meanwhile.
        OutputError: if the disk is full, or another run works there; what was tracked is kept.
    """
    config = config or ClipConfig()
    video = open_video(path, config)
    if isinstance(destination, Path):
        destination = Destination(Path(path), destination)
    before = input_identity(video.files)
    digest = input_digest(video.files)
    job = tracking_job(video, digest, reconstructor, config)
    name = result_job(job, formats, config)
    if not fresh:
        done = finished_outcome(destination, name)
        if done is not None:
            return done
    report = on_progress or (lambda what, done, total: None)
    with TrackStore(store_folder(destination.folder), job, fresh=fresh) as store, \
            stop_on_interrupt() as stop:  # fmt: skip
        try:
            _follow(video, reconstructor, store, config, report, stop)
            if input_identity(video.files) != before:
                raise InputError(f"{path} was changed while it was tracked: track it again")
        except BaseException:
            store.remove_if_empty()
            raise
        complete = not stop.is_set()
        meta = clip_meta(destination.input_text, video.info.rate, reconstructor, config)
        meta |= {"complete": complete, "damage": video.damage}
        track = store.track(meta, least_frames=config.least_frames)
        outcome, is_whole = deliver(
            ClipResult(destination, digest, name if complete else None, tuple(formats), config),
            video, track, reconstructor, report, stop,
        )  # fmt: skip
        if is_whole:
            store.remove()
    return outcome


def open_video(path: str | Path, config: ClipConfig) -> VideoReader:
    """Return a reader of what is tracked of a video, or of a folder of numbered pictures.

    Raises:
        InputError: if it cannot be read.
    """
    return VideoReader(path, folder_rate=config.folder_rate, start=config.start, end=config.end)


@dataclass(frozen=True)
class ClipResult:
    """A result to be written.

    Attributes:
        destination: its place.
        digest: hash of the input, of :func:`input_digest`.
        job: hash of all that it depends on; None where it is not complete.
        formats: formats of its files.
        config: settings.
    """

    destination: Destination
    digest: str
    job: str | None
    formats: tuple[str, ...]
    config: ClipConfig


def deliver(
    result: ClipResult,
    video: VideoReader,
    track: Track,
    reconstructor: FaceReconstructor,
    report: OnProgress,
    stop: threading.Event,
) -> tuple[ClipOutcome, bool]:
    """Smooth what was tracked of a video and write its folder of results.

    Returns:
        The outcome, and whether the result is whole: where the user stopped it, it is not.
    """
    config, formats = result.config, result.formats
    complete = result.job is not None
    track = finished(track, reconstructor, config)
    notes: tuple[str, ...] = ()
    with result.destination.writing(result.digest, result.job) as draft:
        write_results(draft.path, track, reconstructor, formats, config.csv_fps)
        if complete:
            _write_data_sets(draft, video, track, reconstructor, formats, report)
        if OVERLAY in formats and not config.is_whole:
            notes = ("no overlay, for it is a part of a video",)
        elif OVERLAY in formats and complete:
            notes = _draw(draft, video, track, reconstructor, report, stop)
    outcome = ClipOutcome(track, draft.folder, interrupted=stop.is_set(), notes=notes)
    return outcome, draft.job is not None


def store_folder(folder: Path) -> Path:
    """Return where the finished stretches of a result are kept until it is whole."""
    return folder.with_name(f".{folder.name}.tracking")


def finished_outcome(destination: Destination, job: str) -> ClipOutcome | None:
    """Return the outcome of an earlier run of the same job, None where there is none."""
    folder = destination.finished(job)
    if folder is None:
        return None
    try:
        return ClipOutcome(read_track(folder), folder, skipped=True)
    except InputError:  # damaged: made again
        return None


def _write_data_sets(
    draft: Draft,
    video: VideoReader,
    track: Track,
    reconstructor: FaceReconstructor,
    formats: Sequence[str],
    report: OnProgress,
) -> None:
    """Write the data sets with the video's pictures, of each person."""
    for name in formats:
        if name not in DATA_SET_FORMATS:
            continue
        for person in range(len(track.ids)):
            write_person_data_set(
                draft.path, name, track, person, reconstructor.head, video,
                on_progress=partial(report, name),
            )  # fmt: skip


def _draw(
    draft: Draft,
    video: VideoReader,
    track: Track,
    reconstructor: FaceReconstructor,
    report: OnProgress,
    stop: threading.Event,
) -> tuple[str, ...]:
    """Draw the overlay and return notes on it.

    Where the user stops it, there is none and the result is not finished.
    """

    def on_progress(done: int, total: int) -> None:
        report("overlay", done, total)
        if stop.is_set() and done < total:
            raise _Stopped

    try:
        return write_overlay(
            draft.path / OVERLAY_NAME, video, track, reconstructor.head, on_progress=on_progress
        )
    except _Stopped:
        draft.job = None
        return ()


def _follow(
    video: VideoReader,
    reconstructor: FaceReconstructor,
    store: TrackStore,
    config: ClipConfig,
    report: OnProgress,
    stop: threading.Event,
) -> None:
    """Track what is not tracked yet, until the user stops it."""
    total = video.info.num_frames
    with tracker_of(reconstructor, config) as tracker:
        first = store.resume(tracker)
        report("track", first, total)
        for frame in video.frames(first):
            faces = tracker.step(frame.image, frame.seconds)
            store.add(frame.seconds, (frame.image.shape[1], frame.image.shape[0]), faces)
            report("track", frame.index + 1, total)
            if stop.is_set():
                break
            if store.num_pending >= config.chunk:
                store.flush(tracker)
        store.flush(tracker)


def tracker_of(reconstructor: FaceReconstructor, config: ClipConfig) -> FaceTracker:
    """Return the tracker of a clip."""
    smooth: Literal["off", "live"] = "live" if config.smooth == "live" else "off"
    of_clip = (
        smooth == "off" and reconstructor.refine_clips and gives_uncertainty(reconstructor.encoder)
    )
    return FaceTracker(reconstructor, replace(config.tracker, smooth=smooth, of_clip=of_clip))


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
    csv_fps: Fraction,
) -> None:
    """Write ``track.npz``, ``result.json`` and each person's files that show no picture.

    Raises:
        OutputError: if they cannot be written.
    """
    head = reconstructor.head
    track.save(folder / FILE_NAME, head)
    write_clip_result(folder, track, head)
    for person in range(len(track.ids)):
        for name in formats:
            if name not in (OVERLAY, *DATA_SET_FORMATS):
                write_person(folder, name, track, person, head, csv_fps)


def tracking_job(
    video: VideoReader, digest: str, reconstructor: FaceReconstructor, config: ClipConfig
) -> dict[str, Any]:
    """Return all that the tracked rows of a video depend on; ``digest`` is the input's hash."""
    span = {} if config.is_whole else {"span": [config.start, config.end]}
    rate = {"rate": str(config.folder_rate)} if video.is_folder else {}
    return {
        **span,
        **rate,
        "version": _STORE_VERSION,
        "input": digest,
        "head": reconstructor.head.fingerprint,
        "weights": reconstructor.weights_sha256,
        "refine": reconstructor.refine_clips,
        "live": config.smooth == "live",
        "tracker": asdict(config.tracker),
    }


def result_job(job: dict[str, Any], formats: Sequence[str], config: ClipConfig) -> str:
    """Return the hash of all that the written files depend on, for a job of tracking."""
    record = {**job, **_settings(config), "formats": sorted(formats)}
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _settings(config: ClipConfig) -> dict[str, Any]:
    """Return what more the written files depend on."""
    return {
        "smooth": config.smooth,
        "least_frames": config.least_frames,
        "fov": config.fov,
        "csv_fps": str(config.csv_fps),
    }
