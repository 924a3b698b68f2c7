"""``smirk3d track``: videos and cameras to steady, named performances."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from smirk3d.cli.common_options import Estimation
from smirk3d.cli.terminal import complain
from smirk3d.errors import InputError, Smirk3dError, UsageError

if TYPE_CHECKING:
    from smirk3d.pipeline import FaceReconstructor
    from smirk3d.tracking.track_video import ClipConfig

FAILED, INTERRUPTED = 3, 130
_CAMERA_RATE = Fraction(30)


@dataclass
class Track:
    """Track every face of videos, or of a camera.

    Each video gives a folder OUT/STEM with track.npz, result.json and the files of each face. A run
    that was killed or stopped goes on where it was. Frames without a face become gaps. Exit code 3
    when some videos failed; each is named with the reason, the others are done.
    """

    videos: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Video files."""
    camera: int | None = None
    """Number of a camera to track instead, until Ctrl-C."""
    out: Path = Path("smirk3d-out")
    """Folder for the results."""
    format: str = "mp4,glb"
    """Formats, separated by commas: mp4 (heads over the video, with its sound), glb, usd,
    arkit-csv, obj, ply, npz, flame."""
    smooth: Literal["off", "live", "best"] | None = None
    """best: afterwards, without lag (videos); live: as frames come (cameras); or off."""
    max_faces: int | None = None
    """How many faces to follow at once, the largest; all unless given."""
    fov: float | None = None
    """The camera's horizontal field of view in degrees, for pinhole cameras in the results."""
    vmc: str | None = None
    """HOST:PORT of an avatar program that gets one face of a camera over VMC: the largest at first,
    until it was gone for three seconds."""
    csv_fps: float = 60.0
    """Frames a second that the timecodes of arkit-csv count; 60 as Live Link Face, whatever the
    video has. There is one row for each frame of the video."""
    fresh: bool = False
    """Start over where an earlier run could be gone on with."""
    estimation: tyro.conf.OmitArgPrefixes[Estimation] = field(default_factory=Estimation)

    def run(self) -> int:
        """Do it and return the exit code."""
        from smirk3d.pipeline import FaceReconstructor
        from smirk3d.tracking.clip_outputs import parse_clip_formats

        if bool(self.videos) == (self.camera is not None):
            raise InputError("give videos or a camera: smirk3d track VIDEO... | --camera 0")
        if self.camera is not None and self.smooth == "best":
            raise InputError("--smooth best needs the whole clip: use live or off with --camera")
        if self.vmc and self.camera is None:
            raise InputError("--vmc sends a camera's face as it moves: use it with --camera")
        if self.fov is not None and not 0 < self.fov < 180:
            raise InputError(f"--fov must lie between 0 and 180 degrees, got {self.fov}")
        if not 1 <= self.csv_fps <= 100:
            raise UsageError(f"--csv-fps must lie between 1 and 100, got {self.csv_fps}")
        _calm_threads()
        options = self.estimation
        reconstructor = FaceReconstructor(
            options.head, weights=options.weights, refine=options.refine, device=options.device
        )
        formats = parse_clip_formats(self.format, reconstructor.head)
        if self.camera is not None:
            return self._track_camera(reconstructor, [name for name in formats if name != "mp4"])
        return self._track_videos(reconstructor, formats)

    def _config(self) -> ClipConfig:
        from smirk3d.tracking.track_video import ClipConfig
        from smirk3d.tracking.tracker import TrackerConfig

        smooth = self.smooth or ("best" if self.camera is None else "live")
        return ClipConfig(
            smooth=smooth,
            tracker=TrackerConfig(max_faces=self.max_faces),
            fov=self.fov,
            csv_fps=Fraction(self.csv_fps).limit_denominator(1001),
        )

    def _track_videos(self, reconstructor: FaceReconstructor, formats: tuple[str, ...]) -> int:
        from smirk3d.cli.result_folders import folder_names
        from smirk3d.tracking.track_video import track_video

        failed = 0
        for path, name in zip(self.videos, folder_names(self.videos), strict=True):
            folder, bars = self.out / name, _Bars()
            try:
                outcome = track_video(
                    path, reconstructor, folder, formats, self._config(),
                    fresh=self.fresh, on_progress=bars,
                )  # fmt: skip
            except Smirk3dError as error:
                failed += 1
                text = str(error)
                named = text if str(path) in text else f"{path}: {text}"
                print(f"smirk3d: {named}", file=sys.stderr)
                continue
            finally:
                bars.close()
            track = outcome.track
            gaps = int((~track.valid.any(0)).sum())
            people = f"{len(track.ids)} face{'s' if len(track.ids) != 1 else ''}"
            print(f"{path}: {people} in {len(track.timestamps)} frames, {gaps} without -> {folder}")
            if track.meta["damage"]:
                reason = track.meta["damage"]
                print(f"smirk3d: {path}: damaged, read as far as it goes ({reason})",
                      file=sys.stderr)  # fmt: skip
            if outcome.interrupted:
                print("smirk3d: stopped; the same command goes on from here", file=sys.stderr)
                return INTERRUPTED
        return FAILED if failed else 0

    def _track_camera(self, reconstructor: FaceReconstructor, formats: list[str]) -> int:
        import contextlib

        from smirk3d.export.vmc import VmcSender
        from smirk3d.tracking.live_camera import LiveCamera
        from smirk3d.tracking.stream_driver import StreamDriver
        from smirk3d.tracking.track_store import TrackStore
        from smirk3d.tracking.track_video import (
            clip_meta,
            finished,
            stop_on_interrupt,
            tracker_of,
            write_results,
        )

        assert self.camera is not None
        config = self._config()
        folder = self.out / f"camera-{self.camera}"
        with contextlib.ExitStack() as stack:
            driver = None
            if self.vmc:
                host, _, port = self.vmc.rpartition(":")
                if not host or not port.isdigit():
                    raise InputError(f"--vmc must be HOST:PORT, got {self.vmc!r}")
                sender = stack.enter_context(VmcSender(host, int(port)))
                driver = StreamDriver(reconstructor.head, sender, complain)
            camera = stack.enter_context(LiveCamera(self.camera))
            tracker = stack.enter_context(tracker_of(reconstructor, config))
            stop = stack.enter_context(stop_on_interrupt())
            bars = _Bars()
            stack.callback(bars.close)
            store = TrackStore(folder.with_name(f".{folder.name}.tracking"), {})
            store.remove()
            store = TrackStore(store.folder, {"camera": self.camera})
            print("tracking; Ctrl-C ends it", file=sys.stderr)
            for frame in camera.frames():
                faces = tracker.step(frame.image, frame.seconds)
                if driver is not None:
                    driver.step(faces, frame.seconds, tracker.renamed())
                store.add(frame.seconds, (frame.image.shape[1], frame.image.shape[0]), faces)
                if store.num_pending >= config.chunk or stop.is_set():
                    store.flush(tracker)
                bars("track", frame.index + 1, 0)
                if stop.is_set():
                    break
            store.flush(tracker)
        meta = clip_meta(f"camera {self.camera}", _CAMERA_RATE, reconstructor, config)
        meta |= {"complete": True, "damage": None, "dropped": camera.dropped}
        track = finished(store.track(meta, least_frames=config.least_frames), reconstructor, config)
        write_results(folder, track, reconstructor, formats, config.csv_fps)
        store.remove()
        print(f"camera {self.camera}: {len(track.timestamps)} frames -> {folder}")
        return 0


class _Bars:
    """One progress bar after the other: tracking, then the overlay."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show how many frames are done; what an earlier run did does not count for the speed."""
        from tqdm import tqdm

        if what != self._what:
            self.close()
            self._bar = tqdm(
                total=total or None, initial=done, unit=" frames", desc=what, disable=None
            )
            self._what = what
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _calm_threads() -> None:
    """One thread for each stage: many small jobs on many threads wait more than they work."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


COMMAND = Track
