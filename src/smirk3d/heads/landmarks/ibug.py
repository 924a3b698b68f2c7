"""iBUG's 68 landmarks on a head, whose contour depends on the head's yaw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from smirk3d.errors import AssetError, check_shape

NUM_LANDMARKS = 68
"""Landmarks of the 300-W annotation (Sagonas et al. 2013)."""

NUM_CONTOUR = 17
"""Landmarks of the face's contour, which come first."""

_LARGEST_YAW_DEGREES = 39
"""Largest yaw of FLAME's tables of contours."""


class IbugLandmarks(nn.Module):
    """Picks the 68 landmarks of Multi-PIE and iBUG from a head's vertices.

    Seen from the side, the outline of a face is another line on its skin. FLAME's tables therefore
    hold a contour for every degree of yaw from -39 to 39; a head without tables has one contour.
    """

    corners: Tensor
    bary: Tensor
    contour_corners: Tensor
    contour_bary: Tensor

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Read the embedding from the arrays of a head file.

        Raises:
            AssetError: if the head has no such embedding.
        """
        super().__init__()
        if "lmk68_tri" not in arrays:
            raise AssetError(
                "this head has no iBUG landmarks: import FLAME with the folder of SMIRK's assets"
            )
        faces = arrays["faces"].astype(np.int64)
        self._keep("corners", faces[arrays["lmk68_tri"]])
        self._keep("bary", arrays["lmk68_bary"].astype(np.float32))
        tri = arrays.get("lmk68_dyn_tri", arrays["lmk68_tri"][None, :NUM_CONTOUR])
        bary = arrays.get("lmk68_dyn_bary", arrays["lmk68_bary"][None, :NUM_CONTOUR])
        self._keep("contour_corners", faces[tri])
        self._keep("contour_bary", bary.astype(np.float32))

    def _keep(self, name: str, array: NDArray[Any]) -> None:
        self.register_buffer(name, torch.as_tensor(array), persistent=False)

    def forward(self, vertices: Tensor, rotation: Tensor) -> Tensor:
        """Return the landmarks ``[B, 68, 3]``; the contour's choice of triangles has no gradient.

        Args:
            vertices: posed vertices ``[B, V, 3]`` in metres.
            rotation: rotation of the face relative to the camera ``[B, 3, 3]``: head pose, then
                neck.

        Raises:
            ShapeError: if the shapes do not agree.
        """
        sizes = check_shape(vertices, "B V 3", "vertices")
        check_shape(rotation, "B 3 3", "rotation", B=sizes["B"])
        fixed = (vertices[:, self.corners] * self.bary[..., None]).sum(2)
        row = self.contour_row(rotation)
        batch = torch.arange(len(vertices), device=vertices.device)[:, None, None]
        moving = vertices[batch, self.contour_corners[row]]
        contour = (moving * self.contour_bary[row][..., None]).sum(2)
        return torch.cat([contour, fixed[:, NUM_CONTOUR:]], 1)

    def contour_row(self, rotation: Tensor) -> Tensor:
        """Return the row of the contour tables ``[B]`` for rotations ``[B, 3, 3]``.

        Rows 0 to 39 are yaws of 0 to 39 degrees towards the subject's left, rows 40 to 78 yaws of
        1 to 39 degrees towards the right.
        """
        if len(self.contour_corners) == 1:
            return torch.zeros(len(rotation), dtype=torch.int64, device=rotation.device)
        across = rotation[:, :2, 0].norm(dim=1)
        yaw = torch.rad2deg(torch.atan2(-rotation[:, 2, 0], across)).round()
        yaw = yaw.clamp(-_LARGEST_YAW_DEGREES, _LARGEST_YAW_DEGREES).long()
        return torch.where(yaw >= 0, yaw, _LARGEST_YAW_DEGREES - yaw)
