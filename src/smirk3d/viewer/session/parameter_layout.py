"""All parameters of a face as one vector, and the sliders that follow from a head's description."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import default_array, to_numpy
from smirk3d.conventions import CAMERA_SCALE_DEFAULT
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.parameters.groups import HEAD_GROUPS, VIEW_GROUPS, ParameterGroup

Vector = NDArray[np.float32]

FIRST_IDENTITY = 10
"""Identity components that are shown at once; the others lie in a folder of their own."""

_REGIONS = {
    "brow": "Brows",
    "eye": "Eyes",
    "cheek": "Cheeks",
    "nose": "Nose",
    "jaw": "Jaw",
    "mouth": "Mouth",
    "tongue": "Tongue",
}
_LARGEST_ANGLE = math.pi / 2
_SLIDER_STDS = 3.0
"""Range of an unbounded slider in standard deviations."""
_SMALLEST_SCALE = 0.05
"""Scale of the camera below which a head is a dot; the default is 7."""
_VIEW = (
    ParameterGroup(
        name="head_pose",
        names=("pitch", "yaw", "roll"),
        lo=(-_LARGEST_ANGLE,) * 3,
        hi=(_LARGEST_ANGLE,) * 3,
        prior_std=(0.3,) * 3,
        default=(0.0,) * 3,
    ),
    ParameterGroup(
        name="camera",
        names=("scale", "move x", "move y"),
        lo=(_SMALLEST_SCALE, -0.3, -0.3),
        hi=(3 * CAMERA_SCALE_DEFAULT, 0.3, 0.3),
        prior_std=(1.0, 0.05, 0.05),
        default=(CAMERA_SCALE_DEFAULT, 0.0, 0.0),
    ),
)
_FOLDERS = {
    "shape": "Identity",
    "eyelids": "Eyelids",
    "eyes": "Gaze",
    "neck": "Neck",
    "head_pose": "Head pose",
    "camera": "Camera",
    "jaw": "Jaw",
}
_AXES = {"x": "pitch", "y": "yaw", "z": "roll"}


@dataclass(frozen=True)
class Control:
    """One slider.

    Attributes:
        index: position of its value in the vector.
        group: the parameter group it belongs to.
        label: its name on the page.
        folder: where the page shows it.
        lo, hi: ends of the slider.
        step: step of the slider.
    """

    index: int
    group: str
    label: str
    folder: str
    lo: float
    hi: float
    step: float


class ParameterLayout:
    """Layout of the groups in the vector of a head's parameters.

    Attributes:
        size: size of the vector, D.
        lo, hi: bounds ``[D]`` of the values, infinite where unbounded.
        controls: the sliders, by folder; components with equal bounds have none.
    """

    def __init__(self, head: HeadModel) -> None:
        """Derive the layout from the head's spec."""
        groups = (*head.spec, *_VIEW)
        self._dims = {group.name: group.dim for group in groups}
        self.size = sum(self._dims.values())
        self.lo = np.concatenate([np.array(g.lo, np.float32) for g in head.spec] + [_open(-1)])
        self.hi = np.concatenate([np.array(g.hi, np.float32) for g in head.spec] + [_open(1)])
        self.controls = tuple(
            control
            for group in groups
            for control in _controls(group, self.slice(group.name).start, head)
        )

    def slice(self, group: str) -> slice:
        """Return where a group lies."""
        names = HEAD_GROUPS + VIEW_GROUPS
        start = sum(self._dims[name] for name in names[: names.index(group)])
        return slice(start, start + self._dims[group])

    def flatten(self, parameters: FaceParameters) -> Vector:
        """Return the vectors ``[..., D]`` of parameters, with or without batch dimension."""
        groups = [to_numpy(getattr(parameters, name)) for name in HEAD_GROUPS + VIEW_GROUPS]
        return np.concatenate(groups, -1).astype(np.float32)

    def parameters(self, vectors: Vector) -> FaceParameters:
        """Return the parameters of vectors ``[..., D]``; the inverse of :meth:`flatten`."""
        array = default_array(np.ascontiguousarray(vectors, np.float32))
        return FaceParameters(
            **{name: array[..., self.slice(name)] for name in HEAD_GROUPS + VIEW_GROUPS}
        )

    def moved(self, vectors: Vector, offset: Vector) -> Vector:
        """Return vectors ``[..., D]`` moved by an offset ``[D]``, within bounds where it moves."""
        values = np.clip(vectors + offset, self.lo, self.hi)
        scale = self.slice("camera").start
        values[..., scale] = np.maximum(values[..., scale], _SMALLEST_SCALE)
        return np.where(offset != 0, values, vectors)


def _open(sign: int) -> Vector:
    return np.full(sum(group.dim for group in _VIEW), sign * np.inf, np.float32)


def _controls(group: ParameterGroup, start: int, head: HeadModel) -> list[Control]:
    found = []
    for i, name in enumerate(group.names):
        lo, hi = group.lo[i], group.hi[i]
        if lo == hi:
            continue
        reach = _SLIDER_STDS * group.prior_std[i]
        lo = lo if math.isfinite(lo) else group.default[i] - reach
        hi = hi if math.isfinite(hi) else group.default[i] + reach
        folder = _folder(group.name, name, i)
        found.append(
            Control(
                index=start + i,
                group=group.name,
                label=_label(group.name, name, head),
                folder=folder,
                lo=lo,
                hi=hi,
                step=(hi - lo) / 200,
            )
        )
    return found


def _folder(group: str, name: str, number: int) -> str:
    if group == "expression":
        prefixes = (folder for start, folder in _REGIONS.items() if name.startswith(start))
        return next(prefixes, "Expression")
    if group == "shape" and number >= FIRST_IDENTITY:
        return "More identity"
    return _FOLDERS[group]


def _label(group: str, name: str, head: HeadModel) -> str:
    if group == "jaw" and head.has_blend_jaw:
        return "jaw" + name.capitalize()
    if group == "eyelids":
        return "eyeBlink" + name.capitalize()
    if group in {"eyes", "neck", "jaw"}:
        side, _, axis = name.rpartition("_")
        return f"{side} {_AXES.get(axis, axis)}".strip()
    return name
