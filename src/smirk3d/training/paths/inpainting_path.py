"""The inpainting path: a network learns to finish photos that were warped to another expression.

The ground truth must be a photo, and nobody has two photos of a person that differ in expression
alone. So each photo is its own target, and the network does not see what the same face in another
expression would hide: eyes behind closed eyelids, teeth behind lips, skin in folds, the background
behind a lower chin. Small errors of the fitted parameters are simulated, since in use the surface
never lies quite on the photo.
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
from smirk3d.training.config import TrainConfig
from smirk3d.training.networks import FeatureNetworks, Networks
from smirk3d.training.paths.config import InpainterConfig
from smirk3d.training.paths.reconstruction_path import PathResult

_MARGIN = 0.15
"""Fraction of a crop's side that the perceptual loss leaves out, which halves its cost."""
_MOVING = ("expression", "jaw", "eyelids")
"""Groups that move the surface."""
_LARGEST_STD = 0.3
"""Largest standard deviation that simulated errors scale with."""


def inpainting_path(
    networks: Networks,
    warper: SurfaceWarper,
    feature_networks: FeatureNetworks,
    batch: TrainingBatch,
    config: TrainConfig,
    generator: torch.Generator,
) -> PathResult:
    """Return losses and panels of the inpainting path.

    Args:
        networks: networks whose renderer is the inpainting network.
        warper: warper of the head.
        feature_networks: network of the perceptual loss.
        batch: photos with fitted parameters.
        config: weights and settings, those of the inpainting network among them.
        generator: source of expressions, errors and holes, on the batch's device.

    Raises:
        ValueError: if the settings have no inpainting network.
    """
    inpainter = config.inpainter
    if inpainter is None:
        raise ValueError("the inpainting path needs the settings of an inpainter")
    photo, fitted = batch.images, batch.targets
    hidden_by = _other_expressions(fitted, warper.head, inpainter, generator)
    perturbed = _perturbed(fitted, warper.head, inpainter.perturbed, generator)
    holes = random_holes(
        photo, fraction=inpainter.hole_fraction, side=inpainter.hole_side, generator=generator
    )
    warped = warper(photo, perturbed, fitted, hidden_by=hidden_by, holes=holes)
    with networks.autocast():
        correction = rendered_correction(networks.renderer, warped)
    inpainted = warped.filled + correction.float()
    weight = 1 + inpainter.unknown_gain * (1 - warped.known)
    terms = {"photometric": lambda: masked_l1(inpainted, photo, weight)}
    network = feature_networks.perceptual
    if network is not None:
        terms["perceptual"] = lambda: perceptual_loss(_middle(inpainted), _middle(photo), network)
    panels = {
        "photo": photo, "warped": warped.filled, "known": warped.known.expand(-1, 3, -1, -1),
        "inpainted": inpainted.detach().clamp(0, 1),
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
    """Return augmented expressions; for a fraction of faces neutral ones with the mouth closed."""
    augmented = ExpressionAugmentation(head)(fitted, generator)
    fraction = torch.rand(len(fitted), 1, generator=generator, device=generator.device)
    neutral = fraction.to(fitted.shape.device) < config.neutral
    rest = head.neutral(len(fitted))
    names = ("expression", "jaw")
    return augmented.replace(
        **{n: torch.where(neutral, getattr(rest, n), getattr(augmented, n)) for n in names}
    )


def _perturbed(
    fitted: FaceParameters, head: HeadModel, size: float, generator: torch.Generator
) -> FaceParameters:
    """Return parameters with normal errors, within each component's range."""
    changed: dict[str, Tensor] = {}
    for name in _MOVING:
        values = getattr(fitted, name)
        error = torch.randn(values.shape, generator=generator, device=generator.device)
        std = values.new_tensor(head.group(name).prior_std).clamp(max=_LARGEST_STD)
        changed[name] = head.group(name).clamp(values + size * std * error.to(values))
    return fitted.replace(**changed)
