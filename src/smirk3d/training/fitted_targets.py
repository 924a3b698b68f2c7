"""Fits of the head to all training photos: pseudo-labels where there is no ground truth.

Shape targets without MICA come from here too: the fit of a photo, or of all photos of a person.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.origin import Origin, Unfit
from smirk3d.assets.foreign.tensors import save_torch_file
from smirk3d.errors import AssetError, OutputError, check_shape
from smirk3d.fitting import SPARSITY, LandmarkFit, LandmarkFitConfig
from smirk3d.fitting.landmark_fit import person_batches
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.training.checkpoints import FORMAT, load_checkpoint

_FIT = LandmarkFitConfig(expression_prior=0.3, num_steps=8)
_REFINED_FIT = LandmarkFitConfig(refine_prior=0.5, sparsity=SPARSITY, num_steps=8)

_PART = 256
"""Photos fitted at once: 110 ms a face, 114 in parts of 64, 153 of 16, 1,576 one by one (open head,
one core of an AMD EPYC that others shared)."""
_PARTS_A_SAVE = 16
"""Parts between saves, 4,096 photos: on such a core eight minutes are lost at most."""
_DIGEST_BYTES = 16
"""128 bits: no two of a million photos collide by chance."""


class StartingPoint(Protocol):
    """Gives the parameters that fits start from."""

    @property
    def key(self) -> bytes:
        """Digest that differs between starting points."""

    def __call__(self, rows: Tensor) -> FaceParameters:
        """Return the parameters ``[B]`` of the photos of some rows ``[B]``."""


_Job = tuple[Tensor, list[int], FaceParameters | None]
"""Landmarks, persons and starts of some photos."""


def fits_path(folder: Path, head: HeadModel) -> Path:
    """Return where ``smirk3d preprocess`` leaves the fits of a head beside its shards."""
    return folder / f"fits-{head.name}.ckpt"


def fitted_targets(
    head: HeadModel,
    landmarks: Tensor,
    path: Path,
    *,
    persons: Sequence[str] | None = None,
    start: StartingPoint | None = None,
    processes: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> FaceParameters:
    """Return the fitted parameters ``[N]`` of photos.

    Fits that the file holds are read; the others are made and added to the file now and then, so
    that little is lost when the work is cut off.

    Args:
        head: the head, on the CPU.
        landmarks: all landmarks ``[N, 478, 2]`` in crop pixels.
        path: file that keeps the fits.
        persons: name of each photo's person, empty where unknown; photos of one person share the
            shape.
        start: estimates that fits start from and stay near, such as an encoder's, asked for the
            photos that are to be fitted; the neutral face, and a prior, by default.
        processes: number of processes that fit at the same time.
        on_progress: called with the numbers of photos done and in all.

    Raises:
        AssetError: if the file is damaged, or the head has no landmarks.
        OutputError: if the file cannot be written, or a process dies.
    """
    numbers = _person_numbers(persons, len(landmarks))
    start_key = b"" if start is None else start.key + repr(_REFINED_FIT).encode()
    digests = _digests(landmarks, numbers, start_key)
    stored = _read(path, head)
    todo = [row for row, digest in enumerate(digests) if digest not in stored]
    done = len(landmarks) - len(todo)
    labels = [int(numbers[row]) for row in todo]
    parts = [torch.tensor(todo)[rows] for rows, _ in person_batches(len(todo), labels, _PART)]
    jobs = (
        (landmarks[rows], numbers[rows].tolist(), None if start is None else start(rows))
        for rows in parts
    )
    since_save = 0
    for rows, fitted in zip(parts, _fits(head, jobs, processes), strict=True):
        stored |= zip((digests[row] for row in rows.tolist()), fitted, strict=True)
        done += len(rows)
        since_save += 1
        if since_save == _PARTS_A_SAVE or done == len(landmarks):
            since_save = 0
            _write(path, head, stored)
        if on_progress is not None:
            on_progress(done, len(landmarks))
    return _parameters(head, [stored[digest] for digest in digests])


def _person_numbers(persons: Sequence[str] | None, count: int) -> Tensor:
    """Return a number for each photo's person ``[N]``; strangers are all different."""
    names = [f"?{row}" for row in range(count)]
    if persons is not None:
        names = [f"={name}" if name else names[row] for row, name in enumerate(persons)]
    _, numbers = np.unique(np.array(names, dtype=str), return_inverse=True)
    return torch.from_numpy(numbers)


def _digests(landmarks: Tensor, numbers: Tensor, start_key: bytes) -> list[bytes]:
    """Return a digest of each photo's fit.

    It covers the photo's landmarks, those of all photos of its person, and the fit's start.
    """
    own = [
        hashlib.blake2b(row.numpy().tobytes() + start_key, digest_size=_DIGEST_BYTES).digest()
        for row in landmarks.contiguous()
    ]
    together: dict[int, list[bytes]] = {}
    for number, digest in zip(numbers.tolist(), own, strict=True):
        together.setdefault(number, []).append(digest)
    company = {number: b"".join(sorted(them)) for number, them in together.items()}
    return [
        hashlib.blake2b(digest + company[number], digest_size=_DIGEST_BYTES).digest()
        for number, digest in zip(numbers.tolist(), own, strict=True)
    ]


def _fits(head: HeadModel, jobs: Iterable[_Job], processes: int) -> Iterator[Tensor]:
    """Yield the fitted parameters ``[B, D]`` of each job, all groups side by side."""
    fit = partial(_fit_part, head)
    if processes <= 1:
        yield from map(fit, jobs)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context)
    waiting: deque[Future[Tensor]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(fit, job))
            if len(waiting) > 2 * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise OutputError(
            "a process that fits faces died, perhaps of lack of memory: give fewer processes; the"
            " same command goes on from here"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _fit_part(head: HeadModel, job: _Job) -> Tensor:
    torch.set_num_threads(1)
    landmarks, person, start = job
    config = _FIT if start is None else _REFINED_FIT
    fitted = LandmarkFit(head, config)(landmarks, person=person, start=start).parameters
    return torch.cat(list(fitted.as_dict().values()), 1)


def _parameters(head: HeadModel, faces: list[Tensor]) -> FaceParameters:
    groups = head.neutral(1).as_dict()
    columns = torch.stack(faces).split([group.shape[1] for group in groups.values()], 1)
    return FaceParameters.from_dict(dict(zip(groups, columns, strict=True)))


def _read(path: Path, head: HeadModel) -> dict[bytes, Tensor]:
    """Return the faces ``[D]`` that the file holds for this head, by digest."""
    if not path.is_file():
        return {}
    stored = load_checkpoint(path)
    if stored.get("head_fingerprint") != head.fingerprint:
        return {}
    digests, faces = stored.get("digests"), stored.get("faces")
    width = sum(group.shape[1] for group in head.neutral(1).as_dict().values())
    origin = Origin(
        str(path), "file of fits", "remove it, and the photos are fitted anew", AssetError
    )
    with origin.refusing():
        if not isinstance(digests, Tensor) or not isinstance(faces, Tensor):
            raise Unfit("it holds no fits")
        check_shape(digests, f"N {_DIGEST_BYTES}", "digests", N=len(faces))
        check_shape(faces, f"N {width}", "faces")
        if digests.dtype != torch.uint8 or not bool(faces.isfinite().all()):
            raise Unfit("its digests are no bytes, or a fit is not finite")
    return dict(zip((bytes(row) for row in digests.numpy()), faces.float(), strict=True))


def _write(path: Path, head: HeadModel, stored: dict[bytes, Tensor]) -> None:
    digests = np.frombuffer(b"".join(stored), np.uint8).reshape(-1, _DIGEST_BYTES)
    state = {
        "format": FORMAT,
        "head_fingerprint": head.fingerprint,
        "digests": torch.from_numpy(digests.copy()),
        "faces": torch.stack(list(stored.values())),
    }
    with atomic_path(path) as temporary:
        save_torch_file(state, temporary)
