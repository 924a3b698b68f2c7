"""Settings by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from smirk3d.data.batch_config import AugmentationConfig, BatchConfig, MixingConfig
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.losses.loss_weights import PRETRAINING, LossWeights
from smirk3d.neural_renderer.renderer_config import LIGHT, NeuralRendererConfig
from smirk3d.synthesis.expression_augmentation_config import ExpressionAugmentationConfig
from smirk3d.training.config import (
    CycleConfig,
    DataConfig,
    InpainterConfig,
    LandmarkConfig,
    NetworkConfig,
    OptimizerConfig,
    PseudoLabelConfig,
    RunConfig,
    TrainConfig,
)

_SMIRK_AUGMENTATION = AugmentationConfig(
    crop_scale=(1.2, 1.8), shift=0.05, rotation=10.0, flip=0.5, occlusion=0.0
)
_SMIRK_EPOCH = 50_000


def pretrain() -> TrainConfig:
    """Encoders from landmarks, fits and photo warps; what the default weights start with."""
    return TrainConfig(
        data=DataConfig(
            batches=BatchConfig(batch_size=32, image_size=128, warped=0.375, rendered=0.125),
        ),
        networks=NetworkConfig(
            encoder=EncoderConfig(
                shared=True, expression_backbone="efficientnet_lite0", pretrained=True,
                input_size=128,
            ),
            renderer=LIGHT,
            learning=("trunk", "pose", "shape", "expression"),
            frozen_stages=2,
        ),
        losses=LossWeights(
            landmarks=1.0, contour=0.3, photometric=0.0, perceptual=0.0, emotion=0.0,
            expression_prior=0.0, jaw_prior=0.0, pseudo_labels=1.0, change=40.0, cycle=0.0,
        ),
        landmarks=LandmarkConfig(form="robust", emphasis=3.0),
        optimizer=OptimizerConfig(
            encoder_rate=1e-3, betas=(0.9, 0.999), weight_decay=0.02, warmup_steps=100,
            last_rate=0.005, encoder_clip=5.0, averaging=0.995,
        ),
        run=RunConfig(minutes=60.0),
    )  # fmt: skip


def expressions() -> TrainConfig:
    """Pretrained encoders learn to read every action at 160 px: places, pairs, a regression."""
    start = pretrain()
    return replace(
        start,
        data=DataConfig(
            batches=replace(
                start.data.batches,
                image_size=160,
                warped=0.4375,
                strong=ExpressionAugmentationConfig(
                    actions=(1, 12), strength=(0.2, 1.0), jaw_moved=0.4
                ),
            )
        ),
        networks=replace(
            start.networks,
            encoder=replace(
                start.networks.encoder, pretrained=False, spatial_channels=112, normalized=True,
                input_size=160,
            ),
            linear_batches=440,
            frozen_norms=True,
        ),
        losses=replace(start.losses, landmarks=5.0),
        pseudo_labels=PseudoLabelConfig(
            gains={
                **start.pseudo_labels.gains,
                "expression": 30.0, "jaw": 3.0, "eyelids": 4.0, "eyes": 4.0,
            },
            exact=1.0, strong=6.0,
        ),
        optimizer=replace(
            start.optimizer, encoder_rate=3e-4, output_rate_factor=0.07, warmup_steps=50
        ),
    )  # fmt: skip


def core() -> TrainConfig:
    """Encoders and renderer along both paths, from trained encoders, on a GPU.

    The picture losses weigh so much because their gradients are small: at these weights they move
    view and expression about a tenth as much as the landmarks do.
    """
    start = expressions()
    return replace(
        start,
        render_size=160,
        data=DataConfig(
            batches=replace(start.data.batches, batch_size=256, warped=0.375, on_device=True)
        ),
        networks=replace(
            start.networks,
            renderer=NeuralRendererConfig(features=(48, 96, 160, 256), blocks=2, patch=2),
            linear_batches=0,
            learning=("trunk", "pose", "shape", "expression", "renderer"),
            frozen_stages=0,
        ),
        losses=replace(
            start.losses, landmarks=3.0, photometric=200.0, perceptual=30.0, emotion=1.0, cycle=0.06
        ),
        cycle=CycleConfig(
            first_step=100,
            form="absolute",
            gains={"expression": 6.0, "jaw": 1.0, "eyelids": 1.0, "eyes": 0.3},
        ),
        optimizer=replace(start.optimizer, encoder_rate=5e-4, renderer_rate=2e-3, averaging=0.995),
        run=RunConfig(minutes=10.0),
    )


def renderer() -> TrainConfig:
    """A neural renderer from fits and ground-truth expressions, no encoder, on a CPU.

    On photos alone it would not learn to paint what faces seldom do.
    """
    start = core()
    return replace(
        start,
        render_size=128,
        rendered="known",
        data=DataConfig(
            batches=replace(
                start.data.batches, batch_size=16, warped=0.3125, rendered=0.125, on_device=False
            )
        ),
        networks=replace(
            start.networks,
            renderer=NeuralRendererConfig(
                features=(32, 64, 128, 192), blocks=2, depthwise=True, patch=2
            ),
            learning=("renderer",), perceptual="lite0",
        ),
        losses=LossWeights(
            landmarks=0.0, contour=0.0, photometric=10.0, perceptual=1.0, emotion=0.0,
            expression_prior=0.0, jaw_prior=0.0, cycle=0.0,
        ),
        optimizer=OptimizerConfig(renderer_rate=3e-3, warmup_steps=30, last_rate=0.005),
        run=RunConfig(minutes=22.0),
    )  # fmt: skip


def cycle() -> TrainConfig:
    """Encoders along the cycle path, with a finished renderer that stays as it is, on a CPU.

    Each path's gradient is clipped by itself, and the first one's, mostly the view's, to a
    three-hundredth; at its weight the cycle moves the trunk two to three times as much as what
    remains.
    """
    start = core()
    painter = renderer()
    return replace(
        start,
        render_size=painter.render_size,
        data=DataConfig(
            batches=replace(start.data.batches, batch_size=32, on_device=False)
        ),
        networks=replace(
            start.networks, renderer=painter.networks.renderer,
            learning=("trunk", "pose", "shape", "expression"), frozen_stages=2,
        ),
        losses=replace(
            start.losses, landmarks=5.0, photometric=0.0, perceptual=0.0, emotion=0.0
        ),
        cycle=replace(start.cycle, first_step=0, alternate=False),
        optimizer=replace(start.optimizer, encoder_rate=1.5e-4, warmup_steps=50),
        run=RunConfig(steps=1600),
    )  # fmt: skip


def released_code() -> TrainConfig:
    """The core stage as the authors' configuration files have it, for FLAME."""
    return TrainConfig(
        head="flame",
        render_size=224,
        data=DataConfig(
            batches=BatchConfig(
                batch_size=32, mixing=MixingConfig(activity=0.0, turn=0.0, evenness=0.0),
                augmentation=_SMIRK_AUGMENTATION,
            )
        ),
        networks=NetworkConfig(
            encoder=EncoderConfig(eyes=False, scaled_outputs=False),
            learning=("expression", "renderer"),
        ),
        standardized=False,
        landmarks=LandmarkConfig(form="squared", noise=0.0),
        optimizer=OptimizerConfig(cycle_samples=_SMIRK_EPOCH),
        run=RunConfig(steps=50 * _SMIRK_EPOCH // 32),
    )  # fmt: skip


def released_code_pretrain() -> TrainConfig:
    """The first stage of the authors' configuration files, for FLAME; fits stand for MICA."""
    core_stage = released_code()
    return replace(
        core_stage,
        networks=replace(core_stage.networks, learning=("pose", "shape", "expression")),
        losses=PRETRAINING,
    )


def paper() -> TrainConfig:
    """The core stage with the mix of data sets that the paper states, for FLAME.

    It needs shards of FFHQ, CelebA, LRS3 and MEAD made by ``smirk3d preprocess``.
    """
    fractions = {"ffhq": 0.3, "celeba": 0.3, "lrs3": 0.2, "mead": 0.1, "mead_sides": 0.1}
    core_stage = released_code()
    mixing = MixingConfig(fractions=fractions, activity=0.0, turn=0.0)
    batches = replace(core_stage.data.batches, mixing=mixing)
    return replace(core_stage, data=replace(core_stage.data, batches=batches))


def painter() -> TrainConfig:
    """The renderer that ``smirk3d edit`` paints with; encoders do not take part."""
    crops = AugmentationConfig(
        crop_scale=(1.25, 1.6), shift=0.03, rotation=8.0, blur=0.0, noise=0.0, occlusion=0.0,
        grey=0.03, brightness=0.2, contrast=0.2, colour=0.08,
    )  # fmt: skip
    return TrainConfig(
        painter=InpainterConfig(),
        # at 160 pixels crops of the annotated faces keep their own resolution
        data=DataConfig(
            batches=BatchConfig(batch_size=16, image_size=160, augmentation=crops)
        ),
        networks=NetworkConfig(
            encoder=EncoderConfig(shared=True, input_size=128),
            renderer=NeuralRendererConfig(
                features=(32, 48, 96, 160), blocks=2, depthwise=True, patch=2
            ),
            learning=("renderer",), perceptual="lite0",
        ),
        losses=LossWeights(photometric=10.0, perceptual=1.0, emotion=0.0, cycle=0.0),
        optimizer=OptimizerConfig(
            renderer_rate=3e-3, betas=(0.9, 0.99), warmup_steps=20, last_rate=0.01
        ),
        run=RunConfig(minutes=40.0, log_steps=10, panel_steps=100),
    )  # fmt: skip


def tiny_cpu() -> TrainConfig:
    """Both paths on a few photos, to see within minutes on a CPU that everything learns."""
    start = core()
    still = AugmentationConfig(
        crop_scale=(1.5, 1.5), shift=0, rotation=0, flip=0, brightness=0, contrast=0, colour=0,
        grey=0, blur=0, noise=0, occlusion=0,
    )  # fmt: skip
    return replace(
        start,
        render_size=112,
        data=DataConfig(
            max_photos=32, fit_processes=1,
            # with fewer than 16 photos and one thread, torch takes its slow convolutions
            batches=BatchConfig(
                batch_size=16, image_size=128, augmentation=still,
                mixing=MixingConfig(activity=0.0, turn=0.0, evenness=0.0),
            ),
        ),
        # statistics of photos and paintings together would suit neither when they are read
        networks=replace(
            start.networks, encoder=pretrain().networks.encoder, renderer=LIGHT, frozen_stages=2
        ),
        losses=replace(
            start.losses, landmarks=4.0, contour=1.2, pseudo_labels=0.5, change=0.0,
            photometric=10.0, perceptual=0.0, emotion=0.0, cycle=0.06,
            expression_prior=1e-3, jaw_prior=1e-3,
        ),
        pseudo_labels=PseudoLabelConfig(),
        cycle=replace(start.cycle, first_step=100),
        optimizer=replace(
            start.optimizer, encoder_rate=1e-3, renderer_rate=1e-3, output_rate_factor=1.0,
            averaging=0.0, warmup_steps=20, weight_decay=0.0, betas=(0.9, 0.99),
        ),
        run=RunConfig(steps=600, log_steps=10, panel_steps=100, half=False),
    )  # fmt: skip


PRESETS: dict[str, Callable[[], TrainConfig]] = {
    "pretrain": pretrain,
    "expressions": expressions,
    "core": core,
    "renderer": renderer,
    "cycle": cycle,
    "released-code": released_code,
    "released-code-pretrain": released_code_pretrain,
    "paper": paper,
    "painter": painter,
    "tiny-cpu": tiny_cpu,
}
"""Functions that return the settings of each preset."""
