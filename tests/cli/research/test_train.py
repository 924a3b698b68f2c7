"""The command from shards on disk to weights, on the tiny head."""

from __future__ import annotations

import io
import json
import shlex
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.training.small_runs import NUM_PHOTOS, small_config, some_faces, some_photos

from smirk3d.cli.main import main
from smirk3d.data.annotated_faces import LANDMARK_STEPS
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.heads.head_file import write_head_file
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head, tiny_head_arrays
from smirk3d.training.checkpoints import checkpoints, load_checkpoint

pytest.importorskip("lightning_fabric", reason="training needs the extra train")

SMALL = shlex.split("""
--render-size 32 --steps 2 --log-steps 1 --panel-steps 2 --accelerator cpu --tensorboard
--data.batches.batch-size 4 --data.batches.image-size 32 --data.batches.ahead 0
--networks.encoder.expression-backbone mobilenetv3_small_minimal
--networks.encoder.no-pretrained --networks.encoder.input-size 32 --networks.frozen-stages 0
--networks.renderer.features 4 6 8 --networks.renderer.blocks 1 --networks.renderer.patch 1
--cycle.first-step 0 --masking.point-fraction 0.1
""")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of the tiny head, one of them cut off in its JPEG."""
    folder = tmp_path_factory.mktemp("shards")
    head = tiny_head()
    photos = some_photos(head, some_faces(head, NUM_PHOTOS))
    with tarfile.open(folder / "faces-0.tar", "w") as tar:
        for key, image in zip(photos.keys, photos.images, strict=True):
            stream = io.BytesIO()
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(stream, "JPEG")
            data = stream.getvalue()[: 400 if key == photos.keys[5] else None]
            member = tarfile.TarInfo(f"{key}.jpg")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    np.savez(
        folder / "annotations.npz",
        key=photos.keys,
        source=photos.sources,
        landmarks_xy=(photos.landmarks * LANDMARK_STEPS).round().to(torch.int16).numpy(),
        blendshapes=photos.blendshapes.numpy(),
        blendshape_names=np.array(photos.blendshape_names),
        oval_inside=photos.oval_inside.numpy(),
    )
    return folder


@pytest.fixture(scope="module")
def head_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("heads")
    files = {}
    for kind in ("named", "pca"):
        files[kind] = folder / f"{kind}.npz"
        write_head_file(files[kind], *tiny_head_arrays(kind))
    return files


def test_shards_become_weights_and_a_run_goes_on(
    tmp_path: Path, shards: Path, head_files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    command = ["train", "tiny-cpu", "--out", str(out), "--data.faces", str(shards), *SMALL]
    command += ["--head", str(head_files["named"])]
    assert main(command) == 0, capsys.readouterr().err
    assert str(out / "encoder.safetensors") in capsys.readouterr().out
    encoder = FaceEncoder.from_file(out / "encoder.safetensors", load_head(head_files["named"]))
    assert encoder.provenance["steps"] == 2
    assert (out / "renderer.safetensors").is_file()
    assert len(list((out / "tensorboard").glob("events*"))) == 1
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    events = [line["event"] for line in lines if "event" in line]
    assert len(events) == 1 and "00006.jpg left out" in events[0]
    assert [line["step"] for line in lines if "total" in line] == [1, 2]
    assert "cycle" in lines[-1] and "photometric" in lines[-1]

    assert main([*command, "--steps", "3"]) == 0
    assert checkpoints(out)[-1].name == "step-00000003.ckpt"

    capsys.readouterr()
    assert main([*command, "--head", str(head_files["pca"])]) == 3
    assert "another head" in capsys.readouterr().err
    assert main([*command, "--losses.landmarks", "3"]) == 3
    assert "losses.landmarks: 4.0 there, 3.0 here" in capsys.readouterr().err
    assert checkpoints(out)[-1].name == "step-00000003.ckpt"


def test_two_processes_train_from_the_command_line(
    tmp_path: Path, shards: Path, head_files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    command = ["train", "tiny-cpu", "--out", str(out), "--data.faces", str(shards), *SMALL]
    command += ["--head", str(head_files["named"]), "--networks.encoder.normalized"]
    assert main([*command, "--devices", "2"]) == 0, capsys.readouterr().err
    encoder = FaceEncoder.from_file(out / "encoder.safetensors", load_head(head_files["named"]))
    assert encoder.provenance["steps"] == 2
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "total" in line] == [1, 2]


def test_fits_can_start_from_what_weights_read(
    tmp_path: Path, shards: Path, head_files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    head = load_head(head_files["named"])
    config = small_config().networks.encoder
    FaceEncoder(head, config).save(tmp_path / "before.safetensors")
    command = ["train", "tiny-cpu", "--data.faces", str(shards), *SMALL]
    command += ["--head", str(head_files["named"])]
    refine = ["--data.refine", str(tmp_path / "before.safetensors")]
    kept: list[torch.Tensor] = []
    for name, more in (("plain", []), ("refined", refine)):
        out = tmp_path / name
        assert main([*command, "--out", str(out), *more]) == 0, capsys.readouterr().err
        kept.append(load_checkpoint(out / "fits.ckpt")["faces"])
    assert kept[0].shape == kept[1].shape and not torch.equal(*kept)
    absent = ["--data.refine", str(tmp_path / "absent.safetensors")]
    assert main([*command, "--out", str(tmp_path / "none"), *absent]) == 3
    assert "absent.safetensors" in capsys.readouterr().err


def test_encoders_learn_from_a_finished_renderer(
    tmp_path: Path, shards: Path, head_files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data.faces", str(shards), *SMALL, "--head", str(head_files["named"])]
    flat = ["--networks.encoder.spatial-channels", "0", "--networks.encoder.no-normalized"]
    flat += ["--data.batches.warped", "0", "--data.batches.rendered", "0"]
    command = ["train", "renderer", "--out", str(tmp_path / "r"), *data, *flat]
    assert main([*command, "--losses.perceptual", "0"]) == 0, capsys.readouterr().err
    assert main([*command, "--networks.learning", "trunk", "renderer"]) == 2
    assert "teaches no encoder" in capsys.readouterr().err
    others = ["--data.batches.rendered-heads", "tiny", "--out", str(tmp_path / "o")]
    assert main([*command, *others]) == 2
    assert "no full ground truth" in capsys.readouterr().err
    renderer = tmp_path / "r" / "renderer.safetensors"
    assert not (tmp_path / "r" / "encoder.safetensors").exists()
    command = ["train", "cycle", "--out", str(tmp_path / "c"), *data, *flat]
    assert main(command) == 2
    assert "--networks.renderer-start" in capsys.readouterr().err
    command += ["--networks.renderer-start", str(renderer)]
    assert main(command) == 0, capsys.readouterr().err
    assert (tmp_path / "c" / "encoder.safetensors").exists()
    assert not (tmp_path / "c" / "renderer.safetensors").exists()
    lines = [json.loads(line) for line in (tmp_path / "c" / "log.jsonl").read_text().splitlines()]
    assert all(line["cycle"] > 0 for line in lines if "total" in line)


def test_a_loss_that_nothing_computes_is_refused(
    tmp_path: Path, shards: Path, head_files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "tiny-cpu", "--out", str(tmp_path), "--data.faces", str(shards), *SMALL]
    command += ["--head", str(head_files["named"]), "--losses.identity", "1"]
    assert main(command) == 3
    assert "losses.identity: no network" in capsys.readouterr().err


def test_shards_that_are_none_are_named(
    tmp_path: Path, head_files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "tiny-cpu", "--out", str(tmp_path / "run"), *SMALL]
    command += ["--head", str(head_files["named"]), "--data.faces", str(tmp_path)]
    assert main(command) == 3
    assert "annotations.npz: no such file" in capsys.readouterr().err


def test_a_preset_shows_what_differs_from_its_parent(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "cycle", "--show", "--losses.cycle", "0.1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("cycle: Encoders along the cycle path")
    row = {line.split()[0]: " ".join(line.split()) for line in lines[2:]}
    assert row["losses.cycle"] == "losses.cycle 0.1 (core: 0.06)"
    assert row["run.steps"] == "run.steps 1600 (core: 0)"
    assert "losses.change" not in row  # as in core


@pytest.mark.parametrize(
    ("preset", "arguments", "said"),
    [
        ("tiny-cpu", ["--losses.landmarks", "-1"], "landmarks must not be negative"),
        ("tiny-cpu", ["--optimizer.encoder-rate", "7"], "--optimizer.encoder-rate 7"),
        ("tiny-cpu", ["--data.batches.warped", "0.6"], "exceed a batch"),
        ("inpainter", ["--losses.landmarks", "1"], "has no effect on an inpainting network"),
        ("inpainter", ["--inpainter.neutral", "2"], "--inpainter.neutral 2"),
    ],
)
def test_settings_are_checked_where_they_are_made(
    preset: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", preset, *arguments]) == 2
    assert said in capsys.readouterr().err
