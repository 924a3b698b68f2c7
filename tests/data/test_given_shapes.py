from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.data.given_shapes import with_given_shapes
from smirk3d.errors import InputError

KEYS = np.array(["00001", "00002", "00003"])


def test_photos_in_the_file_get_its_shape_and_others_keep_theirs(tmp_path: Path) -> None:
    np.savez(tmp_path / "mica.npz", key=["00003", "00009", "00001"], shape=[[3, 4], [8, 8], [1, 2]])
    shapes = with_given_shapes(torch.full((3, 4), 7.0), KEYS, tmp_path / "mica.npz")
    assert shapes.tolist() == [[1, 2, 0, 0], [7, 7, 7, 7], [3, 4, 0, 0]]


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"key": ["00001"], "shape": [[1.0] * 5]}, r"shape is \[1, 5\], expected \[1, up to 4\]"),
        ({"key": ["00001", "00002"], "shape": [[1.0]]}, "shape"),
        ({"key": ["00001"], "shape": [[np.nan]]}, "not finite"),
        ({"key": ["other"], "shape": [[1.0]]}, "none of its keys"),
        ({"key": ["00001"]}, "lacks shape"),
    ],
)
def test_wrong_files_say_why(tmp_path: Path, arrays: dict, reason: str) -> None:
    np.savez(tmp_path / "mica.npz", **arrays)
    with pytest.raises(InputError, match=reason):
        with_given_shapes(torch.zeros(3, 4), KEYS, tmp_path / "mica.npz")


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mica\.npz: no such file"):
        with_given_shapes(torch.zeros(3, 4), KEYS, tmp_path / "mica.npz")
