"""The reconstruction path: estimate a face, render it with both renderers, compare with the photo.

Retsinas et al. 2024, section 3.2. Without weight on the picture losses it is SMIRK's pretraining:
the neural renderer does not run then, nor the mesh renderer unless the cycle path goes on from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from smirk3d.conventions import CROP_SIZE
from smirk3d.data.augmentation import TrainingBatch
from smirk3d.geometry.cameras import ndc_to_pixels, pixels_to_ndc, project
from smirk3d.losses.closure import opening_loss
from smirk3d.losses.landmark import landmark_loss
from smirk3d.losses.perceptual import feature_angle_loss, feature_loss, perceptual_loss
from smirk3d.losses.photometric import masked_l1
from smirk3d.losses.regularization import prior_loss, target_loss
from smirk3d.losses.weighting import WeightedLoss, weighted_sum
from smirk3d.neural_renderer.inputs import draw_points, masked_photo, renderer_input
from smirk3d.neural_renderer.pixel_sampling import SampledSurface
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_hull import hull_mask
from smirk3d.rendering.mesh_renderer import RenderedHead
from smirk3d.training.config import TrainConfig
from smirk3d.training.networks import FeatureNetworks, Networks
from smirk3d.training.paths.evidence_losses import (
    absence_loss,
    evidence_terms,
    same_person_distance,
    shape_distance,
)
from smirk3d.training.paths.fixture import TrainingFixture
from smirk3d.training.paths.pseudo_labels import change_loss, pseudo_label_loss

Terms = dict[str, Callable[[], Tensor]]

PICTURE_LOSSES = ("photometric", "perceptual", "emotion", "identity")
"""Losses on images of the neural renderer, which runs if one of them has a weight."""


@dataclass(frozen=True, eq=False)
class RenderedFaces:
    """B photos with their renderings, at the neural renderer's size.

    Attributes:
        photo: photos ``[B, 3, H, W]``.
        hull: masks ``[B, 1, H, W]``, 1 within the landmarks' hull.
        rendering: grey renderings of the parameters.
        surface: pixels that the neural renderer may see.
        masked: photos without their faces ``[B, 3, H, W]``.
        inputs: input ``[B, 6, H, W]`` of the neural renderer.
    """

    photo: Tensor
    hull: Tensor
    rendering: RenderedHead
    surface: SampledSurface
    masked: Tensor
    inputs: Tensor


@dataclass(frozen=True, eq=False)
class PathResult:
    """The result of a path.

    Attributes:
        loss: weighted sum of losses, to be minimized.
        parameters: parameters that were rendered: predictions or targets, B faces.
        panels: pictures ``[B, 3, H, W]`` by name, to look at.
        faces: photos and renderings from which the cycle path goes on; None where nothing was
            rendered.
    """

    loss: WeightedLoss
    parameters: FaceParameters
    panels: dict[str, Tensor]
    faces: RenderedFaces | None


def reconstruction_path(
    networks: Networks,
    fixture: TrainingFixture,
    feature_networks: FeatureNetworks,
    batch: TrainingBatch,
    config: TrainConfig,
    generator: torch.Generator,
) -> PathResult:
    """Return losses and panels of the reconstruction path.

    Args:
        networks: encoders and renderer; frozen ones stay as they are.
        fixture: landmarks, renderings and weights of the head.
        feature_networks: networks of the perceptual, emotion and identity losses.
        batch: photos with landmarks and fitted parameters.
        config: weights and settings.
        generator: source of pixels, noise and holes, on the batch's device.
    """
    weights = config.losses
    details = None
    if config.rendered != "predicted":
        parameters = batch.targets
    elif networks.encoder.config.uncertainty:
        details = networks.estimate_details(batch.images)
        parameters = details.parameters
    else:
        parameters = networks.estimate(batch.images)
    terms = _geometry_terms(parameters, fixture, batch, config)
    if details is not None:
        seen = details
        terms |= evidence_terms(seen, batch)
        terms["absence"] = lambda: absence_loss(seen, batch)
    panels: dict[str, Tensor] = {}
    faces = None
    renders = any(getattr(weights, name) for name in PICTURE_LOSSES)
    if renders or weights.cycle:
        with torch.set_grad_enabled(renders and torch.is_grad_enabled()):
            faces = render_faces(fixture, batch, parameters, config, generator)
        panels = {"photo": faces.photo, "grey": faces.rendering.image, "masked": faces.masked}
        if renders:
            panels["rendered"] = networks.render(faces.inputs)
            terms |= _picture_terms(networks, feature_networks, faces, panels["rendered"])
    detached = {name: tensor.detach() for name, tensor in panels.items()}
    return PathResult(weighted_sum(terms, weights), parameters, detached, faces)


def render_faces(
    fixture: TrainingFixture,
    batch: TrainingBatch,
    parameters: FaceParameters,
    config: TrainConfig,
    generator: torch.Generator,
) -> RenderedFaces:
    """Return photos and renderings of B parameters; arguments as of the path."""
    size = fixture.surface.size
    photo = batch.images
    if photo.shape[-1] != size:
        photo = F.interpolate(photo, size=(size, size), mode="bilinear", antialias=True)
    hull = hull_mask(batch.outline * (size / batch.images.shape[-1]), size, size)
    rendering = fixture.surface(fixture.head(parameters).vertices, parameters.camera)
    surface = draw_points(rendering, fixture.point_weight, config.masking, generator=generator)
    masked = masked_photo(
        photo, hull, rendering, fixture.surface.faces, surface, config.masking, generator=generator
    )
    inputs = renderer_input(rendering.image, masked)
    return RenderedFaces(photo, hull, rendering, surface, masked, inputs)


def _geometry_terms(
    parameters: FaceParameters, fixture: TrainingFixture, batch: TrainingBatch, config: TrainConfig
) -> Terms:
    size = batch.images.shape[-1]
    taught = parameters.replace(
        **{
            name: torch.where(batch.is_ground_truth[:, None], value, value.detach())
            for name, value in parameters.items()
            if name in config.landmarks.fixed_on_photos
        }
    )
    predicted = project(fixture.landmark_head(taught).vertices, taught.camera)[..., :2]
    target = pixels_to_ndc(batch.landmarks, size)
    spec = {group.name: group for group in fixture.head.spec}

    def landmarks(on_outline: bool) -> Tensor:
        weight = fixture.landmark_weight * (fixture.outline == on_outline)
        if config.landmarks.form == "squared":
            return landmark_loss(predicted, target, weight=weight)
        error = (ndc_to_pixels(predicted, CROP_SIZE) - ndc_to_pixels(target, CROP_SIZE)).square()
        distance = (error.sum(-1) + 0.25).sqrt() - 0.5
        return (distance * weight).sum() / weight.sum().clamp(min=1e-9) / len(distance)

    def prior(name: str) -> Tensor:
        return prior_loss(getattr(parameters, name), spec[name], standardized=config.standardized)

    return {
        "landmarks": lambda: landmarks(False),
        "contour": lambda: landmarks(True),
        "openings": lambda: opening_loss(predicted, target, fixture.opening_rows),
        "shape_prior": lambda: prior("shape"),
        "shape_target": lambda: target_loss(parameters.shape, batch.targets.shape),
        "shape_distance": lambda: shape_distance(
            parameters.shape, batch.targets.shape, batch.is_ground_truth, fixture.face_gram
        ),
        "same_person": lambda: same_person_distance(
            parameters.shape, batch.same_person, fixture.face_gram
        ),
        "expression_prior": lambda: prior("expression"),
        "jaw_prior": lambda: prior("jaw"),
        "eyelids_prior": lambda: prior("eyelids"),
        "eyes_prior": lambda: prior("eyes"),
        "pseudo_labels": lambda: pseudo_label_loss(
            parameters,
            batch.targets,
            batch.is_ground_truth,
            fixture.head.spec,
            config.pseudo_labels,
        ),
        "change": lambda: change_loss(
            parameters, batch.targets, batch.pairs, fixture.head.spec, config.pseudo_labels
        ),
    }


def _picture_terms(
    networks: Networks, feature_networks: FeatureNetworks, faces: RenderedFaces, rendered: Tensor
) -> Terms:
    terms: Terms = {"photometric": lambda: masked_l1(rendered, faces.photo)}
    perceptual, emotion, identity = (
        feature_networks.perceptual,
        feature_networks.emotion,
        feature_networks.identity,
    )
    if perceptual is not None:
        terms["perceptual"] = lambda: perceptual_loss(rendered, faces.photo, perceptual)
    if emotion is not None:
        terms["emotion"] = lambda: feature_loss(
            _render_without_learning(networks, faces.inputs), faces.photo, emotion
        )
    if identity is not None:
        terms["identity"] = lambda: feature_angle_loss(rendered, faces.photo, identity)
    return terms


def _render_without_learning(networks: Networks, inputs: Tensor) -> Tensor:
    """Return the same image with a gradient for the encoders alone; statistics stay too."""
    renderer = networks.renderer
    state = {name: value.detach() for name, value in renderer.named_parameters()}
    state |= {name: value.clone() for name, value in renderer.named_buffers()}
    with networks.autocast():
        rendered: Tensor = functional_call(renderer, state, (inputs,))
    return rendered.float()
