"""Encoders along the cycle path, on a CPU."""

from __future__ import annotations

from smirk3d.training.network_config import ENCODER_PARTS
from smirk3d.training.recipes.core import CORE
from smirk3d.training.recipes.recipe import Recipe
from smirk3d.training.recipes.renderer import RENDERER

CYCLE = Recipe(
    name="cycle",
    purpose="Encoders along the cycle path, with a finished renderer that stays as it is, on a "
    "CPU. Each path's gradient is clipped by itself, and the first one's, mostly the view's, to a "
    "three-hundredth; at its weight the cycle moves the trunk two to three times as much as what "
    "remains.",
    parent=CORE,
    differences={
        "render_size": RENDERER.differences["render_size"],
        "data.batches.batch_size": 32,
        "data.batches.on_device": False,
        "networks.renderer": RENDERER.differences["networks.renderer"],
        "networks.learning": ENCODER_PARTS,
        "networks.frozen_stages": 2,
        "losses.landmarks": 5.0,
        "losses.photometric": 0.0,
        "losses.perceptual": 0.0,
        "losses.emotion": 0.0,
        "cycle.first_step": 0,
        "cycle.alternate": False,
        "optimizer.encoder_rate": 1.5e-4,
        "optimizer.warmup_steps": 50,
        "run.minutes": 0.0,
        "run.steps": 1600,
    },
)
