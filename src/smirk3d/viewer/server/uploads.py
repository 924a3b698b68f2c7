"""Photos and short videos that come from the page: admitted by content, size and length."""

from __future__ import annotations

import io
import tempfile
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.errors import InputError, NoFaceFound, Smirk3dError
from smirk3d.export.result import result_record
from smirk3d.heads.registry import load_head
from smirk3d.preprocessing.media.image_io import read_image
from smirk3d.preprocessing.media.video_reader import VideoReader
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.track_video import track_video
from smirk3d.viewer.session.subjects import Subject, open_subject, result_subject

LARGEST_UPLOAD = 64 * 2**20
"""Bytes of the largest upload."""
MOST_FRAMES = 1800
"""Frames of the longest video: a minute at 30 frames a second."""
_MOST_PIXELS = 64_000_000
"""Pixels of a photo; a choice: 192 MB when open."""
_MOST_FRAME_PIXELS = 4096 * 2304
"""Pixels of a video's frame: 4K, also the cinema's."""

Kind = Literal["photo", "video"]
OnProgress = Callable[[str, float], None]
"""Called with the present step, in words, and the fraction done, from 0 to 1."""

_PHOTO_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_PHOTO_BRANDS = (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"avif", b"avis")
_MATROSKA = b"\x1a\x45\xdf\xa3"


def kind_of(content: bytes) -> Kind:
    """Return the kind of a file by its first bytes; its name may say anything.

    Only these containers reach a decoder: playlists and scripts, which make video libraries open
    other files, have none of their marks.

    Raises:
        InputError: if it is neither a photo nor a video of a known kind.
    """
    riff = content[:4] == b"RIFF"
    boxed = content[4:8] == b"ftyp"
    if content.startswith(_PHOTO_STARTS) or (riff and content[8:12] == b"WEBP"):
        return "photo"
    if boxed and content[8:12] in _PHOTO_BRANDS:
        return "photo"
    if boxed or content.startswith(_MATROSKA) or (riff and content[8:12] == b"AVI "):
        return "video"
    raise InputError("this is no photo (JPEG, PNG, WebP, HEIC, AVIF) and no video (MP4, MOV, WebM)")


def shown_name(name: str) -> str:
    """Return an upload's name without anything but letters, digits and plain marks."""
    stem = Path(name.replace("\\", "/")).name.rsplit(".", 1)[0]
    kept = "".join(c if c.isalnum() or c in " _-." else "_" for c in stem).strip(" .")
    return kept[:60] or "upload"


@dataclass(frozen=True, kw_only=True)
class Estimator:
    """How uploads are reconstructed; see ``FaceReconstructor``."""

    head: str = DEFAULT_HEAD
    weights: str = "default"
    refine: bool = False
    fast: bool = False
    device: str = "auto"

    def build(self) -> FaceReconstructor:
        """Load head and weights.

        Raises:
            AssetError: if head or weights are absent, damaged, or do not fit each other.
        """
        return FaceReconstructor(
            self.head, weights=self.weights, refine=self.refine, fast=self.fast, device=self.device
        )


class Uploads:
    """Makes subjects of uploads, one at a time, in a folder that is removed with the viewer."""

    def __init__(self, estimator: Estimator) -> None:
        """Load nothing yet: head and weights come with the first upload."""
        self._estimator = estimator
        self._reconstructor: FaceReconstructor | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="smirk3d-view-")
        self._busy = threading.Lock()
        self._count = 0

    @property
    def reconstructor(self) -> FaceReconstructor:
        """What estimates the faces, loaded on first use."""
        if self._reconstructor is None:
            self._reconstructor = self._estimator.build()
        return self._reconstructor

    def receive(self, name: str, content: bytes, on_progress: OnProgress) -> Subject:
        """Return the faces of an uploaded file.

        Args:
            name: of the file; only shown.
            content: its bytes.
            on_progress: progress callback.

        Raises:
            InputError: if another upload is being worked on, or the file is too large, too long,
                damaged, of another kind, or shows no face.
        """
        if not self._busy.acquire(blocking=False):
            raise InputError("another upload is being worked on: wait until it is done")
        try:
            if len(content) > LARGEST_UPLOAD:
                raise InputError(f"larger than {LARGEST_UPLOAD >> 20} MB: reduce it first")
            kind = kind_of(content)
            self._count += 1
            folder = Path(self._folder.name) / str(self._count)
            folder.mkdir()
            path = folder / "upload"
            path.write_bytes(content)
            on_progress("loading the weights", 0.05)
            receive = self._photo if kind == "photo" else self._video
            try:
                return receive(path, shown_name(name), on_progress)
            except Smirk3dError as error:
                # the page need not know where uploads lie
                raise InputError(str(error).replace(str(path), shown_name(name))) from error
        finally:
            self._busy.release()

    def _photo(self, path: Path, name: str, on_progress: OnProgress) -> Subject:
        _check_pixels(path)
        reconstructor = self.reconstructor
        on_progress("reading the photo", 0.2)
        image = read_image(path)
        path.unlink()
        on_progress("looking for faces", 0.4)
        found = reconstructor.find(image)
        if not found.detections:
            raise NoFaceFound("no face found: crop closer to the face or turn it upright")
        on_progress("reconstructing", 0.7)
        faces = reconstructor.reconstruct([found])[0]
        on_progress("done", 1.0)
        record = result_record(name, (image.shape[1], image.shape[0]), faces)
        return result_subject(name, load_head(self._estimator.head), record, image)

    def _video(self, path: Path, name: str, on_progress: OnProgress) -> Subject:
        info = VideoReader(path).info
        if info.num_frames > MOST_FRAMES:
            raise InputError(f"{info.num_frames} frames, more than {MOST_FRAMES}: cut it first")
        if info.width * info.height > _MOST_FRAME_PIXELS:
            raise InputError(f"{info.width} x {info.height} pixels: reduce it first")

        def count(what: str, done: int, total: int) -> None:
            if done > MOST_FRAMES:
                raise InputError(f"more than {MOST_FRAMES} frames: cut it first")
            fraction = done / total if total else done / MOST_FRAMES
            on_progress(f"frame {done} of {total or 'unknown'}", 0.1 + 0.9 * min(fraction, 1.0))

        folder = path.parent / name
        outcome = track_video(path, self.reconstructor, folder, on_progress=count)
        if not len(outcome.track.ids):
            raise NoFaceFound("no face found in this video")
        on_progress("done", 1.0)
        return open_subject(folder, head=self._estimator.head, source=path)

    def close(self) -> None:
        """Remove what was uploaded."""
        self._folder.cleanup()


def _check_pixels(path: Path) -> None:
    """Refuse pictures that are small as files and huge in memory, by their headers."""
    try:
        with warnings.catch_warnings():
            # of what is refused below the terminal need not be warned
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(path.read_bytes())) as picture:
                width, height = picture.size
    except Image.DecompressionBombError as error:
        raise InputError(f"too many pixels ({error}): reduce it first") from error
    except Exception:  # decoders of AVIF and HEIC raise what they like
        return  # read_image says what is wrong
    if width * height > _MOST_PIXELS:
        raise InputError(f"{width} x {height} pixels: reduce it first")
