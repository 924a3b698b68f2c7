"""Labels of a head's surface points, carried over to other points of its surface.

A set's points follow the head that was drawn: another version of that head has them elsewhere. What
an encoder has learnt are points of its own, so that their labels are made from the set's.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

_NEIGHBOURS = 4
"""Points from which a difference is interpolated; chosen by hand, differences vary slowly."""
_BATCH = 256
"""Faces that are posed at once, chosen by hand: 20 MB."""


def carried_points(
    places: NDArray[np.float64],
    visible: NDArray[np.bool_],
    of: tuple[Tensor, Tensor],
    to: tuple[Tensor, Tensor],
    targets: FaceParameters,
    head: HeadModel,
    side: int,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return places ``[N, Q, 2]`` and visibility ``[N, Q]`` of other surface points.

    The head posed by the true parameters says where points lie; what its own points miss of their
    true places, by perspective and by how a person does an action, is added from near ones.

    Args:
        places: true places ``[N, P, 2]`` of the labeled points, in pixels.
        visible: whether nothing hides a labeled point ``[N, P]``.
        of: vertices and barycentric coordinates ``[P, 3]`` of the labeled points.
        to: those of the wanted points ``[Q, 3]``.
        targets: true parameters, N faces, in the pictures' frame.
        head: the head.
        side: side of the pictures in pixels.
    """
    count, device = places.shape[1], head.v_template.device
    joined = head.at_points(*(torch.cat(pair).to(device) for pair in zip(of, to, strict=True)))
    neutral = joined.v_template.cpu()
    distance, near = torch.cdist(neutral[count:], neutral[:count]).topk(_NEIGHBOURS, largest=False)
    weight = (1 / distance.clamp(min=1e-6)).numpy()
    weight /= weight.sum(1, keepdims=True)
    found = np.empty((len(places), len(near), 2))
    for rows in torch.arange(len(places)).split(_BATCH):
        some = targets[rows].to(device)
        with torch.no_grad():
            posed = project(joined(some).vertices, some.camera)[..., :2]
        at = ndc_to_pixels(posed, side).cpu().numpy()
        missed = (places[rows.numpy()] - at[:, :count])[:, near.numpy()]
        found[rows.numpy()] = at[:, count:] + (missed * weight[..., None]).sum(2)
    return found, visible[:, near[:, 0].numpy()]
