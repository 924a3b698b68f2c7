"""Skins for drawn people from frontal portraits of a faces folder.

A photo's colours are projected to the head that is fitted to its landmarks. What is lit from one
side is made even by the other, brows, eyes and hair over the forehead are filled from the skin
around them, and beyond the face a skin that is there already goes on in the photo's tone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import to_numpy, without_gradients
from smirk3d.assets import user_folder
from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.npz import NpzFile
from smirk3d.assets.foreign.origin import Origin
from smirk3d.assets.foreign.schema import TEXT, ArrayRule
from smirk3d.data.annotated_faces import read_annotated_faces, read_annotations, trains
from smirk3d.errors import AssetError, InputError
from smirk3d.fitting import LandmarkFit
from smirk3d.geometry.meshes import smoothed
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rasterization import rasterize
from smirk3d.rasterization.picture_sampling import sampled
from smirk3d.rendering.materials import linear_to_srgb, srgb_to_linear
from smirk3d.rendering.photo_colours import PhotoSkin, faded_into_tone, photo_colours
from smirk3d.rendering.picture_surface import soft_region
from smirk3d.synthesis.people.drawing.head_surface import HeadSurface
from smirk3d.synthesis.people.drawing.kernels.records import EYELIDS, LIPS, SKIN
from smirk3d.synthesis.people.parts.assets import PeopleAssets, listing
from smirk3d.synthesis.people.split import PHOTO_SKIN

Array = NDArray[np.float32]

_FORMAT = 1
"""Of the kept file: raised when the same photos are projected or kept otherwise."""
_LARGEST_KEPT = 2 << 30
"""Bytes of kept skins: one of MakeHuman's size takes 1.1 MB at half that."""
_COARSER = 2
"""Texels of a map for one that is kept of a photo, by side: a face has some 120 pixels across."""
_WHOLE_FACE = 0.97
"""Fraction of the face's outline that must lie in the photo, as the shared faces' README has it."""
_NEUTRAL = {
    "jawOpen": 0.1, "mouthSmileLeft": 0.25, "mouthSmileRight": 0.25, "mouthPucker": 0.4,
    "mouthFunnel": 0.3, "eyeBlinkLeft": 0.35, "eyeBlinkRight": 0.35, "eyeSquintLeft": 0.6,
    "eyeSquintRight": 0.6, "browDownLeft": 0.35, "browDownRight": 0.35,
}  # fmt: skip
"""Largest actions, by MediaPipe, of a face whose skin has no folds of its expression; chosen by
eye."""
_BROWS = (
    (70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
    (300, 293, 334, 296, 336, 285, 295, 282, 283, 276),
)
"""Outlines of brows in MediaPipe's landmarks, as its face mesh numbers them."""
_EYES = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382),
)
"""Outlines of the openings of the eyes in MediaPipe's landmarks, as its face mesh numbers them."""
_WIDER = 0.035
"""By how much of the distance between the eyes' outer corners brows and eyes are widened before
they are filled, so that no hairs and lashes remain; chosen by eye."""
_FRONTAL = 0.985
"""Least cosine between the head's direction and the camera's: 10 degrees."""
_TELL = 50
"""Photos between two messages."""
_SPARE = 3
"""Photos that are projected for each one wanted; the most even are kept, for hands, glasses and
hair over a face are uneven."""
_UNLIT = 0.6
"""Of a photo's broad differences in brightness, what is taken for light and removed; chosen by
eye."""
_BROAD = 0.06
"""Standard deviation, in sides of the map, of what counts as broad; chosen by eye."""
_HAIR = 0.5
"""Of the skin's own brightness, below which a place is hair; chosen by eye."""
_FADE_RINGS = 8
"""Rows of triangles over which the photo fades out at the face's edge; chosen by eye."""
_EDGE = (0.3, 0.9)
"""Of that fade, where the photo's opacity is 0 and 1: hair and background lie at the outline."""
_INSIDE = 0.6
"""From which a soft mask counts as inside; a choice."""
_FILLS = (0.008, 0.02, 0.06)
"""Standard deviations, in sides of the map, of what gaps are filled with, the nearest first."""
_ENOUGH = 0.25
"""Weight around a place from which the nearest colours are enough; chosen by eye."""
_FINE = 0.006
"""Standard deviation, in sides of the map, below which its relief is another skin's; chosen by
eye."""


def with_photo_skins(
    assets: PeopleAssets,
    head: HeadModel,
    folder: Path,
    count: int,
    cache: Path | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> PeopleAssets:
    """Return assets with skins named ``photo-KEY`` beside their own; made the first time.

    Args:
        assets: whose maps' window and size they get, and what they look like beyond the face.
        head: that the assets are for.
        folder: tar shards of portraits with ``annotations.npz`` (docs/data.md). Photos that reports
            measure are left out.
        count: how many skins, fewer if the folder has fewer frontal, neutral faces.
        cache: file to keep them in; one of the user's folder by default.
        on_progress: told what is being done.

    Raises:
        InputError: if the folder is no such folder or has no suitable portrait.
    """
    rows, columns = next(iter(assets.skins.values())).shape[:2]
    own = hashlib.sha256(b"".join(skin.tobytes() for skin in assets.skins.values())).hexdigest()
    made_of = (_FORMAT, head.fingerprint, assets.window, rows, columns, own, count, listing(folder))
    key = "-".join(map(str, made_of))
    name = f"photos-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    path = cache or user_folder("people") / name
    skins = _kept(path, key)
    if skins is None:
        skins = _PhotoSkins(assets, head).made(folder, count, on_progress or (lambda _: None))
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, key=np.array(key), **skins)  # type: ignore[arg-type]
    grown = {
        name: np.asarray(cv2.resize(skin, (columns, rows), interpolation=cv2.INTER_CUBIC), np.uint8)
        for name, skin in skins.items()
    }
    return replace(assets, skins={**assets.skins, **grown})


def _kept(path: Path, key: str) -> dict[str, NDArray[np.uint8]] | None:
    origin = Origin(str(path), "file of kept skins", "it is made again", AssetError)
    rule = ArrayRule("H W 3", "u", high=255)
    try:
        with origin.refusing(), NpzFile(path, budget=_LARGEST_KEPT) as file:
            if str(file.read("key", ArrayRule("", TEXT))) != key:
                return None
            return {name: file.read(name, rule) for name in file.names if name != "key"}
    except AssetError:
        return None


class _PhotoSkins:
    """Makes maps of photos, of one head and one size."""

    def __init__(self, assets: PeopleAssets, head: HeadModel) -> None:
        self.head, self.surface = head, HeadSurface(head)
        surface = self.surface
        rows, columns = next(iter(assets.skins.values())).shape[:2]
        self.size = (rows // _COARSER, columns // _COARSER)
        left, right, top, bottom = assets.window
        on_skin = surface.material == SKIN
        place = surface.uv[on_skin].reshape(-1, 2).astype(np.float32)
        ndc = np.stack(
            [
                (place[:, 0] - left) / (right - left) * 2 - 1,
                (top - place[:, 1]) / (top - bottom) * 2 - 1,
                np.zeros_like(place[:, 0]),
            ],
            1,
        )
        self.vertex_ids = surface.faces[on_skin].reshape(-1)
        triangles = np.arange(len(place)).reshape(-1, 3)
        self.fragments = rasterize(ndc[None], triangles, *self.size)
        centre = (top - surface.middle_v) / (top - bottom) * self.size[0] - 0.5
        mirrored = np.round(2 * centre - np.arange(self.size[0])).astype(np.int64)
        self.mirrored_rows = mirrored.clip(0, self.size[0] - 1)
        self.has_mirror = ((mirrored >= 0) & (mirrored < self.size[0])) & surface.mirrors
        own = head.to_numpy()
        nose = own.regions["nose"].astype(np.float32)
        soft = np.column_stack(
            [
                soft_region(own.faces, own.regions["face"], _FADE_RINGS),
                surface.masks[:, [LIPS, EYELIDS]].max(axis=1),
                smoothed(nose[:, None], own.faces)[:, 0],
            ]
        )
        drawn = self.fragments.interpolate(soft[self.vertex_ids][None])[0]
        face, features, nose = drawn
        self.face = ((face - _EDGE[0]) / (_EDGE[1] - _EDGE[0])).clip(0, 1)
        self.plain = (self.face > _INSIDE) & (np.maximum(features, nose) < 1 - _INSIDE)
        self.bases = [self._base(skin) for skin in assets.skins.values()]

    def _base(self, skin: NDArray[np.uint8]) -> Array:
        """Return a skin's linear colours at the kept size ``[H, W, 3]``."""
        small = cv2.resize(skin, self.size[::-1], interpolation=cv2.INTER_AREA)
        return np.asarray(srgb_to_linear(np.asarray(small, np.float32) / 255))

    @without_gradients
    def made(
        self, folder: Path, count: int, on_progress: Callable[[str], None]
    ) -> dict[str, NDArray[np.uint8]]:
        """Return skins by name, of up to a number of portraits."""
        keys = _neutral(folder)[: count * _SPARE]
        if not keys:
            raise InputError(f"{folder} has no frontal, neutral portrait to take a skin from")
        on_progress("portraits")
        wanted = set(keys)
        photos = read_annotated_faces(folder, keep=lambda key: key in wanted)
        fitted = LandmarkFit(self.head)(photos.landmarks).parameters
        ahead = axis_angle_to_matrix(fitted.head_pose)[:, 2, 2] > _FRONTAL
        rows = np.flatnonzero(to_numpy(ahead)).tolist()
        if not rows:
            raise InputError(f"{folder} has no frontal, neutral portrait to take a skin from")
        made = []
        for done, row in enumerate(rows, 1):
            photo = np.asarray(to_numpy(photos.images[row]) / 255, np.float32)
            unevenness, skin = self._skin(photo, to_numpy(photos.landmarks[row]), fitted[row])
            made.append((unevenness, f"{PHOTO_SKIN}{photos.keys[row]}", skin))
            if done % _TELL == 0:
                on_progress(f"skins of {done} of {len(rows)} portraits")
        best = sorted(made, key=lambda one: one[:2])[:count]
        return {name: skin for _, name, skin in sorted(best, key=lambda one: one[1])}

    def _skin(
        self, photo: Array, landmarks: Array, fitted: FaceParameters
    ) -> tuple[float, NDArray[np.uint8]]:
        """Return how uneven a face is in a photo ``[3, N, N]``, and its map."""
        found = faded_into_tone(self.head, photo_colours(self.head, fitted, photo))
        projected = PhotoSkin(found, photo)
        at = self.fragments.at_pixels(projected.attributes()[self.vertex_ids][None])
        hidden = sampled(_features(landmarks, photo.shape[-1])[None], at[3:5].T)
        colour = srgb_to_linear(projected.colours(at).clip(0, 1))
        layers = np.concatenate([colour, hidden, at[5:6]])
        drawn = self.fragments.scatter(layers)[0].transpose(1, 2, 0)
        colour, weight = drawn[..., :3], drawn[..., 4] * (1 - drawn[..., 3])
        light = colour.mean(2)
        seen = self.plain & (weight > _INSIDE)
        tone = np.median(colour[seen], 0)
        hair = (light < _HAIR * tone.mean()) & self.plain
        unevenness = float(np.log(self._blurred(light, _FINE)[seen].clip(1e-3)).std())
        weight = weight * (1 - self._blurred(hair.astype(np.float32), _FINE).clip(0, 0.5) * 2)
        colour, weight = self._both_sides(colour, weight)
        colour = self._filled(colour, weight)
        colour = self._without_light(colour, tone)
        return unevenness, self._over_base(colour, tone)

    def _blurred(self, picture: Array, share: float) -> Array:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), share * self.size[0]), np.float32)

    def _both_sides(self, colour: Array, weight: Array) -> tuple[Array, Array]:
        """Return colours and weights where one side lends the other what it lacks."""
        other = weight[self.mirrored_rows] * self.has_mirror[:, None] * (1 - weight)
        both = weight + other
        mixed = colour * weight[..., None] + colour[self.mirrored_rows] * other[..., None]
        return mixed / np.maximum(both, 1e-4)[..., None], both

    def _filled(self, colour: Array, weight: Array) -> Array:
        """Return colours with those around where the weight is low."""
        filled = np.zeros_like(colour)
        left = np.ones_like(weight)
        for share in _FILLS:
            near = self._blurred(weight, share)
            around = self._blurred(colour * weight[..., None], share) / (near[..., None] + 1e-4)
            enough = left * (near / _ENOUGH).clip(0, 1)
            filled += around * enough[..., None]
            left = left - enough
        filled /= np.maximum(1 - left, 1e-4)[..., None]
        known = weight.clip(0, 1)[..., None]
        return colour * known + filled * (1 - known)

    def _without_light(self, colour: Array, tone: Array) -> Array:
        """Return colours whose broad brightness is even between the sides and nearly flat."""
        inside = self.face[..., None]
        near = self._blurred(self.face, _BROAD) + 1e-3
        low = (self._blurred((colour * inside).mean(2), _BROAD) + 1e-3 * tone.mean()) / near
        even = np.where(self.has_mirror[:, None], np.sqrt(low * low[self.mirrored_rows]), low)
        gain = even / low * (tone.mean() / even) ** _UNLIT
        return colour * gain.clip(0.5, 2)[..., None]

    def _over_base(self, colour: Array, tone: Array) -> NDArray[np.uint8]:
        """Return the map: the photo on the face, the most alike skin beyond, in its tone."""
        means = [np.median(base[self.plain], 0) for base in self.bases]
        best = int(np.argmin([np.abs(np.log(mean / tone)).sum() for mean in means]))
        base = self.bases[best] * (tone / means[best])
        relief = base.mean(2)
        fine = (relief / self._blurred(relief, _FINE)).clip(0.8, 1.25)
        inside = self.face[..., None]
        whole = colour * fine[..., None] * inside + base * (1 - inside)
        srgb = linear_to_srgb(whole.clip(0, 1))
        return np.asarray(np.round(srgb * 255), np.uint8)


def _neutral(folder: Path) -> list[str]:
    """Return the keys of whole, neutral faces that may be trained on, in an order by hash."""
    found = read_annotations(folder, ("key", "blendshapes", "blendshape_names", "oval_inside"))
    names = [str(name) for name in found["blendshape_names"]]
    fits = found["oval_inside"] > _WHOLE_FACE
    for name, most in _NEUTRAL.items():
        if name in names:
            fits = fits & (found["blendshapes"][:, names.index(name)] <= most)
    keys = [str(key) for key in found["key"][fits] if trains(str(key))]
    return sorted(keys, key=lambda key: hashlib.sha256(key.encode()).hexdigest())


def _features(landmarks: Array, size: int) -> Array:
    """Return where brows and open eyes are in a photo ``[size, size]``, 0 to 1."""
    mask = np.zeros((size, size), np.float32)
    for outline in (*_BROWS, *_EYES):
        cv2.fillPoly(mask, [np.round(landmarks[list(outline)]).astype(np.int32)], 1.0)
    between = float(np.linalg.norm(landmarks[33] - landmarks[263]))
    side = 2 * round(between * _WIDER) + 1
    wider = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return np.asarray(cv2.GaussianBlur(wider, (0, 0), 1.0), np.float32)
