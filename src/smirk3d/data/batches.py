"""Training batches: drawn, warped and augmented from photos in memory.

A batch is a function of seed, step, process and the faces in memory. So a run that goes on after an
interruption sees what it would have seen, and no state of the data needs to be kept; where people
are drawn while it runs, it sees those that there are by then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.conventions import CROP_SIZE
from smirk3d.data.absent_actions import absent_actions
from smirk3d.data.annotated_faces import AnnotatedFaces
from smirk3d.data.augmentation import Augmentation, TrainingBatch
from smirk3d.data.batch_config import BatchConfig
from smirk3d.data.drawn_people import DrawnPeople
from smirk3d.data.mixing import expressiveness, sampling_weights
from smirk3d.errors import InputError
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.expression_augmentation import ExpressionAugmentation
from smirk3d.synthesis.labeled_faces import LabeledFaces
from smirk3d.synthesis.mirroring import Mirror
from smirk3d.synthesis.photo_warps import PhotoWarper
from smirk3d.synthesis.rendered_faces import FaceRenderer

_ALONE, _DRAWN, _PAIRED, _PEOPLE, _PEOPLE_PAIRED = 1, 300_000, 400_000, 500_000, 600_000
"""Streams of random numbers: augmentation of single photos, expressions, augmentation of pairs, of
drawn people, and of those in pairs."""

_TURNED = 50.0
"""Degrees from which a face counts as turned away: its far half is hidden."""


def seeded(
    seed: int, step: int, stream: int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Return a generator whose numbers depend on seed, step and stream alone."""
    (state,) = np.random.SeedSequence([seed, step, stream]).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(state) & (2**63 - 1))


def _in_two_parts(count: int, start: int, device: torch.device) -> Tensor:
    """Return the rows ``[count, 2]`` of pairs whose seconds stand behind all firsts."""
    first = torch.arange(start, start + count, device=device)
    return torch.stack([first, first + count], 1)


def _drawn_rows(odds: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return rows ``[count]`` drawn with their odds, also none, which torch does not draw."""
    if not count:
        return torch.zeros(0, dtype=torch.int64, device=odds.device)
    return torch.multinomial(odds, count, replacement=True, generator=generator)


class TrainingBatches:
    """Makes the batch of any step."""

    def __init__(
        self,
        faces: AnnotatedFaces,
        targets: FaceParameters,
        head: HeadModel,
        config: BatchConfig,
        *,
        people: DrawnPeople | None = None,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """Prepare for a head on its device.

        Args:
            faces: N photos.
            targets: N fitted parameters in the frame of the photos.
            head: head of the parameters.
            config: how batches are made.
            people: drawn people for ``config.people``.
            seed: seed of all random numbers.
            rank: number of this process.
            world_size: number of processes; the batch is divided among them.

        Raises:
            InputError: if there are fewer photos than a batch has, or the batch cannot be divided
                among processes.
        """
        self._people = people
        self._size = config.batch_size // world_size
        self._people_count = round(self._size * config.people) if people is not None else 0
        self._photo_count = self._size - self._people_count
        photos = self._photo_count * world_size
        if len(faces) < photos or config.batch_size % world_size:
            raise InputError(
                f"batches of {photos} cannot be drawn from {len(faces)} photos for "
                f"{world_size} processes: choose another batch size"
            )
        self.config, self.seed, self.rank, self.world_size = config, seed, rank, world_size
        self.head = head
        self.device = head.v_template.device
        self.probability = sampling_weights(
            faces.sources.tolist(), *expressiveness(head, targets), config.mixing
        )
        self._images = faces.images.to(self.device) if config.on_device else faces.images
        self._landmarks, self._targets = faces.landmarks, targets.to("cpu")
        self._absent = absent_actions(head, self._targets, faces)
        self._small = head.at_landmarks()
        augmentation = config.augmentation
        if not head.has_named_actions:
            # nobody knows the mirror image of PCA coefficients
            augmentation = replace(augmentation, flip=0.0)
        self._augment = Augmentation(Mirror(head), head.landmark_ids, augmentation)
        self._warper = PhotoWarper(head) if config.warped else None
        self._other_expressions = ExpressionAugmentation(head, config.expression_augmentation)
        self._renderer: FaceRenderer | None = None
        if config.rendered:
            named = [load_head(name).to(self.device) for name in config.rendered_heads]
            self._renderer = FaceRenderer(head, named or [head], config.expression_augmentation)

    def batch(self, step: int) -> TrainingBatch:
        """Return this process's part of a step's batch, on the head's device."""
        rows = self.rows(step)
        warped = round(self._size * self.config.warped)
        rendered = round(self._size * self.config.rendered / 2)
        pairs = warped + rendered
        parts: list[TrainingBatch] = []
        same: list[Tensor] = []
        if pairs:
            generator = seeded(self.seed, step, _DRAWN + self.rank)
            first, second = self._pairs(rows[:warped], rows[warped:pairs], generator)
            parts = [self._augmented(faces, step, _PAIRED) for faces in (first, second)]
            same.append(_in_two_parts(pairs, 0, self.device))
        if 2 * pairs < len(rows):
            parts.append(self._augmented(self._photos(rows[2 * pairs :]), step, _ALONE))
        if self._people_count:
            assert self._people is not None
            alone, paired = self._people_rows(step)
            same.append(_in_two_parts(len(paired), len(rows), self.device))
            shown = [(paired[:, 0], _PEOPLE_PAIRED), (paired[:, 1], _PEOPLE_PAIRED),
                     (alone, _PEOPLE)]  # fmt: skip
            parts += [
                self._augmented(self._people.rows(chosen, self.device), step, stream)
                for chosen, stream in shown
                if len(chosen)
            ]
        same_person = torch.cat(same) if same else None
        return TrainingBatch.cat(parts, pairs=pairs, same_person=same_person)

    def _pairs(
        self, photos: Tensor, backgrounds: Tensor, generator: torch.Generator
    ) -> tuple[LabeledFaces, LabeledFaces]:
        """Return warped photos and renders before backgrounds, and each person once more."""
        first, second = [], []
        if len(photos):
            second.append(self._photos(photos))
            first.append(self._warped(second[0], generator))
        if len(backgrounds):
            one, other = self._rendered(self._photos(backgrounds).images, generator)
            first.append(one)
            second.append(other)
        return LabeledFaces.cat(first), LabeledFaces.cat(second)

    def _photos(self, rows: Tensor) -> LabeledFaces:
        images = self._images[rows.to(self._images.device)].to(self.device).float() / 255
        return LabeledFaces(
            images,
            self._landmarks[rows].to(self.device),
            self._targets[rows].to(self.device),
            torch.zeros(len(rows), dtype=torch.bool, device=self.device),
            absent=None if self._absent is None else self._absent[rows].to(self.device),
        )

    def _people_rows(self, step: int) -> tuple[Tensor, Tensor]:
        """Return rows of drawn people ``[N]``, and ``[K, 2]`` of pairs that show one person."""
        assert self._people is not None
        if self.config.people_look and step % self.config.people_look == 0:
            self._people.take_up_new_sets()
        generator = seeded(self.seed, step, _PEOPLE + self.world_size + self.rank)
        odds = torch.where(self._people.turn > _TURNED, self.config.people_turned, 1.0)
        partner = self._people.partner
        odds_of_pairs = torch.where(partner < 0, 0.0, odds * odds[partner])
        pairs = round(self._people_count * self.config.people_pairs / 2)
        if not odds_of_pairs.any():
            pairs = 0
        alone = _drawn_rows(odds, self._people_count - 2 * pairs, generator)
        first = _drawn_rows(odds_of_pairs, pairs, generator)
        return alone, torch.stack([first, partner[first]], 1)

    @torch.no_grad()
    def _augmented(self, faces: LabeledFaces, step: int, stream: int) -> TrainingBatch:
        """Return augmented faces; the same stream gives the same changes."""
        generator = seeded(self.seed, step, stream + self.rank)
        return self._augment(faces, self.config.image_size, generator)

    def rows(self, step: int) -> Tensor:
        """Return which photos this process reads in a step ``[B]``."""
        if not self._photo_count:
            return torch.zeros(0, dtype=torch.int64)
        generator = seeded(self.seed, step, 0)
        count = self._photo_count * self.world_size
        drawn = torch.multinomial(self.probability, count, generator=generator)
        return drawn[self.rank :: self.world_size]

    def _warped(self, photos: LabeledFaces, generator: torch.Generator) -> LabeledFaces:
        """Return the faces moved to augmented expressions."""
        assert self._warper is not None
        target = self._other_expressions(photos.targets, generator)
        moved = self._warper(photos.images, photos.targets, target)
        seen = project(self._small(target).vertices, target.camera)
        landmarks = photos.landmarks.clone()
        landmarks[:, self.head.landmark_ids] = ndc_to_pixels(seen, CROP_SIZE)[..., :2]
        is_truth = torch.full_like(photos.is_ground_truth, self.config.warped_truth)
        absent = photos.absent
        if absent is not None:
            absent = absent & (target.expression <= photos.targets.expression)
        return LabeledFaces(moved.images, landmarks, target, is_truth, absent=absent)

    def _rendered(
        self, behind: Tensor, generator: torch.Generator
    ) -> tuple[LabeledFaces, LabeledFaces]:
        """Return rendered people before blurred photos ``[N, 3, 224, 224]``, and once more."""
        assert self._renderer is not None
        blurred = F.interpolate(F.avg_pool2d(behind, 16), CROP_SIZE, mode="bilinear")
        return self._renderer(blurred, generator)

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
