"""What a method says of faces, in the terms of their truth: on any head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.conventions import ARKIT_NAMES, CROP_SIZE
from smirk3d.evaluation.methods import Method
from smirk3d.evaluation.truth.faces import TruthFaces
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.geometry.views import transform_view
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

Array = NDArray[np.float32]

_BATCH = 16
"""Heads posed at once; bounds memory, the answers do not depend on it."""


@dataclass(frozen=True, eq=False)
class Answers:
    """A method's answers for K faces.

    Attributes:
        head: the head of the answers.
        parameters: ``[K]``, for the crops that are not rotated.
        arkit: ARKit's weights ``[K, 52]``; NaN on a head without named actions.
        rotation: head into the viewer's frame ``[K, 3, 3]``.
        gaze: unit directions of left and right eye ``[K, 2, 3]`` in the viewer's frame; NaN on a
            head without eyes.
        landmarks: the head's landmarks ``[K, L, 2]`` in pixels of the crops that are not rotated.
    """

    head: HeadModel
    parameters: FaceParameters
    arkit: Array
    rotation: Array
    gaze: Array
    landmarks: Array

    @torch.no_grad()
    def neutral(self, rows: NDArray[np.int64]) -> Array:
        """Return the neutral vertices ``[R, V, 3]`` of some faces, in metres."""
        shape = self.parameters.shape[torch.from_numpy(rows)]
        neutral = self.head.neutral(len(rows)).replace(shape=shape)
        return _vertices(self.head, neutral)

    @torch.no_grad()
    def posed(self, rows: NDArray[np.int64]) -> Array:
        """Return the posed vertices ``[R, V, 3]`` of some faces, in metres."""
        return _vertices(self.head, self.parameters[torch.from_numpy(rows)])


def _vertices(head: HeadModel, parameters: FaceParameters) -> Array:
    parts = [
        head(parameters[first : first + _BATCH]).vertices.numpy()
        for first in range(0, len(parameters), _BATCH)
    ]
    empty = np.zeros((0, *head.v_template.shape), np.float32)
    return np.concatenate([empty, *parts])


@torch.no_grad()
def answers(method: Method, faces: TruthFaces, head: HeadModel) -> Answers:
    """Return a method's answers for faces.

    Args:
        method: estimates the head's parameters from crops.
        faces: the faces.
        head: of the method, on the CPU.
    """
    upright = method(faces.crops)
    turn = torch.from_numpy(faces.level @ np.linalg.inv(faces.T_crop_image)).float()
    pivot = head.pivot(upright)
    parameters = transform_view(upright, turn, CROP_SIZE, CROP_SIZE, pivot=pivot)
    rotation = axis_angle_to_matrix(parameters.head_pose)
    missing = torch.full((len(faces), 2, 3), torch.nan)
    gaze = missing
    if parameters.eyes.shape[1]:
        eyes = axis_angle_to_matrix(parameters.eyes.unflatten(1, (2, 3)))
        gaze = (rotation[:, None] @ eyes)[..., 2]
    arkit = torch.full((len(faces), len(ARKIT_NAMES)), torch.nan)
    if head.has_named_actions:
        arkit = head.arkit(parameters)
    seen = [torch.zeros(0, len(head.landmark_ids), 2)]
    for first in range(0, len(faces), _BATCH):
        some = parameters[first : first + _BATCH]
        points = head.landmarks(head(some).vertices)
        seen.append(ndc_to_pixels(project(points, some.camera)[..., :2], CROP_SIZE))
    return Answers(
        head, parameters, arkit.numpy(), rotation.numpy(), gaze.numpy(), torch.cat(seen).numpy()
    )
