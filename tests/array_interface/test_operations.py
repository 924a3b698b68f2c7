"""Operations beyond the array API standard do the same to NumPy arrays and torch tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from smirk3d.array_interface import (
    add_at,
    beside,
    counted,
    distances,
    lower_at,
    portions,
    set_columns,
    zeros,
)

A = torch.linspace(-1.3, 2.1, 24).view(2, 3, 4)


@pytest.mark.parametrize(
    ("axis", "rows"),
    [(0, [1, 1, 0]), (1, [2, 0, 2, 2, 1]), (2, [3, 3]), (2, list(range(4)) * 3), (1, [])],
)
def test_values_are_added_at_rows_that_may_repeat(axis: int, rows: list[int]) -> None:
    chosen = torch.tensor(rows, dtype=torch.int64)
    values = torch.cos(A.index_select(axis, chosen) * 3)
    expected = A.index_add(axis, chosen, values)
    torch.testing.assert_close(add_at(A, axis, chosen, values), expected)
    found = add_at(A.numpy(), axis, chosen.numpy(), values.numpy())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_gradients_reach_what_is_added() -> None:
    values = torch.ones(2, 2, 4, requires_grad=True)
    (3 * add_at(A, 1, torch.tensor([0, 0]), values)).sum().backward()
    assert (values.grad == 3).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_numbers_are_lowered_in_place_at_places_that_may_repeat(dtype: torch.dtype) -> None:
    numbers = torch.tensor([5, 5, 5, -2]).to(dtype)
    places, values = torch.tensor([0, 2, 0, 3, 0]), torch.tensor([4, 7, 1, 3, 2]).to(dtype)
    for array in (numbers.clone(), numbers.numpy().copy()):
        lower_at(array, beside(places, array), beside(values, array))
        np.testing.assert_array_equal(array, [1, 5, 5, -2])


@pytest.mark.parametrize("count", [0, 1, 16_384, 40_000])
def test_portions_hold_every_element_once(count: int) -> None:
    numbers = np.arange(count)
    parts = [numbers[some] for some in portions(count)]
    assert all(0 < len(part) <= 16_384 for part in parts)
    np.testing.assert_array_equal(np.concatenate([numbers[:0], *parts]), numbers)


def test_columns_are_replaced_in_a_copy() -> None:
    rows, columns = A[0], torch.tensor([3, 0])
    expected = set_columns(rows, columns, torch.zeros(3, 2))
    found = set_columns(rows.numpy(), columns.numpy(), np.zeros((3, 2), np.float32))
    np.testing.assert_array_equal(found, expected)
    assert not expected[:, columns].any()
    assert rows.all()


def test_distances_are_those_of_all_pairs() -> None:
    first, second = A[0], A[1, :2]
    expected = (first[:, None] - second).norm(dim=2)
    torch.testing.assert_close(distances(first, second), expected)
    np.testing.assert_allclose(distances(first.numpy(), second.numpy()), expected, rtol=1e-5)


@pytest.mark.parametrize("like", [A.double(), A.double().numpy()])
def test_arrays_are_made_like_others(like: torch.Tensor | np.ndarray) -> None:
    none, numbers, kept = zeros((2, 0), like), counted(3, like), beside(np.ones(2, bool), like)
    assert {type(none), type(numbers), type(kept)} == {type(like)}
    assert none.dtype == like.dtype
    assert none.shape == (2, 0)
    assert numbers.tolist() == [0, 1, 2]
    assert str(kept.dtype).endswith("bool")
