"""Runs on the tiny head with synthetic photos, which tests of training share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from smirk3d.data.annotated_faces import AnnotatedFaces
from smirk3d.data.batch_config import BatchConfig
from smirk3d.data.batches import TrainingBatches
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head
from smirk3d.losses.loss_weights import LossWeights
from smirk3d.neural_renderer.renderer_config import NeuralRendererConfig
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.training.config import DataConfig, RunConfig, TrainConfig
from smirk3d.training.network_config import NetworkConfig
from smirk3d.training.optimizer_config import OptimizerConfig
from smirk3d.training.paths.config import CycleConfig, LandmarkConfig
from smirk3d.training.recipes.smirk import CHANGE, MASKING
from smirk3d.training.records.run_log import RunLog
from smirk3d.training.run import run_loop
from smirk3d.training.trainer import Trainer

SIZE = 32
NUM_PHOTOS = 12


def small_config(*, renders: bool = True, steps: int = 4, shared: bool = True) -> TrainConfig:
    return TrainConfig(
        head="tiny",
        render_size=SIZE,
        data=DataConfig(batches=BatchConfig(batch_size=4, image_size=SIZE, ahead=0)),
        networks=NetworkConfig(
            encoder=EncoderConfig(
                expression_backbone="mobilenetv3_small_minimal",
                shape_backbone="mobilenetv3_small_minimal",
                input_size=SIZE,
                shared=shared,
            ),
            renderer=NeuralRendererConfig(features=(4, 6, 8), blocks=1),
        ),
        losses=LossWeights(
            landmarks=1.0,
            contour=0.5,
            openings=0.1,
            photometric=10.0 * renders,
            perceptual=0.0,
            emotion=0.0,
            shape_prior=1e-3,
            shape_target=1e-3,
            eyelids_prior=1e-3,
            eyes_prior=1e-3,
            pseudo_labels=1.0,
            cycle=1.0 * renders,
        ),
        landmarks=LandmarkConfig(emphasis=3.0),
        masking=replace(MASKING, point_fraction=0.1),
        cycle=CycleConfig(
            first_step=1,
            change=CHANGE,
            form="squared",
            gains={"expression": 1.0, "jaw": 10.0, "eyelids": 10.0},
        ),
        optimizer=OptimizerConfig(
            encoder_rate=2.5e-4,
            betas=(0.5, 0.999),
            averaging=0.9,
            warmup_steps=2,
            encoder_clip=1.0,
            renderer_cycle_clip=0.1,
        ),
        run=RunConfig(steps=steps, log_steps=1, panel_steps=2, save_minutes=1e-9, half=False),
    )


def some_faces(head: HeadModel, count: int) -> FaceParameters:
    generator = torch.Generator().manual_seed(11)
    groups = {}
    for group in head.spec:
        std = torch.tensor(group.prior_std) * group.observable
        drawn = torch.randn(count, group.dim, generator=generator)
        groups[group.name] = group.clamp(drawn * std)
    return head.neutral(count).replace(
        **groups, head_pose=torch.randn(count, 3, generator=generator) * 0.1
    )


def some_photos(head: HeadModel, truth: FaceParameters) -> AnnotatedFaces:
    """Noise with a bright spot at each of three landmarks: enough to have gradients."""
    generator = torch.Generator().manual_seed(12)
    count = len(truth)
    seen = project(head.landmarks(head(truth).vertices), truth.camera)[..., :2]
    seen = ndc_to_pixels(seen, 224).detach()
    landmarks = seen.mean(1, keepdim=True).repeat(1, 478, 1)
    landmarks[:, head.landmark_ids] = seen
    images = torch.randint(0, 120, (count, 3, 224, 224), generator=generator, dtype=torch.uint8)
    for row in range(count):
        for channel in range(3):
            x, y = seen[row, 4 * channel].long().clamp(4, 219).tolist()
            images[row, channel, y - 4 : y + 4, x - 4 : x + 4] = 255
    return AnnotatedFaces(
        keys=np.array([f"{i:05d}" for i in range(1, count + 1)]),
        images=images,
        landmarks=landmarks,
        blendshapes=torch.zeros(count, 52),
        blendshape_names=tuple(f"b{i}" for i in range(52)),
        sources=np.array(["a", "b"] * (count // 2)),
        persons=np.full(count, ""),
        oval_inside=torch.ones(count),
    )


def small_trainer(config: TrainConfig, kind: str = "named") -> tuple[Trainer, TrainingBatches]:
    head = tiny_head("pca" if kind == "pca" else "named")
    truth = some_faces(head, NUM_PHOTOS)
    trainer = Trainer(config, head)
    batches = TrainingBatches(
        some_photos(head, truth), truth, head, config.data.batches, seed=config.run.seed
    )
    return trainer, batches


def take_steps(trainer: Trainer, batches: TrainingBatches, count: int) -> list[dict[str, float]]:
    total = max(trainer.config.run.steps, 1)
    return [
        trainer.train_step(batches.batch(trainer.step), trainer.step / total) for _ in range(count)
    ]


def with_run(config: TrainConfig, **changes: object) -> TrainConfig:
    return replace(config, run=replace(config.run, **changes))


def run_in(folder: Path, trainer: Trainer, batches: TrainingBatches) -> None:
    """Train as a command does, with log and files in the folder."""
    with RunLog(folder) as log:
        run_loop(trainer, batches, log, folder)
