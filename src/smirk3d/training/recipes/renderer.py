"""A neural renderer alone, on a CPU."""

from __future__ import annotations

from smirk3d.losses.loss_weights import LossWeights
from smirk3d.neural_renderer.renderer_config import NeuralRendererConfig
from smirk3d.training.optimizer_config import OptimizerConfig
from smirk3d.training.recipes.core import CORE
from smirk3d.training.recipes.recipe import Recipe

RENDERER = Recipe(
    name="renderer",
    purpose="A neural renderer from fits and ground-truth expressions, no encoder, on a CPU. On "
    "photos alone it would not learn to render what faces seldom do.",
    parent=CORE,
    differences={
        "render_size": 128,
        "rendered": "ground_truth",
        "data.batches.batch_size": 16,
        "data.batches.warped": 0.3125,
        "data.batches.rendered": 0.125,
        "data.batches.on_device": False,
        "networks.renderer": NeuralRendererConfig(
            features=(32, 64, 128, 192), blocks=2, depthwise=True, patch=2
        ),
        "networks.learning": ("renderer",),
        "networks.perceptual": "lite0",
        "losses": LossWeights(photometric=10.0, perceptual=1.0),
        "optimizer": OptimizerConfig(
            renderer_rate=3e-3, betas=(0.5, 0.999), warmup_steps=30, last_rate=0.005
        ),
        "run.minutes": 22.0,
    },
)
