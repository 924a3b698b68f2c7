"""Both paths on a few photos."""

from __future__ import annotations

from smirk3d.data.batch_config import AugmentationConfig, BatchConfig, MixingConfig
from smirk3d.neural_renderer.renderer_config import LIGHT
from smirk3d.training.paths.config import PseudoLabelConfig
from smirk3d.training.recipes.core import CORE
from smirk3d.training.recipes.pretrain import PRETRAIN
from smirk3d.training.recipes.recipe import Recipe

_STILL = AugmentationConfig(
    crop_scale=(1.5, 1.5), shift=0, rotation=0, flip=0, brightness=0, contrast=0, colour=0,
    grey=0, blur=0, noise=0, occlusion=0,
)  # fmt: skip

TINY_CPU = Recipe(
    name="tiny-cpu",
    purpose="Both paths on a few photos, to see within minutes on a CPU that everything learns.",
    parent=CORE,
    differences={
        "render_size": 112,
        "data.max_photos": 32,
        "data.fit_processes": 1,
        # with fewer than 16 photos and one thread, torch takes its slow convolutions
        "data.batches": BatchConfig(
            batch_size=16, image_size=128, augmentation=_STILL,
            mixing=MixingConfig(activity=0.0, rotation=0.0, evenness=0.0),
        ),
        "networks.encoder": PRETRAIN.differences["networks.encoder"],
        "networks.renderer": LIGHT,
        # statistics of photos and rendered images together would suit neither
        "networks.frozen_stages": 2,
        "losses.landmarks": 4.0,
        "losses.contour": 1.2,
        "losses.pseudo_labels": 0.5,
        "losses.change": 0.0,
        "losses.photometric": 10.0,
        "losses.perceptual": 0.0,
        "losses.emotion": 0.0,
        "losses.expression_prior": 1e-3,
        "losses.jaw_prior": 1e-3,
        "pseudo_labels": PseudoLabelConfig(),
        "optimizer.encoder_rate": 1e-3,
        "optimizer.renderer_rate": 1e-3,
        "optimizer.output_rate_factor": 1.0,
        "optimizer.averaging": 0.0,
        "optimizer.warmup_steps": 20,
        "optimizer.weight_decay": 0.0,
        "optimizer.betas": (0.9, 0.99),
        "run.minutes": 0.0,
        "run.steps": 600,
        "run.log_steps": 10,
        "run.panel_steps": 100,
        "run.half": False,
    },
)  # fmt: skip
