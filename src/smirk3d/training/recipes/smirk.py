"""SMIRK's own settings, for FLAME: the authors' configuration files, and the paper."""

from __future__ import annotations

from smirk3d.data.batch_config import AugmentationConfig, MixingConfig
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.losses.loss_weights import LossWeights
from smirk3d.neural_renderer.renderer_config import PUBLISHED, MaskingConfig
from smirk3d.synthesis.expression_change_config import ExpressionChangeConfig
from smirk3d.training.optimizer_config import OptimizerConfig
from smirk3d.training.paths.config import LandmarkConfig
from smirk3d.training.recipes.recipe import Recipe

_EPOCH = 50_000
"""Samples of an epoch in the authors' configuration files, after which the cosine restarts."""
_BATCH = 32
"""Faces of a batch in the authors' configuration files."""

MASKING = MaskingConfig(
    dilation=10.0, point_fraction=0.01, noise=0.05, hole_fraction=0.01, hole_side=11
)
"""What the authors' code shows the neural renderer of a photo."""
CHANGE = ExpressionChangeConfig(
    noise=(1.0, 3.0),
    noise_fraction=0.5,
    actions=(1, 5),
    strength=(0.2, 1.0),
    blend=(0.25, 1.5),
    small_noise=0.2,
    jaw_noise=1.33,
    jaw_fraction=0.5,
    eyelid_noise=0.25,
    gaze_fraction=0.5,
)
"""The changes of Retsinas et al. (2024) where the paper has them; those of named actions and of the
gaze are ours, for heads that have them."""

RELEASED_CODE = Recipe(
    name="released-code",
    purpose="The core stage as the authors' configuration files have it, for FLAME.",
    differences={
        "head": "flame",
        "data.batches.batch_size": _BATCH,
        "data.batches.mixing": MixingConfig(activity=0.0, rotation=0.0, evenness=0.0),
        "data.batches.augmentation": AugmentationConfig(
            crop_scale=(1.2, 1.8), shift=0.05, rotation=10.0, flip=0.5, occlusion=0.0
        ),
        "networks.encoder": EncoderConfig(eyes=False, scaled_outputs=False),
        "networks.renderer": PUBLISHED,
        "networks.learning": ("expression", "renderer"),
        "losses": LossWeights(
            landmarks=100.0, contour=100.0, photometric=10.0, perceptual=10.0, emotion=1.0,
            expression_prior=1e-3, jaw_prior=1e-2, cycle=1.0,
        ),
        "standardized": False,
        "masking": MASKING,
        "landmarks": LandmarkConfig(form="squared", noise=0.0),
        "cycle.form": "squared",
        "cycle.change": CHANGE,
        "cycle.gains": {"expression": 1.0, "jaw": 10.0, "eyelids": 10.0},
        "optimizer": OptimizerConfig(
            encoder_rate=2.5e-4, betas=(0.5, 0.999), cycle_samples=_EPOCH, renderer_cycle_clip=0.1
        ),
        "run.steps": 50 * _EPOCH // _BATCH,
    },
)  # fmt: skip

RELEASED_CODE_PRETRAIN = Recipe(
    name="released-code-pretrain",
    purpose="The first stage of the authors' configuration files, for FLAME; fits stand for MICA.",
    parent=RELEASED_CODE,
    differences={
        "networks.learning": ("pose", "shape", "expression"),
        "losses": LossWeights(
            landmarks=100.0, contour=100.0, shape_target=10.0, expression_prior=1e-2
        ),
    },
)

PAPER = Recipe(
    name="paper",
    purpose="The core stage with the mix of data sets that the paper states, for FLAME. It needs "
    "shards of FFHQ, CelebA, LRS3 and MEAD made by `smirk3d preprocess`.",
    parent=RELEASED_CODE,
    differences={
        "data.batches.mixing": MixingConfig(
            fractions={"ffhq": 0.3, "celeba": 0.3, "lrs3": 0.2, "mead": 0.1, "mead_sides": 0.1},
            activity=0.0,
            rotation=0.0,
        ),
    },
)
