"""People who do the same action each in their own way.

All people of a parametric head raise a brow along the same offsets, and an encoder trained on them
alone learns these offsets, not brows: of other heads it recognises half as much. Here the offsets
of a person's actions are bent by a smooth random field. Weights, and so labels, keep their meaning.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.heads.action_names import mirrored_name
from smirk3d.heads.head_model import HeadModel

_FIXED = ("eyeBlink", "eyeLook", "mouthClose", "tongueOut", "jawOpen")
"""Actions whose offsets fit other parts of the head: eyeballs, the jaw's rotation, the lips."""
_WAVES = 6
"""Number of plane waves of the field; more change its look little (tried by hand)."""
_LENGTHS = (0.05, 0.14)
"""Range of their wavelengths in metres: from the width of a mouth to that of a face."""
_SIZE = 0.5
"""Standard deviation of the logarithm of an action's amplitude, in the field's."""


def vary_actions(head: HeadModel, strength: float, rng: np.random.Generator) -> HeadModel:
    """Return the head with a person's own offsets of actions.

    Both sides of a face move alike.

    Args:
        head: on the CPU; it is not changed.
        strength: standard deviation of the relative change of offsets; 0.25 turns them by some 14
            degrees, and changes their length by a quarter.
        rng: source of randomness.
    """
    template = head.v_template
    right = torch.where(template[:, :1] < 0, -1.0, 1.0)
    mirror = torch.cat([right, torch.ones_like(template[:, 1:])], 1)
    waves = torch.from_numpy(_plane_waves((template * mirror).numpy(), rng))
    basis = head.basis.clone()
    offsets = basis[head.basis_rows.rows("expression")].unflatten(1, (-1, 3))
    _bend(head.expression_names, offsets, mirror, waves, strength, rng)
    own = head.shallow_copy()
    own.keep("basis", basis)
    return own


def _plane_waves(points: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return waves ``[V, W]`` of unit mean square at points ``[V, 3]``."""
    direction = rng.standard_normal((3, _WAVES))
    direction /= np.linalg.norm(direction, axis=0)
    phase = points @ (direction * 2 * math.pi / rng.uniform(*_LENGTHS, _WAVES))
    waves = math.sqrt(2) * np.sin(phase + rng.uniform(0, 2 * math.pi, _WAVES))
    return waves.astype(np.float32)


def _bend(
    names: tuple[str, ...],
    offsets: Tensor,
    mirror: Tensor,
    waves: Tensor,
    strength: float,
    rng: np.random.Generator,
) -> None:
    """Change offsets ``[E, V, 3]`` in place; actions of the two sides share one change.

    Args:
        names: of the actions ``[E]``.
        offsets: a view of the person's own basis: a further copy of all has megabytes.
        mirror: factors ``[V, 3]`` that bring the right side to the left.
        waves: of the field ``[V, W]``.
        strength: of the change.
        rng: source of randomness.
    """
    drawn: dict[str, tuple[Tensor, float]] = {}
    for row, name in enumerate(names):
        if name.startswith(_FIXED):
            continue
        key = min(name, mirrored_name(name))
        if key not in drawn:
            mixing = rng.standard_normal((waves.shape[1], 3, 3)) * strength / math.sqrt(_WAVES)
            size = math.exp(rng.normal(0, _SIZE * strength))
            drawn[key] = torch.from_numpy(mixing.astype(np.float32)), size
        change, size = drawn[key]
        field = torch.einsum("vw,wij->vij", waves, change)
        usual = offsets[row] * mirror
        turned = torch.einsum("vij,vj->vi", field, usual)
        offsets[row] = size * (usual + turned) * mirror
