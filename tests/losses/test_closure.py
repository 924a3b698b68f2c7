from __future__ import annotations

import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.losses.closure import (
    EYELID_PAIRS,
    LIP_CORNER_PAIRS,
    LIP_PAIRS,
    opening_loss,
    pair_rows,
)

ROWS = torch.tensor([[0, 1], [2, 3]])


def points(seed: int = 0) -> torch.Tensor:
    return torch.randn(2, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_equal_openings_cost_nothing_wherever_they_are() -> None:
    loss = opening_loss(points() + torch.tensor([3.0, -1.0]), points(), ROWS)
    assert loss < 1e-9


def test_known_openings() -> None:
    target = torch.zeros(1, 4, 2)
    predicted = torch.tensor([[[0.0, 0.0], [3.0, 4.0], [1.0, 1.0], [1.0, 2.0]]])
    assert opening_loss(predicted, target, ROWS) == pytest.approx((5 + 1) / 2, abs=1e-5)
    valid = torch.tensor([[1, 1, 1, 0]])
    assert opening_loss(predicted, target, ROWS, valid=valid) == pytest.approx(5, abs=1e-5)
    assert opening_loss(predicted, target, ROWS, valid=torch.zeros(1, 4)) == 0


def test_gradient_and_a_closed_eye() -> None:
    assert torch.autograd.gradcheck(
        lambda p: opening_loss(p, points(1), ROWS), points().requires_grad_()
    )
    closed = torch.zeros(1, 4, 2, requires_grad=True)
    opening_loss(closed, torch.ones(1, 4, 2), ROWS).backward()
    assert closed.grad is not None
    assert torch.isfinite(closed.grad).all()


def test_rows_are_found_by_number() -> None:
    ids = torch.tensor([14, 7, 13, 82])
    assert pair_rows(ids, LIP_PAIRS).tolist() == [[2, 0]]
    assert pair_rows(ids, EYELID_PAIRS).shape == (0, 2)
    assert opening_loss(points(), points(1), pair_rows(ids, EYELID_PAIRS)) == 0


def test_pairs_join_what_lies_opposite(made_faces) -> None:
    import numpy as np

    faces = np.load(made_faces / "annotations.npz")["landmarks_xy"].astype(float)
    mean = np.median(faces - faces.mean(1, keepdims=True), 0)

    def gap(a: int, b: int) -> np.ndarray:
        return mean[b] - mean[a]

    # y runs down: the second of a pair is below the first, nearly straight
    for a, b in EYELID_PAIRS + LIP_PAIRS:
        assert gap(a, b)[1] > abs(gap(a, b)[0])
    # corners lie side by side, the subject's right one at the picture's left
    for a, b in LIP_CORNER_PAIRS:
        assert gap(a, b)[0] > 5 * abs(gap(a, b)[1])
    assert mean[EYELID_PAIRS[0][0]][0] < 0 < mean[EYELID_PAIRS[5][0]][0]


def test_shapes_must_agree() -> None:
    with pytest.raises(ShapeError, match="target"):
        opening_loss(points(), points()[:1], ROWS)
    with pytest.raises(ShapeError, match="rows"):
        opening_loss(points(), points(), torch.zeros(2, 3, dtype=torch.int64))
