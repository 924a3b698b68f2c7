"""Other expressions for the faces of a batch: the four changes of the augmented cycle path.

Retsinas et al. 2024, section 3.3: noise, permutation, template, neutral. How each group changes
follows from the head's spec: sparse and uniform for named actions, normal for PCA coefficients.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.parameters.groups import ParameterGroup
from smirk3d.synthesis.expression_change_config import ExpressionChangeConfig

Draw = Callable[..., Tensor]

NUM_CHANGES = 4


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
        templates: extreme expressions to draw from; None draws strong noise in their place.
        config: how far.
        generator: on the faces' device.

    Returns:
        B faces; and ``[B]`` numbers: 0 noise, 1 permutation, 2 template, 3 neutral.
    """
    start = start.detach()
    batch, device = len(start), start.shape.device

    def draw(*shape: int) -> Tensor:
        return torch.rand(batch, *shape, generator=generator, device=device)

    order = torch.randperm(batch, generator=generator, device=device)
    change = torch.empty_like(order)
    change[order] = torch.arange(batch, device=device) % NUM_CHANGES
    group = head.group("expression")
    normal = torch.randn(start.expression.shape, generator=generator, device=device)
    std = start.expression.new_tensor(group.prior_std)
    other = torch.randperm(batch, generator=generator, device=device)
    noisy = _noisy(start.expression, group, config, draw, normal)
    template = _template(templates, noisy, draw)
    factor = _between(draw(1), config.blend)
    options = torch.stack(
        [noisy, start.expression[other] * factor, template * factor,
         torch.zeros_like(noisy)]
    )  # fmt: skip
    expression = options[change, torch.arange(batch, device=device)]
    small = torch.randn(normal.shape, generator=generator, device=device) * draw(1)
    expression = expression + small * config.small_noise * std
    if group.activation == "identity":
        expression = expression.clamp(-config.limit * std, config.limit * std)
    result = start.replace(expression=group.clamp(expression))
    neutral = (change == NUM_CHANGES - 1)[:, None]
    return _others(result, head, config, draw, neutral, generator), change


def _between(fraction: Tensor, bounds: tuple[float, float]) -> Tensor:
    return bounds[0] + fraction * (bounds[1] - bounds[0])


def _noisy(
    start: Tensor,
    group: ParameterGroup,
    config: ExpressionChangeConfig,
    draw: Draw,
    normal: Tensor,
) -> Tensor:
    """Return expressions ``[B, E]`` changed by noise that suits the group."""
    if group.activation == "identity":
        chosen = draw(group.dim) < config.noise_fraction
        std = start.new_tensor(group.prior_std)
        return start + normal * _between(draw(1), config.noise) * std * chosen
    few, many = config.actions
    count = (few + draw(1) * (many + 1 - few)).floor()
    rank = draw(group.dim).argsort(1).argsort(1)
    lo, hi = start.new_tensor(group.lo), start.new_tensor(group.hi)
    drawn = lo + _between(draw(group.dim), config.strength) * (hi - lo)
    return torch.where(rank < count, drawn, start * draw(1))


def _template(templates: FaceParameters | None, noisy: Tensor, draw: Draw) -> Tensor:
    if templates is None:
        return noisy
    row = (draw() * len(templates)).long().clamp(max=len(templates) - 1)
    return templates.expression[row].to(noisy)


def _others(
    faces: FaceParameters,
    head: HeadModel,
    config: ExpressionChangeConfig,
    draw: Draw,
    neutral: Tensor,
    generator: torch.Generator,
) -> FaceParameters:
    """Return the faces with jaw, eyelids and gaze changed too."""
    groups: dict[str, Tensor] = {}
    if faces.jaw.shape[1]:
        jaw = head.group("jaw")
        normal = torch.randn(faces.jaw.shape, generator=generator, device=faces.jaw.device)
        moved = faces.jaw + normal * config.jaw_noise * faces.jaw.new_tensor(jaw.prior_std)
        changed = torch.where(draw(1) < config.jaw_fraction, moved, faces.jaw)
        rest = faces.jaw.new_tensor(jaw.default).expand_as(changed)
        groups["jaw"] = jaw.clamp(torch.where(neutral, rest, changed))
    if faces.eyelids.shape[1]:
        shifted = faces.eyelids + (draw(2) * 2 - 1) * config.eyelid_noise
        lids = torch.where(neutral, draw(2), shifted)
        groups["eyelids"] = head.group("eyelids").clamp(lids)
    if faces.eyes.shape[1]:
        eyes = head.group("eyes")
        lo, hi = faces.eyes.new_tensor(eyes.lo), faces.eyes.new_tensor(eyes.hi)
        # both eyes turn by the same fraction of their range
        looked = eyes.clamp(lo + draw(3).repeat(1, 2) * (hi - lo))
        groups["eyes"] = torch.where(draw(1) < config.gaze_fraction, looked, faces.eyes)
    return faces.replace(**groups)
