"""Skins, hair, irises and light that people are made of, read once and kept in a compact file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.npz import NpzFile
from smirk3d.assets.foreign.origin import Origin
from smirk3d.assets.foreign.schema import TEXT, WHOLE, ArrayRule
from smirk3d.errors import AssetError
from smirk3d.synthesis.people.split import is_held_out

Array = NDArray[np.float32]

ASSET_FORMAT = 4
"""Of the kept file: raised when the same assets are fitted or kept otherwise."""

LARGEST_ASSETS = 1 << 30
"""Bytes of all arrays: MakeHuman's 11 skins, 8 heads of hair and 18 probes have 56 MB."""


@dataclass(frozen=True, kw_only=True)
class HairAsset:
    """A hairdo or a pair of brows: triangles that hang on the head's.

    Attributes:
        corners: vertices of the head's triangle that each point hangs on ``[N, 3]``.
        bary: barycentric coordinates ``[N, 3]`` there.
        offset: from there, in metres ``[N, 3]``.
        faces: triangles ``[F, 3]``.
        uv: place of each point in the texture ``[N, 2]``, v downwards, 0 to 1.
        texture: lightness (mean 96) and opacity uint8 ``[R, C, 2]``.
        shade: fraction of light that reaches each point past the others ``[N]``.
    """

    corners: NDArray[np.int32]
    bary: Array
    offset: Array
    faces: NDArray[np.int32]
    uv: Array
    texture: NDArray[np.uint8]
    shade: Array

    def points(self, vertices: Array) -> Array:
        """Return the points ``[N, 3]`` on a head's vertices ``[V, 3]``."""
        on_head = np.einsum("nkc,nk->nc", vertices[self.corners], self.bary)
        points: Array = (on_head + self.offset).astype(np.float32)
        return points


@dataclass(frozen=True, kw_only=True)
class PeopleAssets:
    """All that people are made of beside the head; by name.

    Attributes:
        skins: maps uint8 sRGB ``[H, W, 3]``, all of one size.
        window: the part of the head's UV square that the maps show: u and v (upwards) of the first
            and of the last edge.
        hair, brows: hairdos and brows.
        irises: sRGB uint8 ``[R, A, 3]``, from pupil to rim, around from the subject's left.
        probes: linear RGB float32 ``[H, W, 3]``, equirectangular.
    """

    skins: Mapping[str, NDArray[np.uint8]]
    window: tuple[float, float, float, float] = (0.0, 1.0, 0.0, 1.0)
    hair: Mapping[str, HairAsset] = field(default_factory=lambda: MappingProxyType({}))
    brows: Mapping[str, HairAsset] = field(default_factory=lambda: MappingProxyType({}))
    irises: Mapping[str, NDArray[np.uint8]]
    probes: Mapping[str, Array]


_HAIR_RULES = {
    "corners": ArrayRule("N 3", WHOLE, low=0),
    "bary": ArrayRule("N 3"),
    "offset": ArrayRule("N 3"),
    "faces": ArrayRule("F 3", WHOLE, low=0),
    "uv": ArrayRule("N 2"),
    "texture": ArrayRule("R C 2", "u", high=255),
    "shade": ArrayRule("N"),
}


def listing(folder: Path) -> str:
    """Return a hash of names and sizes of all files in a folder."""
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    text = "\n".join(f"{f.relative_to(folder)} {f.stat().st_size}" for f in files)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def save_assets(path: Path, assets: PeopleAssets, key: str) -> None:
    """Write assets as one file, whole or not at all.

    Args:
        path: of the file.
        assets: to keep.
        key: what they were made from; :func:`load_assets` asks for it.
    """
    arrays: dict[str, NDArray[Any]] = {"key": np.array(key), "window": np.array(assets.window)}
    for kind in ("skins", "irises", "probes"):
        for name, array in getattr(assets, kind).items():
            half = array.astype(np.float16) if array.dtype.kind == "f" else array
            arrays[f"{kind}/{name}"] = half
    for kind in ("hair", "brows"):
        for name, hair in getattr(assets, kind).items():
            for attribute in _HAIR_RULES:
                arrays[f"{kind}/{name}/{attribute}"] = getattr(hair, attribute)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)  # type: ignore[arg-type]


def load_assets(path: Path, key: str) -> PeopleAssets | None:
    """Return kept assets, None if there are none or they were made from something else."""
    origin = Origin(str(path), "file of kept assets", "it is made again", AssetError)
    try:
        with origin.refusing(), NpzFile(path, budget=LARGEST_ASSETS) as file:
            return _kept(file) if str(file.read("key", ArrayRule("", TEXT))) == key else None
    except AssetError:
        return None


def _kept(file: NpzFile) -> PeopleAssets:
    window = file.read("window", ArrayRule("4")).tolist()
    probes = _arrays(file, "probes", ArrayRule("P Q 3"))
    return PeopleAssets(
        skins=_arrays(file, "skins", ArrayRule("H W 3", "u", high=255)),
        window=(window[0], window[1], window[2], window[3]),
        hair=_hair(file, "hair"),
        brows=_hair(file, "brows"),
        irises=_arrays(file, "irises", ArrayRule("I A 3", "u", high=255)),
        probes={name: probe.astype(np.float32) for name, probe in probes.items()},
    )


def _arrays(file: NpzFile, kind: str, rule: ArrayRule) -> dict[str, NDArray[Any]]:
    names = [name for name in file.names if name.startswith(f"{kind}/")]
    return {name.removeprefix(f"{kind}/"): file.read(name, rule) for name in names}


def _hair(file: NpzFile, kind: str) -> dict[str, HairAsset]:
    found: dict[str, HairAsset] = {}
    for name in dict.fromkeys(n.split("/")[1] for n in file.names if n.startswith(f"{kind}/")):
        file.sizes.clear()  # each has its own number of points
        parts = {key: file.read(f"{kind}/{name}/{key}", rule) for key, rule in _HAIR_RULES.items()}
        found[name] = HairAsset(**parts)
    return found


def chosen(names: Mapping[str, object], kind: str, held_out: bool | None) -> list[str]:
    """Return the names of a kind that may be drawn, sorted.

    Args:
        names: all there are.
        kind: ``skin``, ``hair``, ``probe``, ``iris`` or ``brows``.
        held_out: True for those kept for evaluation, False for the others, None for all. A kind of
            which nothing is held out gives all.

    Raises:
        AssetError: if none is left.
    """
    found = sorted(names)
    if held_out is not None:
        matching = [name for name in found if is_held_out(f"{kind}/{name}") == held_out]
        found = matching or ([] if kind in {"skin", "hair", "probe"} else found)
    if not found:
        raise AssetError(f"no {kind} is left to draw: give a folder of assets that has some")
    return found
