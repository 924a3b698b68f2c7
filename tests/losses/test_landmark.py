from __future__ import annotations

import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.losses.landmark import landmark_loss, landmark_weights


def points(seed: int = 0) -> torch.Tensor:
    return torch.randn(2, 5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_identical_landmarks_cost_nothing() -> None:
    assert landmark_loss(points(), points()) == 0
    assert landmark_loss(points(), points(), weight=torch.rand(5), valid=torch.ones(2, 5)) == 0


def test_without_weights_it_is_the_mean_square() -> None:
    expected = torch.nn.functional.mse_loss(points(0), points(1))
    torch.testing.assert_close(landmark_loss(points(0), points(1)), expected)
    equal = torch.full((5,), 0.3, dtype=torch.float64)
    torch.testing.assert_close(landmark_loss(points(0), points(1), weight=equal), expected)


def test_weighted_mean_of_a_known_case() -> None:
    target = torch.zeros(1, 2, 2)
    predicted = torch.tensor([[[1.0, 0.0], [2.0, 2.0]]])
    weight = torch.tensor([3.0, 1.0])
    # (3 * (1 + 0) / 2 + 1 * (4 + 4) / 2) / 4
    assert landmark_loss(predicted, target, weight=weight) == 5.5 / 4
    valid = torch.tensor([[True, False]])
    assert landmark_loss(predicted, target, weight=weight, valid=valid) == 0.5
    assert landmark_loss(predicted, target, valid=~valid) == 4.0


def test_untrusted_targets_may_be_anything() -> None:
    predicted = torch.ones(1, 2, 2, requires_grad=True)
    target = torch.tensor([[[0.0, 0.0], [float("nan"), float("inf")]]])
    loss = landmark_loss(predicted, target, valid=torch.tensor([[1.0, 0.0]]))
    assert loss == 1.0
    loss.backward()
    assert predicted.grad is not None
    assert predicted.grad[0].tolist() == [[1.0, 1.0], [0.0, 0.0]]


def test_nothing_valid_costs_nothing() -> None:
    assert landmark_loss(points(0), points(1), valid=torch.zeros(2, 5)) == 0


def test_gradient() -> None:
    weight = torch.rand(5, dtype=torch.float64)
    valid = torch.tensor([[1, 1, 0, 1, 1], [0, 1, 1, 1, 0]])
    assert torch.autograd.gradcheck(
        lambda p: landmark_loss(p, points(1), weight=weight, valid=valid),
        points().requires_grad_(),
    )


def test_tight_landmarks_count_more() -> None:
    weight = landmark_weights(torch.tensor([0.0, 0.001, 0.003]), noise=0.001)
    torch.testing.assert_close(weight, torch.tensor([1.0, 0.5, 0.1]))


@pytest.mark.parametrize(
    "options", [{"weight": torch.ones(4)}, {"valid": torch.ones(2, 4)}, {"target": points()[:1]}]
)
def test_shapes_must_agree(options: dict) -> None:
    arguments = {"target": points(), **options}
    with pytest.raises(ShapeError, match=next(iter(options))):
        landmark_loss(points(), **arguments)
