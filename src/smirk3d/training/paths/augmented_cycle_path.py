"""The augmented expression cycle path: paint a known other expression, read it back, compare.

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
        networks: one of encoders and renderer is usually frozen.
        fixture: of the head.
        templates: extreme expressions of the head, None where there are none.
        result: of the reconstruction path on the same photos, with renderings.
        config: weights and settings.
        generator: on the photos' device; draws expressions, noise and holes.

    Raises:
        ValueError: if the result has no renderings.
    """
    faces = result.faces
    if faces is None:
        raise ValueError("the cycle path needs the renderings of the reconstruction path")
    known, _ = changed_expressions(
        result.parameters, fixture.head, templates, config.cycle.change, generator
    )
    masking = replace(config.masking, hole_fraction=config.cycle.hole_fraction)
    with torch.no_grad():
        rendering = fixture.surface(fixture.head(known).vertices, known.camera)
        masked = masked_photo(
            faces.photo, faces.hull, rendering, fixture.surface.faces, faces.surface, masking,
            generator=generator,
        )  # fmt: skip
        inputs = renderer_input(rendering.image, masked)
    renderer_learns = any(p.requires_grad for p in networks.renderer.parameters())
    with torch.set_grad_enabled(renderer_learns and torch.is_grad_enabled()):
        painted = networks.paint(inputs)
    read = networks.read(painted)
    spec = fixture.head.spec if config.standardized else None
    terms = {
        "cycle": lambda: cycle_loss(
            read, known, config.cycle.gains, spec=spec, form=config.cycle.form,
            unit_interval_std=config.pseudo_labels.unit_interval_std,
        )
    }  # fmt: skip
    panels = {"changed": rendering.image, "moved pixels": masked, "repainted": painted.detach()}
    return PathResult(weighted_sum(terms, config.losses), known, panels, None)
