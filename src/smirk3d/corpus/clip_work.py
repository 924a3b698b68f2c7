"""The unit of work: one input to its folder of results, its part of the faces, and its row.

A pure function of the input's file and the settings: which engine calls it, where, beside how many
others and how often changes no byte.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from smirk3d import __version__
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.assets.file_lists import read_record
from smirk3d.assets.optional import require
from smirk3d.assets.result_folders import Destination
from smirk3d.assets.safe_names import path_text
from smirk3d.corpus.face_rows import columns_of_faces, columns_of_track
from smirk3d.corpus.manifest import Entry, InPieces, Job, JoinJob, Kind, PieceJob
from smirk3d.corpus.media import local_file
from smirk3d.corpus.rows import ClipRow, Outcome
from smirk3d.corpus.tables import Table, part_path, write_part
from smirk3d.errors import AssetError, MissingExtra, NoFaceFound, OutputError, reason
from smirk3d.export.reconstruction_folder import write_reconstruction
from smirk3d.preprocessing.media.image_io import picture_bytes, read_image_bytes
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.pieces.cutting import LONGEST_PIECE
from smirk3d.tracking.pieces.long_video import cut, is_long, join, track_piece
from smirk3d.tracking.track_video import ClipConfig, ClipOutcome, open_video, track_video

if TYPE_CHECKING:
    from collections.abc import Sequence

_NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS))
"""Errors of writing that every other input would meet too."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How inputs are worked on.

    Attributes:
        kind: what they are.
        head, weights, refine, fast, device: as of
            :class:`~smirk3d.reconstruction.FaceReconstructor`.
        formats: formats of each person's or face's files.
        clip: settings of videos but for their spans.
        table: kind of the tables.
        longest_piece: seconds; longer videos are cut into pieces that are tracked side by side.
    """

    kind: Kind
    head: str = DEFAULT_HEAD
    weights: str = "default"
    refine: bool = False
    fast: bool = False
    device: str = "auto"
    formats: tuple[str, ...] = ()
    clip: ClipConfig = field(default_factory=ClipConfig)
    table: Table = "parquet"
    longest_piece: float = LONGEST_PIECE

    def digest(self, reconstructor: FaceReconstructor) -> str:
        """Return a hash of all that a result depends on but for its input."""
        record = {
            "kind": self.kind,
            "head": reconstructor.head.fingerprint,
            "weights": reconstructor.weights_sha256,
            "refine": self.refine,
            "fast": self.fast,
            "formats": sorted(self.formats),
            "clip": asdict(self.clip) if self.kind == "videos" else None,
            "table": self.table,
            "longest_piece": self.longest_piece,
        }
        return hashlib.sha256(json.dumps(record, sort_keys=True, default=str).encode()).hexdigest()


@functools.lru_cache(maxsize=1)
def reconstructor_of(settings: Settings) -> FaceReconstructor:
    """Return the estimator of settings, the same one for all inputs of a process."""
    return FaceReconstructor(
        settings.head,
        weights=settings.weights,
        refine=settings.refine,
        fast=settings.fast,
        device=settings.device,
    )


def prepare(settings: Settings) -> None:
    """Get a process ready for its first input."""
    use_one_thread()
    if settings.table == "parquet":
        require("pyarrow.parquet", extra="corpus")
    reconstructor_of(settings)


def use_one_thread() -> None:
    """One thread for each stage: many small jobs on many threads wait more than they work."""
    loaded = sys.modules.get("torch")
    if loaded is not None:
        loaded.set_num_threads(1)
    cv2.setNumThreads(1)


@dataclass(frozen=True, kw_only=True)
class ClipWork:
    """The work on one input, for any engine.

    Attributes:
        settings: how.
        out: folder of the corpus.
        job: hash of the settings, see :meth:`Settings.digest`.
    """

    settings: Settings
    out: Path
    job: str

    def __call__(
        self, job: Job, left_out: Mapping[int, str], begin: Callable[[int], None], /
    ) -> Outcome:
        """Return the row of an input, once its results are written; see :data:`Outcome`.

        Raises:
            Smirk3dError: if something is wrong that concerns every input, such as a full disk.
        """
        entry = job if isinstance(job, Entry) else job.entry
        if left_out:
            return self._failed(entry, left_out[0])
        begin(0)
        try:
            with local_file(entry.uri) as path:
                if isinstance(job, PieceJob):
                    track_piece(path, *self._clip_of(entry), job.number)
                    return None
                return self._done(path, job)
        except Exception as error:
            if concerns_all(error):
                raise
            return self._failed(entry, reason(error))

    def _failed(self, entry: Entry, why: str) -> ClipRow:
        return replace(self._row(entry), status="failed", reason=why)

    def _row(self, entry: Entry) -> ClipRow:
        return ClipRow(
            id=entry.id, uri=path_text(entry.uri), start=entry.start, end=entry.end,
            status="done", version=__version__, job=self.job,
        )  # fmt: skip

    def _done(self, path: Path, job: Entry | JoinJob) -> ClipRow | InPieces:
        entry = job if isinstance(job, Entry) else job.entry
        if self.settings.kind == "photos":
            made = self._photo(path, self._destination(entry), entry)
        elif isinstance(job, JoinJob):
            destination, reconstructor, config = self._clip_of(entry)
            formats = self.settings.formats
            made = self._told(entry, join(path, destination, reconstructor, formats, config))
        else:
            outcome = self._video(path, entry)
            if isinstance(outcome, int):
                return InPieces(entry, outcome)
            made = self._told(entry, outcome)
        reconstructor = reconstructor_of(self.settings)
        return replace(
            self._row(entry),
            head=reconstructor.head.name,
            head_fingerprint=reconstructor.head.fingerprint,
            weights=reconstructor.weights,
            weights_sha256=reconstructor.weights_sha256 or "",
            **made,
        )

    def _destination(self, entry: Entry) -> Destination:
        return Destination(Path(entry.uri), self.out / entry.id)

    def _clip_of(self, entry: Entry) -> tuple[Destination, FaceReconstructor, ClipConfig]:
        config = replace(self.settings.clip, start=entry.start, end=entry.end)
        return self._destination(entry), reconstructor_of(self.settings), config

    def _video(self, path: Path, entry: Entry) -> ClipOutcome | int:
        """Track a video and return the outcome; of a long one, the number of its pieces."""
        destination, reconstructor, config = self._clip_of(entry)
        formats, longest = self.settings.formats, self.settings.longest_piece
        video = open_video(path, config)
        if is_long(video, longest):
            return cut(video, destination, reconstructor, formats, config, longest)
        outcome = track_video(path, reconstructor, destination, formats, config)
        if outcome.interrupted:
            raise KeyboardInterrupt
        return outcome

    def _told(self, entry: Entry, outcome: ClipOutcome) -> dict[str, Any]:
        """Write the part of the faces of a tracked video and return what its row says of it."""
        track, folder = outcome.track, outcome.folder
        self._write_part(entry, columns_of_track(track, reconstructor_of(self.settings).head))
        rate, _, base = track.meta["rate"].partition("/")
        times = track.timestamps
        return {
            "digest": str((read_record(folder) or {}).get("input_digest") or ""),
            "folder": folder.relative_to(self.out).as_posix(),
            "frames": len(times),
            "faces": len(track.ids),
            "seconds": round(float(times[-1] - times[0]) + int(base) / int(rate), 6),
            "note": _notes(track.meta["damage"], outcome.notes),
        }

    def _photo(self, path: Path, place: Destination, entry: Entry) -> dict[str, Any]:
        reconstructor = reconstructor_of(self.settings)
        content = picture_bytes(path)
        image = read_image_bytes(content, path)
        found = reconstructor.find(image)
        if not found.detections:
            raise NoFaceFound("no face found; crop closer to the face or turn it upright")
        digest = hashlib.blake2b(content, digest_size=32).hexdigest()
        faces = reconstructor.reconstruct([found])[0]
        folder = write_reconstruction(place, image, faces, self.settings.formats, digest)
        self._write_part(entry, columns_of_faces(faces, reconstructor.head))
        where = folder.relative_to(self.out).as_posix()
        return {"digest": digest, "folder": where, "frames": 1, "faces": len(faces)}

    def _write_part(self, entry: Entry, columns: Mapping[str, Any]) -> None:
        write_part(part_path(self.out, self.settings.table, entry.id), entry.id, columns)


def _notes(damage: str | None, notes: Sequence[str]) -> str:
    damaged = [f"damaged, read as far as it goes ({damage})"] if damage else []
    return "; ".join([*damaged, *notes])


def concerns_all(error: BaseException) -> bool:
    """Return whether an error would stop every other input too: no room, no head, no package."""
    if isinstance(error, AssetError | MissingExtra):
        return True
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
            return isinstance(error, OutputError | OSError)
        cause = cause.__cause__ or cause.__context__
    return False
