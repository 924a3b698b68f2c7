"""Is a known expression read back from a neural renderer's painting of it?"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import InputError
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.metrics import correlation
from smirk3d.evaluation.neural_rendering import RendererInputs
from smirk3d.evaluation.photos import Photos, as_pictures
from smirk3d.evaluation.report import Cell, Picture, Section, Table
from smirk3d.evaluation.sheets import answer_sheet
from smirk3d.fitting import SPARSITY
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rendering.contact_sheet import contact_sheet
from smirk3d.synthesis.expression_augmentation import ExpressionAugmentation
from smirk3d.synthesis.expression_augmentation_config import ExpressionAugmentationConfig

GROUPS = ("expression", "jaw", "eyelids", "eyes")
_MOST = 256
FITS = {"plain": 0.0, "sparse": SPARSITY}
"""Weight of sparsity of the fits that expressions start from, by kind."""
ABOUT = (
    "Fits of held-out photos are given other expressions (up to five actions added, eyelids, jaw "
    "and gaze drawn anew), rendered, drawn by the given neural renderer, estimated by each method: "
    "mean absolute error of each group, and correlation of all the actions with the truth. `all` "
    "is the mean over expression, jaw and eyelids, each component counting once. `added` and "
    "`others` are the errors of the named actions that were added, and of the rest, of which a "
    "reader that sees nothing may have a small one. Plain fits have pressed lips and sneers on "
    "most faces, of which no picture shows much; sparse ones, such as training learns from, have "
    "them where landmarks ask for them. Paintings in which MediaPipe finds no face are left out."
)


def run(context: EvaluationContext) -> Section:
    """Return the protocol's section: a table for each kind of fits.

    Raises:
        InputError: if no renderer is given.
        AssetError: if its file is absent or damaged.
    """
    if context.config.renderer is None:
        raise InputError("the cycle needs a neural renderer's weights: give --renderer FILE")
    renderer = NeuralRenderer.from_file(context.config.renderer).to(context.device)
    tables: list[Table] = []
    pictures: dict[str, Picture] = {}
    for kind, sparsity in FITS.items():
        photos, fitted = context.some_photos(_MOST, sparsity)
        table, sheets = _read_back(context, renderer, photos, fitted, f"From {kind} fits")
        tables.append(table)
        pictures |= {f"{name}-{kind}": sheet for name, sheet in sheets.items()}
    return Section("cycle", ABOUT, tables, pictures)


def _read_back(
    context: EvaluationContext,
    renderer: NeuralRenderer,
    photos: Photos,
    fitted: FaceParameters,
    title: str,
) -> tuple[Table, dict[str, Picture]]:
    """Return how well expressions are read back that start from some fits, and pictures."""
    size = int(renderer.provenance.get("settings", {}).get("render_size", CROP_SIZE // 2))
    generator = torch.Generator().manual_seed(context.config.seed)
    target = ExpressionAugmentation(context.head, ExpressionAugmentationConfig(actions=(0, 5)))(
        fitted, generator
    )
    context.on_progress(f"painting {len(photos)} faces")
    painter = RendererInputs(context.head, size, context.device, seed=context.config.seed)
    painted = painter.render_all(renderer, photos.crops, fitted, target)
    large = F.interpolate(painted, size=(CROP_SIZE,) * 2, mode="bilinear")
    crops, seen = context.observer.crops(large)
    kept = torch.from_numpy(seen)
    if not kept.any():
        raise InputError(f"{context.config.renderer}: MediaPipe finds no face in what it paints")
    crops, truth = crops[kept], target[kept]
    added = truth.expression > fitted[kept].expression
    rows: list[list[Cell]] = []
    answers: dict[str, FaceParameters] = {}
    for method in context.methods:
        context.on_progress(f"{method.name} reads {len(crops)} paintings")
        answers[method.name] = answer = method(crops)
        actions = _of_actions(context, answer, truth, added)
        rows.append([method.name, *_errors(answer, truth), *actions])
    counts = f"{len(crops)} paintings of {size} pixels, {int((~kept).sum())} left out"
    columns = ["method", "all", *GROUPS, "added", "others", "correlation of actions"]
    pictures = {
        "paintings": _sheet(context, photos.crops.images[kept], truth, crops.images),
        "answers": answer_sheet(
            context.head,
            crops.images[: context.config.shown],
            {"truth": truth[: context.config.shown],
             **{name: answer[: context.config.shown] for name, answer in answers.items()}},
        ),
    }  # fmt: skip
    return Table(f"{title}: {counts}.", columns, rows), pictures


def _errors(answer: FaceParameters, truth: FaceParameters) -> list[float]:
    differences = {name: (getattr(answer, name) - getattr(truth, name)).abs() for name in GROUPS}
    together = torch.cat([differences[name] for name in GROUPS if name != "eyes"], 1)
    parts: list[Tensor] = [together, *differences.values()]
    return [float(part.mean()) if part.numel() else float("nan") for part in parts]


def _of_actions(
    context: EvaluationContext, answer: FaceParameters, truth: FaceParameters, added: Tensor
) -> list[float | None]:
    """Return the errors of added and of other actions, and the correlation of all of them."""
    if not context.head.has_named_actions:
        return [None, None, None]
    error = (answer.expression - truth.expression).abs()
    together = correlation(context.head.arkit(answer).numpy(), context.head.arkit(truth).numpy())
    return [float(error[added].mean()), float(error[~added].mean()), together]


def _sheet(
    context: EvaluationContext, photos: Tensor, truth: FaceParameters, painted: Tensor
) -> Picture:
    count = min(context.config.shown, len(painted))
    pictures = []
    for photo, painting in zip(as_pictures(photos[:count]), as_pictures(painted[:count]),
                               strict=True):  # fmt: skip
        pictures += [photo, painting]
    return contact_sheet(pictures, 4, ["photo", "painted otherwise"] * count)
