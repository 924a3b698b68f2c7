"""Runs that fail, cannot be or would replace others' files end in one error and lose nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from smirk3d.data.batches import TrainingBatches
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.errors import AssetError, OutputError, UsageError
from smirk3d.heads.tiny import tiny_head
from smirk3d.training.checkpoints import (
    check_checkpoint,
    check_run_folder,
    checkpoints,
    latest_checkpoint,
    load_checkpoint,
    run_settings,
)
from smirk3d.training.records.run_log import RunLog
from smirk3d.training.trainer import TrainingDiverged
from tests.training.small_runs import run_in, small_config, small_trainer, with_run


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    trainer, batches = small_trainer(small_config(renders=False, steps=10))

    class Poisoned(TrainingBatches):
        def batch(self, step):
            made = batches.batch(step)
            return replace(made, landmarks=made.landmarks * (float("nan") if step == 2 else 1))

    poisoned = Poisoned.__new__(Poisoned)
    poisoned.__dict__.update(batches.__dict__)
    with pytest.raises(TrainingDiverged, match="step 2: the loss landmarks"):
        run_in(tmp_path, trainer, poisoned)
    assert load_checkpoint(checkpoints(tmp_path)[-1])["step"] == 2
    assert all(value.isfinite().all() for value in trainer.networks.state_dict().values())


def test_weights_that_are_not_finite_take_no_checkpoints_place(tmp_path: Path) -> None:
    config = small_config(renders=False, steps=10)
    trainer, batches = small_trainer(config)
    take = trainer.train_step

    def then_spoil(batch, fraction):
        losses = take(batch, fraction)
        if trainer.step == 3:
            next(trainer.networks.parameters()).data.fill_(float("nan"))
        return losses

    trainer.train_step = then_spoil
    with pytest.raises(TrainingDiverged, match=r"step 3: weights of encoder.* are not finite"):
        run_in(tmp_path, trainer, batches)
    stored = load_checkpoint(checkpoints(tmp_path)[-1])
    assert stored["step"] == 2
    assert all(value.isfinite().all() for value in stored["networks"].values())


def test_a_full_disk_is_one_error_and_loses_nothing(tmp_path: Path, monkeypatch) -> None:
    trainer, batches = small_trainer(small_config(renders=False, steps=2))
    run_in(tmp_path, trainer, batches)
    kept = checkpoints(tmp_path)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("smirk3d.training.checkpoints.save_torch_file", full)
    more, batches = small_trainer(small_config(renders=False, steps=3))
    with pytest.raises(OutputError, match="No space left"):
        run_in(tmp_path, more, batches)
    assert checkpoints(tmp_path) == kept
    assert load_checkpoint(kept[-1])["step"] == 2
    assert not list((tmp_path / "checkpoints").glob(".*"))


def test_a_log_on_a_full_disk_is_the_same_error(tmp_path: Path) -> None:
    class Full:
        name = "log.jsonl"

        def write(self, text):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    with RunLog(tmp_path) as log:
        log._file.close()
        log._file = Full()
        for write in (lambda: log.scalars(1, {"a": 1.0}), lambda: log.event(1, "photo left out")):
            with pytest.raises(OutputError, match="No space left"):
                write()


def test_a_log_goes_on_where_the_run_does(tmp_path: Path) -> None:
    lines = [{"step": n, "total": 1.0} for n in (1, 2, 3, 4)]
    text = "a line of somebody\n" + "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "log.jsonl").write_text(text + '{"step": 2, "tot')
    with RunLog(tmp_path, step=2) as log:
        log.scalars(3, {"total": 2.0})
    kept = (tmp_path / "log.jsonl").read_text().splitlines()
    assert kept[0] == "a line of somebody"
    assert [json.loads(line)["step"] for line in kept[1:]] == [1, 2, 3]
    assert json.loads(kept[-1])["total"] == 2.0


def test_weights_of_no_run_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "encoder.safetensors").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"encoder\.safetensors is there without a run"):
        check_run_folder(tmp_path)
    trainer, batches = small_trainer(small_config(renders=False, steps=1))
    run_in(tmp_path / "run", trainer, batches)
    check_run_folder(tmp_path / "run")
    check_run_folder(tmp_path / "new")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 0}, "steps or minutes"),
        ({"steps": -1}, "--steps -1: give 0 or more"),
        ({"devices": 0}, "--devices 0"),
        ({"accelerator": "tpu"}, "no accelerator 'tpu'"),
    ],
)
def test_runs_that_cannot_be_are_wrong_usage(changes: dict, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        with_run(small_config(), **changes).check_complete()


def test_another_head_or_other_settings_are_refused(tmp_path: Path) -> None:
    config = small_config(renders=False)
    trainer, _ = small_trainer(config)
    state = {**trainer.state(), "step": 1}
    with pytest.raises(AssetError, match="another head"):
        check_checkpoint(state, tmp_path, tiny_head("pca").fingerprint, run_settings(config))
    other = replace(config, losses=replace(config.losses, landmarks=2.0))
    with pytest.raises(AssetError, match=r"losses.landmarks: 1.0 there, 2.0 here"):
        check_checkpoint(state, tmp_path, trainer.head.fingerprint, run_settings(other))
    longer = with_run(config, minutes=5.0, devices=2)
    check_checkpoint(state, tmp_path, trainer.head.fingerprint, run_settings(longer))


@pytest.mark.parametrize("lacking", ["head_fingerprint", "settings"])
def test_a_checkpoint_that_does_not_say_of_which_run_is_refused(
    tmp_path: Path, lacking: str
) -> None:
    state = {"head_fingerprint": "0" * 64, "settings": {"a": 1}}
    check_checkpoint(state, tmp_path, "0" * 64, {"a": 1})
    del state[lacking]
    with pytest.raises(AssetError, match=f"not a whole run of training.*{lacking}"):
        check_checkpoint(state, tmp_path, "0" * 64, {"a": 1})


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    trainer, batches = small_trainer(small_config(renders=False, steps=1))
    run_in(tmp_path, trainer, batches)
    path = checkpoints(tmp_path)[-1]
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(AssetError, match="not a whole checkpoint"):
        latest_checkpoint(tmp_path)


def test_weights_for_another_head_are_refused(tmp_path: Path) -> None:
    config = small_config(renders=False)
    FaceEncoder(tiny_head("pca"), config.networks.encoder).save(tmp_path / "pca.safetensors")
    networks = replace(config.networks, encoder_start=tmp_path / "pca.safetensors")
    with pytest.raises(AssetError, match="these weights are for head"):
        small_trainer(replace(config, networks=networks))
