"""Gates, gains and standard deviations of encoders, measured on drawn people after training.

A network that learns expected values reports weak actions where it is unsure. What users want is a
decision: nothing where there is probably nothing, and the whole action where there probably is one.
How probable is enough differs from action to action, and is measured on pictures that training has
not seen; so are the factors that make standard deviations those of the errors.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from smirk3d.data.augmentation import Augmentation, TrainingBatch
from smirk3d.data.batch_config import AugmentationConfig
from smirk3d.data.drawn_people import DrawnPeople
from smirk3d.encoders.evidence import EncoderDetails
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.output_layers import GroupOutputs, gated
from smirk3d.errors import UsageError
from smirk3d.geometry.cameras import pixels_to_ndc
from smirk3d.heads.head_model import HeadModel
from smirk3d.synthesis.mirroring import Mirror
from smirk3d.training.paths.fixture import face_gram

_LOWS = (0.0, 0.1, 0.2, 0.3, 0.4)
"""Lower ends of gates that are tried, chosen by hand: finer steps change the error by less than its
standard error on 1,000 pictures."""
_WIDTHS = (0.2, 0.4, 0.6, 0.9)
"""Widths of gates that are tried, chosen by hand as the lower ends."""
_GAINS = (1.0, 1.1, 1.2, 1.35, 1.5)
"""Factors on values that are tried, chosen by hand as the gates."""
_ABSOLUTE = 0.1
"""Weight of the mean absolute error beside the mean squared one. Squares alone keep a little of
each action, absolute errors alone report none; chosen by hand between the two."""
_LEAST_STRETCH, _MOST_STRETCH = 0.8, 1.3
"""Range of the factor on identities, by hand: what lies beyond is no matter of calibration. That of
the shipped weights is 1.17."""
_BATCH = 64
"""Pictures that go through an encoder at once, chosen by hand: 40 MB."""
_AS_DETECTED = AugmentationConfig(
    crop_scale=(1.36, 1.52), shift=0.025, rotation=0.0, flip=0.0, brightness=0.0,
    contrast=0.0, colour=0.0, grey=0.0, blur=0.0, noise=0.0, occlusion=0.0,
)  # fmt: skip
"""Crops as the product cuts them, by the landmarks of MediaPipe instead of the head's own: see
:mod:`smirk3d.training.recipes.people`."""


@dataclass(frozen=True)
class Calibration:
    """What a calibration changed, in mean over all sparse actions or all components.

    Attributes:
        pictures: number of pictures.
        error_before: mean absolute error of sparse actions before the calibration.
        error_after: mean absolute error of sparse actions after the calibration.
        zero: mean absolute error of sparse actions if nothing is ever reported.
        std_factor: geometric mean of the factors on standard deviations.
    """

    pictures: int
    error_before: float
    error_after: float
    zero: float
    std_factor: float


@torch.no_grad()
def calibrate(encoder: FaceEncoder, people: DrawnPeople, head: HeadModel) -> Calibration:
    """Set gates, gains, biases and standard deviations from pictures, and say what it did.

    Args:
        encoder: encoder with uncertainty.
        people: pictures that it has not been trained on.
        head: head of both.

    Raises:
        UsageError: if the encoder predicts no uncertainty.
    """
    if not encoder.config.uncertainty:
        raise UsageError("this encoder predicts no uncertainty: there is nothing to calibrate")
    encoder.eval()
    batches = list(_batches(people, head))
    gram = face_gram(head)
    details = [encoder.details(batch.images) for batch in batches]
    before = after = zero = 0.0
    factors = []
    for number, part in enumerate(encoder.encoders()):
        output = part.output
        value, activity, log_std = (
            torch.cat([getattr(one.outputs[number][1], name) for one in details])
            for name in ("value", "activity", "log_std")
        )
        target = torch.cat([output.row(batch.targets) for batch in batches])
        mean = torch.cat([one.outputs[number][1].mean for one in details])
        if len(output.sparse):
            wanted = target[:, output.sparse]
            before = float((mean[:, output.sparse] - wanted).abs().mean())
            zero = float(wanted.abs().mean())
            found = _gates(output, value[:, output.sparse], activity.sigmoid(), wanted)
            mean = mean.index_copy(1, output.sparse, found)
            after = float((found - wanted).abs().mean())
        mean = _stretched(output, mean, target, gram)
        mean = mean + _centred(output, mean, target)
        error = (mean - target) / output.scale.clamp(min=1e-6)
        z = error * (-log_std).exp()
        factor = z.square().mean(0).sqrt().clamp(0.1, 10)
        factor = torch.where(output.hi > output.lo, factor, torch.ones_like(factor))
        output.std_layer.bias.add_(factor.log())
        factors.append(factor)
    _calibrate_points(encoder, details, batches)
    std_factor = float(torch.cat(factors).log().mean().exp())
    return Calibration(len(people), before, after, zero, std_factor)


def _batches(people: DrawnPeople, head: HeadModel) -> Iterator[TrainingBatch]:
    augment = Augmentation(Mirror(head), head.landmark_ids, _AS_DETECTED)
    generator = torch.Generator().manual_seed(0)
    for rows in torch.arange(len(people)).split(_BATCH):
        yield augment(people.rows(rows, head.v_template.device), 224, generator)


def _stretched(output: GroupOutputs, mean: Tensor, target: Tensor, gram: Tensor) -> Tensor:
    """Scale identities so that those of people differ as far as they are known to, and return all.

    Pictures of one person that are held to show one face draw estimates together and to the mean
    face, below where their squared error is least: the truth then rises by more than the estimate.
    """
    start = 0
    for name, size in output.groups:
        part = slice(start, start + size)
        start += size
        known = ~target[:, part].isnan().any(1)
        if name != "shape" or not known.any():
            continue
        read, true = (x[known][:, part] - x[known][:, part].mean(0) for x in (mean, target))
        power = float(((read @ gram) * read).sum())
        if power > 0:
            gain = float(((read @ gram) * true).sum()) / power
            gain = min(max(gain, _LEAST_STRETCH), _MOST_STRETCH)
            output.linear.weight[part] *= gain
            output.linear.bias[part] *= gain
            mean = mean.clone()
            mean[:, part] *= gain
    return mean


def _centred(output: GroupOutputs, mean: Tensor, target: Tensor) -> Tensor:
    """Move the layer's biases so that errors have no mean, and return the change ``[D]``.

    A component that moves little of the face, whose distance training measures, can be off by more
    than a standard deviation in everybody. Sparse actions are left as they are.
    """
    change = (target - mean).nanmean(0).nan_to_num(0.0)
    change = torch.where(output.hi > output.lo, change, 0.0).index_fill(0, output.sparse, 0.0)
    output.linear.bias.add_(change / output.scale.clamp(min=1e-6))
    return change


def _gates(output: GroupOutputs, value: Tensor, probability: Tensor, target: Tensor) -> Tensor:
    """Set the gates and gains of least error, each action's own, and return its estimates."""
    best = torch.full_like(value[0], torch.inf)
    chosen = torch.zeros_like(value)
    for low, width, gain in itertools.product(_LOWS, _WIDTHS, _GAINS):
        if low + width > 1:
            continue
        lows, highs, gains = (torch.full_like(best, x) for x in (low, low + width, gain))
        estimate = gated(value, probability, lows, highs, gains)
        error = estimate - target
        cost = (error.square() + _ABSOLUTE * error.abs()).mean(0)
        better = cost < best
        best = torch.where(better, cost, best)
        chosen = torch.where(better, estimate, chosen)
        for buffer, setting in (
            (output.gate_low, lows), (output.gate_high, highs), (output.gain, gains),
        ):  # fmt: skip
            buffer.copy_(torch.where(better, setting, buffer))
    return chosen


def _calibrate_points(
    encoder: FaceEncoder, details: list[EncoderDetails], batches: list[TrainingBatch]
) -> None:
    if encoder.points is None:
        return
    scores = []
    for one, batch in zip(details, batches, strict=True):
        assert one.points is not None and batch.points is not None
        target = pixels_to_ndc(batch.points, batch.images.shape[-1])
        error = (one.points.points - target) * (-one.points.log_std)[..., None].exp()
        scores.append(error[batch.points_visible])
    factor = torch.cat(scores).square().mean().sqrt()
    count = len(encoder.points.corners)
    encoder.points.certainty.bias[:count].add_(factor.log())
