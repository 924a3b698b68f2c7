"""Which photos a batch is drawn from: fractions of sources, and more of expressive faces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from smirk3d.data.batch_config import MixingConfig
from smirk3d.errors import InputError
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

_NEUTRAL_SCORE = 0.5
"""Score of a neutral, frontal face; an average face adds 1 for its activity at the default."""


def expressiveness(head: HeadModel, parameters: FaceParameters) -> tuple[Tensor, Tensor]:
    """Return how expressive and how rotated faces are, ``[N]`` each, 1 on average.

    Expressiveness is the squared distance to the neutral face in standard deviations of expression,
    jaw and eyelids.
    """
    activity = torch.zeros(len(parameters))
    for name in ("expression", "jaw", "eyelids"):
        group = head.group(name)
        distance = getattr(parameters, name).cpu() - torch.tensor(group.default)
        activity += (distance / torch.tensor(group.prior_std)).square().sum(1)
    rotated = parameters.head_pose.cpu().norm(dim=1)
    return activity / activity.mean().clamp(min=1e-9), rotated / rotated.mean().clamp(min=1e-9)


def sampling_weights(
    sources: Sequence[str], activity: Tensor, rotated: Tensor, config: MixingConfig
) -> Tensor:
    """Return the probability ``[N]`` with which each photo is drawn; their sum is 1.

    Args:
        sources: source of each photo ``[N]``.
        activity: expressiveness of each photo ``[N]``, see :func:`expressiveness`.
        rotated: rotation of each photo's head ``[N]``, see :func:`expressiveness`.
        config: fractions and preferences.

    Raises:
        InputError: if a fraction is of a source that no photo comes from, or their sum exceeds 1.
    """
    names, number = np.unique(np.asarray(sources, dtype=str), return_inverse=True)
    absent = sorted(set(config.fractions) - set(names.tolist()))
    if absent:
        raise InputError(f"no photo comes from {', '.join(absent)}; there are {', '.join(names)}")
    fixed = sum(config.fractions.values())
    if fixed > 1 + 1e-6:
        raise InputError(f"the sources' fractions sum to {fixed:.3g}, more than 1")
    score = _NEUTRAL_SCORE + config.activity * activity + config.rotation * rotated
    score = score.clamp(max=_NEUTRAL_SCORE * config.largest)
    source = torch.from_numpy(number)
    sizes = torch.bincount(source).float()
    rest = sizes ** (1 - config.evenness)
    rest[[name in config.fractions for name in names]] = 0
    fraction = rest / rest.sum().clamp(min=1e-9) * (1 - fixed)
    for name, value in config.fractions.items():
        fraction[names.tolist().index(name)] = value
    within = score / torch.zeros(len(names)).index_add(0, source, score)[source]
    weights = within * fraction[source]
    return weights / weights.sum()
