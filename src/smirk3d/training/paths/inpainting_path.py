"""The painting path: a painter learns to finish faces that were carried to another expression.

The truth must be a photo, and nobody has two photos of a person that differ in expression alone. So
a photo is taken as what shall be painted, and of it is hidden what the same face in another
expression would not show: eyes behind closed eyelids, teeth behind lips, skin in folds, the ground
behind a lower chin. Small errors of the fitted parameters are pretended, since at work the
surface never lies quite on the photo.
"""

from __future__ import annotations

import torch
from torch import Tensor

from smirk3d.data.augmentation import TrainingBatch
from smirk3d.heads.head_model import HeadModel
from smirk3d.losses.perceptual import perceptual_loss
from smirk3d.losses.photometric import masked_l1
from smirk3d.losses.weighting import weighted_sum
from smirk3d.neural_renderer.face_masking import random_holes
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.expression_augmentation import ExpressionAugmentation
from smirk3d.synthesis.warped_photos import SurfaceWarper, rendered_correction
from smirk3d.training.config import InpainterConfig, TrainConfig
from smirk3d.training.networks import FeatureNetworks, Networks
from smirk3d.training.paths.reconstruction_path import PathResult

_MARGIN = 0.15
"""Of a crop's side: outside it, the perceptual loss does not look, which halves its cost."""
_MOVING = ("expression", "jaw", "eyelids")


def inpainting_path(
    networks: Networks,
    carrier: SurfaceWarper,
    feature_networks: FeatureNetworks,
    batch: TrainingBatch,
    config: TrainConfig,
    generator: torch.Generator,
) -> PathResult:
    """Return losses and panels of the painting path.

    Args:
        networks: of which the renderer paints.
        carrier: of the head.
        feature_networks: network of the perceptual loss.
        batch: photos with fitted parameters.
        config: weights and settings, the painter's among them.
        generator: on the batch's device; draws expressions, errors and holes.

    Raises:
        ValueError: if the settings have no painter.
    """
    painter = config.painter
    if painter is None:
        raise ValueError("the painting path needs the settings of a painter")
    photo, fitted = batch.images, batch.targets
    hidden_by = _other_expressions(fitted, carrier.head, painter, generator)
    shaken = _shaken(fitted, carrier.head, painter.shaken, generator)
    holes = random_holes(
        photo, fraction=painter.hole_fraction, side=painter.hole_side, generator=generator
    )
    carried = carrier(photo, shaken, fitted, hidden_by=hidden_by, holes=holes)
    with networks.autocast():
        correction = rendered_correction(networks.renderer, carried)
    painted = carried.filled + correction.float()
    weight = 1 + painter.unknown_gain * (1 - carried.known)
    terms = {"photometric": lambda: masked_l1(painted, photo, weight)}
    network = feature_networks.perceptual
    if network is not None:
        terms["perceptual"] = lambda: perceptual_loss(_middle(painted), _middle(photo), network)
    panels = {
        "photo": photo, "carried": carried.filled, "known": carried.known.expand(-1, 3, -1, -1),
        "painted": painted.detach().clamp(0, 1),
    }  # fmt: skip
    return PathResult(weighted_sum(terms, config.losses), fitted, panels, None)


def _middle(pictures: Tensor) -> Tensor:
    """Return the part of crops that holds eyes and mouth."""
    size = pictures.shape[-1]
    margin = round(_MARGIN * size)
    return pictures[..., margin : size - margin, margin : size - margin]


def _other_expressions(
    fitted: FaceParameters, head: HeadModel, config: InpainterConfig, generator: torch.Generator
) -> FaceParameters:
    """Return strong expressions; of a fraction of faces calm ones with the mouth closed."""
    strong = ExpressionAugmentation(head)(fitted, generator)
    fraction = torch.rand(len(fitted), 1, generator=generator, device=generator.device)
    calm = fraction.to(fitted.shape.device) < config.calm
    rest = head.neutral(len(fitted))
    names = ("expression", "jaw")
    return strong.replace(
        **{n: torch.where(calm, getattr(rest, n), getattr(strong, n)) for n in names}
    )


def _shaken(
    fitted: FaceParameters, head: HeadModel, size: float, generator: torch.Generator
) -> FaceParameters:
    """Return parameters with errors of normal size, in each component's range."""
    changed: dict[str, Tensor] = {}
    for name in _MOVING:
        values = getattr(fitted, name)
        error = torch.randn(values.shape, generator=generator, device=generator.device)
        std = values.new_tensor(head.group(name).prior_std).clamp(max=0.3)
        changed[name] = head.group(name).clamp(values + size * std * error.to(values))
    return fitted.replace(**changed)
