"""Training faces that are rendered: people with ground-truth parameters, from every side.

Renders of the trained head have ground truth of all parameters, also where photos are rare (rotated
heads, dark skin, large expressions). Renders of another head with ARKit's names show what these
names mean beyond one sculptor's shapes: only actions, jaw, eyelids and gaze have targets then.
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
from smirk3d.synthesis.labeled_faces import NAMED_GROUPS, LabeledFaces
from smirk3d.synthesis.procedural_heads import Appearance, ProceduralHeads

_IDENTITY = 0.8
"""Standard deviation of identity coefficients: a little less than people's."""
_POSE = (0.18, 0.4, 0.12)
"""Standard deviations of the head pose in radians; yaw covers profiles within two of them."""
_BOX_FRACTION = 1 / 1.9
"""Fraction of the picture's side that the landmarks' box takes, as in crops of photos."""


class FaceRenderer:
    """Renders people for training."""

    def __init__(
        self, head: HeadModel, sources: Sequence[HeadModel], config: ExpressionAugmentationConfig
    ) -> None:
        """Prepare for a trained head.

        Args:
            head: head whose parameters are the targets.
            sources: heads on the same device that are rendered in alternation; the trained one may
                be among them.
            config: how their expressions are drawn.

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
        self._renderers = [ProceduralHeads(source) for source in sources]
        self._expressions = [ExpressionAugmentation(source, config) for source in sources]
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
            generator: source of randomness, on the CPU.
        """
        first: list[LabeledFaces] = []
        second: list[LabeledFaces] = []
        for number, renderer in enumerate(self._renderers):
            behind = backgrounds[number :: len(self._renderers)]
            if not len(behind):
                continue
            people = self._people(number, len(behind), generator)
            appearances = [renderer.random_appearance(generator) for _ in behind]
            for drawn in (first, second):
                faces = self._expressions[number](people, generator)
                drawn.append(self._drawn(number, faces, appearances, behind))
        return LabeledFaces.cat(first), LabeledFaces.cat(second)

    def _people(self, number: int, count: int, generator: torch.Generator) -> FaceParameters:
        """Return random neutral faces ``[count]``, framed as photos are."""
        source = self.sources[number]
        faces = source.neutral(count)
        pose = torch.randn(count, 3, generator=generator, device="cpu") * torch.tensor(_POSE)
        shape = torch.randn(faces.shape.shape, generator=generator, device="cpu") * _IDENTITY
        faces = faces.replace(shape=shape.to(faces.shape), head_pose=pose.to(faces.shape))
        points = self._small[number](faces).vertices[..., :2]
        low, high = points.amin(1), points.amax(1)
        scale = 2 * _BOX_FRACTION / (high - low).mean(1, keepdim=True)
        return faces.replace(camera=torch.cat([scale, -(low + high) / 2], 1))

    def _drawn(
        self, number: int, faces: FaceParameters, appearances: Sequence[Appearance], behind: Tensor
    ) -> LabeledFaces:
        pictures = self._renderers[number].pictures(
            faces, appearances, size=CROP_SIZE, rays=1, backgrounds=behind
        )
        return LabeledFaces(
            pictures,
            self._landmarks(number, faces),
            self._target(number, faces),
            torch.ones(len(faces), dtype=torch.bool, device=behind.device),
        )

    def _landmarks(self, number: int, face: FaceParameters) -> Tensor:
        seen = project(self._small[number](face).vertices, face.camera)[..., :2]
        pixels = ndc_to_pixels(seen, CROP_SIZE)
        # where the head has no landmark, one in the middle of the face changes no box and no hull
        points = pixels.mean(1, keepdim=True).repeat(1, NUM_MEDIAPIPE_LANDMARKS, 1)
        points[:, self.sources[number].landmark_ids] = pixels
        return points

    def _target(self, number: int, face: FaceParameters) -> FaceParameters:
        source = self.sources[number]
        if source.fingerprint == self.head.fingerprint:
            return face
        target = self.head.from_arkit(source.arkit(face))
        unknown = {
            name: torch.full_like(tensor, torch.nan)
            for name, tensor in target.items()
            if name not in NAMED_GROUPS
        }
        return target.replace(**unknown)
