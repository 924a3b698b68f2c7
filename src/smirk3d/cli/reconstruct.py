"""``smirk3d reconstruct``: photos to animatable heads."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from smirk3d.assets.result_folders import Destination, destinations
from smirk3d.cli.support.common_options import Estimation
from smirk3d.cli.support.corpus_options import Corpus, run_inputs
from smirk3d.cli.support.terminal import complain, failure, say
from smirk3d.cli.support.usage import FAILED
from smirk3d.corpus.manifest import is_corpus
from smirk3d.errors import InputError, NoFaceFound, UsageError
from smirk3d.export.format_names import parse_formats

if TYPE_CHECKING:
    from smirk3d.faces import Face
    from smirk3d.preprocessing.face_detector import FoundFaces
    from smirk3d.reconstruction import FaceReconstructor

_BATCH_PHOTOS = 64
"""Photos estimated at once: what a GPU does at the same time. On a CPU the size hardly matters: 85
ms a face alone, 84 to 100 ms in batches of 4 to 64 (one core of an AMD EPYC). A face that waits
holds 150 kB."""


@dataclass
class Reconstruct:
    """Reconstruct every face of one or many photos.

    Each photo gives a folder OUT/STEM with result.json, overlay.png and the files of each face.
    A folder that holds anything else is left as it is, and the result goes to OUT/STEM-2. Exit
    code 3 when some photos failed; each is named with the reason, the others are done.

    A folder of photos, a glob, a list (Parquet, CSV or JSONL with a column uri and, optionally,
    id), an address such as s3://..., or - for names on standard input is a corpus: OUT gets two
    tables as well, clips and faces, and each input is done exactly once.
    """

    photos: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Photo files, or a corpus."""
    out: Path = Path("smirk3d-out")
    """Folder for the results."""
    format: str = "glb"
    """Formats of each face's files, separated by commas."""
    same_person: bool = False
    """The photos show one person: fit one shape to the largest face of each."""
    estimation: tyro.conf.OmitArgPrefixes[Estimation] = field(default_factory=Estimation)
    corpus: tyro.conf.OmitArgPrefixes[Corpus] = field(default_factory=Corpus)

    def run(self) -> int:
        """Do it and return the exit code."""
        if not self.photos:
            raise UsageError("no photo given: smirk3d reconstruct PHOTO... --out DIR")
        formats = parse_formats(self.format)
        options = self.estimation
        options.check()
        self.corpus.check()
        if self.corpus.is_given or is_corpus(self.photos, "photos"):
            return self._reconstruct_corpus(formats)

        return reconstruct_photos(
            options.prepared(),
            [Path(name) for name in self.photos],
            self.out,
            formats,
            same_person=self.same_person,
        )

    def _reconstruct_corpus(self, formats: tuple[str, ...]) -> int:
        if self.same_person:
            raise UsageError("--same-person takes photo files, one person's: name each of them")
        from smirk3d.corpus.clip_work import Settings

        options = self.estimation
        settings = Settings(
            kind="photos", head=options.head, weights=options.weights, refine=options.refine,
            fast=options.fast, device=options.device, formats=formats,
            table=self.corpus.table or "parquet",
        )  # fmt: skip
        return run_inputs(self.photos, self.out, settings, self.corpus)


def reconstruct_photos(
    reconstructor: FaceReconstructor,
    photos: Sequence[Path],
    out: Path,
    formats: Sequence[str],
    *,
    same_person: bool = False,
) -> int:
    """Write a result folder for each photo and return the exit code.

    Whatever goes wrong with a photo is said in one line, and the others are done.
    """
    from tqdm import tqdm

    places = destinations(photos, out)
    failed = False
    with tqdm(total=len(places), unit="photo", disable=None if len(places) > 1 else True) as bar:
        for batch in _batches(reconstructor, places, same_person=same_person):
            _estimate(reconstructor, batch, same_person=same_person)
            for photo in batch:
                _finish(photo, formats)
                bar.update()
                failed |= photo.error is not None
                with tqdm.external_write_mode(file=sys.stderr if photo.error else sys.stdout):
                    _report(photo)
    return FAILED if failed else 0


@dataclass
class _Photo:
    """One photo on its way, as far as it came, and the error that stopped it.

    Attributes:
        place: place of its result.
        digest: hash of its file when the faces were looked for.
        found: faces that were detected.
        faces: reconstructed faces.
        folder: folder of the written result.
        error: error that ended its work.
    """

    place: Destination
    digest: str = ""
    found: FoundFaces | None = None
    faces: Sequence[Face] = ()
    folder: Path | None = None
    error: Exception | None = None

    def fail(self, error: Exception) -> None:
        """Take note of an error and let go of what is held."""
        self.error, self.found, self.faces = error, None, ()


def _batches(
    reconstructor: FaceReconstructor, places: Sequence[Destination], *, same_person: bool
) -> Iterator[list[_Photo]]:
    """Yield photos with their faces found; one person's photos come all at once."""
    batch: list[_Photo] = []
    for place in places:
        batch.append(_Photo(place))
        _find(reconstructor, batch[-1], largest=same_person)
        if len(batch) == _BATCH_PHOTOS and not same_person:
            yield batch
            batch = []
    if batch:
        yield batch


def _find(reconstructor: FaceReconstructor, photo: _Photo, *, largest: bool) -> None:
    from smirk3d.preprocessing.media.image_io import picture_bytes, read_image_bytes

    path = photo.place.source
    try:
        content = picture_bytes(path)
        found = reconstructor.find(read_image_bytes(content, path))
        if not found.detections:
            raise NoFaceFound(f"{path}: no face found; crop closer to the face or turn it upright")
        photo.digest = _digest(content)
        photo.found = found.largest() if largest else found
    except Exception as error:
        photo.fail(error)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=32).hexdigest()


def _estimate(
    reconstructor: FaceReconstructor, batch: Sequence[_Photo], *, same_person: bool
) -> None:
    """Fill in the answers of a batch; where it fails as a whole, one photo at a time."""
    photos = [photo for photo in batch if photo.found is not None]
    try:
        answers = reconstructor.reconstruct(
            [photo.found for photo in photos if photo.found], same_person=same_person
        )
    except Exception as error:
        if same_person or len(photos) == 1:
            for photo in photos:
                photo.fail(error)
            return
        for photo in photos:
            _estimate(reconstructor, [photo], same_person=False)
        return
    for photo, faces in zip(photos, answers, strict=True):
        photo.faces = faces


def _finish(photo: _Photo, formats: Sequence[str]) -> None:
    """Write the result of a photo that came so far."""
    from smirk3d.export.reconstruction_folder import write_reconstruction
    from smirk3d.preprocessing.media.image_io import picture_bytes, read_image_bytes

    if photo.error is not None:
        return
    path = photo.place.source
    try:
        # read again rather than kept: a batch of large photos would fill the memory
        content = picture_bytes(path)
        if _digest(content) != photo.digest:
            raise InputError(f"{path} was changed while it was worked on: reconstruct it again")
        image = read_image_bytes(content, path)
        photo.folder = write_reconstruction(photo.place, image, photo.faces, formats, photo.digest)
    except Exception as error:
        photo.fail(error)


def _report(photo: _Photo) -> None:
    """Say what became of a photo."""
    source = photo.place.source
    if photo.error is not None or photo.folder is None:
        complain(failure(source, photo.error or RuntimeError("not done")))
        return
    count = f"{len(photo.faces)} faces" if len(photo.faces) > 1 else "1 face"
    say(f"{source}: {count} -> {photo.folder}")
    note = photo.place.note(photo.folder, photo.digest)
    if note:
        complain(note)


COMMAND = Reconstruct
