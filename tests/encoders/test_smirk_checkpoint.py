from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
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


STRIDES_OF_TWO = {"pose": (0, 1, 2, 4), "shape": (1, 2, 3, 5), "expression": (1, 2, 3, 5)}
"""Stages of MobileNetV3 small and large that halve the picture, after the stem."""


def by_hand(state: dict[str, Tensor], part: str, x: Tensor) -> Tensor:
    """Return a published encoder's output ``[B, D]`` from its tensors alone."""
    prefix = f"smirk_encoder.{part}_encoder."
    net = {
        key.removeprefix(prefix + "encoder."): value
        for key, value in state.items()
        if key.startswith(prefix + "encoder.")
    }

    def layer(x: Tensor, conv: str, norm: str, stride: int = 1, relu: bool = True) -> Tensor:
        kernel = net[f"{conv}.weight"]
        # TensorFlow's "same" padding: the odd pixel comes last
        pad = max((-(-x.shape[-1] // stride) - 1) * stride + kernel.shape[-1] - x.shape[-1], 0)
        x = F.pad(x, (pad // 2, pad - pad // 2) * 2)
        x = F.conv2d(x, kernel, stride=stride, groups=x.shape[1] // kernel.shape[1])
        mean, var = net[f"{norm}.running_mean"], net[f"{norm}.running_var"]
        x = F.batch_norm(x, mean, var, net[f"{norm}.weight"], net[f"{norm}.bias"], eps=1e-3)
        return F.relu(x) if relu else x

    x = layer(x, "conv_stem", "bn1", 2)
    blocks = {tuple(map(int, key.split(".")[1:3])) for key in net if key.startswith("blocks.")}
    for stage, number in sorted(blocks):
        name = f"blocks.{stage}.{number}"
        stride = 2 if number == 0 and stage in STRIDES_OF_TWO[part] else 1
        if f"{name}.conv.weight" in net:
            x = layer(x, f"{name}.conv", f"{name}.bn1")
            continue
        if f"{name}.conv_pwl.weight" in net:
            y = layer(x, f"{name}.conv_pw", f"{name}.bn1")
            y = layer(y, f"{name}.conv_dw", f"{name}.bn2", stride)
            y = layer(y, f"{name}.conv_pwl", f"{name}.bn3", relu=False)
        else:
            y = layer(x, f"{name}.conv_dw", f"{name}.bn1", stride)
            y = layer(y, f"{name}.conv_pw", f"{name}.bn2", relu=False)
        x = x + y if y.shape == x.shape else y
    last = {"pose": "pose_cam_layers", "shape": "shape_layers", "expression": "expression_layers"}
    weight, bias = (state[f"{prefix}{last[part]}.0.{leaf}"] for leaf in ("weight", "bias"))
    return F.linear(x.mean((2, 3)), weight, bias)


def randomised(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Random kernels of variance-keeping size, and random norms near one."""
    drawn = {}
    for key, value in state.items():
        if value.ndim >= 2:
            drawn[key] = torch.randn(value.shape) * (2 / value[0].numel()) ** 0.5
        elif key.endswith(("running_var", "bn1.weight", "bn2.weight", "bn3.weight")):
            drawn[key] = 0.8 + 0.4 * torch.rand(value.shape)
        else:
            drawn[key] = value if not value.ndim else value + 0.1 * torch.randn(value.shape)
    return drawn


@torch.no_grad()
def test_numbers_are_those_of_the_published_networks(
    head: HeadModel, published: dict[str, Tensor]
) -> None:
    # in double precision, where two orders of the same sums agree whatever the random kernels
    state = {key: value.double() for key, value in randomised(published).items()}
    images = torch.rand(2, 3, 224, 224, dtype=torch.float64)
    expected = {part: by_hand(state, part, images) for part in STRIDES_OF_TWO}
    found = encoder_from_state(state, head).double()(images)
    pose, expression = expected["pose"], expected["expression"]
    assert expression[:, :50].std() > 0.05
    torch.testing.assert_close(found.head_pose, pose[:, :3], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.camera, pose[:, 3:], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.shape, expected["shape"], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.expression, expression[:, :50], rtol=1e-4, atol=1e-4)
    lids = expression[:, 50:52].clamp(0, 1)
    torch.testing.assert_close(found.eyelids, lids, rtol=1e-4, atol=1e-4)
    jaw = torch.cat([expression[:, 52:53].relu(), expression[:, 53:].clamp(-0.2, 0.2)], 1)
    torch.testing.assert_close(found.jaw, jaw, rtol=1e-4, atol=1e-4)


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
