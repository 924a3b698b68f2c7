"""What an encoder says about faces: parameters and surface points, with their uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from smirk3d.parameters.face_parameters import FaceParameters


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What an encoder says about B crops.

    Attributes:
        parameters: means ``[B]``.
        std: standard deviations ``[B]``; None for encoders without them.
        points: surface points ``[B, P, 2]`` in ndc of the crop; None for encoders without them.
        points_std: their standard deviations ``[B, P]`` in ndc.
        points_visible: probabilities ``[B, P]`` that they are visible.
    """

    parameters: FaceParameters
    std: FaceParameters | None
    points: Tensor | None = None
    points_std: Tensor | None = None
    points_visible: Tensor | None = None
