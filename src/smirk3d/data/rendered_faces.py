"""Training faces that are rendered: painted people with known parameters, from every side.

The trained head's own renders give all parameters exactly, also where photos are rare (turned
heads, dark skin, strong expressions). Renders of another head with ARKit's names give what these
names mean beyond one sculptor's shapes: only actions, jaw, lids and gaze are known then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from smirk3d.conventions import CROP_SIZE
from smirk3d.data.painted_heads import PaintedHeads
from smirk3d.data.strong_expressions import StrongExpressionConfig, StrongExpressions
from smirk3d.errors import InputError
from smirk3d.face_parameters import FaceParameters
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel

_IDENTITY = 0.8
_POSE = (0.18, 0.4, 0.12)
_BOX_SHARE = 1 / 1.9
"""Of the picture's side that the landmarks' box takes, as in crops of photos."""
_OF_OTHER_HEADS = ("expression", "jaw", "eyelids", "eyes")


@dataclass(frozen=True)
class RenderedFaces:
    """B rendered faces.

    Attributes:
        images: ``[B, 3, 224, 224]`` in [0, 1].
        landmarks: ``[B, 478, 2]`` in pixels.
        targets: parameters ``[B]`` of the trained head; NaN where they are not known.
    """

    images: Tensor
    landmarks: Tensor
    targets: FaceParameters


class FaceRenderer:
    """Draws painted people for training."""

    def __init__(
        self, head: HeadModel, sources: Sequence[HeadModel], config: StrongExpressionConfig
    ) -> None:
        """Prepare for a trained head.

        Args:
            head: whose parameters are the targets; on the CPU, as the sources.
            sources: heads that are drawn, in turn; the trained one may be among them.
            config: their expressions.

        Raises:
            InputError: if a source lacks named actions or landmarks.
        """
        for source in sources:
            if not source.has_named_actions or len(source.landmark_ids) < len(head.landmark_ids):
                raise InputError(
                    f"head {source.name!r} cannot be rendered for training: it needs named actions "
                    "and all of MediaPipe's landmarks"
                )
        self.head = head
        self.sources = list(sources)
        self._painters = [PaintedHeads(source) for source in sources]
        self._strong = [StrongExpressions(source, config) for source in sources]
        self._small = [source.at_landmarks() for source in sources]

    @torch.no_grad()
    def __call__(self, backgrounds: Tensor, generator: torch.Generator) -> RenderedFaces:
        """Return one face before each background ``[B, 3, 224, 224]``.

        Args:
            backgrounds: pictures in [0, 1].
            generator: on the CPU.
        """
        images, landmarks, targets = [], [], []
        for number, background in enumerate(backgrounds):
            turn = number % len(self.sources)
            face = self._face(turn, generator)
            painter = self._painters[turn]
            paint = painter.paint(generator)
            images.append(
                painter.picture(face, paint, size=CROP_SIZE, rays=1, background=background)
            )
            landmarks.append(self._landmarks(turn, face)[0])
            targets.append(self._target(turn, face))
        return RenderedFaces(
            torch.stack(images), torch.stack(landmarks), FaceParameters.cat(targets)
        )

    def _face(self, turn: int, generator: torch.Generator) -> FaceParameters:
        """Return a random face ``[1]``, framed as photos are."""
        source = self.sources[turn]
        face = source.neutral(1)
        pose = torch.randn(1, 3, generator=generator) * torch.tensor(_POSE)
        shape = torch.randn(face.shape.shape, generator=generator) * _IDENTITY
        face = self._strong[turn](face.replace(shape=shape, head_pose=pose), generator)
        points = self._small[turn](face).vertices[..., :2]
        low, high = points.amin(1), points.amax(1)
        scale = 2 * _BOX_SHARE / (high - low).mean(1, keepdim=True)
        return face.replace(camera=torch.cat([scale, -(low + high) / 2], 1))

    def _landmarks(self, turn: int, face: FaceParameters) -> Tensor:
        seen = project(self._small[turn](face).vertices, face.camera)[..., :2]
        points = seen.new_zeros(1, len(self.sources[turn].landmark_ids), 2)
        points[:, self.sources[turn].landmark_ids] = ndc_to_pixels(seen, CROP_SIZE)
        return points

    def _target(self, turn: int, face: FaceParameters) -> FaceParameters:
        source = self.sources[turn]
        if source.fingerprint == self.head.fingerprint:
            return face
        known = self.head.from_arkit(source.arkit(face))
        unknown = {
            name: torch.full_like(tensor, torch.nan)
            for name, tensor in known.items()
            if name not in _OF_OTHER_HEADS
        }
        return known.replace(**unknown)
