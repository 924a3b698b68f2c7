"""Augmentation of batches on the device: image, landmarks and parameters together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.data.batch_config import AugmentationConfig
from smirk3d.geometry.views import transform_view
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.image_warp import warp_image
from smirk3d.synthesis.labeled_faces import LabeledFaces, joined
from smirk3d.synthesis.mirroring import Mirror


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """A batch of faces for a training step.

    Attributes:
        images: pictures ``[B, 3, N, N]`` in [0, 1].
        landmarks: embedded landmarks ``[B, L, 2]`` in pixels of the images.
        targets: parameters ``[B]`` in the images' frame; NaN where they are unknown.
        outline: all landmarks ``[B, 478, 2]`` in pixels of the images; their order is lost where a
            face is mirrored, their convex hull is the face.
        is_ground_truth: ``[B]`` bool, whether a target is ground truth rather than a fit.
        pairs: number of faces at the start that are shown again, with another expression, in as
            many rows after them.
        same_person: rows ``[K, 2]`` that show one person, mirrored both or none; None if none do.
        points: fixed points of the surface ``[B, P, 2]`` in pixels of the images, NaN where they
            are unknown; None if they are for all.
        points_visible: ``[B, P]`` bool, whether nothing hides a point.
        absent: ``[B, E]`` bool, whether a component of the expression of a photo is absent; None if
            nothing is known.
    """

    images: Tensor
    landmarks: Tensor
    targets: FaceParameters
    outline: Tensor
    is_ground_truth: Tensor
    pairs: int = 0
    points: Tensor | None = None
    points_visible: Tensor | None = None
    absent: Tensor | None = None
    same_person: Tensor | None = None

    @staticmethod
    def cat(
        parts: Sequence[TrainingBatch], *, pairs: int, same_person: Tensor | None = None
    ) -> TrainingBatch:
        """Join batches along B; the arguments are of the joined rows."""
        return TrainingBatch(
            torch.cat([part.images for part in parts]),
            torch.cat([part.landmarks for part in parts]),
            FaceParameters.cat([part.targets for part in parts]),
            torch.cat([part.outline for part in parts]),
            torch.cat([part.is_ground_truth for part in parts]),
            pairs,
            joined(parts, "points", torch.nan),
            joined(parts, "points_visible", False),
            joined(parts, "absent", False),
            same_person,
        )


def random_crops(
    landmarks: Tensor, size: int, config: AugmentationConfig, generator: torch.Generator
) -> Tensor:
    """Return random ``T_target_source`` ``[B, 3, 3]`` around faces.

    Args:
        landmarks: all landmarks ``[B, 478, 2]`` in source pixels.
        size: side of the target in pixels.
        config: ranges.
        generator: source of randomness, on the CPU.
    """
    low, high = landmarks.amin(1), landmarks.amax(1)
    batch, device = len(landmarks), landmarks.device

    def draw(lo: float, hi: float) -> Tensor:
        return (torch.rand(batch, generator=generator, device="cpu") * (hi - lo) + lo).to(device)

    side = (high - low).mean(1) * draw(*config.crop_scale)
    angle = draw(-1, 1) * math.radians(config.rotation)
    moved = torch.stack([draw(-1, 1), draw(-1, 1)], 1) * config.shift * side[:, None]
    centre = (low + high) / 2 + moved
    zoom = size / side
    cosine, sine = zoom * angle.cos(), zoom * angle.sin()
    linear = torch.stack([cosine, -sine, sine, cosine], 1).unflatten(1, (2, 2))
    offset = size / 2 - (linear @ centre[..., None])[..., 0]
    transform = torch.eye(3, device=device).repeat(batch, 1, 1)
    transform[:, :2, :2], transform[:, :2, 2] = linear, offset
    return transform


def _moved(points: Tensor, transform: Tensor) -> Tensor:
    """Return points ``[B, N, 2]`` moved by affine transforms ``[B, 3, 3]``."""
    return points @ transform[:, :2, :2].transpose(1, 2) + transform[:, None, :2, 2]


class Augmentation:
    """Draws augmented training batches from source crops."""

    def __init__(self, mirror: Mirror, landmark_ids: Tensor, config: AugmentationConfig) -> None:
        """Prepare for a head's landmarks."""
        self.mirror = mirror
        self.landmark_ids = landmark_ids
        self.config = config

    def __call__(self, faces: LabeledFaces, size: int, generator: torch.Generator) -> TrainingBatch:
        """Return one augmented copy of each face.

        Args:
            faces: B faces.
            size: side of the result in pixels.
            generator: source of randomness, on the CPU; the same state gives the same changes.
        """
        images, landmarks = faces.images, faces.landmarks
        transform = random_crops(landmarks, size, self.config, generator)
        warped = warp_image(images, transform, size)
        outline = _moved(landmarks, transform)
        points = outline[:, self.landmark_ids.to(landmarks.device)]
        moved = transform_view(faces.targets, transform, images.shape[-1], size)
        flip = torch.rand(len(images), generator=generator, device="cpu") < self.config.flip
        flip = flip.to(images.device)
        surface = None
        if faces.points is not None:
            # the points of the two sides are no partners: where mirrored ones lie is unknown
            surface = _moved(faces.points, transform).masked_fill(flip[:, None, None], torch.nan)
        warped = torch.where(flip[:, None, None, None], warped.flip(3), warped)
        points = torch.where(flip[:, None, None], self.mirror.landmarks(points, size), points)
        across = outline * outline.new_tensor([-1.0, 1.0]) + outline.new_tensor([size, 0.0])
        outline = torch.where(flip[:, None, None], across, outline)
        mirrored = self.mirror.parameters(moved)
        chosen = {
            name: torch.where(flip[:, None], tensor, getattr(moved, name))
            for name, tensor in mirrored.items()
        }
        return TrainingBatch(
            images=self.photometric(warped, generator),
            landmarks=points,
            targets=FaceParameters(**chosen),
            outline=outline,
            is_ground_truth=faces.is_ground_truth,
            points=surface,
            points_visible=faces.points_visible,
            absent=self._mirrored_actions(faces.absent, flip, moved),
        )

    def _mirrored_actions(
        self, chosen: Tensor | None, flip: Tensor, parameters: FaceParameters
    ) -> Tensor | None:
        """Return which components of expressions ``[B, E]`` are chosen in pictures that flip."""
        if chosen is None:
            return None
        marked = parameters.replace(expression=chosen.to(parameters.expression))
        other_side = self.mirror.parameters(marked).expression > 0
        return torch.where(flip[:, None], other_side, chosen)

    def photometric(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return images ``[B, 3, N, N]`` with changed light, blur, noise and covered patches."""
        config = self.config
        batch = len(images)

        def draw(*shape: int) -> Tensor:
            return torch.rand(batch, *shape, generator=generator, device="cpu").to(images.device)

        gain = 1 + (draw(1, 1, 1) * 2 - 1) * config.brightness
        tint = 1 + (draw(3, 1, 1) * 2 - 1) * config.colour
        contrast = 1 + (draw(1, 1, 1) * 2 - 1) * config.contrast
        mean = images.mean((1, 2, 3), keepdim=True)
        out = ((images - mean) * contrast + mean) * gain * tint
        grey = out.mean(1, keepdim=True).expand_as(out)
        out = torch.where(draw(1, 1, 1) < config.grey, grey, out)
        coarse = F.interpolate(out, scale_factor=0.4, mode="bilinear", antialias=True)
        soft = F.interpolate(coarse, size=out.shape[-2:], mode="bilinear")
        weight = draw(1, 1, 1) * (draw(1, 1, 1) < config.blur)
        out = torch.lerp(out, soft, weight)
        source = generator
        if images.device.type != "cpu":
            # so many numbers would take the CPU longer than a GPU takes for the whole batch
            seed = int(torch.randint(2**62, (), generator=generator, device="cpu"))
            source = torch.Generator(images.device).manual_seed(seed)
        noise = torch.randn(images.shape, generator=source, device=images.device)
        out = out + noise * (draw(1, 1, 1) * config.noise)
        return self._covered(out.clamp(0, 1), draw)

    def _covered(self, images: Tensor, draw: Callable[..., Tensor]) -> Tensor:
        size = images.shape[-1]
        centres = (torch.arange(size, device=images.device) + 0.5) / size
        x, y, width, height = (draw(1, 1) for _ in range(4))
        reach = 0.06 + 0.16 * torch.stack([width, height])
        within_x = (centres[None, None] - x).abs() < reach[0]
        within_y = (centres[None, :, None] - y).abs() < reach[1]
        patch = (within_x & within_y)[:, None] & (draw(1, 1, 1) < self.config.occlusion)
        return torch.where(patch, draw(3, 1, 1), images)
