from __future__ import annotations

import pytest
import torch

from smirk3d.assets.optional import require
from smirk3d.errors import MissingExtra, ShapeError, check_shape


def test_named_sizes_are_returned() -> None:
    assert check_shape(torch.zeros(2, 5, 3), "B V 3", "x") == {"B": 2, "V": 5}
    assert check_shape(torch.zeros(4, 2, 3, 3), "... 3 3", "x") == {}


@pytest.mark.parametrize(
    ("shape", "pattern", "sizes"),
    [
        ((2, 5), "B V 3", {}),
        ((2, 5, 4), "B V 3", {}),
        ((2, 3), "N N", {}),
        ((2, 3), "B D", {"B": 4}),
        ((3,), "... 3 3", {}),
    ],
)
def test_other_shapes_are_refused(shape: tuple[int, ...], pattern: str, sizes: dict) -> None:
    with pytest.raises(ShapeError):
        check_shape(torch.zeros(shape), pattern, "x", **sizes)


def test_message_says_expected_and_got() -> None:
    with pytest.raises(ShapeError) as caught:
        check_shape(torch.zeros(1, 100), "B E", "expression", E=50)
    assert str(caught.value) == "expression must have shape [B E], E=50, got [1, 100]"


def test_missing_package_names_its_extra() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'smirk3d\[viewer\]'"):
        require("no_such_package_anywhere", extra="viewer")
