"""Where a detector's landmarks lie on a head: render, detect, un-project, average.

Many identities are rendered from many views; each detected landmark is un-projected onto the
triangle that its pixel shows and so carried to the template, where a trimmed mean over all
observations and their mirror images gives the embedding, and their spread its sigma. Landmarks
that slide with the view, as the face's contour does, get a large sigma by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from smirk3d.conventions import IRIS_LEFT, IRIS_RIGHT
from smirk3d.errors import AssetError
from smirk3d.face_parameters import FaceParameters
from smirk3d.geometry.barycentric import barycentric_in_plane
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.geometry.closest_points import closest_points
from smirk3d.geometry.meshes import face_normals, faces_within, vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS
from smirk3d.preprocessing.face_detector import FaceDetector
from smirk3d.rasterization import rasterize
from smirk3d.rendering.shading import shade

NUM_SURFACE = 468
_SIZE = 320
_CAMERA_SCALE = 7.5
_YAWS = (-25.0, -12.0, 0.0, 12.0, 25.0)
_PITCHES = (-10.0, 0.0, 10.0)
_GRAZING = 0.25
_KEPT_SHARE = 0.7
_SMALLEST_SIGMA = 0.0006
_IRIS_SIGMA = 0.0008
_IRIS_COSINE = 0.88
_COLOURS = {
    "skin": (0.86, 0.68, 0.58),
    "lips": (0.72, 0.42, 0.40),
    "brows": (0.42, 0.30, 0.25),
    "eye": (0.95, 0.95, 0.95),
    "iris": (0.15, 0.12, 0.10),
    "teeth": (0.92, 0.90, 0.85),
    "inside": (0.35, 0.12, 0.12),
}


def embed_landmarks(
    head: HeadModel,
    detector: FaceDetector,
    *,
    num_identities: int = 24,
    seed: int = 0,
    on_progress: Callable[[], None] | None = None,
) -> dict[str, NDArray[Any]]:
    """Return the landmark arrays of a head file: ``lmk_mp_{id,tri,bary,sigma}``.

    Args:
        head: the head; its own landmarks, if any, are not used.
        detector: finds the landmarks in renderings; returns 478.
        num_identities: identities rendered, each from 15 views, the first one the mean.
        seed: of the identities.
        on_progress: called after each identity.

    Raises:
        AssetError: if the detector finds the face in less than half of the renderings.
    """
    studio = _Studio(head)
    generator = torch.Generator().manual_seed(seed)
    places: list[Tensor] = []
    weights: list[Tensor] = []
    for identity in range(num_identities):
        views = studio.views(_identity(head, generator, mean=identity == 0))
        for index in range(len(views)):
            place, weight = studio.observe(views[index : index + 1], detector)
            places.append(place)
            weights.append(weight)
        if on_progress is not None:
            on_progress()
    found = torch.stack([weight.any() for weight in weights])
    if found.float().mean() < 0.5:
        raise AssetError(
            f"head {head.name!r}: the detector found {int(found.sum())} of {len(found)} renderings;"
            " without more no landmarks can be embedded"
        )
    mean, sigma = _symmetric_mean(torch.stack(places), torch.stack(weights))
    return _embedding(head, mean, sigma)


def _identity(head: HeadModel, generator: torch.Generator, *, mean: bool) -> FaceParameters:
    parameters = head.neutral()
    if mean:
        return parameters
    group = head.group("shape")
    shape = 0.8 * torch.randn(1, group.dim, generator=generator)
    jaw = parameters.jaw.clone()
    if group.dim and jaw.shape[1]:
        jaw[:, 0] = 0.12 * torch.rand(1, generator=generator)
    return parameters.replace(shape=shape, jaw=jaw)


class _Studio:
    """Renders a head in simple colours and carries detections back to its template."""

    def __init__(self, head: HeadModel) -> None:
        self.head = head
        self.skin_faces = head.faces[faces_within(head.faces, head.part == 0)]
        self.colours = self._colours()
        self.gaze = self._gaze()

    def _colours(self) -> Tensor:
        head = self.head
        colours = torch.tensor(_COLOURS["skin"]).repeat(head.num_vertices, 1)
        for region in ("lips", "brows"):
            if region in head.regions:
                colours[head.regions[region]] = torch.tensor(_COLOURS[region])
        for part, name in {
            "teethU": "teeth", "teethL": "teeth", "tongue": "inside", "cavity": "inside",
            "eyeL": "eye", "eyeR": "eye",
        }.items():  # fmt: skip
            colours[head.part == PARTS.index(part)] = torch.tensor(_COLOURS[name])
        return colours

    def views(self, identity: FaceParameters) -> FaceParameters:
        """Return the identity from every view, ``[15]``, centred on the face."""
        poses = [(np.radians(pitch), np.radians(yaw), 0.0) for yaw in _YAWS for pitch in _PITCHES]
        views = identity[torch.zeros(len(poses), dtype=torch.long)]
        views = views.replace(head_pose=torch.tensor(poses, dtype=torch.float32))
        vertices = self.head(views).vertices[:, self.head.regions["face"]]
        centre = (vertices.amin(1) + vertices.amax(1)) / 2
        scale = torch.full((len(poses), 1), _CAMERA_SCALE)
        return views.replace(camera=torch.cat([scale, -centre[:, :2]], 1))

    def observe(self, view: FaceParameters, detector: FaceDetector) -> tuple[Tensor, Tensor]:
        """Return the landmarks' places on the template ``[468, 3]`` and their weights ``[468]``."""
        vertices = self.head(view).vertices
        ndc = project(vertices, view.camera)
        faces = detector.detect(self._picture(vertices, ndc))
        if not faces:
            return torch.zeros(NUM_SURFACE, 3), torch.zeros(NUM_SURFACE)
        pixels = torch.from_numpy(faces[0].landmarks[:NUM_SURFACE, :2].copy())
        skin = rasterize(ndc, self.skin_faces, _SIZE, _SIZE)
        column, row = pixels.long().clamp(0, _SIZE - 1).unbind(1)
        seen = skin.face_index[0, row, column]
        hit = seen >= 0
        corners = self.skin_faces[seen.clamp(min=0)]
        in_picture = ndc_to_pixels(ndc, _SIZE)[0, :, :2]
        bary = barycentric_in_plane(pixels, in_picture[corners]).clamp(0, 1)
        bary = bary / bary.sum(1, keepdim=True)
        place = (self.head.v_template[corners] * bary[..., None]).sum(1)
        facing = face_normals(vertices, self.skin_faces)[0, seen.clamp(min=0), 2]
        weight = torch.where(hit & (facing > _GRAZING), facing, 0.0)
        return torch.where(weight[:, None] > 0, place, 0.0), weight

    def _picture(self, vertices: Tensor, ndc: Tensor) -> NDArray[np.uint8]:
        fragments = rasterize(ndc, self.head.faces, _SIZE, _SIZE)
        normals = vertex_normals(vertices, self.head.faces)
        attributes = torch.cat([normals, self.colours[None], self.gaze], -1)
        normal, colour, gaze = fragments.at_pixels(attributes).split([3, 3, 1])
        colour = torch.where(gaze > _IRIS_COSINE, torch.tensor(_COLOURS["iris"])[:, None], colour)
        lit = (shade(F.normalize(normal, dim=0)) * 1.1 + 0.05) * colour
        background = 0.55 * (~fragments.mask[:, None]).float()
        picture = (fragments.scatter(lit) + background).clamp(0, 1)[0]
        return (picture.permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()

    def _gaze(self) -> Tensor:
        """Return for each vertex ``[1, V, 1]`` the cosine to its eye's axis; -1 off the eyes."""
        gaze = torch.full((1, self.head.num_vertices, 1), -1.0)
        for part in ("eyeL", "eyeR"):
            mask = self.head.part == PARTS.index(part)
            outward = self.head.v_template[mask] - _eye_centre(self.head, part)
            gaze[0, mask, 0] = F.normalize(outward, dim=1)[:, 2]
        return gaze


def _eye_centre(head: HeadModel, part: str) -> Tensor:
    """Return the point ``[3]`` that an eyeball of the template turns about."""
    if part in head.joint_names:
        return head.joints[head.joint_names.index(part)]
    return head.v_template[head.part == PARTS.index(part)].mean(0)


def _symmetric_mean(places: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean places ``[468, 3]`` and spreads ``[468]`` over views and mirrored views.

    Args:
        places: ``[N, 468, 3]`` on the template.
        weights: ``[N, 468]``, zero where a landmark was not seen.
    """
    first, _ = _trimmed_mean(places, weights)
    mirror = mirror_landmarks(first)
    flipped = places[:, mirror] * places.new_tensor([-1.0, 1.0, 1.0])
    pooled = torch.cat([places, flipped])
    return _trimmed_mean(pooled, torch.cat([weights, weights[:, mirror]]))


def mirror_landmarks(places: Tensor) -> Tensor:
    """Return each landmark's partner on the other side ``[L]``, from places ``[L, 3]``.

    Partners are matched greedily, the pair that mirrors best first; one on the middle line is its
    own partner.
    """
    distance = torch.cdist(places * places.new_tensor([-1.0, 1.0, 1.0]), places)
    distance = distance + distance.T
    partner = torch.arange(len(places), device=places.device)
    for _ in range(len(places)):
        best = int(distance.argmin())
        first, second = divmod(best, len(places))
        if not distance[first, second].isfinite():
            break
        partner[first], partner[second] = second, first
        for taken in (first, second):
            distance[taken] = torch.inf
            distance[:, taken] = torch.inf
    return partner


def _trimmed_mean(places: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean ``[L, 3]`` and spread ``[L]`` of the observations nearest to the median."""
    seen = weights > 0
    spread_out = torch.where(seen[..., None], places, torch.nan)
    middle = spread_out.nanmedian(0).values.nan_to_num()
    distance = torch.where(seen, (places - middle).norm(dim=-1), torch.inf)
    kept = (seen.sum(0) * _KEPT_SHARE).long().clamp(min=1) - 1
    limit = distance.sort(0).values.gather(0, kept[None]).clamp(min=1e-6)
    weights = weights * (distance <= limit)
    total = weights.sum(0).clamp(min=1e-6)
    mean = (places * weights[..., None]).sum(0) / total[:, None]
    # the spread counts every observation: a landmark that slides must not look sharp
    every = seen.float()
    square = torch.where(seen, (places - mean).square().sum(-1), 0.0)
    sigma = (square.sum(0) / every.sum(0).clamp(min=1)).sqrt()
    return mean, torch.where(seen.any(0), sigma, torch.inf)


def _embedding(head: HeadModel, mean: Tensor, sigma: Tensor) -> dict[str, NDArray[Any]]:
    skin = faces_within(head.faces, head.part == 0).nonzero()[:, 0]
    on_skin = closest_points(mean, head.v_template, head.faces[skin])
    ids = torch.arange(NUM_SURFACE)
    triangles, bary = skin[on_skin.face_index], on_skin.barycentric
    seen = sigma.isfinite()
    # the spread is of three coordinates; sigma is of one
    sigma = (sigma / 3**0.5).clamp(min=_SMALLEST_SIGMA)
    for iris, part in ((IRIS_RIGHT, "eyeR"), (IRIS_LEFT, "eyeL")):
        eye = head.part == PARTS.index(part)
        if not eye.any():
            continue
        ball = faces_within(head.faces, eye).nonzero()[:, 0]
        front = _eye_centre(head, part) + head.v_template.new_tensor([0.0, 0.0, 0.02])
        pupil = closest_points(front[None], head.v_template, head.faces[ball])
        ids = torch.cat([ids, torch.tensor([iris])])
        triangles = torch.cat([triangles, ball[pupil.face_index]])
        bary = torch.cat([bary, pupil.barycentric])
        sigma = torch.cat([sigma, sigma.new_tensor([_IRIS_SIGMA])])
        seen = torch.cat([seen, seen.new_ones(1)])
    return {
        "lmk_mp_id": ids[seen].numpy().astype(np.int32),
        "lmk_mp_tri": triangles[seen].numpy().astype(np.int32),
        "lmk_mp_bary": bary[seen].numpy().astype(np.float32),
        "lmk_mp_sigma": sigma[seen].numpy().astype(np.float32),
    }
