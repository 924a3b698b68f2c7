"""Training batches: drawn, warped and augmented from photos in memory.

A batch is a function of seed, step and process alone. So a run that goes on after an interruption
sees what it would have seen, and no state of the data needs to be kept.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.conventions import CROP_SIZE
from smirk3d.data.annotated_faces import AnnotatedFaces
from smirk3d.data.augmentation import Augmentation, AugmentationConfig, TrainingBatch
from smirk3d.data.mirroring import Mirror
from smirk3d.data.mixing import MixingConfig, liveliness, sampling_weights
from smirk3d.data.photo_warps import PhotoWarper
from smirk3d.data.rendered_faces import FaceRenderer
from smirk3d.data.strong_expressions import StrongExpressionConfig, StrongExpressions
from smirk3d.errors import InputError
from smirk3d.face_parameters import FaceParameters
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """How batches are made.

    Attributes:
        batch_size: faces a batch, all processes together.
        image_size: side of the pictures in pixels.
        warped: share of each batch whose faces are moved to strong expressions.
        rendered: share of each batch that is not photos but painted renders of heads.
        rendered_heads: names of the heads that are rendered, in turn; none for the trained one.
        on_device: keep all photos in the device's memory, as a GPU can.
        ahead: batches that a thread makes ahead; 0 makes each when it is asked for.
        mixing: which photos are drawn.
        augmentation: what is done to them.
        strong: to what expressions faces are moved.
    """

    batch_size: int = 32
    image_size: int = CROP_SIZE
    warped: float = 0.0
    rendered: float = 0.0
    rendered_heads: tuple[str, ...] = ()
    on_device: bool = False
    ahead: int = 2
    mixing: MixingConfig = field(default_factory=MixingConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    strong: StrongExpressionConfig = field(default_factory=StrongExpressionConfig)


def seeded(
    seed: int, step: int, stream: int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Return a generator whose numbers depend on seed, step and stream alone."""
    (state,) = np.random.SeedSequence([seed, step, stream]).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(state) & (2**63 - 1))


class TrainingBatches:
    """Makes the batch of any step."""

    def __init__(
        self,
        faces: AnnotatedFaces,
        targets: FaceParameters,
        head: HeadModel,
        config: BatchConfig,
        *,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Prepare for a head on its device.

        Args:
            faces: N photos.
            targets: N fitted parameters in the frame of the photos.
            head: the head of the parameters.
            config: how batches are made.
            seed: of all that is drawn.
            rank: number of this process.
            world_size: number of processes; the batch is divided among them.

        Raises:
            InputError: if there are fewer photos than a batch has, or the batch cannot be divided.
        """
        if len(faces) < config.batch_size or config.batch_size % world_size:
            raise InputError(
                f"batches of {config.batch_size} cannot be drawn from {len(faces)} photos for "
                f"{world_size} processes: choose another batch size"
            )
        self.config, self.seed, self.rank, self.world_size = config, seed, rank, world_size
        self.head = head
        self.device = head.v_template.device
        self.probability = sampling_weights(
            faces.sources.tolist(), *liveliness(head, targets), config.mixing
        )
        self._images = faces.images.to(self.device) if config.on_device else faces.images
        self._landmarks, self._targets = faces.landmarks, targets.to("cpu")
        self._small = head.at_landmarks()
        augmentation = config.augmentation
        if not head.has_named_actions:
            # nobody knows the mirror image of PCA coefficients
            augmentation = replace(augmentation, flip=0.0)
        self._augment = Augmentation(Mirror(head), head.landmark_ids, augmentation)
        self._warper = PhotoWarper(head) if config.warped else None
        self._strong = StrongExpressions(head, config.strong)
        self._renderer: FaceRenderer | None = None
        if config.rendered:
            own = copy.deepcopy(head).cpu()
            sources = [load_head(name) for name in config.rendered_heads] or [own]
            self._renderer = FaceRenderer(own, sources, config.strong)

    def batch(self, step: int) -> TrainingBatch:
        """Return this process's part of a step's batch, on the head's device."""
        rows = self.rows(step)
        generator = seeded(self.seed, step, 1 + self.rank)
        chosen = rows.to(self._images.device)
        images = self._images[chosen].to(self.device).float() / 255
        landmarks = self._landmarks[rows].to(self.device)
        targets = self._targets[rows].to(self.device)
        exact = torch.zeros(len(rows), dtype=torch.bool)
        if self._warper is not None:
            count = round(len(rows) * self.config.warped)
            images, landmarks, targets = self._warped(images, landmarks, targets, count, generator)
            exact[:count] = True
        if self._renderer is not None:
            count = round(len(rows) * self.config.rendered)
            images, landmarks, targets = self._rendered(
                images, landmarks, targets, count, generator
            )
            exact[len(rows) - count :] = True
        with torch.no_grad():
            return self._augment(
                images, landmarks, targets, self.config.image_size, generator, exact
            )

    def rows(self, step: int) -> Tensor:
        """Return which photos this process reads in a step ``[B]``."""
        generator = seeded(self.seed, step, 0)
        drawn = torch.multinomial(self.probability, self.config.batch_size, generator=generator)
        return drawn[self.rank :: self.world_size]

    def _warped(
        self,
        images: Tensor,
        landmarks: Tensor,
        targets: FaceParameters,
        count: int,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor, FaceParameters]:
        """Return the batch with its first faces moved to strong expressions."""
        assert self._warper is not None
        fitted = targets[:count]
        wished = self._strong(fitted, generator)
        moved = self._warper(images[:count], fitted, wished)
        seen = project(self._small(wished).vertices, wished.camera)
        landmarks = landmarks.clone()
        landmarks[:count, self.head.landmark_ids] = ndc_to_pixels(seen, CROP_SIZE)[..., :2]
        together = FaceParameters.cat([wished, targets[count:]])
        return torch.cat([moved.images, images[count:]]), landmarks, together

    def _rendered(
        self,
        images: Tensor,
        landmarks: Tensor,
        targets: FaceParameters,
        count: int,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor, FaceParameters]:
        """Return the batch with its last faces replaced by renders before blurred photos."""
        assert self._renderer is not None
        kept = len(images) - count
        blurred = F.interpolate(F.avg_pool2d(images[kept:], 16), CROP_SIZE, mode="bilinear")
        drawn = self._renderer(blurred.cpu(), generator)
        return (
            torch.cat([images[:kept], drawn.images.to(self.device)]),
            torch.cat([landmarks[:kept], drawn.landmarks.to(self.device)]),
            FaceParameters.cat([targets[:kept], drawn.targets.to(self.device)]),
        )

    def from_step(self, first: int) -> Iterator[TrainingBatch]:
        """Yield the batches of steps ``first``, ``first + 1``, ... without end."""
        if not self.config.ahead:
            while True:
                yield self.batch(first)
                first += 1
        with ThreadPoolExecutor(1, "batches") as pool:
            waiting: deque[Future[TrainingBatch]] = deque()
            try:
                while True:
                    while len(waiting) <= self.config.ahead:
                        waiting.append(pool.submit(self.batch, first))
                        first += 1
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
