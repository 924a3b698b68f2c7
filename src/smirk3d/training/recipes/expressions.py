"""The second stage of the default weights."""

from __future__ import annotations

from smirk3d.synthesis.expression_augmentation_config import ExpressionAugmentationConfig
from smirk3d.training.recipes.pretrain import PRETRAIN
from smirk3d.training.recipes.recipe import Recipe

EXPRESSIONS = Recipe(
    name="expressions",
    purpose="Pretrained encoders learn to estimate every action at 160 px, from spatial features, "
    "pairs of pictures and a regression.",
    parent=PRETRAIN,
    differences={
        "data.batches.image_size": 160,
        "data.batches.warped": 0.4375,
        "data.batches.expression_augmentation": ExpressionAugmentationConfig(
            actions=(1, 12), strength=(0.2, 1.0), jaw_moved=0.4
        ),
        "networks.encoder.pretrained": False,
        "networks.encoder.spatial_channels": 112,
        "networks.encoder.normalized": True,
        "networks.encoder.input_size": 160,
        "networks.linear_batches": 440,
        "networks.frozen_norms": True,
        "losses.landmarks": 5.0,
        "pseudo_labels.gains": {
            "expression": 30.0, "jaw": 3.0, "eyelids": 4.0, "eyes": 4.0, "shape": 0.5,
            "head_pose": 4.0, "camera": 4.0,
        },
        "pseudo_labels.ground_truth": 1.0,
        "pseudo_labels.large_changes": 6.0,
        "optimizer.encoder_rate": 3e-4,
        "optimizer.output_rate_factor": 0.07,
        "optimizer.warmup_steps": 50,
    },
)  # fmt: skip
