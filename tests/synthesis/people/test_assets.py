"""Assets are kept in a file that is read within bounds, and made again when it is damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.parts.assets import load_assets, save_assets


def test_kept_assets_read_back(renderer: PeopleRenderer, tmp_path: Path) -> None:
    path, assets = tmp_path / "kept.npz", renderer.assets
    save_assets(path, assets, "key")
    kept = load_assets(path, "key")
    assert kept is not None
    assert kept.window == assets.window
    for kind in ("skins", "irises", "probes", "hair", "brows"):
        assert list(getattr(kept, kind)) == list(getattr(assets, kind))
    for name, skin in assets.skins.items():
        assert np.array_equal(kept.skins[name], skin)
    for name, hair in {**assets.hair, **assets.brows}.items():
        again = {**kept.hair, **kept.brows}[name]
        assert np.array_equal(again.offset, hair.offset)
        assert np.array_equal(again.faces, hair.faces)


def test_others_and_damaged_ones_are_made_again(renderer: PeopleRenderer, tmp_path: Path) -> None:
    path = tmp_path / "kept.npz"
    assert load_assets(path, "key") is None
    save_assets(path, renderer.assets, "key")
    assert load_assets(path, "another") is None
    hair = {name: replace(one, shade=one.shade[:-1]) for name, one in renderer.assets.hair.items()}
    save_assets(path, replace(renderer.assets, hair=hair), "key")
    assert load_assets(path, "key") is None
    path.write_bytes(b"PK\3\4 not a zip")
    assert load_assets(path, "key") is None
