"""The first stage of the default weights."""

from __future__ import annotations

from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.neural_renderer.renderer_config import LIGHT
from smirk3d.training.network_config import ENCODER_PARTS
from smirk3d.training.recipes.recipe import Recipe
from smirk3d.training.recipes.smirk import CHANGE, MASKING

PRETRAIN = Recipe(
    name="pretrain",
    purpose="Encoders from landmarks, fits and photo warps; the default weights start with it.",
    differences={
        "masking": MASKING,
        "cycle.change": CHANGE,
        "data.batches.image_size": 128,
        "data.batches.warped": 0.375,
        "data.batches.rendered": 0.125,
        "networks.encoder": EncoderConfig(
            shared=True, expression_backbone="efficientnet_lite0", pretrained=True, input_size=128
        ),
        "networks.renderer": LIGHT,
        "networks.learning": ENCODER_PARTS,
        "networks.frozen_stages": 2,
        "losses.landmarks": 1.0,
        "losses.contour": 0.3,
        "losses.pseudo_labels": 1.0,
        "losses.change": 40.0,
        "landmarks.emphasis": 3.0,
        "optimizer.weight_decay": 0.02,
        "optimizer.warmup_steps": 100,
        "optimizer.last_rate": 0.005,
        "optimizer.encoder_clip": 5.0,
        "optimizer.averaging": 0.995,
        "run.minutes": 60.0,
    },
)
