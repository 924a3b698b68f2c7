from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from smirk3d.data.augmentation import TrainingBatch
from smirk3d.data.batches import TrainingBatches
from smirk3d.heads.tiny import tiny_head
from smirk3d.training.checkpoints import checkpoints, load_checkpoint
from smirk3d.training.config import TrainConfig
from smirk3d.training.trainer import Trainer
from tests.training.small_runs import NUM_PHOTOS, small_config, some_faces, some_photos

REPOSITORY = Path(__file__).resolve().parents[2]


def comparable_config() -> TrainConfig:
    """Settings under which two halves of a batch are the same as the whole.

    Batch statistics of parts differ from those of the whole: they stay fixed. Drawn pixels differ
    by process: none are drawn, and expressions, which are drawn too, are not changed.
    """
    config = small_config()
    return replace(
        config,
        networks=replace(config.networks, frozen_norms=True),
        losses=replace(config.losses, cycle=0.0),
        masking=replace(config.masking, point_fraction=0.0),
        optimizer=replace(config.optimizer, averaging=0.0, encoder_clip=0.0),
    )


def parts_of_a_batch(config: TrainConfig, rank: int) -> TrainingBatch:
    head = tiny_head()
    truth = some_faces(head, NUM_PHOTOS)
    photos = some_photos(head, truth)
    batches = TrainingBatches(photos, truth, head, config.data.batches, rank=rank, world_size=2)
    return batches.batch(0)


def gradients_of(trainer: Trainer, batch: TrainingBatch) -> dict[str, torch.Tensor]:
    renderer = trainer.networks.renderer.eval()
    renderer.train = lambda mode=True: renderer
    trainer.train_step(batch, 0.0)
    named = trainer.networks.named_parameters()
    return {name: p.grad for name, p in named if p.grad is not None}


def one_of_two(fabric: Any, path: str) -> None:
    torch.set_num_threads(1)
    config = comparable_config()
    trainer = Trainer(config, tiny_head(), fabric)
    gradients = gradients_of(trainer, parts_of_a_batch(config, fabric.global_rank))
    if fabric.global_rank == 0:
        torch.save(gradients, path)


def learn_beside_another(fabric: Any, folder: str) -> None:
    torch.set_num_threads(1)
    config = small_config()
    trainer = Trainer(config, tiny_head(), fabric)
    for _ in range(3):
        trainer.train_step(parts_of_a_batch(config, fabric.global_rank), 0.0)
    torch.save(trainer.networks.state_dict(), Path(folder) / f"{fabric.global_rank}.pt")


def joined(parts: list[TrainingBatch]) -> TrainingBatch:
    return TrainingBatch.cat(parts, pairs=0)


def test_two_processes_have_the_gradients_of_one_with_the_joint_batch(tmp_path: Path) -> None:
    from lightning_fabric import Fabric

    path = tmp_path / "gradients.pt"
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp_spawn")
    fabric.launch(one_of_two, str(path))
    theirs = torch.load(path)
    config = comparable_config()
    batch = joined([parts_of_a_batch(config, rank) for rank in range(2)])
    assert len(batch.images) == config.data.batches.batch_size
    ours = gradients_of(Trainer(config, tiny_head()), batch)
    assert set(ours) == set(theirs)
    assert any(name.startswith("renderer") for name in ours)
    for name, gradient in ours.items():
        scale = float(gradient.abs().max())
        torch.testing.assert_close(theirs[name], gradient, rtol=1e-3, atol=1e-5 * scale + 1e-9)


def test_processes_stay_alike_statistics_included(tmp_path: Path) -> None:
    from lightning_fabric import Fabric

    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp_spawn")
    fabric.launch(learn_beside_another, str(tmp_path))
    one, two = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert any("running_mean" in name for name in one)
    for name, value in one.items():
        assert torch.equal(value, two[name]), name


RUN = """
import sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from smirk3d.training.checkpoints import latest_checkpoint
from smirk3d.training.records.run_log import RunLog
from smirk3d.training.run import run_loop
from tests.training.small_runs import small_config, small_trainer
folder = Path(sys.argv[1])
trainer, batches = small_trainer(small_config(steps=6))
stored = latest_checkpoint(folder)
if stored is not None:
    trainer.load_state(stored)
slow = float(sys.argv[2])
with RunLog(folder) as log:
    run_loop(trainer, batches, log, folder, lambda progress: time.sleep(slow))
"""


def start_run(folder: Path, pause: float) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'src'}",
    }
    command = [sys.executable, "-c", RUN, str(folder), str(pause)]
    return subprocess.Popen(command, env=environment, cwd=REPOSITORY)


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert start_run(whole, 0.0).wait(240) == 0
    killed = start_run(cut, 1.0)
    end = time.monotonic() + 200
    while len(checkpoints(cut)) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(20) == -signal.SIGKILL
    assert load_checkpoint(checkpoints(cut)[-1])["step"] < 6
    assert start_run(cut, 0.0).wait(240) == 0
    expected, got = (load_checkpoint(checkpoints(folder)[-1]) for folder in (whole, cut))
    assert expected["step"] == got["step"] == 6
    for name, value in expected["networks"].items():
        assert torch.equal(value, got["networks"][name]), name
    encoder = "encoder.safetensors"
    # the time that training took is part of the file's header: weights alone are compared
    from safetensors.torch import load_file

    one, two = load_file(whole / encoder), load_file(cut / encoder)
    assert all(torch.equal(one[name], two[name]) for name in one)
