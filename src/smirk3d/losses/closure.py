"""Openings of eyes and mouth, compared as distances between landmarks.

Differences of landmarks do not change when the whole face is a little off, so that they tell a
closed eye where absolute positions cannot (eye closure loss of DECA, Feng et al. 2021; mouth
closure and lip corner losses of EMOCA, Danecek et al. 2022).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from smirk3d.errors import check_shape

EYELID_PAIRS = (
    (159, 145), (158, 153), (160, 144), (157, 154), (161, 163),
    (386, 374), (385, 380), (387, 373), (384, 381), (388, 390),
)  # fmt: skip
"""MediaPipe's ids of upper and lower eyelid edges; the subject's right eye first."""

LIP_PAIRS = ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402), (80, 88), (310, 318))
"""MediaPipe's ids of the inner edges of upper and lower lip."""

LIP_CORNER_PAIRS = ((61, 291), (78, 308))
"""MediaPipe's ids of the mouth's corners, outer and inner."""


def pair_rows(landmark_ids: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """Return the rows ``[N, 2]`` of landmark pairs that a head has; others are left out.

    Args:
        landmark_ids: MediaPipe's number of each of the head's landmarks ``[L]``.
        pairs: MediaPipe's numbers.
    """
    row = {number: index for index, number in enumerate(landmark_ids.tolist())}
    found = [(row[a], row[b]) for a, b in pairs if a in row and b in row]
    return torch.tensor(found, dtype=torch.int64, device=landmark_ids.device).reshape(-1, 2)


def opening_loss(
    predicted: Tensor, target: Tensor, rows: Tensor, *, valid: Tensor | None = None
) -> Tensor:
    """Return the mean absolute difference of the distances within pairs, a scalar.

    The mean runs over the valid pairs of the batch; without any it is 0.

    Args:
        predicted: landmarks ``[B, L, D]``.
        target: ``[B, L, D]`` in the same frame.
        rows: pairs ``[N, 2]`` of rows, see :func:`pair_rows`.
        valid: ``[B, L]``; a pair is valid if both landmarks are.

    Raises:
        ShapeError: if the shapes do not agree.
    """
    sizes = check_shape(predicted, "B L D", "predicted")
    check_shape(target, "B L D", "target", **sizes)
    check_shape(rows, "N 2", "rows")
    fraction = predicted.new_ones(sizes["B"], len(rows))
    if valid is not None:
        check_shape(valid, "B L", "valid", B=sizes["B"], L=sizes["L"])
        target = torch.where(valid.bool()[..., None], target, 0.0)
        fraction = fraction * valid[:, rows].bool().all(-1)
    difference = (_distance(predicted, rows) - _distance(target, rows)).abs()
    return (fraction * difference).sum() / fraction.sum().clamp(min=1)


def _distance(points: Tensor, rows: Tensor) -> Tensor:
    first, second = points[:, rows[:, 0]], points[:, rows[:, 1]]
    # a closed eye has distance 0, where the root has no gradient
    return ((first - second).square().sum(-1) + 1e-12).sqrt()
