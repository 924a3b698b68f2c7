"""Jitter protocol: how much estimates differ between slightly different crops of one photo."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.conventions import CROP_SIZE
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.methods import Crops
from smirk3d.evaluation.report import Cell, Section, Table
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.geometry.views import transform_view
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.image_warp import warp_image

VARIANTS = 8
"""Versions of each photo; enough for a standard deviation, chosen to bound time."""

_SHIFT, _ZOOM, _ROTATION = 0.02, 0.03, math.radians(2)
"""Largest shift as a fraction of the crop, relative zoom, and rotation in radians of a version;
chosen by eye to resemble a detector's jitter between frames."""

_BLUR, _NOISE, _GAIN = 0.8, 0.02, 0.05
"""Largest blur in pixels, standard deviation of noise, largest relative change of brightness;
chosen by eye to resemble a webcam."""

_MOST = 64
"""Photos of the protocol at most; bounds its time."""

ABOUT = (
    f"Each held-out photo in {VARIANTS} versions: crop moved by up to 2 %, zoomed by 3 %, rotated "
    "by 2 degrees, blurred by up to 0.8 pixels, noise of 0.02, brightness 5 %; landmarks are "
    "detected again in each. Standard deviation over the versions, then mean over photos: of the "
    "52 actions, of the face's vertices without pose in mm, of the head's rotation in degrees and "
    "of the face's vertices in the photo in crop pixels, the crop's own motion undone."
)


def versions(
    stored: Tensor, T_crop_stored: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return slightly different crops ``[B, 3, 224, 224]`` and their ``T_crop_stored``.

    Args:
        stored: photos ``[B, 3, H, W]`` in [0, 1].
        T_crop_stored: transforms of the crops to vary ``[B, 3, 3]``, in pixels.
        generator: source of randomness, on the CPU.
    """
    batch = len(stored)

    def draw(limit: float, *shape: int) -> Tensor:
        return (torch.rand(batch, *shape, generator=generator) * 2 - 1) * limit

    zoom, angle = 1 + draw(_ZOOM), draw(_ROTATION)
    cosine, sine = zoom * angle.cos(), zoom * angle.sin()
    linear = torch.stack([cosine, -sine, sine, cosine], 1).unflatten(1, (2, 2))
    centre = torch.full((batch, 2, 1), CROP_SIZE / 2)
    moved = torch.eye(3).repeat(batch, 1, 1)
    moved[:, :2, :2] = linear
    moved[:, :2, 2] = (centre - linear @ centre)[..., 0] + draw(_SHIFT * CROP_SIZE, 2)
    transform = moved @ T_crop_stored
    images = warp_image(stored, transform, CROP_SIZE)
    soft = torch.stack([_blurred(image, float(s)) for image, s in zip(images, draw(1).abs(),
                                                                      strict=True)])  # fmt: skip
    noise = torch.randn(soft.shape, generator=generator) * _NOISE
    return (soft * (1 + draw(_GAIN, 1, 1, 1)) + noise).clamp(0, 1), transform


def _blurred(image: Tensor, fraction: float) -> Tensor:
    sigma = max(_BLUR * fraction, 1e-3)
    weights = torch.exp(-(torch.arange(-2.0, 3.0) ** 2) / (2 * sigma**2))
    weights = weights / weights.sum()
    kernel = (weights[:, None] * weights)[None, None].expand(3, 1, -1, -1)
    padded = F.pad(image[None], (2, 2, 2, 2), mode="replicate")
    return F.conv2d(padded, kernel, groups=3)[0]


def deviations(
    head: HeadModel, estimates: list[FaceParameters], transforms: list[Tensor]
) -> dict[str, float]:
    """Return the standard deviations of estimates over versions of the same photos.

    Args:
        head: head of the estimates.
        estimates: parameters ``[B]`` of each version.
        transforms: ``T_crop_stored`` ``[B, 3, 3]`` of each version.
    """
    face = head.regions["face"]
    shapes, positions, head_poses, actions = [], [], [], []
    for estimate, transform in zip(estimates, transforms, strict=True):
        # back into one frame, that of the stored picture
        back = transform_view(estimate, torch.linalg.inv(transform), CROP_SIZE, CROP_SIZE)
        still = back.replace(head_pose=torch.zeros_like(back.head_pose))
        with torch.no_grad():
            shapes.append(head(still).vertices[:, face])
            seen = project(head(back).vertices[:, face], back.camera)[..., :2]
        positions.append(ndc_to_pixels(seen, CROP_SIZE))
        head_poses.append(axis_angle_to_matrix(back.head_pose))
        if head.has_named_actions:
            actions.append(head.arkit(estimate))
    rotations = torch.stack(head_poses)
    zoom = torch.linalg.det(torch.stack(transforms)[..., :2, :2]).sqrt().mean()
    middle = rotations.mean(0)
    found = {
        "vertices mm": 1e3 * _deviation(shapes),
        "in the photo px": float(zoom) * _deviation(positions),
        # of rotations near each other, half the chordal distance squared is the angle squared
        "rotation deg": math.degrees(
            float(((rotations - middle).square().sum((-1, -2)).mean(0) / 2).sqrt().mean())
        ),
    }
    if actions:
        found = {"actions": float(torch.stack(actions).std(0).mean()), **found}
    return found


def _deviation(points: list[Tensor]) -> float:
    stacked = torch.stack(points)
    return float((stacked - stacked.mean(0)).square().sum(-1).mean(0).sqrt().mean())


def run(context: EvaluationContext) -> Section:
    """Return the protocol's section."""
    photos = context.photos.first(_MOST)
    generator = torch.Generator().manual_seed(context.config.seed)
    made: list[Crops] = []
    transforms = []
    found = torch.ones(len(photos), dtype=torch.bool)
    for number in range(VARIANTS):
        context.on_progress(f"jitter, version {number + 1} of {VARIANTS}")
        images, transform = versions(photos.stored.float() / 255, photos.transforms(), generator)
        crops, seen = context.observer.crops(images)
        found &= torch.from_numpy(seen)
        made.append(crops)
        transforms.append(transform)
    made = [crops[found] for crops in made]
    rows: list[list[Cell]] = []
    for method in context.methods:
        context.on_progress(f"jitter of {method.name}")
        estimates = [method(crops) for crops in made]
        figures = deviations(context.head, estimates, [t[found] for t in transforms])
        rows.append([method.name, *figures.values()])
    title = f"{int(found.sum())} photos, {int((~found).sum())} left out for want of a face."
    return Section("jitter", ABOUT, [Table(title, ["method", *figures], rows)])
