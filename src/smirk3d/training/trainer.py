"""The loop: batches, paths, optimisers, checkpoints, records."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from smirk3d.assets.optional import require
from smirk3d.assets.weight_files import INPAINTER, RENDERER
from smirk3d.data.annotated_faces import AnnotatedFaces, read_annotated_faces, trains
from smirk3d.data.augmentation import TrainingBatch
from smirk3d.data.batches import TrainingBatches, seeded
from smirk3d.data.given_shapes import with_given_shapes
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.errors import Smirk3dError
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.losses.weighting import WeightedLoss
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.expression_templates import template_bank
from smirk3d.synthesis.warped_photos import SurfaceWarper
from smirk3d.training.checkpoints import (
    ENCODER_FILE,
    RENDERER_FILE,
    check_checkpoint,
    check_run_folder,
    latest_checkpoint,
    save_checkpoint,
)
from smirk3d.training.config import ENCODER_PARTS, TrainConfig
from smirk3d.training.fitted_targets import fits_path, fitted_targets
from smirk3d.training.freeze_schedule import alternation
from smirk3d.training.linear_start import start_from_regression, start_spatial_features
from smirk3d.training.networks import build_feature_networks, build_networks
from smirk3d.training.optimizers import AveragedState, Optimizers, clip_gradients, rate_factor
from smirk3d.training.panels import panel_sheet
from smirk3d.training.paths.augmented_cycle_path import augmented_cycle_path
from smirk3d.training.paths.fixture import TrainingFixture
from smirk3d.training.paths.inpainting_path import inpainting_path
from smirk3d.training.paths.reconstruction_path import PathResult, reconstruction_path
from smirk3d.training.photo_reading import PhotoReader
from smirk3d.training.run_log import RunLog

_MEASURED_STEP, _MEASURED_BATCHES = 2**30, 12
"""Batches on which features are measured; no run gets so far."""

_NOISE_STREAM = 1_000_000
"""Streams of random numbers of the paths begin here; those below are the data's."""


class TrainingDiverged(Smirk3dError):
    """A loss is NaN or infinite; the checkpoint before it is kept."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: number of steps done.
        fraction: of the run, in [0, 1]; 0 if neither steps nor minutes limit it.
        seconds: of training, those before an interruption counted.
        losses: of the latest step, by name.
    """

    step: int
    fraction: float
    seconds: float
    losses: dict[str, float]

    @property
    def seconds_left(self) -> float:
        """Expected from the pace so far; infinite at the start."""
        return self.seconds * (1 / self.fraction - 1) if self.fraction else float("inf")


class Trainer:
    """Networks, optimisers and their state; one step at a time."""

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
        kind = RENDERER if config.painter is None else INPAINTER
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
        self.carrier: SurfaceWarper | None = None
        if config.painter is not None:
            self.carrier = SurfaceWarper(self.head)
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
            batch: makes the batch of a number; the same in all processes.
        """
        encoder, count = self.networks.encoder, self.config.networks.linear_batches
        images = [batch(number).images for number in range(_MEASURED_BATCHES)]
        if count and self.networks.fresh_spatial_features:
            start_spatial_features(encoder, images)
        encoder.normalize_features(images)
        if count:
            numbers = range(_MEASURED_BATCHES, _MEASURED_BATCHES + count)
            start_from_regression(encoder, (batch(number) for number in numbers))
        if self.average is not None:
            self.average = AveragedState(encoder, self.average.decay)

    @property
    def rank(self) -> int:
        """Number of this process."""
        return 0 if self.fabric is None else int(self.fabric.global_rank)

    @property
    def samples(self) -> int:
        """Photos seen so far, by all processes."""
        return self.step * self.config.data.batches.batch_size

    def train_step(self, batch: TrainingBatch, fraction: float) -> dict[str, float]:
        """Take one step on a batch and return the losses by name.

        Args:
            batch: this process's part.
            fraction: of the run that is over.

        Raises:
            TrainingDiverged: if a loss is not finite; networks and optimisers are as before.
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
        if self.carrier is not None:
            return inpainting_path(
                self.networks, self.carrier, self.feature_networks, batch, self.config, generator
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
        self._share_between_processes()
        encoder = list(self.networks.learning_parameters(set(ENCODER_PARTS)))
        renderer = list(self.networks.learning_parameters({"renderer"}))
        clip_gradients(encoder, encoder_clip)
        clip_gradients(renderer, renderer_clip)
        self.optimizers.step()

    def _share_between_processes(self) -> None:
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
        """Return all that a run needs to go on exactly.

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
            "settings": settings(self.config),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state of a checkpoint that has been checked."""
        self.networks.load_state_dict(state["networks"])
        self.optimizers.load_state_dict(state["optimizers"])
        if self.average is not None:
            for name, value in state["average"].items():
                self.average.state[name].copy_(value)
        self.step, self.seconds = int(state["step"]), float(state["seconds"])

    def export(self, folder: Path) -> None:
        """Write ``encoder.safetensors`` and ``renderer.safetensors``, each where it has learnt.

        Raises:
            OutputError: if they cannot be written.
        """
        provenance = {
            "trained_by": "smirk3d",
            "settings": settings(self.config),
            "steps": self.step,
            "photos_seen": self.samples,
            "minutes": round(self.seconds / 60, 2),
        }
        if self.started_from:
            provenance["started_from"] = self.started_from
        if self.config.encoders_learn:
            self._encoder_to_export(provenance).save(
                folder / ENCODER_FILE, half=self.config.run.half
            )
        if "renderer" in self.config.networks.learning and self.config.losses.photometric:
            self.networks.renderer.provenance = provenance
            self.networks.renderer.save(folder / RENDERER_FILE, half=self.config.run.half)

    def _encoder_to_export(self, provenance: dict[str, Any]) -> FaceEncoder:
        encoder = self.networks.encoder
        if self.average is not None:
            encoder = FaceEncoder(self.head, replace(encoder.config, pretrained=False))
            encoder.load_state_dict(self.average.state)
            encoder.config = self.networks.encoder.config
        encoder.provenance = provenance
        return encoder


def settings(config: TrainConfig) -> dict[str, Any]:
    """Return the settings that a resumed run must share, as plain values.

    Length, devices and records may differ, and where data lie.
    """
    plain: dict[str, Any] = _plain(asdict(config))
    plain["run"] = {"seed": config.run.seed, "precision": config.run.precision}
    for name in ("faces", "fits", "shapes", "fit_processes"):
        plain["data"].pop(name)
    for name in ("on_device", "ahead"):
        plain["data"]["batches"].pop(name)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def train(
    config: TrainConfig,
    out: str | Path,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    on_fit_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Train, or go on with the run in a folder, and return the exported encoder's file.

    The folder gets ``checkpoints/``, ``log.jsonl``, ``panels/``, and ``encoder.safetensors`` and
    ``renderer.safetensors`` of what has learnt; of a painter the latter is returned.

    Args:
        config: all settings; see :mod:`smirk3d.training.presets`.
        out: the run's folder.
        on_progress: called after each step, in the first process.
        on_fit_progress: called with the numbers of photos fitted and in all.

    Raises:
        UsageError: if the settings cannot work; see :meth:`TrainConfig.check`.
        InputError: if the photos cannot be read.
        AssetError: if head or weights are absent, or the folder holds another run.
        TrainingDiverged: if a loss is not finite.
        OutputError: if the disk is full, or the folder holds weights of no run.
        MissingExtra: if Lightning Fabric is not installed.
    """
    config.check()
    out = Path(out)
    check_run_folder(out)
    head = load_head(config.head)
    faces = _photos(config)
    fits, start = fits_path(config.data.faces, head), None
    if config.data.refine is not None:
        start = PhotoReader(head, faces, config.data.refine)
    if start is not None or not fits.is_file():
        fits = out / "fits.ckpt"
    targets = fitted_targets(
        head,
        faces.landmarks,
        config.data.fits or fits,
        persons=faces.persons.tolist(),
        start=start,
        processes=config.data.fit_processes,
        on_progress=on_fit_progress,
    )
    if config.data.shapes is not None:
        shape = with_given_shapes(targets.shape, faces.keys, config.data.shapes)
        targets = targets.replace(shape=shape)
    fabric_module = require("lightning_fabric", extra="train")
    launched = "LOCAL_RANK" in os.environ
    run = config.run
    strategy = "auto" if run.devices == 1 else ("ddp" if launched else "ddp_spawn")
    fabric = fabric_module.Fabric(
        accelerator=run.accelerator, devices=run.devices, strategy=strategy,
        precision=run.precision,
    )  # fmt: skip
    # bound, not passed: Fabric goes through what it passes on and refuses frozen dataclasses
    fabric.launch(partial(_train_process, config, head, faces, targets, out, on_progress))
    return out / (ENCODER_FILE if config.encoders_learn else RENDERER_FILE)


def _photos(config: TrainConfig) -> AnnotatedFaces:
    left = config.data.max_photos or None
    chosen: set[str] = set()

    def keep(key: str) -> bool:
        if not trains(key) or (left is not None and len(chosen) >= left and key not in chosen):
            return False
        chosen.add(key)
        return True

    return read_annotated_faces(config.data.faces, keep=keep)


def _train_process(
    config: TrainConfig,
    head: HeadModel,
    faces: AnnotatedFaces,
    targets: FaceParameters,
    out: Path,
    on_progress: Callable[[Progress], None] | None,
    fabric: Any,
) -> None:
    trainer = Trainer(config, head, fabric)
    stored = latest_checkpoint(out)
    if stored is not None:
        check_checkpoint(stored, out, head.fingerprint, settings(config))
        trainer.load_state(stored)
    batches = TrainingBatches(
        faces, targets, trainer.head, config.data.batches, seed=config.run.seed,
        rank=trainer.rank, world_size=fabric.world_size,
    )  # fmt: skip
    reads = config.rendered == "read"
    if stored is None and reads and config.networks.encoder.normalized:
        measured = batches
        if fabric.world_size > 1:
            # the same pictures in every process
            alike = replace(config.data.batches, on_device=False)
            measured = TrainingBatches(faces, targets, trainer.head, alike, seed=config.run.seed)
        trainer.measure_features(lambda number: measured.batch(_MEASURED_STEP + number))
    first = trainer.rank == 0
    step = trainer.step if first else None
    with RunLog(out, step=step, tensorboard=config.run.tensorboard and first) as log:
        for name, reason in faces.refused.items():
            log.event(trainer.step, f"photo {name} left out: {reason}")
        run_loop(trainer, batches, log, out, on_progress)


def run_loop(
    trainer: Trainer,
    batches: TrainingBatches,
    log: RunLog,
    out: Path,
    on_progress: Callable[[Progress], None] | None = None,
) -> None:
    """Take steps until the run's steps or minutes are over, then export.

    Raises:
        TrainingDiverged: if a loss is not finite.
        OutputError: if the disk is full.
    """
    run = trainer.config.run
    first = trainer.rank == 0
    before, start = trainer.seconds, time.monotonic()
    saved = start
    smooth: dict[str, float] = {}
    source = batches.from_step(trainer.step)
    while (fraction := _share(trainer, batches.world_size)) < 1:
        losses = trainer.train_step(next(source), fraction)
        trainer.seconds = before + time.monotonic() - start
        smooth = {k: 0.98 * smooth.get(k, v) + 0.02 * v for k, v in losses.items()}
        if not first:
            continue
        if trainer.step % max(run.log_steps, 1) == 0:
            pace = trainer.samples / max(trainer.seconds, 1e-9)
            log.scalars(trainer.step, smooth | {"minutes": trainer.seconds / 60,
                                                "images_per_second": pace})  # fmt: skip
        if run.panel_steps and trainer.step % run.panel_steps == 0 and trainer.panels:
            log.panel(trainer.step, panel_sheet(trainer.panels))
        if time.monotonic() - saved > 60 * run.save_minutes:
            saved = time.monotonic()
            save_checkpoint(out, trainer.state(), trainer.step)
            trainer.export(out)
        if on_progress is not None:
            on_progress(Progress(trainer.step, fraction, trainer.seconds, losses))
    source.close()  # type: ignore[attr-defined]
    if first:
        save_checkpoint(out, trainer.state(), trainer.step)
        trainer.export(out)


def _share(trainer: Trainer, world_size: int) -> float:
    """Return how much of the run is over; the same in all processes."""
    run = trainer.config.run
    fraction = 0.0
    if run.steps:
        fraction = trainer.step / run.steps
    if run.minutes:
        fraction = max(fraction, trainer.seconds / 60 / run.minutes)
        if world_size > 1:
            fraction = float(trainer.fabric.broadcast(fraction))
    return fraction
