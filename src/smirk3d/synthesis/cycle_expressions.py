"""Other expressions for the faces of a batch: the four changes of the augmented cycle path.

Retsinas et al. 2024, section 3.3: noise, permutation, template, neutral.
"""

from __future__ import annotations

import torch
from torch import Tensor

from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.expression_change_config import ExpressionChangeConfig
from smirk3d.synthesis.expressions import ExpressionSampler

NUM_CHANGES = 4
"""Each change goes to a fourth of the batch."""


def changed_expressions(
    start: FaceParameters,
    head: HeadModel,
    templates: FaceParameters | None,
    config: ExpressionChangeConfig,
    generator: torch.Generator,
) -> tuple[FaceParameters, Tensor]:
    """Return the faces with other expressions, without gradient, and which change each got.

    Shape, head pose, neck and camera stay.

    Args:
        start: B faces.
        head: gives the groups.
        templates: extreme expressions to draw from; None draws noise in their place.
        config: ranges of the changes.
        generator: source of randomness, on any device.

    Returns:
        B faces; and ``[B]`` numbers: 0 noise, 1 permutation, 2 template, 3 neutral.
    """
    start = start.detach()
    sampler = ExpressionSampler(head, start, generator)
    batch, device = len(start), start.shape.device
    order = sampler.order()
    change = torch.empty_like(order)
    change[order] = torch.arange(batch, device=device) % NUM_CHANGES
    group = head.group("expression")
    noisy = _noisy(start.expression, sampler, config)
    template = _template(templates, noisy, sampler)
    other = start.expression[sampler.order()]
    factor = sampler.between(config.blend, 1)
    options = torch.stack([noisy, other * factor, template * factor, torch.zeros_like(noisy)])
    expression = options[change, torch.arange(batch, device=device)]
    std = expression.new_tensor(group.prior_std)
    small = sampler.normal(group.dim) * sampler.uniform(1)
    expression = expression + small * config.small_noise * std
    if group.activation == "identity":
        expression = expression.clamp(-config.limit * std, config.limit * std)
    neutral = (change == NUM_CHANGES - 1)[:, None]
    changed = start.replace(expression=expression, **_others(start, sampler, config, neutral))
    return sampler.clamp(changed), change


def _noisy(start: Tensor, sampler: ExpressionSampler, config: ExpressionChangeConfig) -> Tensor:
    """Return expressions ``[B, E]`` changed by noise that suits the group."""
    if sampler.head.group("expression").activation == "identity":
        return start + sampler.coefficient_noise(config.noise_fraction, config.noise)
    drawn, chosen = sampler.actions(config.actions, config.strength)
    return torch.where(chosen, drawn, start * sampler.uniform(1))


def _template(
    templates: FaceParameters | None, noisy: Tensor, sampler: ExpressionSampler
) -> Tensor:
    if templates is None:
        return noisy
    row = (sampler.uniform() * len(templates)).long().clamp(max=len(templates) - 1)
    return templates.expression[row].to(noisy)


def _others(
    faces: FaceParameters,
    sampler: ExpressionSampler,
    config: ExpressionChangeConfig,
    neutral: Tensor,
) -> dict[str, Tensor]:
    """Return changed jaw, eyelids and gaze of the faces, by group."""
    groups: dict[str, Tensor] = {}
    if faces.jaw.shape[1]:
        jaw = sampler.head.group("jaw")
        noise = sampler.normal(jaw.dim) * config.jaw_noise * faces.jaw.new_tensor(jaw.prior_std)
        changed = torch.where(
            sampler.uniform(1) < config.jaw_fraction, faces.jaw + noise, faces.jaw
        )
        rest = faces.jaw.new_tensor(jaw.default).expand_as(changed)
        groups["jaw"] = torch.where(neutral, rest, changed)
    if faces.eyelids.shape[1]:
        shifted = faces.eyelids + sampler.between((-1.0, 1.0), 2) * config.eyelid_noise
        groups["eyelids"] = torch.where(neutral, sampler.uniform(2), shifted)
    if faces.eyes.shape[1]:
        groups["eyes"] = sampler.gaze(faces.eyes, config.gaze_fraction)
    return groups
