"""Resynthesis protocol: how well a U-Net reproduces photos from each method's meshes."""

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
"""Side of the rendered images in pixels: half a crop; a step then takes 0.6 s on a CPU core."""

_TRAINING_PHOTOS_PER_LIMIT = 4
"""Training photos for each photo of ``--limit``; keeps a quick look quick."""

_MOST_TRAINING_PHOTOS = 1600
"""Training photos at most; bounds the time that methods take to estimate them."""

ABOUT = (
    "Each method is frozen and estimates training photos; a small U-Net of its own (light size, "
    f"{_SIZE} pixels, same seed, order and pixels) learns to render them from its meshes and 1 % "
    "of the face's pixels by 10 L1 + perceptual distance, as SMIRK's table does with a large one. "
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
    limit = _MOST_TRAINING_PHOTOS
    if config.limit:
        limit = min(_TRAINING_PHOTOS_PER_LIMIT * config.limit, limit)
    train = training_photos(config.faces, limit)
    network = perceptual_network().to(context.device)
    seeds = range(config.seed, config.seed + config.repeats)
    inputs_by_seed = [
        RendererInputs(context.head, _SIZE, context.device, seed=seed) for seed in seeds
    ]
    truth = inputs_by_seed[0].targets(photos.crops.images).cpu()
    hull = inputs_by_seed[0].hull(photos.crops).cpu()
    rows: list[list[Cell]] = []
    images: dict[str, Tensor] = {}
    for method in context.methods:
        context.on_progress(f"resynthesis of {method.name}: estimating {len(train)} photos")
        parameters = method(train.crops)
        figures: list[tuple[float, float, float]] = []
        for seed, inputs in zip(seeds, inputs_by_seed, strict=True):
            context.on_progress(f"resynthesis of {method.name}: {config.steps} steps, seed {seed}")
            renderer = inputs.trained(
                train.crops, parameters, LIGHT, steps=config.steps, perceptual=network
            )
            if seed == config.seed:
                renderer.save(context.out / "renderers" / f"{method.name}.safetensors")
            rendered = inputs.render_all(renderer, photos.crops, context.estimates()[method.name])
            images.setdefault(method.name, rendered)
            error = (rendered - truth).abs().mean(1, keepdim=True) * 255
            inside = (error * hull).sum((1, 2, 3)) / hull.sum((1, 2, 3)).clamp(min=1)
            distance = _perceptual(rendered, truth, network, context.device)
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
        {"rendered": _sheet(truth, images, config.shown)},
    )


def _summary(figures: Sequence[tuple[float, ...]]) -> list[float]:
    """Return each figure's mean over the trainings, and of several its standard deviation."""
    columns = list(zip(*figures, strict=True))
    stds = [stdev(column) for column in columns] if len(figures) > 1 else []
    return [mean(column) for column in columns] + stds


@torch.no_grad()
def _perceptual(
    rendered: Tensor, truth: Tensor, network: FeatureMaps, device: torch.device
) -> float:
    total = 0.0
    for ours, theirs in zip(rendered.split(BATCH), truth.split(BATCH), strict=True):
        distance = perceptual_loss(ours.to(device), theirs.to(device), network)
        total += float(distance) * len(ours)
    return total / len(rendered)


def _sheet(truth: Tensor, images: dict[str, Tensor], shown: int) -> Picture:
    tiles, labels = [], []
    for row in range(min(shown, len(truth))):
        for name, pictures in {"photo": truth, **images}.items():
            tiles.append(as_pictures(pictures[row][None])[0])
            labels.append(name)
    return contact_sheet(tiles, 1 + len(images), labels)
