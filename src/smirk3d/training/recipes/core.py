"""Both paths, on a GPU."""

from __future__ import annotations

from smirk3d.neural_renderer.renderer_config import NeuralRendererConfig
from smirk3d.training.network_config import ENCODER_PARTS
from smirk3d.training.recipes.expressions import EXPRESSIONS
from smirk3d.training.recipes.recipe import Recipe

CORE = Recipe(
    name="core",
    purpose="Encoders and renderer along both paths, from trained encoders, on a GPU. The picture "
    "losses weigh so much because their gradients are small: at these weights they move view and "
    "expression about a tenth as much as the landmarks do.",
    parent=EXPRESSIONS,
    differences={
        "render_size": 160,
        "data.batches.batch_size": 256,
        "data.batches.warped": 0.375,
        "data.batches.on_device": True,
        "networks.renderer": NeuralRendererConfig(features=(48, 96, 160, 256), blocks=2, patch=2),
        "networks.linear_batches": 0,
        "networks.learning": (*ENCODER_PARTS, "renderer"),
        "networks.frozen_stages": 0,
        "losses.landmarks": 3.0,
        "losses.photometric": 200.0,
        "losses.perceptual": 30.0,
        "losses.emotion": 1.0,
        "losses.cycle": 0.06,
        "cycle.first_step": 100,
        "cycle.gains": {"expression": 6.0, "jaw": 1.0, "eyelids": 1.0, "eyes": 0.3},
        "optimizer.encoder_rate": 5e-4,
        "optimizer.renderer_rate": 2e-3,
        "optimizer.renderer_cycle_clip": 0.1,
        "run.minutes": 10.0,
    },
)
