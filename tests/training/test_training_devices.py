"""What a GPU needs, found on a CPU: library code names the device of the tensors that it makes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from smirk3d.heads.tiny import tiny_head
from smirk3d.losses.loss_weights import LossWeights
from smirk3d.synthesis.cycle_expressions import changed_expressions
from smirk3d.synthesis.expression_augmentation import ExpressionAugmentation
from smirk3d.training.config import TrainConfig
from smirk3d.training.paths.config import InpainterConfig
from smirk3d.training.recipes.smirk import CHANGE
from tests.conftest import ExplicitDevices
from tests.training.small_runs import small_config, small_trainer, some_faces

HEADS = {kind: tiny_head(kind) for kind in ("named", "pca")}
FACES = {kind: some_faces(head, 8) for kind, head in HEADS.items()}


def _config(path: str) -> TrainConfig:
    config = small_config()
    config = replace(config, cycle=replace(config.cycle, first_step=0))
    if path == "inpainting":
        return replace(
            config,
            inpainter=InpainterConfig(),
            networks=replace(config.networks, learning=("renderer",)),
            losses=LossWeights(photometric=10.0),
        )
    return config


@pytest.mark.parametrize("kind", ["named", "pca"])
@pytest.mark.parametrize("path", ["reconstruction and cycle", "inpainting"])
def test_paths_name_the_device_of_what_they_make(path: str, kind: str) -> None:
    trainer, batches = small_trainer(_config(path), kind)
    batch = batches.batch(0)
    with ExplicitDevices():
        losses = trainer.train_step(batch, 0.0)
    assert losses["photometric"] > 0


@pytest.mark.parametrize("kind", ["named", "pca"])
def test_batches_name_the_device_of_what_they_make(kind: str) -> None:
    config = small_config()
    mixed = replace(config.data.batches, warped=0.25, rendered=0.25)
    config = replace(config, data=replace(config.data, batches=mixed))
    _, batches = small_trainer(config, kind)
    with ExplicitDevices():
        assert batches.batch(0).pairs > 0


@pytest.mark.parametrize("kind", ["named", "pca"])
def test_expressions_are_drawn_on_the_generators_device(
    kind: str, device: torch.device, explicit_devices: None
) -> None:
    head, start = HEADS[kind].to(device), FACES[kind].to(device)
    for place in {"cpu", device.type}:
        generator = torch.Generator(place).manual_seed(0)
        augmented = ExpressionAugmentation(head)(start, generator)
        changed, _ = changed_expressions(start, head, None, CHANGE, generator)
        assert augmented.expression.device == changed.expression.device == start.shape.device


def test_the_mode_finds_a_tensor_without_device() -> None:
    source = compile(
        "import torch\ndef f():\n    return torch.zeros(3)", f"{_source()}/x.py", "exec"
    )
    namespace: dict = {}
    exec(source, namespace)
    with ExplicitDevices(), pytest.raises(AssertionError, match=r"x\.py:3: torch\.zeros without"):
        namespace["f"]()


def _source() -> str:
    from tests.conftest import SOURCE

    return SOURCE
