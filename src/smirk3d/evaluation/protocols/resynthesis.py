"""Do meshes tell enough to paint the photo? A fresh U-Net for each method, trained the same way."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev

import torch
from torch import Tensor

from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.neural_rendering import BATCH, RendererInputs
from smirk3d.evaluation.photos import as_pictures, training_photos
from smirk3d.evaluation.report import Cell, Picture, Section, Table
from smirk3d.feature_networks.registry import perceptual_network
from smirk3d.losses.perceptual import FeatureMaps, perceptual_loss
from smirk3d.neural_renderer.renderer_config import LIGHT
from smirk3d.rendering.contact_sheet import contact_sheet

_SIZE = 112
_TRAIN_FRACTION = 4
_TRAIN_MOST = 1600
ABOUT = (
    "Each method is frozen and reads training photos; a small U-Net of its own (the light size, "
    f"{_SIZE} pixels, same seed, order and pixels) learns to paint them from its meshes and 1 % of "
    "the face's pixels by 10 L1 + perceptual distance, as SMIRK's table does with a large one. "
    "Measured on held-out photos: L1 over the picture and within the landmarks' hull (in 1/255), "
    "and perceptual distance. Weights that differ in rounding alone have come out 0.2 apart in L1 "
    "after 600 steps: closer methods are not told apart by one training."
)


def run(context: EvaluationContext) -> Section:
    """Return the protocol's section; the renderers are kept in ``OUT/renderers``.

    Raises:
        AssetError: if there is no perceptual network.
        OutputError: if a renderer cannot be kept.
    """
    config, photos = context.config, context.photos
    limit = min(_TRAIN_FRACTION * config.limit, _TRAIN_MOST) if config.limit else _TRAIN_MOST
    train = training_photos(config.faces, limit)
    judge = perceptual_network().to(context.device)
    seeds = range(config.seed, config.seed + config.repeats)
    painters = [RendererInputs(context.head, _SIZE, context.device, seed=seed) for seed in seeds]
    truth = painters[0].targets(photos.crops.images).cpu()
    hull = painters[0].hull(photos.crops).cpu()
    rows: list[list[Cell]] = []
    paintings: dict[str, Tensor] = {}
    for method in context.methods:
        context.on_progress(f"resynthesis of {method.name}: reading {len(train)} photos")
        parameters = method(train.crops)
        figures: list[tuple[float, float, float]] = []
        for seed, painter in zip(seeds, painters, strict=True):
            context.on_progress(f"resynthesis of {method.name}: {config.steps} steps, seed {seed}")
            renderer = painter.trained(
                train.crops, parameters, LIGHT, steps=config.steps, perceptual=judge
            )
            if seed == config.seed:
                renderer.save(context.out / "renderers" / f"{method.name}.safetensors")
            painted = painter.render_all(renderer, photos.crops, context.answers()[method.name])
            paintings.setdefault(method.name, painted)
            error = (painted - truth).abs().mean(1, keepdim=True) * 255
            inside = (error * hull).sum((1, 2, 3)) / hull.sum((1, 2, 3)).clamp(min=1)
            distance = _perceptual(painted, truth, judge, context.device)
            figures.append((float(error.mean()), float(inside.mean()), distance))
        rows.append([method.name, *_summary(figures)])
    title = f"{len(photos)} held-out photos; {len(train)} to train on, {config.steps} steps."
    columns = ["method", "L1", "L1 in the face", "perceptual"]
    if config.repeats > 1:
        title += f" Means over {config.repeats} trainings, and their standard deviations."
        columns += [f"{name} +-" for name in columns[1:]]
    return Section(
        "resynthesis",
        ABOUT,
        [Table(title, columns, rows)],
        {"paintings": _sheet(truth, paintings, config.shown)},
    )


def _summary(figures: Sequence[tuple[float, ...]]) -> list[float]:
    """Return each figure's mean over the trainings, and of several its standard deviation."""
    columns = list(zip(*figures, strict=True))
    stds = [stdev(column) for column in columns] if len(figures) > 1 else []
    return [mean(column) for column in columns] + stds


@torch.no_grad()
def _perceptual(
    painted: Tensor, truth: Tensor, network: FeatureMaps, device: torch.device
) -> float:
    total = 0.0
    for ours, theirs in zip(painted.split(BATCH), truth.split(BATCH), strict=True):
        distance = perceptual_loss(ours.to(device), theirs.to(device), network)
        total += float(distance) * len(ours)
    return total / len(painted)


def _sheet(truth: Tensor, paintings: dict[str, Tensor], shown: int) -> Picture:
    tiles, labels = [], []
    for row in range(min(shown, len(truth))):
        for name, images in {"photo": truth, **paintings}.items():
            tiles.append(as_pictures(images[row][None])[0])
            labels.append(name)
    return contact_sheet(tiles, 1 + len(paintings), labels)
