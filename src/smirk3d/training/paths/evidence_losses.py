"""Losses of encoders that predict uncertainty: sparse actions, standard deviations, points, shape.

All but one are of faces with ground truth; faces with fitted targets do not count. Of photos it is
known at most which actions they do not show. The mean estimates learn
from distances, and standard deviations from the likelihood of the errors that the estimates have:
one loss for both lets a network excuse errors instead of mending them (Seitzer et al., "On the
pitfalls of heteroscedastic uncertainty estimation with probabilistic neural networks", ICLR 2022).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from smirk3d.conventions import CROP_SIZE
from smirk3d.data.augmentation import TrainingBatch
from smirk3d.encoders.evidence import EncoderDetails
from smirk3d.encoders.output_layers import GroupOutputs, OutputDetails
from smirk3d.geometry.cameras import pixels_to_ndc
from smirk3d.parameters.face_parameters import FaceParameters

_ABSENT, _PRESENT = 0.03, 0.12
"""Weights up to which an action counts as absent, and from which it counts as there; between, by
its fraction of the way. Below 0.1 a change is hardly seen in drawn pictures of 160 pixels."""
_LEAST_LOG_STD, _MOST_LOG_STD = -5.0, 4.0
"""Range of logarithms of standard deviations, in each component's scale, which keeps likelihoods
finite."""
_VALUE_UNIT = 0.2
"""Unit of differences of actions, as of pseudo-labels (``unit_interval_std``)."""
_PIXEL = CROP_SIZE / 2
"""Pixels of a 224 crop in a unit of device coordinates."""


def evidence_terms(
    details: EncoderDetails, batch: TrainingBatch
) -> dict[str, Callable[[], Tensor]]:
    """Return the losses by name as functions that compute scalars.

    Args:
        details: predictions of B faces.
        batch: their targets.
    """
    terms = {
        "activity": lambda: _over_outputs(_activity_loss, details, batch),
        "uncertainty": lambda: _over_outputs(_likelihood_loss, details, batch),
    }
    if details.points is not None and batch.points is not None:
        terms["points"] = lambda: _point_loss(details, batch)
    return terms


def shape_distance(
    predicted: Tensor, target: Tensor, is_ground_truth: Tensor, face_gram: Tensor
) -> Tensor:
    """Return the mean squared distance of neutral faces in square millimetres, a scalar.

    Args:
        predicted: identity coefficients ``[B, S]``.
        target: true ones ``[B, S]``; faces with NaN do not count.
        is_ground_truth: ``[B]`` bool, whether a target is ground truth.
        face_gram: ``[S, S]``, see :class:`~smirk3d.training.paths.fixture.TrainingFixture`.
    """
    known = is_ground_truth & ~target.isnan().any(1)
    if not known.any():
        return predicted.new_zeros(())
    return _square_millimetres((predicted - target)[known], face_gram)


def same_person_distance(
    predicted: Tensor, same_person: Tensor | None, face_gram: Tensor
) -> Tensor:
    """Return the mean squared distance of neutral faces that should be one, in square millimetres.

    Args:
        predicted: identity coefficients ``[B, S]``.
        same_person: rows ``[K, 2]`` that show one person; None if none do.
        face_gram: ``[S, S]``, as of :func:`shape_distance`.
    """
    if same_person is None or not len(same_person):
        return predicted.new_zeros(())
    first, second = same_person.T
    return _square_millimetres(predicted[first] - predicted[second], face_gram)


def _square_millimetres(difference: Tensor, face_gram: Tensor) -> Tensor:
    return 1e6 * ((difference @ face_gram) * difference).sum(1).mean()


def _over_outputs(
    loss: Callable[[GroupOutputs, OutputDetails, Tensor], Tensor],
    details: EncoderDetails,
    batch: TrainingBatch,
) -> Tensor:
    """Return the mean over known components of all output layers."""
    losses = []
    for output, outcome in details.outputs:
        target = output.row(batch.targets)
        target = target.masked_fill(~batch.is_ground_truth[:, None], torch.nan)
        losses.append(loss(output, outcome, target))
    found = torch.cat(losses)
    return found.mean() if len(found) else batch.landmarks.new_zeros(())


def _activity_loss(output: GroupOutputs, outcome: OutputDetails, target: Tensor) -> Tensor:
    target = target[:, output.sparse]
    known = ~target.isnan()
    target = target.nan_to_num()
    present = ((target - _ABSENT) / (_PRESENT - _ABSENT)).clamp(0, 1)
    there = F.binary_cross_entropy_with_logits(outcome.activity, present, reduction="none")
    value = ((outcome.value[:, output.sparse] - target) / _VALUE_UNIT).square() / 4
    return (there + present * value)[known]


def absence_loss(details: EncoderDetails, batch: TrainingBatch) -> Tensor:
    """Return the mean cross-entropy of actions that photos do not show, a scalar.

    Args:
        details: predictions of B faces.
        batch: tells which actions are absent.
    """
    if batch.absent is None:
        return batch.landmarks.new_zeros(())
    nothing = {name: torch.zeros_like(value) for name, value in batch.targets.items()}
    nothing["expression"] = batch.absent.to(batch.targets.expression)
    marked = FaceParameters(**nothing)
    costs = [
        F.softplus(outcome.activity)[output.row(marked)[:, output.sparse] > 0]
        for output, outcome in details.outputs
    ]
    found = torch.cat(costs)
    return found.mean() if len(found) else batch.landmarks.new_zeros(())


def _likelihood_loss(output: GroupOutputs, outcome: OutputDetails, target: Tensor) -> Tensor:
    free = output.hi > output.lo
    known = ~target.isnan() & free
    error = ((outcome.mean.detach() - target.nan_to_num()) / output.scale.clamp(min=1e-6))[known]
    log_std = outcome.log_std.clamp(_LEAST_LOG_STD, _MOST_LOG_STD)[known]
    return 0.5 * (error * (-log_std).exp()).square() + log_std


def _point_loss(details: EncoderDetails, batch: TrainingBatch) -> Tensor:
    assert details.points is not None and batch.points is not None
    assert batch.points_visible is not None
    target = pixels_to_ndc(batch.points, batch.images.shape[-1])
    known = ~target[..., 0].isnan()
    if not known.any():
        return target.new_zeros(())
    error = (details.points.points[known] - target[known]).square().sum(1)
    visible = batch.points_visible[known].float()
    # pixels, of hidden points less
    distance = (_PIXEL**2 * error + 0.25).sqrt() * torch.where(visible > 0, 1.0, 0.3)
    log_std = details.points.log_std.clamp(_LEAST_LOG_STD - 2, _MOST_LOG_STD)[known]
    likelihood = 0.5 * error.detach() * (-2 * log_std).exp() + 2 * log_std
    seen = F.binary_cross_entropy_with_logits(details.points.visible[known], visible)
    return distance.mean() + likelihood.mean() + seen
