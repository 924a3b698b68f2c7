"""The inpainting network of edit."""

from __future__ import annotations

from smirk3d.data.batch_config import AugmentationConfig
from smirk3d.losses.loss_weights import LossWeights
from smirk3d.neural_renderer.renderer_config import NeuralRendererConfig
from smirk3d.training.paths.config import InpainterConfig
from smirk3d.training.recipes.recipe import Recipe
from smirk3d.training.recipes.smirk import CHANGE, MASKING

INPAINTER = Recipe(
    name="inpainter",
    purpose="The inpainting network of `smirk3d edit`; encoders do not take part.",
    differences={
        "masking": MASKING,
        "cycle.change": CHANGE,
        "inpainter": InpainterConfig(),
        "data.batches.batch_size": 16,
        # at 160 pixels, stored crops of 224 pixels at 1.9 boxes keep their own resolution
        "data.batches.image_size": 160,
        "data.batches.augmentation": AugmentationConfig(
            crop_scale=(1.25, 1.6), shift=0.03, rotation=8.0, blur=0.0, noise=0.0, occlusion=0.0,
            grey=0.03, brightness=0.2, contrast=0.2, colour=0.08,
        ),
        "networks.encoder.shared": True,
        "networks.encoder.input_size": 128,
        "networks.renderer": NeuralRendererConfig(
            features=(32, 48, 96, 160), blocks=2, depthwise=True, patch=2
        ),
        "networks.learning": ("renderer",),
        "networks.perceptual": "lite0",
        "losses": LossWeights(photometric=10.0, perceptual=1.0),
        "optimizer.renderer_rate": 3e-3,
        "optimizer.betas": (0.9, 0.99),
        "optimizer.warmup_steps": 20,
        "run.minutes": 40.0,
        "run.log_steps": 10,
        "run.panel_steps": 100,
    },
)  # fmt: skip
