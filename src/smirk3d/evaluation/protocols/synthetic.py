"""Synthetic protocol: renders of another head, whose ARKit weights are ground truth."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.methods import Crops
from smirk3d.evaluation.metrics import Array, channel_correlations, correlation, side_correlation
from smirk3d.evaluation.photos import Observer, arkit_row, as_pictures, as_tensor
from smirk3d.evaluation.report import Cell, Picture, Section, Table
from smirk3d.evaluation.sheets import estimate_sheet
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_crop import crop_face, transform_points
from smirk3d.synthesis.procedural_heads import ProceduralHeads

UNREPORTED = ("noseSneerLeft", "noseSneerRight", "cheekPuff", "jawLeft", "jawRight", "jawForward")
"""Channels that MediaPipe does not estimate."""

_PICTURES = 400
"""Pictures unless ``--limit`` is given; bounds the protocol's time."""

_ACTIONS = (2, 7)
"""Fewest and most actions of a face; chosen by eye."""

_WEIGHT = (0.3, 1.0)
"""Range of an action's weight: from plainly visible to full; chosen by eye."""

_IDENTITY = 0.7
"""Standard deviation of the identity's coefficients, less than 1 so that few faces look odd."""

_POSE = (0.12, 0.22, 0.06)
"""Standard deviations of the head's pitch, yaw and roll in radians: mostly frontal; by eye."""

_OPPOSED = (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"))
_BASELINE = "MediaPipe's 52"


def about(head: str) -> str:
    """Return the protocol's description for a head by name."""
    return (
        f"Renders of the head `{head}` with ground-truth ARKit weights: each picture another "
        f"identity, light, skin, {_ACTIONS[0]} to {_ACTIONS[1]} actions of 0.3 to 1, gaze, and a "
        "small rotation. "
        "Correlation of the estimates with the truth, by channel. No alignment, no training on "
        "these renders by this protocol. Channels that the head lacks are left out. A channel is "
        "ahead of MediaPipe if its correlation is higher, and positive."
    )


def drawn_faces(
    head: HeadModel, count: int, generator: torch.Generator
) -> tuple[FaceParameters, Tensor]:
    """Return random faces ``[B]`` and their ARKit weights ``[B, 52]``.

    Args:
        head: head with named actions.
        count: B.
        generator: source of randomness, on the CPU.
    """
    allowed = torch.tensor(
        [name in available(head) and "eyeLook" not in name for name in ARKIT_NAMES]
    )
    rank = torch.rand(count, len(ARKIT_NAMES), generator=generator)
    rank = torch.where(allowed, rank, 2.0).argsort(1).argsort(1)
    low, high = _ACTIONS
    chosen = rank < torch.randint(low, high + 1, (count, 1), generator=generator)
    drawn = torch.rand(rank.shape, generator=generator) * (_WEIGHT[1] - _WEIGHT[0]) + _WEIGHT[0]
    weights = torch.where(chosen, drawn, 0.0)
    for first, second in _OPPOSED:
        both = [ARKIT_NAMES.index(first), ARKIT_NAMES.index(second)]
        stronger = weights[:, both].amax(1, keepdim=True)
        weights[:, both] = torch.where(weights[:, both] < stronger, 0.0, weights[:, both])
    # a closing mouth is defined by an open jaw
    close, opened = ARKIT_NAMES.index("mouthClose"), ARKIT_NAMES.index("jawOpen")
    weights[:, opened] = torch.where(
        weights[:, close] > 0, weights[:, opened].clamp(min=0.5), weights[:, opened]
    )
    faces = head.from_arkit(weights)
    eyes = head.group("eyes")
    if eyes.dim:
        lo, hi = torch.tensor(eyes.lo), torch.tensor(eyes.hi)
        looked = lo + torch.rand(count, 3, generator=generator).repeat(1, 2) * (hi - lo)
        faces = faces.replace(eyes=looked * 0.7)
    shape = torch.randn(faces.shape.shape, generator=generator) * _IDENTITY
    pose = torch.randn(count, 3, generator=generator) * torch.tensor(_POSE)
    faces = faces.replace(shape=shape, head_pose=pose)
    return _framed(head, faces), head.arkit(faces)


def available(head: HeadModel) -> set[str]:
    """Return the names of ARKit's actions that move a head."""
    found = set()
    weights = torch.eye(len(ARKIT_NAMES))
    weights[ARKIT_NAMES.index("mouthClose"), ARKIT_NAMES.index("jawOpen")] = 0.5
    own = head.arkit(head.from_arkit(weights))
    for index, name in enumerate(ARKIT_NAMES):
        if own[index, index] > 0.5:
            found.add(name)
    return found


def _framed(head: HeadModel, faces: FaceParameters) -> FaceParameters:
    """Return faces with cameras that show head and some surroundings."""
    with torch.no_grad():
        vertices = torch.cat([head(faces[row][None]).vertices for row in range(len(faces))])
    face = vertices[:, head.regions["face"]]
    low, high = face.amin(1), face.amax(1)
    centre = (low + high)[:, :2] / 2
    scale = 1.05 / (high - low)[:, :2].amax(1, keepdim=True)
    return faces.replace(camera=torch.cat([scale, -centre], 1))


def rendered_crops(
    head: HeadModel, faces: FaceParameters, observer: Observer, generator: torch.Generator
) -> tuple[Crops, list[int]]:
    """Return crops of rendered faces, cut by a detector, and the rows of the faces found.

    Args:
        head: head of the faces.
        faces: parameters ``[B]``.
        observer: detector; faces that it does not find are left out.
        generator: source of randomness for colours and lights.

    Raises:
        AssetError: if no face is found.
    """
    heads = ProceduralHeads(head)
    rows: list[int] = []
    images, landmarks, blendshapes = [], [], []
    for row in range(len(faces)):
        drawn = heads.pictures(faces[row][None], [heads.random_appearance(generator)])
        picture = as_pictures(drawn)[0]
        found = observer.detect(picture)
        if found is None:
            continue
        crop, transform = crop_face(picture, found.landmarks)
        rows.append(row)
        images.append(crop)
        landmarks.append(transform_points(transform, found.landmarks[:, :2]))
        blendshapes.append(arkit_row(found))
    if not rows:
        raise AssetError(f"no face was found on renders of head {head.name!r}")
    return (
        Crops(
            as_tensor(np.stack(images)),
            torch.from_numpy(np.stack(landmarks)).float(),
            torch.stack(blendshapes),
        ),
        rows,
    )


def run(context: EvaluationContext) -> Section:
    """Return the protocol's section.

    Raises:
        AssetError: if the head of the renders is not installed.
    """
    config = context.config
    head = load_head(config.truth_head)
    generator = torch.Generator().manual_seed(config.seed)
    count = config.limit or _PICTURES
    context.on_progress(f"rendering {count} pictures of {head.name}")
    faces, weights = drawn_faces(head, count, generator)
    crops, rows = rendered_crops(head, faces, context.observer, generator)
    truth = weights[rows].numpy()
    found: dict[str, Array] = {_BASELINE: crops.blendshapes.numpy()}
    estimates: dict[str, FaceParameters] = {}
    for method in context.methods:
        context.on_progress(f"{method.name} estimates {len(crops)} renders")
        estimates[method.name] = method(crops)
        found[method.name] = context.head.arkit(estimates[method.name]).numpy()
    present = [i for i, name in enumerate(ARKIT_NAMES) if name in available(head)]
    tables = [
        Table(f"{len(rows)} pictures, {count - len(rows)} left out for want of a face.",
              *_summary(found, truth, present)),
        Table("Correlation by channel; a constant estimate counts as 0.",
              ["channel", "mean truth", *found], _channels(found, truth, present)),
    ]  # fmt: skip
    return Section(
        "synthetic", about(head.name), tables, {"renders": _sheet(context, crops, estimates)}
    )


def _each(found: Array, truth: Array) -> Array:
    return np.nan_to_num(channel_correlations(found, truth))


def _summary(
    found: dict[str, Array], truth: Array, present: list[int]
) -> tuple[list[str], list[list[Cell]]]:
    base = _each(found[_BASELINE], truth)[present]
    unreported = [present.index(i) for i in present if ARKIT_NAMES[i] in UNREPORTED]
    rows: list[list[Cell]] = []
    for name, values in found.items():
        each = _each(values, truth)[present]
        ahead = (
            f"{int((each > base.clip(min=0)).sum())} of {len(present)}"
            if name != _BASELINE
            else None
        )
        rows.append(
            [name, float(each.mean()), correlation(values[:, present], truth[:, present]),
             side_correlation(values, truth), float(each[unreported].mean()), ahead]
        )  # fmt: skip
    columns = ["method", "mean over channels", "all values", "left - right",
               "mean where MediaPipe reports nothing", "channels ahead of MediaPipe"]  # fmt: skip
    return columns, rows


def _channels(found: dict[str, Array], truth: Array, present: list[int]) -> list[list[Cell]]:
    each = {name: _each(values, truth) for name, values in found.items()}
    return [
        [ARKIT_NAMES[i], float(truth[:, i].mean()), *(float(values[i]) for values in each.values())]
        for i in present
    ]


def _sheet(
    context: EvaluationContext, crops: Crops, estimates: dict[str, FaceParameters]
) -> Picture:
    count = min(context.config.shown, len(crops))
    shown = {name: estimate[:count] for name, estimate in estimates.items()}
    return estimate_sheet(context.head, crops.images[:count], shown)
