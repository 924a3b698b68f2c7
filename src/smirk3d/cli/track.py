"""``smirk3d track``: videos and cameras to steady, named performances."""

from __future__ import annotations

import contextlib
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from smirk3d.assets.result_folders import Destination, destinations
from smirk3d.cli.support.common_options import Estimation
from smirk3d.cli.support.corpus_options import Corpus, run_inputs
from smirk3d.cli.support.receivers import Receivers
from smirk3d.cli.support.terminal import complain, failure, say
from smirk3d.cli.support.usage import FAILED, INTERRUPTED
from smirk3d.corpus.manifest import is_corpus
from smirk3d.errors import UsageError
from smirk3d.tracking.clip_formats import DATA_SET_FORMATS, OVERLAY, parse_clip_formats

if TYPE_CHECKING:
    from smirk3d.live.preview import Preview
    from smirk3d.live.stream_driver import StreamDriver
    from smirk3d.preprocessing.media.video_reader import VideoFrame
    from smirk3d.reconstruction import FaceReconstructor
    from smirk3d.tracking.track_video import ClipConfig, ClipOutcome
    from smirk3d.tracking.tracker import TrackedFace


@dataclass
class Track:
    """Track every face of videos, of whole folders and lists of them, or of a camera.

    Each video gives a folder OUT/STEM with track.npz, result.json and the files of each face. A run
    that was killed or stopped goes on where it was; videos that are done are skipped. Frames
    without a face become gaps. Each take of a camera has a folder of its own. Exit code 3 when some
    videos failed; each is named with the reason, the others are done. Damaged videos are read as
    far as they go, with a note on how many frames are lost.

    A folder of videos, a glob, a list (Parquet, CSV or JSONL with a column uri and, optionally, id,
    start and end), an address such as s3://..., or - for names on standard input is a corpus: OUT
    gets two tables as well, clips and faces, and each input is done exactly once.
    """

    videos: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Video files, folders of numbered pictures (frame_0001.png and so on), or a corpus."""
    camera: int | None = None
    """Number of a camera to track instead, until Ctrl-C."""
    out: Path = Path("smirk3d-out")
    """Folder for the results."""
    format: str = "mp4,glb"
    """Formats, separated by commas: mp4 (heads over the video, with its sound), glb, usd, usdz,
    usd-points (vertices of each frame), arkit-csv, chan (head and camera), obj, ply, npz, html, and
    for FLAME heads flame (parameters alone) and the data sets gaussian-avatars, flash-avatar,
    insta, imavatar, with pictures."""
    smooth: Literal["off", "live", "best"] | None = None
    """best: afterwards, without lag (videos); live: as frames come (cameras); or off."""
    max_faces: int | None = None
    """How many faces to follow at once, the largest; all unless given."""
    fov: float | None = None
    """The camera's horizontal field of view in degrees, for pinhole cameras in the results."""
    csv_fps: float = 60.0
    """Frames a second that the timecodes of arkit-csv count; 60 as Live Link Face, whatever the
    video has. There is one row for each frame of the video."""
    rate: float = 30.0
    """Frames a second of a folder of numbered pictures; videos have their own."""
    fresh: bool = False
    """Start over where an earlier run is done or could be gone on with."""
    preview: bool = False
    """Show a camera's picture, the faces found and the weights sent on a page in the browser."""
    receivers: tyro.conf.OmitArgPrefixes[Receivers] = field(default_factory=Receivers)
    """Programs that get one face of a camera: the largest at first, until it was gone for three
    seconds."""
    estimation: tyro.conf.OmitArgPrefixes[Estimation] = field(default_factory=Estimation)
    corpus: tyro.conf.OmitArgPrefixes[Corpus] = field(default_factory=Corpus)

    def run(self) -> int:
        """Do it and return the exit code."""
        formats = parse_clip_formats(self.format)
        self._check(formats)
        options = self.estimation
        options.check()
        if self.camera is None and (self.corpus.is_given or is_corpus(self.videos, "videos")):
            return self._track_corpus(formats)

        from smirk3d.corpus.clip_work import use_one_thread
        from smirk3d.tracking.clip_outputs import check_formats

        use_one_thread()
        reconstructor = options.reconstructor()
        check_formats(formats, reconstructor.head)
        if self.camera is not None:
            formats = tuple(name for name in formats if name != OVERLAY)
            return self._track_camera(self.camera, reconstructor, formats)
        return self._track_videos(reconstructor, formats)

    def _check(self, formats: tuple[str, ...]) -> None:
        """Refuse options that do not go together.

        Raises:
            UsageError: if the options do not go together.
        """
        if bool(self.videos) == (self.camera is not None):
            raise UsageError("give videos or a camera: smirk3d track VIDEO... | --camera 0")
        if self.camera is not None and self.smooth == "best":
            raise UsageError("--smooth best needs the whole clip: use live or off with --camera")
        if self.receivers.addresses() and self.camera is None:
            raise UsageError(
                "a face is sent as it moves: use --camera, or `smirk3d play` on the result"
            )
        calibrated = self.receivers.calibration_name is not None
        if (self.preview or calibrated) and self.camera is None:
            raise UsageError("--preview, --calibrate and --calibration need --camera")
        pictured = [name for name in formats if name in DATA_SET_FORMATS]
        if pictured and self.camera is not None:
            raise UsageError(f"{', '.join(pictured)} needs a video's pictures: track a file")
        if self.fov is not None and not 0 < self.fov < 180:
            raise UsageError(f"--fov must lie between 0 and 180 degrees, got {self.fov}")
        if not 1 <= self.csv_fps <= 100:
            raise UsageError(f"--csv-fps must lie between 1 and 100, got {self.csv_fps}")
        if not 1 <= self.rate <= 1000:
            raise UsageError(f"--rate must lie between 1 and 1000, got {self.rate}")
        self.corpus.check()
        if self.corpus.is_given and self.camera is not None:
            raise UsageError("--camera gives one take at a time: leave out the options of a corpus")
        if self.max_faces is not None and self.max_faces < 1:
            raise UsageError(f"--max-faces must be at least 1, got {self.max_faces}")

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

    def _track_corpus(self, formats: tuple[str, ...]) -> int:
        from smirk3d.corpus.clip_work import Settings

        options = self.estimation
        settings = Settings(
            kind="videos", head=options.head, weights=options.weights, refine=options.refine,
            fast=options.fast, device=options.device,
            formats=formats, clip=self._config(),
            table=self.corpus.table or "parquet",
        )  # fmt: skip
        return run_inputs(self.videos, self.out, settings, self.corpus, fresh=self.fresh)

    def _track_videos(self, reconstructor: FaceReconstructor, formats: tuple[str, ...]) -> int:
        from smirk3d.tracking.track_video import track_video

        failed = False
        for place in destinations([Path(name) for name in self.videos], self.out):
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
    ) -> int:
        from smirk3d.live.stream_driver import StreamDriver
        from smirk3d.live.track_camera import finish_left_takes, track_camera

        receivers, has_actions = self.receivers, reconstructor.head.has_named_actions
        if not has_actions and (receivers.addresses() or receivers.calibration_name):
            name = reconstructor.head.name
            raise UsageError(f"head {name!r} has no named actions to send: use --head open")
        calibration = receivers.known_calibration()
        for left in finish_left_takes(number, reconstructor, self.out, formats):
            if isinstance(left, Exception):
                complain(left)
            else:
                frames = len(left.track.timestamps)
                complain(f"an earlier take was broken off: {frames} frames -> {left.folder}")
        with contextlib.ExitStack() as stack:
            sinks = receivers.open(stack)
            driver = None
            if sinks or receivers.calibrate or (self.preview and has_actions):
                driver = StreamDriver(
                    reconstructor.head, sinks, complain, calibration=calibration,
                    on_calibrated=receivers.keep if receivers.calibrate else None,
                )  # fmt: skip
            preview = self._open_preview(stack)
            bars = _Bars()
            stack.callback(bars.close)
            complain("tracking; Ctrl-C ends it")
            if receivers.calibrate:
                complain("calibrating: look straight with a neutral face for 3 seconds")
            outcome = track_camera(
                number, reconstructor, self.out, formats, self._config(),
                on_faces=partial(_live, driver, preview), on_progress=bars,
            )  # fmt: skip
        say(f"camera {number}: {len(outcome.track.timestamps)} frames -> {outcome.folder}")
        return 0

    def _open_preview(self, stack: contextlib.ExitStack) -> Preview | None:
        from smirk3d.live.preview import Preview

        if not self.preview:
            return None
        preview = stack.enter_context(Preview())
        complain(f"preview: {preview.address}")
        webbrowser.open(preview.address)
        return preview


def _live(
    driver: StreamDriver | None,
    preview: Preview | None,
    frame: VideoFrame,
    faces: Sequence[TrackedFace],
    renamed: Mapping[int, int],
) -> None:
    """Send and show a frame of a camera."""
    from smirk3d.live.preview import Sight

    shown = None if driver is None else driver.step(faces, frame.seconds, renamed)
    if preview is None:
        return
    note = f"{len(faces)} faces" if len(faces) != 1 else ""
    if driver is not None and driver.is_calibrating:
        note = "look straight with a neutral face"
    values = None if driver is None else driver.values
    preview.show(Sight(frame.image, faces, shown, values, note))


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


COMMAND = Track
