"""A head prepared for drawing: materials, segments, texture places, masks, fixed points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.errors import AssetError
from smirk3d.geometry.meshes import smoothed, vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.synthesis.people.drawing.kernels import records
from smirk3d.synthesis.people.labels import Segment

Array = NDArray[np.float32]
Ids = NDArray[np.int32]

NUM_POINTS = 500
"""Fixed points of the surface; a choice, about as many as MediaPipe has landmarks (478)."""
_POINT_SEED = 5
"""Any number does; fixed, so that all sets on one head have the same points."""
_FACE_FRACTION = 0.7
"""Of the fixed points that lie on the face; the others on the rest of the skin."""

_ON_MIDDLE = 0.02
"""By how much v may differ along the middle of a face that lies along u."""

_MATERIAL = {
    "skin": records.SKIN, "eyeL": records.EYE_LEFT, "eyeR": records.EYE_RIGHT,
    "teethU": records.TEETH, "teethL": records.TEETH, "gums": records.GUMS,
    "tongue": records.TONGUE, "cavity": records.CAVITY,
}  # fmt: skip
_SEGMENT = {
    "skin": Segment.SKIN, "eyeL": Segment.EYE_LEFT, "eyeR": Segment.EYE_RIGHT,
    "teethU": Segment.TEETH, "teethL": Segment.TEETH, "gums": Segment.INSIDE_MOUTH,
    "tongue": Segment.TONGUE, "cavity": Segment.INSIDE_MOUTH,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Strips:
    """Strips of hair of the head: triangles ``[F, 3]`` and texture places ``[V, 2]``."""

    faces: Ids
    uv: Array


class HeadSurface:
    """What the drawing loops need to know of a head, the same for all people.

    Attributes:
        faces: triangles ``[F, 3]`` without strips of hair.
        material: of each triangle ``[F]``.
        segment: of each triangle ``[F]``.
        uv: place of each triangle's corners in the head's UV square ``[F, 3, 2]``, v upwards.
        masks: lips, beard, eyelids, ruddy places of each vertex ``[V, 4]``, 0 to 1.
        scalp: fraction of hair of each vertex ``[V]``.
        middle_v: v of the middle line of the face.
        mirrors: whether the UV square's halves about that line are the face's.
        normals: of the template ``[V, 3]``.
        lashes: strips of lashes, if the head has them; its brows are not drawn (see ``brows``).
        point_corners, point_bary: the fixed points ``[P, 3]``.
    """

    def __init__(self, head: HeadModel) -> None:
        """Prepare a head.

        Raises:
            AssetError: if it lacks a region or MediaPipe's landmarks.
        """
        lacking = {"lips", "face"} - set(head.regions)
        if lacking or len(head.landmark_ids) < 468:
            raise AssetError(f"head {head.name!r} lacks landmarks or regions that people need")
        self.head = head
        faces = head.faces.numpy()
        part = head.part.numpy().astype(np.int64)
        face_part = part[faces].max(1)
        names = [PARTS[number] for number in face_part]
        solid = np.array([name in _MATERIAL for name in names])
        self.faces = np.ascontiguousarray(faces[solid], np.int32)
        solid_names = [name for name, kept in zip(names, solid, strict=True) if kept]
        self.material = np.array([_MATERIAL[name] for name in solid_names], np.uint8)
        self.segment = np.array([_SEGMENT[name] for name in solid_names], np.uint8)
        self.uv = head.uv.numpy()[head.uv_faces.numpy()[solid]].astype(np.float32)
        nowhere = np.zeros(len(part), bool)
        names_of_regions = ("lips", "face", "neck", "ears", "eyelids", "nose", "cheeks", "scalp")
        regions = dict.fromkeys(names_of_regions, nowhere)
        regions |= {name: mask.numpy() for name, mask in head.regions.items()}
        for name, segment in (
            ("neck", Segment.NECK),
            ("ears", Segment.EARS),
            ("lips", Segment.LIPS),
        ):
            chosen = regions[name][self.faces].all(1) & (self.segment == Segment.SKIN)
            self.segment[chosen] = segment
        self.part = part
        template = head.v_template
        self.template = template.numpy().astype(np.float32)
        self.normals = vertex_normals(template[None], head.faces)[0].numpy()
        self.masks = self._masks(regions)
        self.scalp = self._soft(regions["scalp"], 2)
        skin = (self.material == records.SKIN) & regions["face"][self.faces].all(1)
        on_middle = np.abs(self.template[self.faces[skin], 0]) < 1e-5
        middles = self.uv[skin][..., 1][on_middle]
        self.middle_v = float(np.median(middles)) if len(middles) else 0.5
        self.mirrors = bool(len(middles)) and float(np.ptp(middles)) < _ON_MIDDLE
        on_lashes = face_part == PARTS.index("lashes")
        self.lashes = self._strip(faces[on_lashes], on_lashes) if on_lashes.any() else None
        self.point_corners, self.point_bary = self._points(regions["face"])

    def _soft(self, mask: NDArray[np.bool_], rounds: int) -> Array:
        values = torch.from_numpy(mask).float()[:, None]
        soft: Array = smoothed(values, self.head.faces, rounds)[:, 0].numpy()
        return soft

    def _masks(self, regions: dict[str, NDArray[np.bool_]]) -> Array:
        """Return lips, beard, eyelids and ruddy places of each vertex ``[V, 4]``."""
        lips = self._soft(regions["lips"], 1)
        x, y, z = self.template.T
        mouth = self.template[regions["lips"]]
        top, low = mouth[:, 1].max(), mouth[:, 1].min()
        half = mouth[:, 0].max()
        # below the nose and along the jaw to the ears, fading down the neck
        lip = np.exp(-(((y - top - 0.006) / 0.008) ** 2)) * (np.abs(x) < half * 1.15) * (z > 0.06)
        jaw_line = low + 0.35 * np.abs(x)
        jaw = 1 / (1 + np.exp((y - jaw_line - 0.012) / 0.004)) * (z > -0.005)
        neck = np.clip((y - (low - 0.062)) / 0.025, 0, 1)
        ears = self._soft(regions["ears"], 2)
        beard = np.maximum(lip, jaw * neck) * (1 - ears) * (self.part == 0)
        eyelids = self._soft(regions["eyelids"], 2)
        nose = regions["nose"]
        if nose.any():
            nose = nose & (z > np.quantile(z[nose], 0.7))
        cheeks = self._soft(regions["cheeks"], 8)
        ruddy = np.maximum.reduce([self._soft(nose, 4), 0.7 * cheeks, 0.8 * ears])
        soft_beard = smoothed(
            torch.from_numpy(beard.astype(np.float32))[:, None], self.head.faces, 2
        )
        columns = [lips, soft_beard[:, 0].numpy(), eyelids, ruddy]
        return np.ascontiguousarray(np.stack(columns, 1), np.float32)

    def _strip(self, faces: NDArray[np.int64], chosen: NDArray[np.bool_]) -> Strips:
        uv = np.zeros((len(self.part), 2), np.float32)
        places = self.head.uv.numpy()[self.head.uv_faces.numpy()[chosen]]
        uv[faces] = np.stack([places[..., 0], 1 - places[..., 1]], -1)
        return Strips(faces=np.ascontiguousarray(faces, np.int32), uv=uv)

    def _points(self, face: NDArray[np.bool_]) -> tuple[NDArray[np.int64], Array]:
        """Return fixed points distributed by area, most of them on the face."""
        rng = np.random.default_rng(_POINT_SEED)
        skin = self.faces[self.material == records.SKIN]
        on_face = face[skin].all(1)
        corners, bary = [], []
        for chosen, count in (
            (skin[on_face], round(NUM_POINTS * _FACE_FRACTION)),
            (skin[~on_face], NUM_POINTS - round(NUM_POINTS * _FACE_FRACTION)),
        ):
            a, b, c = (self.template[chosen[:, corner]] for corner in range(3))
            area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
            # evenly along the sum of areas: the triangles' order follows the surface
            at = (np.arange(count) + 0.5) / count * area.sum()
            corners.append(chosen[np.searchsorted(np.cumsum(area), at)])
            first, second = rng.random((2, count))
            root = np.sqrt(first)
            bary.append(np.stack([1 - root, root * (1 - second), root * second], 1))
        return np.concatenate(corners).astype(np.int64), np.concatenate(bary).astype(np.float32)
