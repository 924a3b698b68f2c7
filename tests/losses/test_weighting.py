from __future__ import annotations

import pytest
import torch

from smirk3d.errors import UsageError
from smirk3d.losses.loss_weights import LossWeights
from smirk3d.losses.weighting import weighted_sum


def test_sum_and_report() -> None:
    loss = weighted_sum(
        {"landmarks": lambda: torch.tensor(0.5), "cycle": lambda: torch.tensor(3.0)},
        LossWeights(landmarks=10.0, cycle=2.0),
    )
    assert loss.total == 11.0
    assert loss.report() == {"total": 11.0, "landmarks": 0.5, "cycle": 3.0}


def test_a_weight_of_zero_skips_the_computation() -> None:
    def expensive() -> torch.Tensor:
        raise AssertionError("computed in vain")

    terms = {"emotion": expensive, "landmarks": lambda: torch.tensor(1.0)}
    loss = weighted_sum(terms, LossWeights(landmarks=1.0))
    assert set(loss.terms) == {"landmarks"}


def test_gradients_follow_the_weights_and_terms_are_detached() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    loss = weighted_sum({"a": lambda: x**2, "b": lambda: x}, {"a": 3.0, "b": 5.0, "c": 1.0})
    loss.total.backward()
    assert x.grad == 3 * 4 + 5
    assert not any(term.requires_grad for term in loss.terms.values())


def test_terms_that_are_not_finite_are_named() -> None:
    nan = torch.tensor(float("nan"))
    loss = weighted_sum({"a": lambda: nan, "b": lambda: nan * 0 + 1}, {"a": 1.0, "b": 1.0})
    assert loss.not_finite() == ["a", "b"]
    loss = weighted_sum({"a": lambda: torch.ones(()), "b": lambda: nan}, {"a": 1.0, "b": 1.0})
    assert loss.not_finite() == ["b"]


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match=r"without a weight: landmark$"):
        weighted_sum({"landmark": lambda: torch.ones(())}, LossWeights())
    with pytest.raises(ValueError, match="all weights are zero of cycle"):
        weighted_sum({"cycle": lambda: torch.ones(())}, LossWeights())
    with pytest.raises(UsageError, match="jaw_prior must not be negative"):
        LossWeights(jaw_prior=-1.0)
