from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from smirk3d.errors import OutputError
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.training import fitted_targets as module
from smirk3d.training.fitted_targets import fitted_targets
from tests.training.small_runs import some_faces, some_photos

HEAD = tiny_head()


@pytest.fixture
def landmarks() -> Tensor:
    return some_photos(HEAD, some_faces(HEAD, 12)).landmarks


@pytest.fixture
def fitted_photos(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the photos of each part that is fitted."""
    counts: list[int] = []
    fit = module._fit_part

    def counting(head, job):
        counts.append(len(job[0]))
        return fit(head, job)

    monkeypatch.setattr(module, "_fit_part", counting)
    return counts


def same(a: FaceParameters, b: FaceParameters) -> None:
    for name, values in a.as_dict().items():
        torch.testing.assert_close(values, getattr(b, name), atol=1e-4, rtol=1e-4)


def test_fits_are_kept_and_parts_of_them_found(
    landmarks: Tensor, tmp_path: Path, fitted_photos: list[int]
) -> None:
    path = tmp_path / "fits.ckpt"
    first = fitted_targets(HEAD, landmarks, path)
    assert fitted_photos == [12]
    chosen = torch.tensor([7, 2, 3])
    same(fitted_targets(HEAD, landmarks[chosen], path), first[chosen])
    assert fitted_photos == [12]


def test_new_photos_are_added(landmarks: Tensor, tmp_path: Path, fitted_photos: list[int]) -> None:
    path = tmp_path / "fits.ckpt"
    fitted_targets(HEAD, landmarks[:5], path)
    told: list[tuple[int, int]] = []
    both = fitted_targets(HEAD, landmarks, path, on_progress=lambda *p: told.append(p))
    assert fitted_photos == [5, 7] and told == [(12, 12)]
    same(both[:5], fitted_targets(HEAD, landmarks[:5], path))


def test_what_was_saved_survives_an_interruption(
    landmarks: Tensor, tmp_path: Path, fitted_photos: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PART", 4)
    monkeypatch.setattr(module, "_PARTS_A_SAVE", 1)

    def stop(done: int, total: int) -> None:
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted_targets(HEAD, landmarks, tmp_path / "fits.ckpt", on_progress=stop)
    fitted_targets(HEAD, landmarks, tmp_path / "fits.ckpt")
    assert fitted_photos == [4, 4, 4]


def test_photos_of_one_person_share_the_shape(landmarks: Tensor, tmp_path: Path) -> None:
    persons = ["ada", "", "ada", ""] + [""] * 8
    fits = fitted_targets(HEAD, landmarks, tmp_path / "fits.ckpt", persons=persons)
    torch.testing.assert_close(fits.shape[0], fits.shape[2])
    assert (fits.shape[1] - fits.shape[3]).abs().max() > 1e-3
    alone = fitted_targets(HEAD, landmarks, tmp_path / "fits.ckpt")
    assert (alone.shape[0] - fits.shape[0]).abs().max() > 1e-4  # not the shared one from the file


def test_fits_of_another_head_are_not_taken(
    landmarks: Tensor, tmp_path: Path, fitted_photos: list[int]
) -> None:
    fitted_targets(HEAD, landmarks, tmp_path / "fits.ckpt")
    fitted_targets(tiny_head("pca"), landmarks, tmp_path / "fits.ckpt")
    assert fitted_photos == [12, 12]


class KnownStart:
    """Starts from given parameters, and counts for how many photos it was asked."""

    key = b"known"

    def __init__(self, faces: FaceParameters) -> None:
        self.faces, self.asked = faces, 0

    def __call__(self, rows: Tensor) -> FaceParameters:
        self.asked += len(rows)
        return self.faces[rows]


def refine_without_sparsity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REFINED_FIT", replace(module._REFINED_FIT, sparsity=0.0))


def test_fits_stay_near_where_they_start(
    landmarks: Tensor, tmp_path: Path, fitted_photos: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    refine_without_sparsity(monkeypatch)
    path = tmp_path / "fits.ckpt"
    plain = fitted_targets(HEAD, landmarks, path)
    std = torch.tensor(HEAD.group("expression").prior_std)
    seen = plain.replace(expression=plain.expression + std)
    start = KnownStart(seen)
    near = fitted_targets(HEAD, landmarks, path, start=start)
    assert fitted_photos == [12, 12]
    kept, left = ((fits.expression - seen.expression).abs().mean() for fits in (near, plain))
    assert kept < 0.8 * left
    torch.testing.assert_close(near.camera, plain.camera, atol=0.05, rtol=0.05)
    assert start.asked == 12
    same(fitted_targets(HEAD, landmarks, path, start=start), near)
    same(fitted_targets(HEAD, landmarks, path), plain)
    assert fitted_photos == [12, 12] and start.asked == 12


def test_refined_fits_are_sparse_and_found_by_their_settings(
    landmarks: Tensor, tmp_path: Path, fitted_photos: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fits.ckpt"
    start = KnownStart(fitted_targets(HEAD, landmarks, path))
    sparse = fitted_targets(HEAD, landmarks, path, start=start)
    refine_without_sparsity(monkeypatch)
    full = fitted_targets(HEAD, landmarks, path, start=start)
    assert fitted_photos == [12, 12, 12]
    assert (sparse.expression.sum(1) < full.expression.sum(1)).all()


def die(head: HeadModel, job: tuple) -> Tensor:
    """Stand for a process that the system kills."""
    os.kill(os.getpid(), signal.SIGKILL)
    return torch.zeros(0)


def test_the_death_of_a_process_is_an_error_and_not_a_wait(
    landmarks: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_fit_part", die)
    with pytest.raises(OutputError, match="a process that fits faces died"):
        fitted_targets(HEAD, landmarks, tmp_path / "fits.ckpt", processes=2)
    assert list(tmp_path.iterdir()) == []


def test_processes_fit_what_one_fits(landmarks: Tensor, tmp_path: Path) -> None:
    one = fitted_targets(HEAD, landmarks, tmp_path / "one.ckpt")
    same(fitted_targets(HEAD, landmarks, tmp_path / "two.ckpt", processes=2), one)
