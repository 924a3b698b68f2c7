"""Fits of the head to all training photos: warm starts, and targets where nothing better is known.

Shape targets without MICA come from here too: the fit of a photo, or of all photos of a person.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from smirk3d.assets.atomic import atomic_path
from smirk3d.face_parameters import FaceParameters
from smirk3d.fitting import LandmarkFit, LandmarkFitConfig
from smirk3d.heads.head_model import HeadModel
from smirk3d.training.checkpoints import load_checkpoint

_FIT = LandmarkFitConfig(expression_prior=0.3, num_steps=8)
_PART = 256


def fitted_targets(
    head: HeadModel,
    landmarks: Tensor,
    path: Path,
    *,
    processes: int = 1,
    on_progress: Callable[[int], None] | None = None,
) -> FaceParameters:
    """Return the fitted parameters ``[N]`` of photos; read them if the file holds them already.

    Args:
        head: on the CPU.
        landmarks: all landmarks ``[N, 478, 2]`` in crop pixels.
        path: file that keeps the fits.
        processes: that fit at the same time.
        on_progress: called with the number of photos done.

    Raises:
        AssetError: if the file is damaged, or the head has no landmarks.
        OutputError: if the file cannot be written.
    """
    digest = hashlib.sha256(landmarks.contiguous().numpy().tobytes()).hexdigest()
    if path.is_file():
        stored = load_checkpoint(path)
        if (stored["fingerprint"], stored["landmarks"]) == (head.fingerprint, digest):
            return FaceParameters.from_dict(stored["parameters"])
    parts: list[dict[str, Tensor]] = []
    chunks = list(landmarks.split(_PART))
    fit = partial(_fit_part, head)
    if processes > 1 and len(chunks) > 1:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            for part in pool.imap(fit, chunks):
                parts.append(part)
                _report(on_progress, len(parts) * _PART, len(landmarks))
    else:
        for chunk in chunks:
            parts.append(fit(chunk))
            _report(on_progress, len(parts) * _PART, len(landmarks))
    fitted = FaceParameters.cat([FaceParameters.from_dict(part) for part in parts])
    state = {"format": 1, "fingerprint": head.fingerprint, "landmarks": digest,
             "parameters": fitted.as_dict()}  # fmt: skip
    with atomic_path(path) as temporary:
        torch.save(state, temporary)
    return fitted


def _report(on_progress: Callable[[int], None] | None, done: int, total: int) -> None:
    if on_progress is not None:
        on_progress(min(done, total))


def _fit_part(head: HeadModel, landmarks: Tensor) -> dict[str, Tensor]:
    torch.set_num_threads(1)
    return LandmarkFit(head, _FIT)(landmarks).parameters.as_dict()
