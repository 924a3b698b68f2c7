from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from smirk3d.losses.loss_weights import LossWeights
from smirk3d.synthesis.warped_photos import SurfaceWarper
from smirk3d.training.config import TrainConfig
from smirk3d.training.networks import FeatureNetworks
from smirk3d.training.paths.config import InpainterConfig
from smirk3d.training.paths.inpainting_path import inpainting_path
from tests.training.small_runs import small_config, small_trainer


def _inpainter_config() -> TrainConfig:
    start = small_config()
    return replace(
        start,
        inpainter=InpainterConfig(),
        networks=replace(start.networks, learning=("renderer",)),
        losses=LossWeights(photometric=10.0),
    )


def test_an_inpainter_learns_and_the_encoders_stay() -> None:
    start = _inpainter_config()
    fast = replace(start.optimizer, renderer_rate=0.01, warmup_steps=0)
    trainer, batches = small_trainer(replace(start, optimizer=fast))

    def loss() -> float:
        generator = torch.Generator().manual_seed(3)
        trainer.networks.set_learning(set())
        result = inpainting_path(
            trainer.networks, SurfaceWarper(trainer.head), FeatureNetworks(), batches.batch(0),
            trainer.config, generator,
        )  # fmt: skip
        return result.loss.report()["photometric"]

    untrained = loss()
    before = {k: v.clone() for k, v in trainer.networks.state_dict().items()}
    for _ in range(60):
        trainer.train_step(batches.batch(0), 0.0)
    assert loss() < 0.97 * untrained
    changed = {k for k, v in trainer.networks.state_dict().items() if not torch.equal(v, before[k])}
    assert changed
    assert all(name.startswith("renderer.") for name in changed)


def test_the_truth_is_the_photo_and_part_of_it_is_hidden() -> None:
    config = _inpainter_config()
    trainer, batches = small_trainer(config)
    batch = batches.batch(0)
    result = inpainting_path(
        trainer.networks, SurfaceWarper(trainer.head), FeatureNetworks(), batch, config,
        torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert torch.equal(result.panels["photo"], batch.images)
    assert 0 < (result.panels["known"] < 0.5).float().mean() < 0.5
    assert set(result.loss.terms) == {"photometric"}


def test_settings_without_an_inpainter_are_refused() -> None:
    trainer, batches = small_trainer(_inpainter_config())
    with pytest.raises(ValueError, match="settings of an inpainter"):
        inpainting_path(
            trainer.networks, SurfaceWarper(trainer.head), FeatureNetworks(), batches.batch(0),
            small_config(), torch.Generator(),
        )  # fmt: skip
