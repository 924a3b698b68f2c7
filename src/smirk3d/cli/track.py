"""``smirk3d track``: videos and cameras to steady, named performances."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from smirk3d.assets.result_folders import Destination, destinations
from smirk3d.cli.support.common_options import Estimation
from smirk3d.cli.support.terminal import complain, failure, say
from smirk3d.cli.support.usage import FAILED
from smirk3d.errors import UsageError
from smirk3d.tracking.clip_formats import OVERLAY, parse_clip_formats

if TYPE_CHECKING:
    from smirk3d.reconstruction import FaceReconstructor
    from smirk3d.tracking.track_video import ClipConfig, ClipOutcome

INTERRUPTED = 130


@dataclass
class Track:
    """Track every face of videos, or of a camera.

    Each video gives a folder OUT/STEM with track.npz, result.json and the files of each face. A run
    that was killed or stopped goes on where it was; videos that are done are skipped. Frames
    without a face become gaps. Each take of a camera has a folder of its own. Exit code 3 when some
    videos failed; each is named with the reason, the others are done.
    """

    videos: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Video files, or folders of numbered pictures (frame_0001.png and so on)."""
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
    rate: float = 30.0
    """Frames a second of a folder of numbered pictures; videos have their own."""
    fresh: bool = False
    """Start over where an earlier run is done or could be gone on with."""
    estimation: tyro.conf.OmitArgPrefixes[Estimation] = field(default_factory=Estimation)

    def run(self) -> int:
        """Do it and return the exit code."""
        formats = parse_clip_formats(self.format)
        receiver = self._checked()
        options = self.estimation
        options.check()

        from smirk3d.reconstruction import FaceReconstructor
        from smirk3d.tracking.clip_outputs import check_formats

        _use_one_thread()
        reconstructor = FaceReconstructor(
            options.head,
            weights=options.weights,
            refine=options.refine,
            fast=not options.refine,
            device=options.device,
        )
        check_formats(formats, reconstructor.head)
        if self.camera is not None:
            formats = tuple(name for name in formats if name != OVERLAY)
            return self._track_camera(self.camera, reconstructor, formats, receiver)
        return self._track_videos(reconstructor, formats)

    def _checked(self) -> tuple[str, int] | None:
        """Return the receiver of a camera's face, None where there is none.

        Raises:
            UsageError: if the options do not go together.
        """
        if bool(self.videos) == (self.camera is not None):
            raise UsageError("give videos or a camera: smirk3d track VIDEO... | --camera 0")
        if self.camera is not None and self.smooth == "best":
            raise UsageError("--smooth best needs the whole clip: use live or off with --camera")
        if self.vmc and self.camera is None:
            raise UsageError("--vmc sends a camera's face as it moves: use it with --camera")
        if self.fov is not None and not 0 < self.fov < 180:
            raise UsageError(f"--fov must lie between 0 and 180 degrees, got {self.fov}")
        if not 1 <= self.csv_fps <= 100:
            raise UsageError(f"--csv-fps must lie between 1 and 100, got {self.csv_fps}")
        if not 1 <= self.rate <= 1000:
            raise UsageError(f"--rate must lie between 1 and 1000, got {self.rate}")
        if self.max_faces is not None and self.max_faces < 1:
            raise UsageError(f"--max-faces must be at least 1, got {self.max_faces}")
        if not self.vmc:
            return None
        host, _, port = self.vmc.rpartition(":")
        if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
            raise UsageError(f"--vmc must be HOST:PORT, got {self.vmc!r}")
        return host, int(port)

    def _config(self) -> ClipConfig:
        from smirk3d.tracking.track_video import ClipConfig
        from smirk3d.tracking.tracker_config import TrackerConfig

        smooth = self.smooth or ("best" if self.camera is None else "live")
        return ClipConfig(
            smooth=smooth,
            tracker=TrackerConfig(max_faces=self.max_faces),
            fov=self.fov,
            csv_fps=_fraction(self.csv_fps),
            folder_rate=_fraction(self.rate),
        )

    def _track_videos(self, reconstructor: FaceReconstructor, formats: tuple[str, ...]) -> int:
        from smirk3d.tracking.track_video import track_video

        failed = False
        for place in destinations(self.videos, self.out):
            bars = _Bars()
            try:
                outcome = track_video(
                    place.source, reconstructor, place, formats, self._config(),
                    fresh=self.fresh, on_progress=bars,
                )  # fmt: skip
            except Exception as error:
                bars.close()
                failed = True
                complain(failure(place.source, error))
                continue
            finally:
                bars.close()
            _report(place, outcome)
            if outcome.interrupted:
                complain("stopped; the same command goes on from here")
                return INTERRUPTED
        return FAILED if failed else 0

    def _track_camera(
        self,
        number: int,
        reconstructor: FaceReconstructor,
        formats: tuple[str, ...],
        receiver: tuple[str, int] | None,
    ) -> int:
        from smirk3d.live.stream_driver import StreamDriver
        from smirk3d.live.track_camera import finish_left_takes, track_camera
        from smirk3d.live.vmc import VmcSender

        for left in finish_left_takes(number, reconstructor, self.out, formats):
            if isinstance(left, Exception):
                complain(left)
            else:
                frames = len(left.track.timestamps)
                complain(f"an earlier take was broken off: {frames} frames -> {left.folder}")
        with contextlib.ExitStack() as stack:
            driver = None
            if receiver is not None:
                sender = stack.enter_context(VmcSender(*receiver))
                driver = StreamDriver(reconstructor.head, sender, complain)
            bars = _Bars()
            stack.callback(bars.close)
            complain("tracking; Ctrl-C ends it")
            outcome = track_camera(
                number, reconstructor, self.out, formats, self._config(),
                on_faces=driver.step if driver is not None else None, on_progress=bars,
            )  # fmt: skip
        say(f"camera {number}: {len(outcome.track.timestamps)} frames -> {outcome.folder}")
        return 0


def _report(place: Destination, outcome: ClipOutcome) -> None:
    """Say what became of a video."""
    track, source = outcome.track, place.source
    if outcome.skipped:
        say(f"{source}: already done -> {outcome.folder} (--fresh does it again)")
        return
    gaps = int((~track.valid.any(0)).sum())
    people = f"{len(track.ids)} face{'s' if len(track.ids) != 1 else ''}"
    frames = f"{len(track.timestamps)} frames, {gaps} without"
    say(f"{source}: {people} in {frames} -> {outcome.folder}")
    note = place.note(outcome.folder)
    if note:
        complain(note)
    for note in outcome.notes:
        complain(f"{source}: {note}")
    if track.meta["damage"]:
        complain(f"{source}: damaged, read as far as it goes ({track.meta['damage']})")


def _fraction(rate: float) -> Fraction:
    """Return the fraction with a small denominator that is nearest to a rate."""
    return Fraction(rate).limit_denominator(1001)


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


def _use_one_thread() -> None:
    """One thread for each stage: many small jobs on many threads wait more than they work."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


COMMAND = Track
