"""Neural renderers in protocols: their inputs, a short training, and the rendered images."""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.conventions import CROP_SIZE
from smirk3d.evaluation.methods import Crops
from smirk3d.heads.head_model import HeadModel
from smirk3d.losses.perceptual import FeatureMaps, perceptual_loss
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.neural_renderer.inputs import draw_points, masked_photo, renderer_input
from smirk3d.neural_renderer.pixel_sampling import sampling_weights
from smirk3d.neural_renderer.renderer_config import MaskingConfig, NeuralRendererConfig
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_hull import hull_mask
from smirk3d.rendering.mesh_renderer import MeshRenderer
from smirk3d.training.recipes.smirk import MASKING

BATCH = 16
"""Photos of a training step and of a rendering; chosen so that a step fits a small CPU."""

RATE = 3e-3
"""Three times SMIRK's learning rate, because these trainings are short; not tuned further."""

_L1_WEIGHT, _PERCEPTUAL_WEIGHT = 10.0, 1.0
"""Weights of the losses in the protocol of SMIRK's resynthesis table (Retsinas et al. 2024)."""


class RendererInputs:
    """Makes the inputs of neural renderers from photos and parameters of one head.

    Attributes:
        size: side of the pictures in pixels.
        device: device of all tensors.
    """

    def __init__(
        self,
        head: HeadModel,
        size: int,
        device: torch.device | str = "cpu",
        *,
        seed: int = 0,
        masking: MaskingConfig | None = None,
    ) -> None:
        """Prepare the head's face region.

        Args:
            head: the head.
            size: side of the pictures in pixels.
            device: device of all tensors.
            seed: seed of drawn pixels and holes.
            masking: how much of the photo renderers see; SMIRK's values by default.
        """
        self.size = size
        self.device = torch.device(device)
        self._seed = seed
        # a copy: modules move in place
        self._head = copy.deepcopy(head).to(self.device)
        self._surface = MeshRenderer(self._head.faces, size, vertex_mask=self._head.regions["face"])
        self._surface = self._surface.to(self.device)
        self._weights = sampling_weights(self._surface.faces, self._head.regions)
        self._masking = masking or MASKING

    def generator(self) -> torch.Generator:
        """Return a generator in its first state, so that all methods see the same pixels."""
        return torch.Generator(self.device).manual_seed(self._seed)

    def targets(self, images: Tensor) -> Tensor:
        """Return photos ``[B, 3, 224, 224]`` resized to ``[B, 3, N, N]``."""
        images = images.to(self.device)
        if images.shape[-1] == self.size:
            return images
        return F.interpolate(images, size=(self.size,) * 2, mode="bilinear", antialias=True)

    @torch.no_grad()
    def inputs(
        self,
        crops: Crops,
        shown: FaceParameters,
        target: FaceParameters,
        generator: torch.Generator,
    ) -> Tensor:
        """Return a renderer's input ``[B, 6, N, N]``.

        Args:
            crops: the photos.
            shown: parameters ``[B]`` of the faces in the photos, on which pixels are drawn.
            target: parameters ``[B]`` that the rendered image is to show.
            generator: on the device; draws pixels, noise and holes.
        """
        photo, hull = self.targets(crops.images), self.hull(crops)
        shown, target = shown.to(self.device), target.to(self.device)
        before = self._surface(self._head(shown).vertices, shown.camera)
        points = draw_points(before, self._weights, self._masking, generator=generator)
        after = before
        if target is not shown:
            after = self._surface(self._head(target).vertices, target.camera)
        masked = masked_photo(
            photo, hull, after, self._surface.faces, points, self._masking, generator=generator
        )
        return renderer_input(after.image, masked)

    def hull(self, crops: Crops) -> Tensor:
        """Return the landmarks' convex hull as a mask ``[B, 1, N, N]``."""
        outline = crops.landmarks * (self.size / CROP_SIZE)
        return hull_mask(outline, self.size, self.size).to(self.device)

    @torch.no_grad()
    def render_all(
        self,
        renderer: NeuralRenderer,
        crops: Crops,
        shown: FaceParameters,
        target: FaceParameters | None = None,
    ) -> Tensor:
        """Return rendered images ``[B, 3, N, N]`` on the CPU.

        Args:
            renderer: the neural renderer, on the device.
            crops: the photos.
            shown: parameters ``[B]`` of the faces in the photos.
            target: parameters ``[B]`` that the images are to show; ``shown`` by default.
        """
        generator = self.generator()
        parts = []
        for start in range(0, len(crops), BATCH):
            rows = slice(start, start + BATCH)
            seen = shown[rows]
            moved = seen if target is None else target[rows]
            parts.append(renderer(self.inputs(crops[rows], seen, moved, generator)).cpu())
        return torch.cat(parts)

    def trained(
        self,
        crops: Crops,
        parameters: FaceParameters,
        config: NeuralRendererConfig,
        *,
        steps: int,
        perceptual: FeatureMaps,
        rate: float = RATE,
    ) -> NeuralRenderer:
        """Return a renderer trained to reproduce photos from parameters, in evaluation mode.

        Weights, order of photos and drawn pixels follow from the seed alone, so that renderers of
        different methods differ by the parameters only.

        Args:
            crops: the photos.
            parameters: a method's estimates ``[B]`` for the photos.
            config: size of the renderer.
            steps: number of steps of Adam with a cosine schedule, 16 photos each.
            perceptual: network of the perceptual loss, on the device.
            rate: the highest learning rate.
        """
        with torch.random.fork_rng():
            torch.manual_seed(self._seed)
            renderer = NeuralRenderer(config).to(self.device)
        optimizer = torch.optim.Adam(renderer.parameters(), rate, betas=(0.5, 0.999))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
        order = torch.Generator().manual_seed(self._seed)
        generator = self.generator()
        renderer.train()
        for _ in range(steps):
            rows = torch.randint(len(crops), (BATCH,), generator=order)
            chosen, seen = crops[rows], parameters[rows]
            photo = self.targets(chosen.images)
            rendered = renderer(self.inputs(chosen, seen, seen, generator))
            loss = _L1_WEIGHT * (rendered - photo).abs().mean()
            loss = loss + _PERCEPTUAL_WEIGHT * perceptual_loss(rendered, photo, perceptual)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        renderer.provenance = {"trained_by": "smirk3d evaluate", "steps": steps,
                               "settings": {"render_size": self.size}}  # fmt: skip
        return renderer.eval()
