"""Every preset trains a head in FLAME's layout, with the code and settings of any other head."""

from __future__ import annotations

import math
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from smirk3d.data.batches import TrainingBatches
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.head_import.flame import (
    convert_flame,
    flame_release,
    parse_flame_model,
    read_flame_companions,
)
from smirk3d.heads.head_model import HeadModel
from smirk3d.neural_renderer.renderer_config import NeuralRendererConfig
from smirk3d.training.config import TrainConfig
from smirk3d.training.recipes import PRESETS
from smirk3d.training.trainer import Trainer
from tests.training.small_runs import NUM_PHOTOS, SIZE, some_faces, some_photos

sys.path.insert(0, str(Path(__file__).parents[1] / "head_import"))
from flame_files import companion_tables, flame_arrays, write_companions


@pytest.fixture(scope="module")
def flame(tmp_path_factory: pytest.TempPathFactory) -> HeadModel:
    folder = tmp_path_factory.mktemp("flame")
    arrays = flame_arrays()
    write_companions(folder, companion_tables(len(arrays["f"])))
    model = parse_flame_model(pickle.dumps(arrays, 2), "x.pkl")
    companions = read_flame_companions(folder, len(model.v_template), len(model.faces), depth=0)
    return HeadModel(*convert_flame(model, companions, flame_release("generic_model.pkl")))


def small(config: TrainConfig) -> TrainConfig:
    """The preset's losses, freezing and optimisers on small networks and pictures."""
    batches = replace(config.data.batches, batch_size=4, image_size=SIZE, ahead=0)
    encoder = EncoderConfig(
        expression_backbone="mobilenetv3_small_minimal",
        shape_backbone="mobilenetv3_small_minimal",
        input_size=SIZE,
        shared=config.networks.encoder.shared,
        eyes=config.networks.encoder.eyes,
        scaled_outputs=config.networks.encoder.scaled_outputs,
    )
    return replace(
        config,
        head="flame",
        render_size=SIZE,
        data=replace(config.data, batches=batches),
        networks=replace(
            config.networks,
            encoder=encoder,
            renderer=NeuralRendererConfig(features=(4, 6, 8), blocks=1),
            frozen_stages=0,
        ),
        # their networks are large, and read the picture alone
        losses=replace(config.losses, perceptual=0.0, emotion=0.0),
        cycle=replace(config.cycle, first_step=min(config.cycle.first_step, 1)),
        run=replace(config.run, steps=3, half=False),
    )


@pytest.mark.parametrize("name", ["pretrain", "core", "released-code-pretrain", "released-code"])
def test_presets_train_a_head_of_flames_layout(name: str, flame: HeadModel) -> None:
    assert [flame.group(n).dim for n in ("shape", "expression", "jaw")] == [300, 50, 3]
    config = small(PRESETS[name].config())
    truth = some_faces(flame, NUM_PHOTOS)
    trainer = Trainer(config, flame)
    photos = some_photos(flame, truth)
    batches = TrainingBatches(photos, truth, flame, config.data.batches, seed=0)
    before = {key: value.clone() for key, value in trainer.networks.state_dict().items()}
    terms = [trainer.train_step(batches.batch(trainer.step), trainer.step / 3) for _ in range(3)]
    assert all(math.isfinite(value) for step in terms for value in step.values())
    assert ("photometric" in terms[-1]) == bool(config.losses.photometric)
    moved = {
        part: any(
            not torch.equal(value, before[key])
            for key, value in trainer.networks.state_dict().items()
            if part in key and "running" not in key and "tracked" not in key
        )
        for part in ("expression", "renderer")
    }
    assert moved == {part: part in config.networks.learning for part in moved}
