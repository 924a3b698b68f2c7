"""Where a detector's landmarks lie on a head: render, detect, un-project, average.

Many identities are rendered from many views; each detected landmark is un-projected onto the
triangle that its pixel shows and so carried to the template, where a trimmed mean over all
observations and their mirror images gives the embedding, and their standard deviation its sigma.
Landmarks that slide with the view, as the face's contour does, get a large sigma by themselves. The
rims of the lips are taken from open mouths, so that they part when the mouth opens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.conventions import IRIS_LEFT, IRIS_RIGHT
from smirk3d.errors import AssetError
from smirk3d.geometry.closest_points import closest_points
from smirk3d.geometry.meshes import faces_within
from smirk3d.head_import.landmark_renderer import (
    LOWER_INNER_LIP,
    NUM_SURFACE,
    UPPER_INNER_LIP,
    LandmarkRenderer,
    eyeball_sphere,
    iris_angle,
)
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.landmarks.mediapipe import mirrored_ids
from smirk3d.heads.spec import PARTS
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_detector import FaceDetector

_KEPT_FRACTION = 0.7
"""Fraction of a landmark's observations, nearest to their median, whose mean is its place; set by
hand."""
_SMALLEST_SIGMA = 0.0006
"""Metres: less would trust the renderings more than a detector deserves. Of the 468 landmarks on
the skin it holds up 9 of the default head's and 2 of open@2's."""
_IRIS_SIGMA, _IRIS_RIM_SIGMA = 0.0008, 0.0012
"""Metres, of an iris's centre and of its rim, which eyelids partly hide; set by hand, since both
are placed by anatomy and not observed."""
_RIM_WAYS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))


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
        num_identities: identities rendered, each from 15 views and, where the head has a jaw, from
            3 with the mouth open; the first is the mean.
        seed: of the identities.
        on_progress: called after each identity.

    Raises:
        AssetError: if the detector finds the face in less than half of the renderings.
    """
    landmark_renderer = LandmarkRenderer(head)
    generator = torch.Generator().manual_seed(seed)
    whole: list[tuple[Tensor, Tensor]] = []
    lips: list[tuple[Tensor, Tensor]] = []
    for number in range(num_identities):
        identity = _identity(head, generator, mean=number == 0)
        whole += [
            landmark_renderer.observe(view, detector)
            for view in _each(landmark_renderer.views(identity))
        ]
        if len(landmark_renderer.upper_lip):
            open_mouths = _each(landmark_renderer.open_views(identity, generator))
            lips += [landmark_renderer.observe_lips(view, detector) for view in open_mouths]
        if on_progress is not None:
            on_progress()
    found = sum(bool(weight.any()) for _, weight in whole)
    if found < len(whole) / 2:
        raise AssetError(
            f"head {head.name!r}: the detector found {found} of {len(whole)} renderings;"
            " without more no landmarks can be embedded"
        )
    mean, sigma = _symmetric_mean(*_pooled(whole, lips))
    return _embedding(landmark_renderer, mean, sigma)


def with_landmarks(
    arrays: Mapping[str, NDArray[Any]],
    meta: Mapping[str, Any],
    detector: FaceDetector,
    *,
    num_identities: int = 24,
    on_progress: Callable[[], None] | None = None,
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return a head file's arrays and metadata with landmarks embedded, which they then record.

    Raises:
        AssetError: as :func:`embed_landmarks`.
    """
    head = HeadModel(arrays, meta)
    found = embed_landmarks(head, detector, num_identities=num_identities, on_progress=on_progress)
    recorded = {"detector": type(detector).__name__, "num_identities": num_identities}
    return {**arrays, **found}, {**meta, "landmarks": recorded}


def _each(views: FaceParameters) -> list[FaceParameters]:
    return [views[index : index + 1] for index in range(len(views))]


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


def _pooled(
    whole: list[tuple[Tensor, Tensor]], lips: list[tuple[Tensor, Tensor]]
) -> tuple[Tensor, Tensor]:
    """Return places ``[N, 468, 3]`` and weights; lip rims count in open mouths where seen there."""
    places = torch.stack([place for place, _ in whole + lips])
    weights = torch.stack([weight for _, weight in whole + lips])
    if lips:
        rims = torch.tensor(UPPER_INNER_LIP + LOWER_INNER_LIP)
        seen_open = weights[len(whole) :, rims].any(0)
        weights[: len(whole), rims[seen_open]] = 0
    return places, weights


def _symmetric_mean(places: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return positions ``[468, 3]``, means over views and mirrored views, and their std ``[468]``.

    Args:
        places: ``[N, 468, 3]`` on the template.
        weights: ``[N, 468]``, zero where a landmark was not seen.
    """
    mirror = mirrored_ids()[:NUM_SURFACE]
    flipped = places[:, mirror] * places.new_tensor([-1.0, 1.0, 1.0])
    pooled = torch.cat([places, flipped])
    return _trimmed_mean(pooled, torch.cat([weights, weights[:, mirror]]))


def _trimmed_mean(places: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean ``[L, 3]`` and deviation ``[L]`` of the observations nearest to the median."""
    seen = weights > 0
    observed = torch.where(seen[..., None], places, torch.nan)
    middle = observed.nanmedian(0).values.nan_to_num()
    distance = torch.where(seen, (places - middle).norm(dim=-1), torch.inf)
    kept = (seen.sum(0) * _KEPT_FRACTION).long().clamp(min=1) - 1
    limit = distance.sort(0).values.gather(0, kept[None]).clamp(min=1e-6)
    weights = weights * (distance <= limit)
    total = weights.sum(0).clamp(min=1e-6)
    mean = (places * weights[..., None]).sum(0) / total[:, None]
    # the standard deviation counts every observation: a landmark that slides must not look sharp
    every = seen.float()
    square = torch.where(seen, (places - mean).square().sum(-1), 0.0)
    sigma = (square.sum(0) / every.sum(0).clamp(min=1)).sqrt()
    return mean, torch.where(seen.any(0), sigma, torch.inf)


def _embedding(
    landmark_renderer: LandmarkRenderer, mean: Tensor, sigma: Tensor
) -> dict[str, NDArray[Any]]:
    head = landmark_renderer.head
    triangles, bary = _on_faces(head, landmark_renderer.skin_faces, mean)
    for rim, lip in (
        (UPPER_INNER_LIP, landmark_renderer.upper_lip),
        (LOWER_INNER_LIP, landmark_renderer.lower_lip),
    ):
        if len(lip):
            rows = torch.tensor(rim)
            triangles[rows], bary[rows] = _on_faces(head, lip, mean[rows])
    seen = sigma.isfinite()
    # the standard deviation is of three coordinates; sigma is of one
    sigma = (sigma / 3**0.5).clamp(min=_SMALLEST_SIGMA)
    parts = [(torch.arange(NUM_SURFACE)[seen], triangles[seen], bary[seen], sigma[seen])]
    parts += [
        _iris(head, part, first)
        for first, part in ((IRIS_RIGHT, "eyeR"), (IRIS_LEFT, "eyeL"))
        if (head.part == PARTS.index(part)).any()
    ]
    ids, triangles, bary, sigma = (torch.cat(column) for column in zip(*parts, strict=True))
    return {
        "lmk_mp_id": ids.numpy().astype(np.int32),
        "lmk_mp_tri": triangles.numpy().astype(np.int32),
        "lmk_mp_bary": bary.numpy().astype(np.float32),
        "lmk_mp_sigma": sigma.numpy().astype(np.float32),
    }


def _on_faces(head: HeadModel, face_ids: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Return triangle ``[P]`` and barycentric coordinates ``[P, 3]`` of the nearest places."""
    found = closest_points(points, head.v_template, head.faces[face_ids])
    return face_ids[found.face_index], found.barycentric


def _iris(head: HeadModel, part: str, first: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return ids, triangles, barycentric coordinates and sigmas of an iris: centre, then rim.

    MediaPipe's order around the rim is left, up, right and down as the subject has it.
    """
    centre, radius = eyeball_sphere(head, part)
    angle = iris_angle(radius)
    rays = [
        (math.sin(angle) * x, math.sin(angle) * y, math.cos(angle * math.hypot(x, y)))
        for x, y in _RIM_WAYS
    ]
    ball = faces_within(head.faces, head.part == PARTS.index(part)).nonzero()[:, 0]
    triangles, bary = _on_faces(head, ball, centre + radius * centre.new_tensor(rays))
    sigma = bary.new_full((len(rays),), _IRIS_RIM_SIGMA)
    sigma[0] = _IRIS_SIGMA
    return torch.arange(first, first + len(rays)), triangles, bary, sigma
