"""Pictures of a head for a face detector, and the way back from the picture to the template."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from smirk3d.geometry.barycentric import barycentric_in_plane
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.geometry.closest_points import closest_points
from smirk3d.geometry.meshes import face_normals, faces_within, vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_detector import FaceDetector
from smirk3d.rasterization import rasterize
from smirk3d.rendering.shading import shade

NUM_SURFACE = 468
"""MediaPipe's landmarks that lie on the skin."""

UPPER_INNER_LIP = (191, 80, 81, 82, 13, 312, 311, 310, 415)
"""MediaPipe's landmarks along the upper rim, from corner to corner, as its face mesh numbers
them."""
LOWER_INNER_LIP = (95, 88, 178, 87, 14, 317, 402, 318, 324)
"""MediaPipe's landmarks along the rims of the lips, without the corners of the mouth."""

IRIS_RADIUS = 0.0059
"""Of people's irises, in metres; nearly the same in all."""

_SIZE = 320
"""Side of a picture in pixels: more than the landmark network's own 256."""
_CAMERA_SCALE = 7.5
"""Scale of the camera; in the picture faces are a little larger than in a crop (7)."""
_YAWS, _PITCHES = (-25.0, -12.0, 0.0, 12.0, 25.0), (-10.0, 0.0, 10.0)
"""Degrees by which views look aside and up or down; set by hand within what the detector finds of a
front view."""
_OPEN_YAWS = (-18.0, 0.0, 18.0)
"""Degrees by which views of an open mouth look aside; set by hand nearer to the front than the
others, since farther aside one lip hides the other."""
_GRAZING = 0.25
"""Cosine to the viewer from which a landmark counts: a pixel's error is four times as far along
such skin. Set by hand."""
_FARTHEST_PIXELS = 8.0
"""Pixels from a detected rim to the lip; beyond, the detector saw something else. Set by hand."""
_OPEN_JAW = {True: (0.25, 0.55), False: (0.10, 0.25)}
"""Slight and wide opening of the jaw that shows the lips, as weights of a jaw that is an action or
radians of one that rotates. Set by hand."""
_UPPER_BELOW, _LOWER_ABOVE = 0.45, 0.3
"""Fraction of the jaw's motion that the upper lip has at most, and the lower one at least; the
corners, between both, belong to either. Set by hand."""
_COLOURS = {
    "skin": (0.86, 0.68, 0.58),
    "lips": (0.72, 0.42, 0.40),
    "brows": (0.42, 0.30, 0.25),
    "eye": (0.95, 0.95, 0.95),
    "iris": (0.15, 0.12, 0.10),
    "teeth": (0.92, 0.90, 0.85),
    "gums": (0.68, 0.36, 0.35),
    "inside": (0.35, 0.12, 0.12),
}
"""sRGB of a person with light skin whom MediaPipe's landmarker finds; set by eye."""


class LandmarkRenderer:
    """Renders a head in simple colours and carries detections back to its template.

    Attributes:
        head: the head.
        skin_faces: ids of the triangles of the skin.
        upper_lip, lower_lip: ids of the triangles of each lip, told apart by the motion of the jaw;
            both empty where the head has no jaw.
    """

    def __init__(self, head: HeadModel) -> None:
        """Prepare for one head."""
        self.head = head
        # of the strips that carry hairs brows are drawn whole; lashes would be bars
        brows = head.part[head.hair_faces] == PARTS.index("brows")
        self._drawn = torch.cat([head.faces, head.hair_faces[brows.all(1)]])
        self.skin_faces = faces_within(head.faces, head.part == 0).nonzero()[:, 0]
        self.upper_lip, self.lower_lip = self._lips()
        self._colours = self._vertex_colours()
        self._gaze = self._cosines_to_gaze()

    def views(self, identity: FaceParameters) -> FaceParameters:
        """Return the identity from every view, ``[15]``, centred on the face."""
        return self._centred(identity, [(pitch, yaw) for yaw in _YAWS for pitch in _PITCHES])

    def open_views(self, identity: FaceParameters, generator: torch.Generator) -> FaceParameters:
        """Return the identity from three views with the mouth open, ``[3]``."""
        low, high = _OPEN_JAW[self.head.has_blend_jaw]
        views = self._centred(identity, [(0.0, yaw) for yaw in _OPEN_YAWS])
        jaw = torch.zeros_like(views.jaw)
        jaw[:, 0] = low + (high - low) * torch.rand(len(jaw), generator=generator)
        return views.replace(jaw=jaw)

    def observe(self, view: FaceParameters, detector: FaceDetector) -> tuple[Tensor, Tensor]:
        """Return the landmarks' places on the template ``[468, 3]`` and their weights ``[468]``.

        A landmark lies on the triangle of skin that its pixel shows; grazing ones have no weight.
        """
        vertices, ndc, pixels = self._detected(view, detector)
        if pixels is None:
            return torch.zeros(NUM_SURFACE, 3), torch.zeros(NUM_SURFACE)
        faces = self.head.faces[self.skin_faces]
        column, row = pixels.long().clamp(0, _SIZE - 1).unbind(1)
        seen = rasterize(ndc, faces, _SIZE, _SIZE).face_index[0, row, column]
        corners = faces[seen.clamp(min=0)]
        in_picture = ndc_to_pixels(ndc, _SIZE)[0, :, :2]
        bary = barycentric_in_plane(pixels, in_picture[corners]).clamp(0, 1)
        bary = bary / bary.sum(1, keepdim=True)
        place = (self.head.v_template[corners] * bary[..., None]).sum(1)
        facing = face_normals(vertices, faces)[0, seen.clamp(min=0), 2]
        weight = torch.where((seen >= 0) & (facing > _GRAZING), facing, 0.0)
        return torch.where(weight[:, None] > 0, place, 0.0), weight

    def observe_lips(self, view: FaceParameters, detector: FaceDetector) -> tuple[Tensor, Tensor]:
        """Return places and weights likewise, of the rims of the lips alone.

        In a view with the mouth open, each rim landmark is carried to the nearest visible point of
        its own lip, because its pixel may show the teeth or, in a closed mouth, the other lip.
        """
        place, weight = torch.zeros(NUM_SURFACE, 3), torch.zeros(NUM_SURFACE)
        _, ndc, pixels = self._detected(view, detector)
        if pixels is None:
            return place, weight
        shown = rasterize(ndc, self.head.faces, _SIZE, _SIZE).face_index.unique()
        in_picture = ndc_to_pixels(ndc, _SIZE)[0] * ndc.new_tensor([1.0, 1.0, 0.0])
        for ids, lip in ((UPPER_INNER_LIP, self.upper_lip), (LOWER_INNER_LIP, self.lower_lip)):
            visible = lip[torch.isin(lip, shown)]
            if not len(visible):
                continue
            rows = torch.tensor(ids)
            queries = F.pad(pixels[rows], (0, 1))
            found = closest_points(queries, in_picture, self.head.faces[visible])
            corners = self.head.faces[visible][found.face_index]
            place[rows] = (self.head.v_template[corners] * found.barycentric[..., None]).sum(1)
            weight[rows] = (found.distance < _FARTHEST_PIXELS).float()
        return place, weight

    def _centred(
        self, identity: FaceParameters, degrees: list[tuple[float, float]]
    ) -> FaceParameters:
        poses = [(math.radians(pitch), math.radians(yaw), 0.0) for pitch, yaw in degrees]
        views = identity[torch.zeros(len(poses), dtype=torch.long)]
        views = views.replace(head_pose=torch.tensor(poses, dtype=torch.float32))
        vertices = self.head(views).vertices[:, self.head.regions["face"]]
        centre = (vertices.amin(1) + vertices.amax(1)) / 2
        scale = torch.full((len(poses), 1), _CAMERA_SCALE)
        return views.replace(camera=torch.cat([scale, -centre[:, :2]], 1))

    def _detected(
        self, view: FaceParameters, detector: FaceDetector
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        vertices = self.head(view).vertices
        ndc = project(vertices, view.camera)
        faces = detector.detect(self.picture(vertices, ndc))
        if not faces:
            return vertices, ndc, None
        return vertices, ndc, torch.from_numpy(faces[0].landmarks[:NUM_SURFACE, :2].copy())

    def picture(self, vertices: Tensor, ndc: Tensor) -> NDArray[np.uint8]:
        """Return the picture uint8 ``[H, W, 3]`` of one posed head ``[1, V, 3]``."""
        fragments = rasterize(ndc, self._drawn, _SIZE, _SIZE)
        normals = vertex_normals(vertices, self._drawn)
        attributes = torch.cat([normals, self._colours[None], self._gaze], -1)
        normal, colour, gaze = fragments.at_pixels(attributes).split([3, 3, 1])
        colour = torch.where(gaze > 0, torch.tensor(_COLOURS["iris"])[:, None], colour)
        lit = (shade(F.normalize(normal, dim=0)) * 1.1 + 0.05) * colour
        background = 0.55 * (~fragments.mask[:, None]).float()
        picture = (fragments.scatter(lit) + background).clamp(0, 1)[0]
        return (picture.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()

    def _vertex_colours(self) -> Tensor:
        head = self.head
        colours = torch.tensor(_COLOURS["skin"]).repeat(head.num_vertices, 1)
        strips = bool((head.part == PARTS.index("brows")).any())
        for region in ("lips",) if strips else ("lips", "brows"):
            if region in head.regions:
                colours[head.regions[region]] = torch.tensor(_COLOURS[region])
        for part, name in {
            "teethU": "teeth", "teethL": "teeth", "tongue": "inside", "cavity": "inside",
            "eyeL": "eye", "eyeR": "eye", "brows": "brows", "gums": "gums",
        }.items():  # fmt: skip
            colours[head.part == PARTS.index(part)] = torch.tensor(_COLOURS[name])
        return colours

    def _cosines_to_gaze(self) -> Tensor:
        """Return ``[1, V, 1]``, positive on the irises, whose rim is at zero; -1 off the eyes."""
        gaze = torch.full((1, self.head.num_vertices, 1), -1.0)
        for part in ("eyeL", "eyeR"):
            mask = self.head.part == PARTS.index(part)
            if mask.any():
                centre, radius = eyeball_sphere(self.head, part)
                outward = F.normalize(self.head.v_template[mask] - centre, dim=1)
                gaze[0, mask, 0] = outward[:, 2] - math.cos(iris_angle(radius))
        return gaze

    def _lips(self) -> tuple[Tensor, Tensor]:
        head, none = self.head, self.skin_faces[:0]
        if not head.group("jaw").dim:
            return none, none
        rest = head.neutral()
        jaw = rest.jaw.clone()
        jaw[:, 0] = _OPEN_JAW[head.has_blend_jaw][1]
        moved = (head(rest.replace(jaw=jaw)).vertices - head(rest).vertices)[0].norm(dim=1)
        fraction = (moved / moved[head.part == 0].max())[head.faces[self.skin_faces]].mean(1)
        on_lips = torch.ones_like(fraction, dtype=torch.bool)
        if "lips" in head.regions:
            on_lips = head.regions["lips"][head.faces[self.skin_faces]].any(1)
        upper, lower = on_lips & (fraction < _UPPER_BELOW), on_lips & (fraction > _LOWER_ABOVE)
        return self.skin_faces[upper], self.skin_faces[lower]


def eyeball_sphere(head: HeadModel, part: str) -> tuple[Tensor, float]:
    """Return the point ``[3]`` that an eyeball of the template turns about, and its radius."""
    ball = head.v_template[head.part == PARTS.index(part)]
    centre = ball.mean(0)
    if part in head.joint_names:
        centre = head.joints[head.joint_names.index(part)]
    return centre, float((ball - centre).norm(dim=1).median())


def iris_angle(radius: float) -> float:
    """Return half the angle in radians under which an iris appears from an eyeball's centre."""
    return math.asin(min(IRIS_RADIUS / radius, 0.8))
