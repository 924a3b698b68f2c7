"""One step of training: paths, losses, optimizers, and the state that a checkpoint keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from smirk3d.assets.weight_files import INPAINTER, RENDERER
from smirk3d.conventions import CROP_SCALE
from smirk3d.data.augmentation import TrainingBatch
from smirk3d.data.batches import seeded
from smirk3d.data.drawn_people import STORED_SCALE, STORED_SIZE, DrawnPeople
from smirk3d.errors import InputError, Smirk3dError
from smirk3d.heads.head_model import HeadModel
from smirk3d.losses.weighting import WeightedLoss
from smirk3d.synthesis.expression_templates import template_bank
from smirk3d.synthesis.warped_photos import SurfaceWarper
from smirk3d.training.checkpoints import run_settings
from smirk3d.training.config import TrainConfig
from smirk3d.training.freeze_schedule import alternation
from smirk3d.training.linear_start import start_from_regression, start_spatial_features
from smirk3d.training.network_config import ENCODER_PARTS
from smirk3d.training.networks import build_feature_networks, build_networks
from smirk3d.training.optimizers import AveragedState, Optimizers, clip_gradients, rate_factor
from smirk3d.training.paths.augmented_cycle_path import augmented_cycle_path
from smirk3d.training.paths.fixture import TrainingFixture
from smirk3d.training.paths.inpainting_path import inpainting_path
from smirk3d.training.paths.reconstruction_path import PathResult, reconstruction_path

_MEASURED_BATCHES = 12
"""Number of batches on which features are measured: 384 faces at the default batch size."""

_PHOTOS_IN_REGRESSION = 3.0
"""Weight of a photo in the first regression where its fit counts in full: there are fewer photos
than pictures with ground truth, and it is photos that encoders are for."""

_NOISE_STREAM = 1_000_000
"""Streams of random numbers of the paths begin here; those below are the data's."""


class TrainingDiverged(Smirk3dError):
    """A loss is NaN or infinite; the checkpoint before it is kept."""


class Trainer:
    """Takes steps with networks and optimizers, and holds their state.

    Attributes:
        config: all settings.
        fabric: launched Lightning Fabric, or None.
        device: device of networks and batches.
        networks: encoders and neural renderer.
        started_from: provenance of the encoder's starting weights.
        head: the head.
        fixture: landmarks, renderings and weights of the head.
        warper: warper of photos, for inpainting networks; None for the other paths.
        feature_networks: networks of the perceptual losses.
        templates: extreme expressions of the head, None where there are none.
        optimizers: optimizers of encoders and renderer.
        average: running average of the encoders' weights, None where none is exported.
        step: number of steps done.
        seconds: time of training, before interruptions too.
        panels: pictures of the latest step by name.
    """

    def __init__(self, config: TrainConfig, head: HeadModel, fabric: Any = None) -> None:
        """Build networks with starting weights on the fabric's device.

        Args:
            config: all settings.
            head: the head.
            fabric: a launched Lightning Fabric; None for one process on the head's device.
        """
        self.config = config
        self.fabric = fabric
        self.device = fabric.device if fabric is not None else head.v_template.device
        torch.manual_seed(config.run.seed)
        kind = RENDERER if config.inpainter is None else INPAINTER
        networks = build_networks(head, config.networks, renderer_kind=kind)
        self.networks = networks.to(self.device)
        self.started_from = dict(self.networks.encoder.provenance)
        self.networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if fabric is not None:
            self.networks.autocast = fabric.autocast
            if fabric.world_size > 1 and self.device.type == "cuda":
                torch.nn.SyncBatchNorm.convert_sync_batchnorm(self.networks)
        self.head = head.to(self.device)
        self.fixture = TrainingFixture(self.head, config.landmarks, config.render_size).to(
            self.device
        )
        self.warper: SurfaceWarper | None = None
        if config.inpainter is not None:
            self.warper = SurfaceWarper(self.head)
            if config.networks.renderer_start is None:
                self.networks.renderer.start_grey()
        feature_networks = build_feature_networks(config.losses, config.networks)
        for network in (feature_networks.perceptual, feature_networks.emotion):
            if isinstance(network, torch.nn.Module):
                network.to(self.device)
        self.feature_networks = feature_networks
        self.templates = template_bank(self.head) if self.head.has_named_actions else None
        self.optimizers = Optimizers(self.networks, config.optimizer)
        self.average: AveragedState | None = None
        if config.optimizer.averaging:
            self.average = AveragedState(self.networks.encoder, config.optimizer.averaging)
        self.step = 0
        self.seconds = 0.0
        self.panels: dict[str, Tensor] = {}

    def measure_features(self, batch: Callable[[int], TrainingBatch]) -> None:
        """Prepare encoders whose features are normalized, before the first step.

        Args:
            batch: function that makes the batch of a number; the same in all processes.
        """
        encoder, count = self.networks.encoder, self.config.networks.linear_batches
        images = [batch(number).images for number in range(_MEASURED_BATCHES)]
        if count and self.networks.fresh_spatial_features:
            start_spatial_features(encoder, images)
        encoder.normalize_features(images)
        if count:
            numbers = range(_MEASURED_BATCHES, _MEASURED_BATCHES + count)
            fits = self.config.pseudo_labels.fits
            start_from_regression(
                encoder,
                (batch(number) for number in numbers),
                everything=self.config.data.batches.people > 0,
                photo_weight=_PHOTOS_IN_REGRESSION * fits,
            )
        if self.average is not None:
            self.average = AveragedState(encoder, self.average.decay)

    @torch.no_grad()
    def start_points(self, people: DrawnPeople) -> None:
        """Start the encoder's surface points from those of drawn people, where they are fresh.

        Raises:
            InputError: if the pictures show fewer points than the encoder predicts.
        """
        outputs = self.networks.encoder.points
        if outputs is None or self.networks.encoder.learnt_points is not None:
            return
        corners, bary = people.point_corners, people.point_bary
        if corners.shape != outputs.corners.shape:
            raise InputError(
                f"the drawn people have {len(corners)} points of the face, the encoder "
                f"{len(outputs.corners)}: give --networks.encoder.points {len(corners)}"
            )
        outputs.corners.copy_(corners)
        outputs.bary.copy_(bary)
        # crops of the encoder's rule are the middle of the stored pictures
        zoom = STORED_SCALE / CROP_SCALE
        points = (people.known_points() * (2 / STORED_SIZE) - 1) * zoom
        mean = points.mean(0)
        left = (points - mean).flatten(1)
        rank = min(outputs.code.out_features, *left.shape)
        _, values, directions = torch.pca_lowrank(left, rank, center=False)
        scaled = directions.T * (values / len(left) ** 0.5)[:, None]
        outputs.start(mean.to(self.device), scaled.unflatten(1, (-1, 2)).to(self.device))

    @property
    def rank(self) -> int:
        """Number of this process."""
        return 0 if self.fabric is None else int(self.fabric.global_rank)

    @property
    def samples(self) -> int:
        """Number of photos seen so far, by all processes."""
        return self.step * self.config.data.batches.batch_size

    def train_step(self, batch: TrainingBatch, fraction: float) -> dict[str, float]:
        """Take one step on a batch and return the losses by name.

        Args:
            batch: part of the batch for this process.
            fraction: fraction of the run that is over.

        Raises:
            TrainingDiverged: if a loss is not finite; networks and optimizers are as before.
        """
        config = self.config
        plan = alternation(self.step, config)
        generator = seeded(
            config.run.seed, self.step, _NOISE_STREAM + self.rank, batch.images.device
        )
        self.optimizers.set_rates(rate_factor(self.step, fraction, self.samples, config.optimizer))
        self.networks.set_learning(plan.reconstruction)
        result = self._first_path(batch, generator)
        self._optimize(result.loss, config.optimizer.encoder_clip, 0.0)
        losses = result.loss.report()
        self.panels = result.panels
        if plan.cycle is not None:
            self.networks.set_learning(plan.cycle)
            cycle = augmented_cycle_path(
                self.networks, self.fixture, self.templates, result, config, generator
            )
            clip = config.optimizer.renderer_cycle_clip
            self._optimize(cycle.loss, config.optimizer.encoder_clip, clip)
            losses["cycle"] = cycle.loss.report()["cycle"]
            self.panels = result.panels | cycle.panels
        if self.average is not None:
            self.average.update(self.networks.encoder, self.step)
        self.step += 1
        return losses

    def _first_path(self, batch: TrainingBatch, generator: torch.Generator) -> PathResult:
        if self.warper is not None:
            return inpainting_path(
                self.networks, self.warper, self.feature_networks, batch, self.config, generator
            )
        return reconstruction_path(
            self.networks, self.fixture, self.feature_networks, batch, self.config, generator
        )

    def _optimize(self, loss: WeightedLoss, encoder_clip: float, renderer_clip: float) -> None:
        wrong = loss.not_finite()
        if wrong:
            raise TrainingDiverged(
                f"step {self.step}: the loss {', '.join(wrong)} is not finite; lower the learning "
                "rate and start again from the checkpoint before"
            )
        self.optimizers.zero_grad()
        loss.total.backward()
        self._average_over_processes()
        encoder = list(self.networks.learning_parameters(set(ENCODER_PARTS)))
        renderer = list(self.networks.learning_parameters({"renderer"}))
        clip_gradients(encoder, encoder_clip)
        clip_gradients(renderer, renderer_clip)
        self.optimizers.step()

    def _average_over_processes(self) -> None:
        """Average gradients and batch-norm statistics over processes, all in one message."""
        if self.fabric is None or self.fabric.world_size == 1:
            return
        tensors = [p.grad for p in self.networks.parameters() if p.grad is not None]
        tensors += self.networks.moving_statistics()
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        flat = self.fabric.all_reduce(flat, reduce_op="mean")
        parts = flat.split([tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def state(self) -> dict[str, Any]:
        """Return the state from which a run goes on exactly.

        Raises:
            TrainingDiverged: if a weight is not finite, as after gradients that were not, so that
                no such state takes the place of a good checkpoint.
        """
        networks = self.networks.state_dict()
        wrong = [name for name, value in networks.items() if not value.isfinite().all()]
        if wrong:
            raise TrainingDiverged(
                f"step {self.step}: weights of {wrong[0]} are not finite; lower the learning rate "
                "and start again from the checkpoint before"
            )
        return {
            "networks": networks,
            "average": None if self.average is None else self.average.state,
            "optimizers": self.optimizers.state_dict(),
            "seconds": self.seconds,
            "head_fingerprint": self.head.fingerprint,
            "settings": run_settings(self.config),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state of a checkpoint that has been checked."""
        self.networks.load_state_dict(state["networks"])
        self.optimizers.load_state_dict(state["optimizers"])
        if self.average is not None:
            for name, value in state["average"].items():
                self.average.state[name].copy_(value)
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
