"""One HTML file that shows a head: mesh, sliders by name, the photo's colours, and animation.

The page is :file:`page/viewer.html` of this package, filled with the head's data. It needs neither
a server nor the network, and its content security policy allows neither. Offsets are 16-bit
integers in hundredths of a millimetre, and only of the vertices that an action moves.
"""

from __future__ import annotations

import base64
import io
import json
import math
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from smirk3d.array_interface import as_like
from smirk3d.assets.atomic import atomic_path
from smirk3d.conventions import ARKIT_NAMES, CROP_SIZE
from smirk3d.export.rigs.appearance import mouth_light
from smirk3d.export.rigs.fold_heights import SIDE, fold_heights
from smirk3d.export.rigs.rig import HeadMotion, Rig, rig_of
from smirk3d.export.rigs.surface import has_closed_skin
from smirk3d.faces import Face
from smirk3d.geometry.meshes import unit
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.action_names import GAZE_ACTIONS
from smirk3d.heads.contact import LIP_OVERLAP
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import HAIR_PARTS, PARTS
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rendering.complexion import CLAY_COMPLEXION
from smirk3d.rendering.hair_layer import hair_alpha
from smirk3d.rendering.layers import PHOTO_LIGHT, from_uint8
from smirk3d.rendering.materials import (
    DEFAULT_LIGHTING,
    albedo,
    linear_to_srgb,
    srgb_to_linear,
)
from smirk3d.rendering.photo_colours import PhotoLook
from smirk3d.rendering.picture_surface import soft_lips

Values = NDArray[np.floating]

_HEAD_ANGLES = ("pitch", "yaw", "roll")
"""Sliders of the head pose: rotations about x, y and z."""
_LARGEST_ROTATION = math.radians(60)
"""Of a slider, either way: beyond it heads and jaws do not go."""
_STDS = 3.0
"""Standard deviations that sliders of unbounded components go either way."""
_HAIR_SIZE = (128, 512)
"""Height and width in pixels of a hair strip's picture."""
_UNIT = 1e-5
"""Metres to one step of stored positions."""
_PICTURE_SIZES = (CROP_SIZE, 768)
"""Smallest and largest side in pixels of the photo's square."""
_BROWS_MARK = 0.75
"""Marks brows apart from lashes in the page's shader, which leaves them out over a photo."""
_WET_MARK = 0.25
"""Marks teeth, gums and tongue in the page's shader, which lets them shine."""
_WET = ("teethU", "teethL", "gums", "tongue")
_REGIONS = (
    ("Brows", ("brow",)),
    ("Eyelids", ("eyeBlink", "eyeSquint", "eyeWide", "eyelid")),
    ("Gaze", ("eyeLook",)),
    ("Jaw", ("jaw",)),
    ("Mouth", ("mouth",)),
    ("Cheeks and nose", ("cheek", "nose")),
    ("Tongue", ("tongue",)),
)


def write_html(path: str | Path, face: Face, *, motion: HeadMotion | None = None) -> None:
    """Write a page that shows one face, with sliders that move it.

    Args:
        path: the file, ``.html``.
        face: the face that the page shows first; its picture gives the title and, if the pixels
            are at hand, the colours.
        motion: frames to play.

    Raises:
        OutputError: if it cannot be written.
    """
    head, picture = face.model().to_numpy(), face.picture
    parameters = face.parameters.to(head.v_template)
    rig = rig_of(head, parameters)
    sliders = _sliders(head, rig)
    found = _values(head, rig, sliders, parameters[None])[0]
    for slider, value in zip(sliders, found.tolist(), strict=True):
        slider["value"] = round(value, 5)
    data = {
        "title": Path(picture.path).name if picture is not None else Path(path).stem,
        "about": f"{head.name} head, {len(sliders)} sliders; made with smirk3d",
        "sliders": sliders,
        "head": _HEAD_ANGLES,
        **_mesh(head, rig),
        **_photo(head, face),
        "folds": _folds(head),
        "lighting": _lighting(),
        "motion": None if motion is None else _motion(head, rig, sliders, motion),
    }
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    page = resources.files("smirk3d.export").joinpath("page/viewer.html").read_text("utf-8")
    with atomic_path(path) as temporary:
        temporary.write_text(page.replace('"DATA"', text), encoding="utf-8")


def _sliders(head: HeadModel, rig: Rig) -> list[dict[str, Any]]:
    """Return the sliders, each with the morph target or the joints that it moves, or both."""
    found = []
    for number, name in enumerate(rig.target_names):
        if name in rig.correctives:
            continue
        reach = 1.0 if head.has_named_actions or name.startswith("eyelid") else _STDS
        low = 0.0 if head.has_named_actions or name.startswith("eyelid") else -_STDS
        slider = {
            "name": name, "group": _region(name), "low": low, "high": reach, "rest": 0,
            "target": number, "rotations": _gaze_rotations(head, rig, name),
        }  # fmt: skip
        found.append(slider)
    found += [
        _rotation_slider(name, "Jaw", joint, axis)
        for name, joint, axis in _jaw_rotations(head, rig)
    ]
    found += [_rotation_slider(name, "Head", None, None) for name in _HEAD_ANGLES]
    return sorted(found, key=lambda slider: _order(slider["group"]))


def _rotation_slider(name: str, group: str, joint: int | None, axis: int | None) -> dict[str, Any]:
    rotations = [] if joint is None else [[joint, *(float(axis == i) for i in range(3))]]
    return {
        "name": name, "group": group, "rest": 0,
        "low": -_LARGEST_ROTATION, "high": _LARGEST_ROTATION,
        "target": -1, "rotations": rotations, "degrees": True,
    }  # fmt: skip


def _region(name: str) -> str:
    for region, starts in _REGIONS:
        if name.startswith(starts):
            return region
    return "Expression"


def _order(group: str) -> int:
    groups = [region for region, _ in _REGIONS] + ["Expression", "Head"]
    return groups.index(group)


def _gaze_rotations(head: HeadModel, rig: Rig, name: str) -> list[list[float]]:
    """Return the joint and axis-angle by which a gaze action rotates its eyeball."""
    if name not in GAZE_ACTIONS:
        return []
    one = as_like(np.array([[action == name for action in ARKIT_NAMES]]), head.v_template)
    eyes = head.from_arkit(one).eyes[0]
    joint, rotation = ("eyeL", eyes[:3]) if name.endswith("Left") else ("eyeR", eyes[3:])
    return [[rig.joint_names.index(joint), *rotation.tolist()]]


def _jaw_rotations(head: HeadModel, rig: Rig) -> list[tuple[str, int, int]]:
    """Return name, joint and axis of joints that no morph target moves."""
    rotations = []
    if not head.has_blend_jaw and "jaw" in rig.joint_names:
        jaw = rig.joint_names.index("jaw")
        rotations += [("jawOpen", jaw, 0), ("jawAside", jaw, 1)]
    return rotations


def _values(
    head: HeadModel, rig: Rig, sliders: list[dict[str, Any]], frames: FaceParameters
) -> NDArray[np.float64]:
    """Return the sliders' values ``[T, S]`` of faces."""
    frames = frames.to(head.v_template)
    columns: dict[str, Values] = {}
    if head.has_named_actions:
        columns |= zip(ARKIT_NAMES, head.arkit(frames).T, strict=True)
        columns |= zip(head.expression_names, frames.expression.T, strict=True)
    else:
        both = np.concatenate([frames.expression, frames.eyelids], 1)
        columns |= zip(rig.target_names, both.T, strict=True)
    columns |= {name: frames.jaw[:, axis] for name, _, axis in _jaw_rotations(head, rig)}
    columns |= zip(_HEAD_ANGLES, _euler(axis_angle_to_matrix(frames.head_pose)), strict=True)
    chosen = [columns[slider["name"]] for slider in sliders]
    return np.stack(chosen, 1).astype(np.float64)


def _euler(rotation: Values) -> tuple[Values, Values, Values]:
    """Return pitch, yaw and roll ``[T]`` of rotations ``R_y(yaw) R_x(pitch) R_z(roll)``."""
    pitch = np.arcsin((-rotation[:, 1, 2]).clip(-1, 1))
    yaw = np.arctan2(rotation[:, 0, 2], rotation[:, 2, 2])
    roll = np.arctan2(rotation[:, 1, 0], rotation[:, 1, 1])
    return pitch, yaw, roll


def _mesh(head: HeadModel, rig: Rig) -> dict[str, Any]:
    none = np.zeros((3, head.num_vertices), np.float32)
    plain = albedo(head.part, none, {}, lips=soft_lips(head)) * mouth_light(head)
    return {
        "rest": _quantised(rig.vertices),
        "gates": {name: asdict(gate) for name, gate in rig.gates.items()},
        "opposed": rig.opposed,
        "correctives": [
            [*pair, rig.target_names.index(name)] for name, pair in rig.correctives.items()
        ],
        "faces": _base64(np.concatenate([head.faces, head.hair_faces]).astype("<u2")),
        "solid": head.faces.size,
        "closed": has_closed_skin(head),
        "hair": _hair(head),
        "strand": _quantised(_strand(head), unit=1e-4),
        "targets": [_sparse(offsets) for offsets in rig.offsets],
        "skinning": _base64(_bytes(_joint_fractions(head))),
        "joints": [
            {"at": at, "parent": parent}
            for at, parent in zip(rig.joints.tolist(), rig.parents, strict=True)
        ],
        "plain": _base64(_bytes(linear_to_srgb(plain).T)),
        "eyes": _quantised(_eye_rays(head, rig), unit=1e-4),
        "contact": _contact(head, rig),
    }


def _contact(head: HeadModel, rig: Rig) -> dict[str, Any] | None:
    """Return where eyelids stop at the eyes and lips at each other, None where they do not."""
    contact = head.contact
    if not len(contact.eye_surface):
        return None
    return {
        "eyes": [rig.joint_names.index(name) for name in ("eyeL", "eyeR")],
        "surface": contact.eye_surface.tolist(),
        "lidId": _base64(contact.lid_id.astype("<u2")),
        "lidEye": _base64(contact.lid_eye.astype(np.uint8)),
        "lidGap": _quantised(contact.lid_gap, unit=1e-6),
        "overlap": LIP_OVERLAP,
        "pair": _base64(contact.lip_pair.astype("<u2")),
        "pairShare": _quantised(contact.lip_pair_share, unit=1e-4),
        "lipId": _base64(contact.lip_id.astype("<u2")),
        "lipShare": _quantised(contact.lip_share, unit=1e-4),
    }


def _hair(head: HeadModel) -> dict[str, Any] | None:
    """Return the hairs' pictures, one above the other: lashes have the lower half."""
    if not len(head.hair_faces):
        return None
    pictures = []
    for part in ("brows", "lashes"):
        alpha = hair_alpha(PARTS.index(part), CLAY_COMPLEXION)
        height, width = _HAIR_SIZE
        rows = np.arange(height) * alpha.shape[0] // height
        pictures.append(alpha[rows[:, None], np.arange(width) * alpha.shape[1] // width])
    buffer = io.BytesIO()
    Image.fromarray(_bytes(np.concatenate(pictures))).save(buffer, "PNG", optimize=True)
    return {"picture": _png(buffer.getvalue())}


def _png(content: bytes) -> str:
    """Return a PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _folds(head: HeadModel) -> dict[str, Any] | None:
    """Return the heights of the skin's folds, and by which sliders they are drawn on each side."""
    heights = fold_heights(head)
    if heights is None:
        return None
    return {
        "picture": _png(heights.picture),
        "side": SIDE,
        "place": _quantised(heights.place.clip(-3, 3), unit=1e-4),
        "reliefs": [
            {
                "metres": metres,
                "sides": [list(relief.drawn_by(side).items()) for side in ("Right", "Left")],
            }
            for relief, metres in heights.reliefs
        ],
    }


def _lighting() -> dict[str, Any]:
    """Return the lights of pictures, and how much of that on a photo's skin is the photo's."""
    lighting = DEFAULT_LIGHTING
    lamps = [
        {
            "direction": unit(np.array(lamp.direction)).tolist(),
            "colour": lamp.colour,
            "wrap": lamp.wrap,
        }
        for lamp in lighting.lamps
    ]
    return {
        "lamps": lamps,
        "sky": lighting.sky,
        "ground": lighting.ground,
        "photo": PHOTO_LIGHT,
    }


def _strand(head: HeadModel) -> Values:
    """Return each vertex's coordinates in the hairs' picture and its mark ``[V, 3]``.

    Coordinates are u and v on strips of hair. Marks are 1 on lashes, 0.75 on brows, 0.25 on what is
    wet in the mouth, 0 elsewhere.
    """
    wet = np.isin(head.part, [PARTS.index(name) for name in _WET])
    strand = np.zeros((head.num_vertices, 3), np.float32)
    strand[:, 2] = _WET_MARK * wet
    if len(head.hair_faces):
        strand[head.hair_faces, :2] = head.uv[head.hair_uv_faces]
        strand[head.hair_faces, 2] = 1
        brows = head.part == PARTS.index("brows")
        strand[brows, 2] *= _BROWS_MARK
        v = np.where(brows, 0.5 - 0.5 * strand[:, 1], 1 - 0.5 * strand[:, 1])
        strand[:, 1] = np.where(strand[:, 2] > 0.5, v, 0)
    return strand


def _joint_fractions(head: HeadModel) -> Values:
    """Return skinning weights ``[V, J]`` that sum to 1 after rounding to 255ths."""
    steps = np.round(head.lbs_weights * 255)
    steps[np.arange(len(steps)), steps.argmax(1)] += 255 - steps.sum(1)
    fractions: Values = steps / 255
    return fractions


def _eye_rays(head: HeadModel, rig: Rig) -> Values:
    """Return the direction ``[V, 3]`` of eyeball vertices from their centre at rest, else 0."""
    rays = np.zeros_like(rig.vertices)
    for name in ("eyeL", "eyeR"):
        if name in rig.joint_names:
            ball = head.part == PARTS.index(name)
            centre = rig.joints[rig.joint_names.index(name)]
            rays[ball] = unit(rig.vertices[ball] - centre)
    return rays


def _photo(head: HeadModel, face: Face) -> dict[str, Any]:
    """Return what the photo gives, if it is at hand, and the sRGB of the irises.

    The photo gives its square, the position of each vertex in it, and all vertices' colours.
    """
    if not face.shows_pixels:
        return {"photo": None, "iris": CLAY_COMPLEXION.iris}
    crop = face.crop(*_PICTURE_SIZES)
    look = PhotoLook.of(head, face.parameters, from_uint8(crop))
    found = look.skin.found
    strips = np.isin(head.part, [PARTS.index(part) for part in HAIR_PARTS])
    seen = np.column_stack([(found.position + 1) / 2, found.seen * ~strips])
    buffer = io.BytesIO()
    Image.fromarray(crop).save(buffer, "JPEG", quality=88)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    colours = srgb_to_linear(found.colours.clip(0, 1)) * mouth_light(head)[:, None]
    photo = {
        "picture": f"data:image/jpeg;base64,{encoded}",
        "seen": _quantised(seen.clip(-3, 3), unit=1e-4),
        "colours": _base64(_bytes(linear_to_srgb(colours))),
    }
    return {"photo": photo, "iris": look.complexion.iris}


def _motion(
    head: HeadModel, rig: Rig, sliders: list[dict[str, Any]], motion: HeadMotion
) -> dict[str, Any]:
    start = motion.timestamps[0]
    values = _values(head, rig, sliders, motion.parameters)
    return {
        "seconds": [round(seconds - start, 4) for seconds in motion.timestamps],
        "values": _quantised(values, unit=1e-4),
    }


def _sparse(offsets: Values) -> dict[str, Any]:
    rows = np.flatnonzero(np.abs(offsets).max(axis=1) > _UNIT / 2)
    return {"ids": _base64(rows.astype("<u2")), "offsets": _quantised(offsets[rows])}


def _quantised(values: Values, unit: float = _UNIT) -> dict[str, Any]:
    steps = np.rint(values.astype(np.float64) / unit)
    return {"unit": unit, "data": _base64(np.clip(steps, -32768, 32767).astype("<i2"))}


def _bytes(fractions: Values) -> NDArray[np.uint8]:
    return np.round(fractions.clip(0, 1) * 255).astype(np.uint8)


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
