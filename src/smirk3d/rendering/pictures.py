"""Heads over the photo they came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.array_interface import Array, to_numpy
from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import check_shape
from smirk3d.geometry.cameras import crop_pixels_to_image, ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rasterization.picture_sampling import sampled
from smirk3d.rendering.clay import View, backdrop_gradient, clay, facing_rotation, facing_viewer
from smirk3d.rendering.contact_sheet import contact_sheet
from smirk3d.rendering.folds import face_slopes
from smirk3d.rendering.layers import (
    CLAY,
    Picture,
    Style,
    Values,
    composite,
    draw_layer,
    from_uint8,
    to_uint8,
)
from smirk3d.rendering.light_visibility import Occlusion
from smirk3d.rendering.photo_colours import (
    PhotoLook,
    PhotoSkin,
    photo_complexion,
)
from smirk3d.rendering.picture_surface import (
    PictureSurface,
    Topology,
    surface_of,
)

_MARGIN = 2
_SHOWN = 1.5
"""Side of the part of the photo that a panel shows, as a multiple of the heads' extent."""
_WIDEST, _NARROWEST = 4 / 3, 3 / 4
"""Width by height of a panel: a photo's formats, lying and upright."""
_LARGEST_ZOOM = 3.0
"""A small face is not enlarged more: its pixels would be seen. Set by eye."""
_LARGEST_SKIN = 1024
"""Largest side in pixels of the photo's square as a head's skin: panels are not larger."""
_ASIDE = math.radians(35)
"""Radians by which the head is rotated where it is shown from aside; chosen by eye."""
_HEAD_ASPECT = 0.8
"""Width by height of a head as panels of groups show it; set by eye."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PosedHead:
    """A head as a face of a photo.

    Attributes:
        head: the head model, for faces, parts, template and regions.
        vertices: ``[V, 3]`` in metres, head pose applied.
        parameters: without batch dimension; the camera places the head in the crop.
        T_crop_image: ``[3, 3]``, picture pixels to crop pixels.
        crop_size: side of the crop in pixels.
        look: what the photo shows of the person, where it was found before.
    """

    head: Topology
    vertices: Array
    parameters: FaceParameters
    T_crop_image: NDArray[np.float64]
    crop_size: int = CROP_SIZE
    look: PhotoLook | None = None


def image_positions(face: PosedHead, points: Values | None = None) -> Values:
    """Return where points lie in the photo, ``[N, 3]`` in its pixels; z grows with distance.

    Args:
        face: whose camera and crop place the points.
        points: ``[N, 3]`` in metres, head pose applied; the face's vertices by default.
    """
    points = _vertices(face) if points is None else points
    camera = to_numpy(face.parameters.camera).astype(np.float32).reshape(1, 3)
    ndc = project(points[None], camera)
    crop = ndc_to_pixels(ndc[..., :2], face.crop_size)
    image = crop_pixels_to_image(crop, np.asarray(face.T_crop_image, np.float32)[None])[0]
    depth = ndc[0, :, 2] * (0.5 * face.crop_size / _crop_scale(face))
    return np.column_stack([image, depth])


def _vertices(face: PosedHead) -> Values:
    return to_numpy(face.vertices).astype(np.float32)


def _crop_scale(face: PosedHead) -> float:
    """Return the crop's pixels to one photo pixel."""
    return math.sqrt(abs(float(np.linalg.det(np.asarray(face.T_crop_image)[:2, :2]))))


def _pixels_per_metre(face: PosedHead) -> float:
    scale = float(to_numpy(face.parameters.camera).reshape(-1)[0])
    return 0.5 * scale * face.crop_size / _crop_scale(face)


def overlay(
    photo: Picture,
    faces: Sequence[PosedHead],
    *,
    style: Style = CLAY,
    region: str | None = "face",
) -> Picture:
    """Return the photo with the heads drawn over it, the larger (nearer) ones in front.

    Args:
        photo: uint8 ``[H, W, 3]``.
        faces: the heads; the photo alone comes back if there are none.
        style: how to draw them.
        region: draw this region of the skin, with a soft edge, and eyes and mouth; all if None, or
            if the head has no such region.

    Raises:
        ShapeError: if a shape differs.
    """
    check_shape(photo, "H W 3", "photo")
    own = [_personal(style, face, photo) for face in faces]
    return _drawn_over(photo, faces, own, [None] * len(own), region)


def _drawn_over(
    photo: Picture,
    faces: Sequence[PosedHead],
    styles: Sequence[Style],
    occlusions: Sequence[Occlusion | None],
    region: str | None,
) -> Picture:
    picture = photo.copy()
    heads = zip(faces, styles, occlusions, strict=True)
    for face, style, occlusion in sorted(heads, key=lambda drawn: _pixels_per_metre(drawn[0])):
        surface = surface_of(face.head, region, style.refinements)
        _draw_within(picture, surface, face, style, occlusion)
    return picture


def _draw_within(
    picture: Picture,
    surface: PictureSurface,
    face: PosedHead,
    style: Style,
    occlusion: Occlusion | None,
) -> None:
    """Draw over the part of a picture ``[H, W, 3]`` that the surface covers, in place."""
    vertices = _vertices(face)
    drawn = image_positions(face, surface.refine(vertices))[:, :2]
    drawn = drawn[np.isfinite(drawn).all(1)]
    if not len(drawn):
        return
    limit = picture.shape[1::-1]
    low = np.floor(drawn.min(axis=0) - _MARGIN).clip(0, limit)
    high = np.ceil(drawn.max(axis=0) + _MARGIN).clip(0, limit)
    (left, top), (right, bottom) = low.astype(int).tolist(), high.astype(int).tolist()
    if right <= left or bottom <= top:
        return
    corner = np.array([left, top, 0], np.float32)

    def place(points: Values) -> Values:
        return image_positions(face, points) - corner

    slopes = face_slopes(face.head, face.parameters) if style.surface else None
    size = bottom - top, right - left
    layer = draw_layer(surface, vertices, place, size, style, slopes=slopes, occlusion=occlusion)
    window = picture[top:bottom, left:right]
    window[:] = to_uint8(composite(from_uint8(window), layer))


def overlay_panel(
    photo: Picture, faces: Sequence[PosedHead], *, style: Style = CLAY, max_width: int = 1600
) -> Picture:
    """Return photo, heads over it, and the heads from aside in its colours, side by side.

    Of a large photo the part around the faces is shown.

    Args:
        photo: uint8 ``[H, W, 3]``.
        faces: the heads, at least one.
        style: how to draw them.
        max_width: of the result, in pixels.

    Raises:
        ShapeError: if a shape differs.
        ValueError: if there is no face or the width leaves no room.
    """
    check_shape(photo, "H W 3", "photo")
    if not faces:
        raise ValueError("a panel needs at least one face")
    faces = [_with_look(face, photo) for face in faces]
    gap = max(4, max_width // 100)
    width = (max_width - 4 * gap) // 3
    if width < 1:
        raise ValueError(f"max_width must leave room for three pictures, got {max_width}")
    left, top, right, bottom = _window(faces, photo.shape[1], photo.shape[0])
    zoom = min(width / (right - left), _LARGEST_ZOOM)
    width, height = round((right - left) * zoom), max(1, round((bottom - top) * zoom))
    tile = Image.fromarray(photo).resize(
        (width, height), Image.Resampling.LANCZOS, box=(left, top, right, bottom)
    )
    T_image_tile = np.array(
        [[(right - left) / width, 0, left], [0, (bottom - top) / height, top], [0, 0, 1.0]]
    )
    shifted = [replace(f, T_crop_image=np.asarray(f.T_crop_image) @ T_image_tile) for f in faces]
    plain = np.asarray(tile)
    skins = [_photo_skin(face, style) for face in faces]
    own = [_personal(style, face, photo) for face in faces]
    occlusions = [_occlusion(*pair) for pair in zip(faces, own, strict=True)]
    with ThreadPoolExecutor(1) as pool:
        drawn = pool.submit(_from_aside, faces, skins, own, occlusions, height, width)
        over = _drawn_over(plain, shifted, own, occlusions, "face")
        aside = drawn.result()
    return contact_sheet([plain, over, aside], 3, gap=gap)


def _occlusion(face: PosedHead, style: Style) -> Occlusion | None:
    if not style.shadows:
        return None
    return Occlusion.of(_vertices(face), to_numpy(face.head.faces), style.shadows)


def _window(faces: Sequence[PosedHead], width: int, height: int) -> tuple[int, int, int, int]:
    """Return the part of the photo to show: left, top, right, bottom."""
    points = np.concatenate([image_positions(face)[:, :2] for face in faces])
    low, high = np.nanmin(points, 0), np.nanmax(points, 0)
    extent = np.maximum(high - low, 1.0) * _SHOWN
    extent[0] = min(max(extent[0], _NARROWEST * extent[1]), width)
    extent[1] = min(max(extent[1], extent[0] / _WIDEST), height)
    start = np.clip((low + high - extent) / 2, 0, np.array([width, height]) - extent)
    left, top = (int(v) for v in np.floor(start))
    right, bottom = (int(v) for v in np.ceil(start + extent))
    return left, top, max(min(right, width), left + 1), max(min(bottom, height), top + 1)


def _from_aside(
    faces: Sequence[PosedHead],
    skins: Sequence[PhotoSkin | None],
    styles: Sequence[Style],
    occlusions: Sequence[Occlusion | None],
    height: int,
    width: int,
) -> Picture:
    """Return the heads from half aside in the photo's colours, in a grid, ordered as in it."""
    order = sorted(
        zip(faces, skins, styles, occlusions, strict=True),
        key=lambda drawn: float(image_positions(drawn[0])[:, 0].mean()),
    )
    columns = _columns(len(faces), height, width)
    rows = math.ceil(len(faces) / columns)
    view = View(
        yaw=_ASIDE, height=max(1, height // rows), width=max(1, width // columns), backdrop=False
    )
    sheet = backdrop_gradient(height, width)
    for number, (face, skin, style, occlusion) in enumerate(order):
        row, column = divmod(number, columns)
        in_row = min(columns, len(order) - row * columns)
        left = (width - in_row * view.width) // 2 + column * view.width
        cell = sheet[:, row * view.height :, left:][:, : view.height, : view.width]
        solid = replace(style, opacity=1.0, surface=True)
        facing = facing_viewer(face.head, face.vertices)
        turn = facing_rotation(face.head, face.vertices)
        turned = occlusion.turned(turn) if occlusion is not None else None
        # a photo's skin has its folds
        slopes = None if skin is not None else face_slopes(face.head, face.parameters)
        head = clay(face.head, facing, view, solid, skin, slopes, turned)
        cell[:] = composite(cell, from_uint8(head))
    return to_uint8(sheet)


def _with_look(face: PosedHead, photo: Picture) -> PosedHead:
    """Return a head with what the photo shows of the person, if it can be evaluated."""
    if face.look is not None or not isinstance(face.head, HeadModel):
        return face
    look = PhotoLook.of(face.head, face.parameters, _photo_square(photo, face))
    return replace(face, look=look)


def _photo_skin(face: PosedHead, style: Style) -> PhotoSkin | None:
    """Return the photo as the skin of a head that is drawn solid."""
    if face.look is None or style.wireframe or not style.surface:
        return None
    return face.look.skin


def _personal(style: Style, face: PosedHead, photo: Picture) -> Style:
    """Return a style with the irises and brows that a photo shows, where it names none."""
    if style.complexion is not None or not isinstance(face.head, HeadModel):
        return style
    if face.look is not None:
        return replace(style, complexion=face.look.complexion)
    square = _photo_square(photo, face)
    return replace(style, complexion=photo_complexion(face.head, face.parameters, square))


def _photo_square(photo: Picture, face: PosedHead) -> Values:
    """Return the square ``[3, N, N]`` about a head, with about all pixels."""
    native = round(face.crop_size / _crop_scale(face))
    size = min(max(native, face.crop_size), _LARGEST_SKIN)
    T_image_crop = np.linalg.inv(np.asarray(face.T_crop_image, np.float64))
    centre = (np.arange(size) + 0.5) * (face.crop_size / size)
    column, row = np.meshgrid(centre, centre)
    at = np.stack([column.ravel(), row.ravel(), np.ones(size * size)], 1) @ T_image_crop.T
    part, corner = _part_around(photo, at[:, :2])
    places = 2 * (at[:, :2] - corner) / part.shape[1::-1] - 1
    return sampled(from_uint8(part), places.astype(np.float32)).reshape(3, size, size)


def _part_around(photo: Picture, points: NDArray[np.float64]) -> tuple[Picture, list[int]]:
    """Return the part of a photo about points ``[N, 2]`` in its pixels, and its left and top.

    Where points lie outside, it has the nearest pixels of the photo's edge.
    """
    limit = np.array(photo.shape[1::-1])
    low = np.minimum(np.floor(points.min(axis=0)) - _MARGIN, limit - 1).clip(0)
    high = np.maximum(np.ceil(points.max(axis=0)) + _MARGIN, 1).clip(None, limit)
    (left, top), (right, bottom) = low.astype(int).tolist(), high.astype(int).tolist()
    return photo[top:bottom, left:right], [left, top]


def _columns(count: int, height: int, width: int) -> int:
    """Return the number of columns at which ``count`` heads in a picture are largest."""

    def head_size(columns: int) -> float:
        rows = math.ceil(count / columns)
        return min(width / columns / _HEAD_ASPECT, height / rows)

    return max(range(1, count + 1), key=head_size)
