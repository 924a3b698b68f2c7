"""The finished stretches of a clip on disk, so that a killed run goes on where it was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smirk3d.array_interface import to_numpy
from smirk3d.assets.atomic import atomic_path, output_error, sweep
from smirk3d.assets.foreign.json_text import read_json_file, require_object
from smirk3d.assets.foreign.origin import DAMAGE, Origin, reason_of
from smirk3d.assets.locks import FileLock
from smirk3d.closing import Closing
from smirk3d.errors import InputError, OutputError
from smirk3d.heads.head_model import HeadModel
from smirk3d.tracking.chunk_files import ROW_NAMES, Chunk, chunk_path, read_chunks
from smirk3d.tracking.motion.clip_estimate import FrameEvidence
from smirk3d.tracking.state_text import state_from_text, state_to_text
from smirk3d.tracking.track_file import MOVING, STD_RULES, Array, Track
from smirk3d.tracking.tracker import FaceTracker, TrackedFace
from smirk3d.tracking.tracker_config import TrackerConfig
from smirk3d.tracking.tracks.reidentification import TrackRegistry

_JOB = "job.json"
_LOCK = "lock"
_WAY_OUT = "track the clip again with --fresh"
_OURS = re.compile(rf"chunk-\d{{9}}\.npz|{re.escape(_JOB)}")
_BLOCK = 1 << 20
"""Bytes read at once, as :mod:`smirk3d.assets.foreign.archives` measured."""
_LARGEST_JOB = 1 << 20
"""Bytes; hashes and settings have some thousand."""


def input_digest(files: Sequence[Path]) -> str:
    """Return a hash of the whole content of a video file, or of pictures and their names.

    Raises:
        InputError: if one cannot be read.
    """
    digest = hashlib.blake2b(digest_size=32)
    for file in files:
        try:
            if len(files) > 1:
                digest.update(json.dumps([file.name, file.stat().st_size]).encode())
            with file.open("rb") as content:
                while block := content.read(_BLOCK):
                    digest.update(block)
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror}): check it") from error
    return digest.hexdigest()


def input_identity(files: Sequence[Path]) -> list[tuple[int, int, int]] | None:
    """Return what changes when one of some files is written to; None where one is absent."""
    try:
        states = [file.stat() for file in files]
    except OSError:
        return None
    return [(state.st_ino, state.st_size, state.st_mtime_ns) for state in states]


def read_job(folder: Path) -> dict[str, Any] | None:
    """Return the job of a folder of chunks, None where there is none."""
    origin = Origin(str(folder / _JOB), "job of a tracked clip", _WAY_OUT)
    with contextlib.suppress(InputError), origin.refusing():
        return require_object(read_json_file(origin, largest=_LARGEST_JOB))
    return None


class TrackStore(Closing):
    """A folder of chunks: rows of some frames each, and the tracker's state after them.

    Attributes:
        folder: folder of the chunks; it may be removed once the results are written.
    """

    def __init__(self, folder: Path, job: Mapping[str, Any], *, fresh: bool = False) -> None:
        """Open a folder for this run alone; chunks of another job are removed, and nothing else.

        Args:
            folder: folder of the chunks, made if need be.
            job: everything that the rows depend on, as JSON.
            fresh: remove the chunks of this job too.

        Raises:
            OutputError: if the folder cannot be written, or another run works in it.
        """
        self.folder = folder
        self._rows: dict[str, list[Any]] = defaultdict(list)
        self._evidence: list[FrameEvidence] = []
        self._times: list[float] = []
        self._sizes: list[tuple[int, int]] = []
        self._first = 0
        if folder.is_symlink():
            raise OutputError(f"{folder} is a link: remove it, or give another folder with --out")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / _LOCK, folder)
        except OSError as error:
            raise output_error(folder, error) from error
        try:
            self._begin(json.dumps(job, sort_keys=True), fresh)
        except BaseException:
            self.close()
            raise

    def _begin(self, job: str, fresh: bool) -> None:
        sweep(self.folder)
        with contextlib.suppress(OSError, ValueError):
            fresh = fresh or (self.folder / _JOB).read_text() != job
        if fresh:
            self._clear()
        if not (self.folder / _JOB).is_file():
            with atomic_path(self.folder / _JOB) as temporary:
                temporary.write_text(job)

    def resume(self, tracker: FaceTracker) -> int:
        """Restore a tracker from the last whole chunk and return the number of frames done.

        Raises:
            InputError: if that chunk's state is damaged.
        """
        chunks = read_chunks(self.folder)
        if chunks:
            self._restore(tracker, chunks[-1])
            self._first = int(chunks[-1]["first"]) + len(chunks[-1]["timestamps"])
        return self._first

    def registry(self, head: HeadModel, config: TrackerConfig) -> TrackRegistry:
        """Return the tracks that the tracker knew after the last whole chunk.

        Raises:
            InputError: if that chunk's state is damaged.
        """
        registry = TrackRegistry(head, config)
        chunks = read_chunks(self.folder)
        if chunks:
            self._restore(registry, chunks[-1])
        return registry

    def _restore(self, what: FaceTracker | TrackRegistry, chunk: Chunk) -> None:
        state = state_from_text(str(chunk["state"]), str(self.folder))
        try:
            what.restore(state)
        except (*DAMAGE, AttributeError) as error:
            origin = Origin(str(self.folder), "state of a tracker", _WAY_OUT)
            raise origin.refusal(reason_of(error)) from error

    def add(self, seconds: float, size: tuple[int, int], faces: Sequence[TrackedFace]) -> None:
        """Take in the next frame: its time, its width and height, and its faces."""
        frame = self._first + len(self._times)
        self._times.append(seconds)
        self._sizes.append(size)
        for face in faces:
            if face.evidence is not None:
                self._evidence.append(face.evidence)
            self._rows["frame"].append(frame)
            self._rows["id"].append(face.id)
            for name, value in _row(face).items():
                self._rows[name].append(value)

    @property
    def num_pending(self) -> int:
        """How many frames are not on disk yet."""
        return len(self._times)

    def flush(self, tracker: FaceTracker) -> None:
        """Write the frames added since the last chunk, with the tracker's state.

        Raises:
            OutputError: if the disk is full or the folder cannot be written.
        """
        if not self._times:
            return
        # a stretch in which a face lacks evidence keeps the frames' own answers
        if tracker.clip is not None and 0 < len(self._evidence) == len(self._rows["id"]):
            found = tracker.clip(self._rows["id"], self._evidence)
            for name in MOVING:
                self._rows[name] = list(to_numpy(getattr(found.parameters, name)))
                self._rows[f"std_{name}"] = list(to_numpy(getattr(found.std, name)))
        shapes = tracker.shapes()
        arrays = {f"row_{name}": np.array(values) for name, values in self._rows.items()}
        with atomic_path(chunk_path(self.folder, self._first)) as temporary:
            np.savez(
                temporary,
                allow_pickle=False,
                first=self._first,
                timestamps=np.array(self._times),
                sizes=np.array(self._sizes),
                shape_ids=np.array(sorted(shapes), np.int64),
                shapes=np.array([shapes[number] for number in sorted(shapes)]),
                renamed=np.array(sorted(tracker.renamed().items()), np.int64).reshape(-1, 2),
                state=np.array(state_to_text(tracker.state())),
                **arrays,
            )
        self._first += len(self._times)
        self._rows.clear()
        self._evidence.clear()
        self._times, self._sizes = [], []

    def track(self, meta: Mapping[str, Any], *, least_frames: int) -> Track:
        """Return what the chunks hold.

        Args:
            meta: metadata of the track.
            least_frames: people seen in fewer frames are left out: a texture, a blurred hand. In a
                video of fewer frames, those who are not in all of them.

        Raises:
            OutputError: if chunks are missing, damaged or do not fit each other.
        """
        chunks = read_chunks(self.folder)
        done = sum(len(chunk["timestamps"]) for chunk in chunks)
        if not done or done < self._first:
            raise OutputError(
                f"{self.folder}: holds {done} of {self._first} tracked frames, for another run or "
                "program changed it meanwhile: track the clip again, in one run at a time"
            )
        with_faces = [chunk for chunk in chunks if "row_id" in chunk]
        seconds = np.concatenate([chunk["timestamps"] for chunk in chunks])
        shapes: dict[int, Array] = {}
        for chunk in chunks:
            shapes |= dict(zip(chunk["shape_ids"].tolist(), chunk["shapes"], strict=True))
        if not with_faces:
            return _empty(dict(meta), chunks, seconds)
        ids = np.concatenate([chunk["row_id"] for chunk in with_faces])
        for new, old in chunks[-1]["renamed"].tolist():
            ids[ids == new] = old
        frames = np.concatenate([chunk["row_frame"] for chunk in with_faces])
        least = min(least_frames, len(seconds))
        people = [n for n in np.unique(ids).tolist() if (ids == n).sum() >= least]
        order = np.lexsort((frames, ids))
        order = order[np.isin(ids[order], people)]
        valid = np.zeros((len(people), len(seconds)), bool)
        valid[np.searchsorted(people, ids[order]), frames[order]] = True
        if valid.sum() != len(order) or not set(people) <= set(shapes):
            raise OutputError(
                f"{self.folder}: its chunks do not fit each other, for something changed them: "
                f"{_WAY_OUT}"
            )
        rows = {
            name: np.concatenate([chunk[f"row_{name}"] for chunk in with_faces])[order]
            for name in (*ROW_NAMES, *STD_RULES)
            if all(f"row_{name}" in chunk for chunk in with_faces)
        }
        shape = np.array([shapes[number] for number in people], np.float32)
        size = chunks[0]["sizes"][0].tolist()
        return Track(
            {**meta, "image_size": size}, seconds, np.array(people, np.int64), valid, shape, rows
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing was tracked."""
        return not read_chunks(self.folder)

    def remove_if_empty(self) -> None:
        """Delete the folder where nothing was tracked."""
        if self.is_empty:
            self.remove()

    def remove(self) -> None:
        """Delete the chunks, and the folder where nothing else is in it; then close."""
        self._clear()
        self.close()
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def close(self) -> None:
        """Let other runs work in the folder."""
        self._lock.close()

    def _clear(self) -> None:
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                if _OURS.fullmatch(path.name) and not path.is_symlink():
                    path.unlink(missing_ok=True)


def _row(face: TrackedFace) -> dict[str, Any]:
    """Return what a chunk keeps of a face, by ``ROW_NAMES``."""
    return {
        **{name: to_numpy(getattr(face.parameters, name)) for name in MOVING},
        "T_crop_image": face.T_crop_image,
        "box": face.detection.box,
        "score": face.detection.score,
        "quality": face.quality,
    }


def _empty(meta: dict[str, Any], chunks: list[Chunk], seconds: Array) -> Track:
    size = chunks[0]["sizes"][0].tolist()
    rows: dict[str, Array] = {name: np.zeros((0, 0), np.float32) for name in MOVING}
    rows |= {"T_crop_image": np.zeros((0, 3, 3)), "box": np.zeros((0, 4), np.float32)}
    rows |= {"score": np.zeros(0), "quality": np.zeros(0)}
    return Track(
        {**meta, "image_size": size},
        seconds,
        np.zeros(0, np.int64),
        np.zeros((0, len(seconds)), bool),
        np.zeros((0, 0), np.float32),
        rows,
    )
