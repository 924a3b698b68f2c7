"""A run of training: photos and targets, processes, the loop, records."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from smirk3d.assets.optional import require
from smirk3d.data.annotated_faces import AnnotatedFaces, read_annotated_faces, trains
from smirk3d.data.batches import TrainingBatches
from smirk3d.data.drawn_people import DrawnPeople
from smirk3d.data.given_shapes import with_given_shapes
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.training.checkpoints import (
    ENCODER_FILE,
    RENDERER_FILE,
    check_checkpoint,
    check_run_folder,
    latest_checkpoint,
    run_settings,
    save_checkpoint,
)
from smirk3d.training.config import TrainConfig
from smirk3d.training.fitted_targets import fits_path, fitted_targets
from smirk3d.training.photo_reading import PhotoReader
from smirk3d.training.records.panels import panel_sheet
from smirk3d.training.records.run_log import RunLog
from smirk3d.training.trainer import Trainer
from smirk3d.training.weights_export import export_weights

_MEASURED_STEP = 2**30
"""Number of the first batch on which features are measured; no run gets so far."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: number of steps done.
        fraction: fraction of the run that is over, in [0, 1]; 0 if nothing limits it.
        seconds: seconds of training, those before an interruption included.
        losses: losses of the latest step, by name.
    """

    step: int
    fraction: float
    seconds: float
    losses: dict[str, float]

    @property
    def seconds_left(self) -> float:
        """Seconds that are expected from the pace so far; infinite at the start."""
        return self.seconds * (1 / self.fraction - 1) if self.fraction else float("inf")


def train(
    config: TrainConfig,
    out: str | Path,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    on_target_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Train, or go on with the run in a folder, and return the exported encoder's file.

    The folder gets ``checkpoints/``, ``log.jsonl``, ``panels/``, and ``encoder.safetensors`` and
    ``renderer.safetensors`` of the networks that have learnt; the latter file is returned where no
    encoder learns.

    Args:
        config: all settings; see :mod:`smirk3d.training.recipes`.
        out: the run's folder.
        on_progress: called after each step, in the first process.
        on_target_progress: called with the numbers of photos fitted and in all.

    Raises:
        UsageError: if the settings cannot work; see :meth:`TrainConfig.check_complete`.
        InputError: if the photos cannot be read.
        AssetError: if head or weights are absent, or the folder holds another run.
        TrainingDiverged: if a loss is not finite.
        OutputError: if the disk is full, or the folder holds weights of no run.
        MissingExtra: if Lightning Fabric is not installed.
    """
    config.check_complete()
    out = Path(out)
    check_run_folder(out)
    head = load_head(config.head)
    faces = _photos(config)
    targets = _targets(config, head, faces, out, on_target_progress)
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


def _targets(
    config: TrainConfig,
    head: HeadModel,
    faces: AnnotatedFaces,
    out: Path,
    on_progress: Callable[[int, int], None] | None,
) -> FaceParameters:
    """Return the fitted parameters of all photos, with given shapes where there are some."""
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
        on_progress=on_progress,
    )
    if config.data.shapes is not None:
        shape = with_given_shapes(targets.shape, faces.keys, config.data.shapes)
        targets = targets.replace(shape=shape)
    return targets


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
        check_checkpoint(stored, out, head.fingerprint, run_settings(config))
        trainer.load_state(stored)
    people = None
    if config.data.people is not None and config.data.batches.people:
        encoder = trainer.networks.encoder
        people = DrawnPeople(
            config.data.people, head, encoder.config.points, encoder.learnt_points,
            config.data.batches.people_most,
        )  # fmt: skip
    batches = TrainingBatches(
        faces, targets, trainer.head, config.data.batches, people=people, seed=config.run.seed,
        rank=trainer.rank, world_size=fabric.world_size,
    )  # fmt: skip
    if stored is None and people is not None:
        trainer.start_points(people)
    predicts = config.rendered == "predicted"
    if stored is None and predicts and config.networks.encoder.normalized:
        measured = batches
        if fabric.world_size > 1:
            # the same pictures in every process
            alike = replace(config.data.batches, on_device=False)
            measured = TrainingBatches(
                faces, targets, trainer.head, alike, people=people, seed=config.run.seed
            )
        trainer.measure_features(lambda number: measured.batch(_MEASURED_STEP + number))
    first = trainer.rank == 0
    step = trainer.step if first else None
    with RunLog(out, step=step, tensorboard=config.run.tensorboard and first) as log:
        events = [f"photo {name} left out: {reason}" for name, reason in faces.refused.items()]
        for text in (*events, *trainer.feature_networks.left_out) if first else ():
            log.event(trainer.step, text)
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
    while (fraction := _fraction_done(trainer, batches.world_size)) < 1:
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
            export_weights(trainer, out)
        if on_progress is not None:
            on_progress(Progress(trainer.step, fraction, trainer.seconds, losses))
    source.close()  # type: ignore[attr-defined]
    if first:
        save_checkpoint(out, trainer.state(), trainer.step)
        export_weights(trainer, out)


def _fraction_done(trainer: Trainer, world_size: int) -> float:
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
