from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.smirk_checkpoint import (
    SMIRK_CONFIG,
    encoder_from_state,
    encoder_to_state,
    load_smirk_encoder,
    split_checkpoint,
)
from smirk3d.errors import AssetError
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head, tiny_head_arrays


@pytest.fixture(scope="module")
def head() -> HeadModel:
    arrays, meta = tiny_head_arrays("pca")
    rng = np.random.default_rng(0)
    vertices = len(arrays["v_template"])
    arrays |= {
        "shape_basis": rng.normal(size=(300, vertices, 3)) * 1e-4,
        "joint_shape_basis": np.zeros((300, 5, 3)),
        "expr_basis": rng.normal(size=(50, vertices, 3)) * 1e-4,
        "expr_names": np.full(50, "", "<U1"),
        "expr_lo": np.full(50, -np.inf),
        "expr_hi": np.full(50, np.inf),
        "expr_prior_std": np.ones(50),
        "joint_expr_basis": np.zeros((50, 5, 3)),
    }
    return HeadModel(arrays, {**meta, "name": "flame-sized"})


@pytest.fixture
def published(head: HeadModel) -> dict[str, Tensor]:
    """A published state dict: names from the authors' files, the camera scale's bias at 7."""
    state = encoder_to_state(FaceEncoder(head, SMIRK_CONFIG))
    return {key: value.clone() for key, value in state.items()}


def test_names_and_shapes_are_the_published_ones(published: dict[str, Tensor]) -> None:
    shapes = {key: tuple(value.shape) for key, value in published.items()}
    # three backbones of 204, 276 and 276 tensors and a layer each
    assert len(shapes) == 204 + 276 + 276 + 6
    assert shapes["smirk_encoder.pose_encoder.encoder.conv_stem.weight"] == (16, 3, 3, 3)
    assert shapes["smirk_encoder.pose_encoder.encoder.blocks.5.0.conv.weight"] == (576, 96, 1, 1)
    assert shapes["smirk_encoder.shape_encoder.encoder.blocks.6.0.bn1.running_var"] == (960,)
    assert shapes["smirk_encoder.pose_encoder.pose_cam_layers.0.weight"] == (6, 576)
    assert shapes["smirk_encoder.shape_encoder.shape_layers.0.weight"] == (300, 960)
    assert shapes["smirk_encoder.expression_encoder.expression_layers.0.bias"] == (55,)
    assert published["smirk_encoder.pose_encoder.pose_cam_layers.0.bias"].tolist() == [
        0, 0, 0, 7, 0, 0,
    ]  # fmt: skip


def test_outputs_come_in_the_published_order_and_ranges(
    head: HeadModel, published: dict[str, Tensor]
) -> None:
    for key, value in published.items():
        if key.endswith("layers.0.weight"):
            value.zero_()
    rows = torch.arange(55.0)
    rows[50:] = torch.tensor([0.25, 1.5, -0.1, 0.1, 0.3])
    published["smirk_encoder.expression_encoder.expression_layers.0.bias"] = rows
    pose = torch.tensor([0.1, 0.2, 0.3, 8.0, 0.01, 0.02])
    published["smirk_encoder.pose_encoder.pose_cam_layers.0.bias"] = pose
    parameters = encoder_from_state(published, head)(torch.rand(1, 3, 224, 224))[0]
    torch.testing.assert_close(parameters.head_pose, pose[:3])
    torch.testing.assert_close(parameters.camera, pose[3:])
    assert torch.equal(parameters.expression, torch.arange(50.0))
    # eyelids 0 to 1; jaw's first relu, the others within 0.2
    torch.testing.assert_close(parameters.eyelids, torch.tensor([0.25, 1.0]))
    torch.testing.assert_close(parameters.jaw, torch.tensor([0.0, 0.1, 0.2]))
    assert not parameters.eyes.any()
    assert not parameters.neck.any()


def test_there_and_back_is_the_same(head: HeadModel, published: dict[str, Tensor]) -> None:
    back = encoder_to_state(encoder_from_state(published, head))
    assert back.keys() == published.keys()
    for key, value in published.items():
        torch.testing.assert_close(back[key], value, rtol=0, atol=1e-6)


def test_a_file_is_read_with_its_hash(
    head: HeadModel, published: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "SMIRK_em1.pt"
    torch.save({**published, "smirk_generator.conv.weight": torch.zeros(1)}, path)
    encoder = load_smirk_encoder(path, head)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert encoder.provenance == {"source": "SMIRK_em1.pt", "sha256": digest, "crop": "smirk"}


def test_missing_and_extra_tensors_are_named(head: HeadModel, published: dict[str, Tensor]) -> None:
    key = "smirk_encoder.pose_encoder.encoder.bn1.bias"
    lacking = {k: v for k, v in published.items() if k != key}
    with pytest.raises(AssetError, match=r"pose_encoder\.backbone\.bn1\.bias is missing"):
        encoder_from_state(lacking, head)
    extra = {**published, "smirk_encoder.pose_encoder.encoder.head.bias": torch.zeros(3)}
    with pytest.raises(AssetError, match=r"encoder\.head\.bias is unknown"):
        encoder_from_state(extra, head)
    cut = {**published, key: torch.zeros(3)}
    with pytest.raises(AssetError, match=r"bn1\.bias has shape \[3\] instead of \[16\]"):
        encoder_from_state(cut, head)
    with pytest.raises(AssetError, match=r"flame\.v_template is unknown"):
        split_checkpoint({**published, "flame.v_template": torch.zeros(1)}, "x.pt")


def test_another_head_is_refused(published: dict[str, Tensor]) -> None:
    with pytest.raises(AssetError, match=r"300 shape.*'tiny-pca'"):
        encoder_from_state(published, tiny_head("pca"))


def test_code_in_a_file_is_not_run(head: HeadModel, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    torch.save({"x": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(AssetError, match=r"trap\.pt"):
        load_smirk_encoder(tmp_path / "trap.pt", head)
    assert not (tmp_path / "ran").exists()


def test_other_sizes_have_no_published_names(head: HeadModel) -> None:
    with pytest.raises(ValueError, match="published names"):
        encoder_to_state(FaceEncoder(head))
