"""``smirk3d reconstruct``: photos to animatable heads."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from smirk3d.cli.common_options import Estimation
from smirk3d.errors import InputError, NoFaceFound, Smirk3dError

if TYPE_CHECKING:
    from smirk3d.pipeline import FaceReconstructor, FoundFaces

FAILED = 3
_BATCH_PIXELS = 60_000_000
_BATCH_PHOTOS = 64


@dataclass
class Reconstruct:
    """Reconstruct every face of one or many photos.

    Each photo gives a folder OUT/STEM with result.json, overlay.png and the files of each face.
    Exit code 3 when some photos failed; each is named with the reason, the others are done.
    """

    photos: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Photo files."""
    out: Path = Path("smirk3d-out")
    """Folder for the results."""
    format: str = "glb"
    """Formats of each face's files, separated by commas."""
    same_person: bool = False
    """The photos show one person: fit one shape to the largest face of each."""
    estimation: tyro.conf.OmitArgPrefixes[Estimation] = field(default_factory=Estimation)

    def run(self) -> int:
        """Do it and return the exit code."""
        from smirk3d.export.format_names import parse_formats
        from smirk3d.pipeline import FaceReconstructor

        if not self.photos:
            raise InputError("no photo given: smirk3d reconstruct PHOTO... --out DIR")
        formats = parse_formats(self.format)
        options = self.estimation
        reconstructor = FaceReconstructor(
            options.head,
            weights=options.weights,
            refine=options.refine,
            device=options.device,
        )
        return reconstruct_photos(
            reconstructor, self.photos, self.out, formats, same_person=self.same_person
        )


def reconstruct_photos(
    reconstructor: FaceReconstructor,
    photos: Sequence[Path],
    out: Path,
    formats: Sequence[str],
    *,
    same_person: bool = False,
) -> int:
    """Write a result folder for each photo and return the exit code."""
    from tqdm import tqdm

    from smirk3d.cli.result_folders import folder_names

    jobs = list(zip(photos, folder_names(photos), strict=True))
    failed = 0
    with tqdm(total=len(jobs), unit="photo", disable=None if len(jobs) > 1 else True) as bar:
        for batch in _batches(reconstructor, jobs, same_person=same_person):
            for outcome in _reconstruct_batch(reconstructor, batch, out, formats, same_person):
                bar.update()
                failed += outcome.failed
                with tqdm.external_write_mode(file=sys.stderr if outcome.failed else sys.stdout):
                    print(outcome.text, file=sys.stderr if outcome.failed else sys.stdout)
    return FAILED if failed else 0


@dataclass
class _Job:
    """One photo on its way: found faces, or the error that stopped it."""

    photo: Path
    name: str
    found: FoundFaces | None = None
    error: Smirk3dError | None = None


@dataclass
class _Outcome:
    """What to say of one photo."""

    text: str
    failed: bool


def _batches(
    reconstructor: FaceReconstructor, jobs: Sequence[tuple[Path, str]], *, same_person: bool
) -> Iterator[list[_Job]]:
    """Yield photos with their faces found; one person's photos come all at once."""
    batch: list[_Job] = []
    for photo, name in jobs:
        batch.append(_found(reconstructor, photo, name, largest=same_person))
        if len(batch) == _BATCH_PHOTOS and not same_person:
            yield batch
            batch = []
    if batch:
        yield batch


def _found(reconstructor: FaceReconstructor, photo: Path, name: str, *, largest: bool) -> _Job:
    from smirk3d.preprocessing.image_io import read_image

    try:
        found = reconstructor.find(read_image(photo))
        if not found.detections:
            raise NoFaceFound(f"{photo}: no face found; crop closer to the face or turn it upright")
        return _Job(photo, name, found=found.largest() if largest else found)
    except Smirk3dError as error:
        return _Job(photo, name, error=error)


def _reconstruct_batch(
    reconstructor: FaceReconstructor,
    batch: Sequence[_Job],
    out: Path,
    formats: Sequence[str],
    same_person: bool,
) -> Iterator[_Outcome]:
    from smirk3d.cli.result_folders import write_reconstruction
    from smirk3d.preprocessing.image_io import read_image

    with_faces = [job for job in batch if job.found is not None]
    answers = iter(
        reconstructor.reconstruct(
            [job.found for job in with_faces if job.found], same_person=same_person
        )
    )
    for job in batch:
        try:
            if job.error is not None:
                raise job.error
            faces = next(answers)
            # read again rather than kept: a batch of large photos would fill the memory
            image = read_image(job.photo)
            write_reconstruction(out / job.name, str(job.photo), image, faces, formats)
        except Smirk3dError as error:
            text = str(error)
            named = text if str(job.photo) in text else f"{job.photo}: {text}"
            yield _Outcome(f"smirk3d: {named}", failed=True)
        else:
            count = f"{len(faces)} faces" if len(faces) > 1 else "1 face"
            yield _Outcome(f"{job.photo}: {count} -> {out / job.name}", failed=False)


COMMAND = Reconstruct
