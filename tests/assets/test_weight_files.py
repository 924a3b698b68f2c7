from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from smirk3d.assets.weight_files import (
    load_strictly,
    read_torch_state,
    read_weights,
    read_weights_header,
    write_weights,
)
from smirk3d.errors import AssetError, OutputError


def test_half_precision_keeps_vectors_and_counters(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    write_weights(tmp_path / "w.safetensors", module.state_dict(), kind="x", header={}, half=True)
    kinds = {name: value.dtype for name, value in read_weights(tmp_path / "w.safetensors").items()}
    assert kinds["0.weight"] == torch.float16
    assert kinds["0.bias"] == kinds["1.running_var"] == torch.float32
    assert kinds["1.num_batches_tracked"] == torch.int64


def test_header_comes_back_and_kinds_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_weights(path, {"a": torch.zeros(2)}, kind="renderer", header={"steps": 5})
    assert read_weights_header(path, kind="renderer")["steps"] == 5
    with pytest.raises(AssetError, match=r"unknown kind .renderer.; expected is an encoder"):
        read_weights_header(path, kind="encoder")


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_files_can_be_read_by_whom_the_user_lets(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    (tmp_path / "plain").touch()
    write_weights(path, {"a": torch.zeros(2)}, kind="x", header={})
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_tensors_that_share_memory_are_written(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    path = tmp_path / "w.safetensors"
    write_weights(path, {"a": whole[:3], "b": whole[1:4], "c": whole}, kind="x", header={})
    assert read_weights(path)["b"].tolist() == [1.0, 2.0, 3.0]


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_weights(path, {"a": torch.zeros(2)}, kind="x", header={"format": 9})
    with pytest.raises(AssetError, match="format 9"):
        read_weights_header(path, kind="x")


def test_absent_and_damaged_files_are_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.safetensors"
    for read in (read_weights, read_torch_state, lambda p: read_weights_header(p, kind="x")):
        with pytest.raises(AssetError, match=r"absent: no such"):
            read(tmp_path / "absent")
        bad.write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00nonsense")
        with pytest.raises(AssetError, match=r"bad\.safetensors"):
            read(bad)


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        write_weights(tmp_path / "file" / "w.safetensors", {}, kind="x", header={})


@pytest.mark.parametrize("key", [None, "state_dict", "model"])
def test_torch_files_give_their_tensors(tmp_path: Path, key: str | None) -> None:
    state = {"a": torch.ones(2)}
    torch.save({key: state, "epoch": 3} if key else state, tmp_path / "w.pt")
    assert read_torch_state(tmp_path / "w.pt")["a"].tolist() == [1.0, 1.0]


def test_a_torch_file_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "w.pt")
    with pytest.raises(AssetError, match="no state dict"):
        read_torch_state(tmp_path / "w.pt")


def test_strict_loading_changes_nothing_when_it_fails() -> None:
    module = nn.Linear(2, 2)
    before = module.weight.clone()
    with pytest.raises(AssetError, match=r"here: weights do not fit: bias is missing, and 1 more"):
        load_strictly(module, {"weight": torch.zeros(2, 2), "extra": torch.zeros(1)}, "here")
    assert torch.equal(module.weight, before)
    load_strictly(module, {"weight": torch.zeros(2, 2).half(), "bias": torch.ones(2)}, "here")
    assert module.weight.dtype == torch.float32
    assert not module.weight.any()
