"""Training faces that are rendered: painted people with ground-truth parameters, from every side.

The trained head's own renders give all parameters exactly, also where photos are rare (turned
heads, dark skin, strong expressions). Renders of another head with ARKit's names give what these
names mean beyond one sculptor's shapes: only actions, jaw, eyelids and gaze are known then.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from smirk3d.conventions import CROP_SIZE, NUM_MEDIAPIPE_LANDMARKS
from smirk3d.errors import InputError
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.expression_augmentation import ExpressionAugmentation
from smirk3d.synthesis.expression_augmentation_config import ExpressionAugmentationConfig
from smirk3d.synthesis.labeled_faces import LabeledFaces
from smirk3d.synthesis.procedural_heads import Paint, ProceduralHeads

_IDENTITY = 0.8
_POSE = (0.18, 0.4, 0.12)
_BOX_FRACTION = 1 / 1.9
"""Of the picture's side that the landmarks' box takes, as in crops of photos."""
_OF_OTHER_HEADS = ("expression", "jaw", "eyelids", "eyes")


class FaceRenderer:
    """Draws painted people for training."""

    def __init__(
        self, head: HeadModel, sources: Sequence[HeadModel], config: ExpressionAugmentationConfig
    ) -> None:
        """Prepare for a trained head.

        Args:
            head: whose parameters are the targets.
            sources: heads on the same device that are drawn, in turn; the trained one may be among
                them.
            config: their expressions.

        Raises:
            InputError: if another head lacks named actions or landmarks of the trained one.
        """
        for source in sources:
            lacking = set(head.landmark_ids.tolist()) - set(source.landmark_ids.tolist())
            named = source.has_named_actions and head.has_named_actions
            if lacking or not (named or source.fingerprint == head.fingerprint):
                raise InputError(
                    f"head {source.name!r} cannot be rendered to train {head.name!r}: both need "
                    "named actions, and it the other's landmarks"
                )
        self.head = head
        self.sources = list(sources)
        self._painters = [ProceduralHeads(source) for source in sources]
        self._strong = [ExpressionAugmentation(source, config) for source in sources]
        self._small = [source.at_landmarks() for source in sources]

    @torch.no_grad()
    def __call__(
        self, backgrounds: Tensor, generator: torch.Generator
    ) -> tuple[LabeledFaces, LabeledFaces]:
        """Return a person before each background, and all of them with another expression.

        Skin, light, pose and camera of the two pictures of a person are the same. People of the
        same head follow one another.

        Args:
            backgrounds: pictures ``[B, 3, 224, 224]`` in [0, 1], on the heads' device.
            generator: on the CPU.
        """
        first: list[LabeledFaces] = []
        second: list[LabeledFaces] = []
        for turn, painter in enumerate(self._painters):
            behind = backgrounds[turn :: len(self._painters)]
            if not len(behind):
                continue
            people = self._people(turn, len(behind), generator)
            paints = [painter.paint(generator) for _ in behind]
            for drawn in (first, second):
                faces = self._strong[turn](people, generator)
                drawn.append(self._drawn(turn, faces, paints, behind))
        return LabeledFaces.cat(first), LabeledFaces.cat(second)

    def _people(self, turn: int, count: int, generator: torch.Generator) -> FaceParameters:
        """Return random calm faces ``[count]``, framed as photos are."""
        source = self.sources[turn]
        faces = source.neutral(count)
        pose = torch.randn(count, 3, generator=generator) * torch.tensor(_POSE)
        shape = torch.randn(faces.shape.shape, generator=generator) * _IDENTITY
        faces = faces.replace(shape=shape.to(faces.shape), head_pose=pose.to(faces.shape))
        points = self._small[turn](faces).vertices[..., :2]
        low, high = points.amin(1), points.amax(1)
        scale = 2 * _BOX_FRACTION / (high - low).mean(1, keepdim=True)
        return faces.replace(camera=torch.cat([scale, -(low + high) / 2], 1))

    def _drawn(
        self, turn: int, faces: FaceParameters, paints: Sequence[Paint], behind: Tensor
    ) -> LabeledFaces:
        pictures = self._painters[turn].pictures(
            faces, paints, size=CROP_SIZE, rays=1, backgrounds=behind
        )
        return LabeledFaces(
            pictures,
            self._landmarks(turn, faces),
            self._target(turn, faces),
            torch.ones(len(faces), dtype=torch.bool, device=behind.device),
        )

    def _landmarks(self, turn: int, face: FaceParameters) -> Tensor:
        seen = project(self._small[turn](face).vertices, face.camera)[..., :2]
        pixels = ndc_to_pixels(seen, CROP_SIZE)
        # where the head has no landmark, one in the middle of the face changes no box and no hull
        points = pixels.mean(1, keepdim=True).repeat(1, NUM_MEDIAPIPE_LANDMARKS, 1)
        points[:, self.sources[turn].landmark_ids] = pixels
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
