"""The augmented expression cycle path: render another expression, estimate it, compare.

Retsinas et al. 2024, section 3.3.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from smirk3d.losses.cycle import cycle_loss
from smirk3d.losses.weighting import weighted_sum
from smirk3d.neural_renderer.inputs import masked_photo, renderer_input
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.cycle_expressions import changed_expressions
from smirk3d.training.config import TrainConfig
from smirk3d.training.networks import Networks
from smirk3d.training.paths.fixture import TrainingFixture
from smirk3d.training.paths.reconstruction_path import PathResult


def augmented_cycle_path(
    networks: Networks,
    fixture: TrainingFixture,
    templates: FaceParameters | None,
    result: PathResult,
    config: TrainConfig,
    generator: torch.Generator,
) -> PathResult:
    """Return losses and panels of the cycle path.

    Args:
        networks: encoders and renderer, one of which is usually frozen.
        fixture: landmarks, renderings and weights of the head.
        templates: extreme expressions of the head, None where there are none.
        result: result of the reconstruction path on the same photos, with renderings.
        config: weights and settings.
        generator: source of expressions, noise and holes, on the photos' device.

    Raises:
        ValueError: if the result has no renderings.
    """
    faces = result.faces
    if faces is None:
        raise ValueError("the cycle path needs the renderings of the reconstruction path")
    target, _ = changed_expressions(
        result.parameters, fixture.head, templates, config.cycle.change, generator
    )
    masking = replace(config.masking, hole_fraction=config.cycle.hole_fraction)
    with torch.no_grad():
        rendering = fixture.surface(fixture.head(target).vertices, target.camera)
        masked = masked_photo(
            faces.photo, faces.hull, rendering, fixture.surface.faces, faces.surface, masking,
            generator=generator,
        )  # fmt: skip
        inputs = renderer_input(rendering.image, masked)
    renderer_learns = any(p.requires_grad for p in networks.renderer.parameters())
    with torch.set_grad_enabled(renderer_learns and torch.is_grad_enabled()):
        rendered = networks.render(inputs)
    predicted = networks.estimate(rendered)
    spec = fixture.head.spec if config.standardized else None
    terms = {
        "cycle": lambda: cycle_loss(
            predicted, target, config.cycle.gains, spec=spec, form=config.cycle.form,
            unit_interval_std=config.pseudo_labels.unit_interval_std,
        )
    }  # fmt: skip
    panels = {
        "changed": rendering.image, "moved pixels": masked, "cycle rendered": rendered.detach()
    }  # fmt: skip
    return PathResult(weighted_sum(terms, config.losses), target, panels, None)
