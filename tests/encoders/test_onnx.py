from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.assets.optional import require
from smirk3d.cli.main import main
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.onnx_encoder import OnnxEncoder
from smirk3d.encoders.onnx_export import exported_once, onnx_model
from smirk3d.errors import AssetError, MissingExtra, ShapeError
from smirk3d.heads.tiny import tiny_head

for package in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(package)

SMALL = EncoderConfig(
    expression_backbone="mobilenetv3_small_minimal", shared=True, input_size=96
)  # fmt: skip


@pytest.fixture(scope="module")
def encoder() -> FaceEncoder:
    torch.manual_seed(0)
    encoder = FaceEncoder(tiny_head("named"), SMALL).eval()
    # answers that differ between pictures, and some out of range, so that clamps have work to do
    for part in (encoder.pose_encoder, encoder.shape_encoder, encoder.expression_encoder):
        torch.nn.init.normal_(part.output.linear.weight, std=0.3)
    encoder.provenance = {"source": "a test", "crop": "smirk"}
    return encoder


@pytest.fixture(scope="module")
def file(encoder: FaceEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "encoder.onnx"
    path.write_bytes(onnx_model(encoder))
    return path


@pytest.mark.parametrize("batch", [1, 3])
def test_answers_are_torch_s(encoder: FaceEncoder, file: Path, batch: int) -> None:
    images = torch.rand(batch, 3, 224, 224)
    with torch.no_grad():
        wanted = encoder(images)
    found = OnnxEncoder.from_file(file)(images)
    assert wanted.expression.std() > 0.05
    for name, values in found.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, getattr(wanted, name).numpy(), atol=1e-4, rtol=0)


def test_half_precision_halves_the_file_alone(encoder: FaceEncoder, file: Path) -> None:
    rounded = deepcopy(encoder)
    with torch.no_grad():
        for values in rounded.parameters():
            if values.ndim > 1:
                values.copy_(values.half().float())
    model = onnx_model(rounded, half=True, weights_sha256="a hash")
    assert len(model) < 0.65 * file.stat().st_size
    images = torch.rand(2, 3, 224, 224)
    with torch.no_grad():
        wanted = rounded(images)
    half = OnnxEncoder(model, "half")
    assert half.weights_sha256 == "a hash"
    for name, values in half(images).items():
        np.testing.assert_allclose(values, getattr(wanted, name).numpy(), atol=1e-4, rtol=0)


def test_kernels_in_half_precision_take_in_what_normalizes_when_they_are_loaded(
    encoder: FaceEncoder, tmp_path: Path
) -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    options.log_severity_level = 3
    runtime.InferenceSession(
        onnx_model(encoder, half=True), options, providers=["CPUExecutionProvider"]
    )
    kinds = {node.op_type for node in onnx.load(tmp_path / "loaded.onnx").graph.node}
    assert kinds & {"Conv", "FusedConv"}
    assert not kinds & {"BatchNormalization", "Cast", "CastLike"}


def test_equal_arrays_are_stored_once(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    encoder = FaceEncoder(tiny_head("named"), replace(SMALL, normalized=True)).eval()
    model = onnx.load_model_from_string(onnx_model(encoder))
    contents = [
        (tuple(tensor.dims), tensor.raw_data)
        for tensor in model.graph.initializer
        if tensor.raw_data
    ]
    assert contents
    assert len(set(contents)) == len(contents)


@pytest.mark.parametrize("batch", [1, 2])
def test_uncertainty_is_torch_s(tmp_path: Path, batch: int) -> None:
    torch.manual_seed(1)
    config = replace(
        SMALL, uncertainty=True, points=5, normalized=True, point_offsets=True, point_features=True
    )
    encoder = FaceEncoder(tiny_head("named"), config).eval()
    at_points = encoder.expression_encoder.at_points
    assert encoder.points is not None and at_points is not None
    assert encoder.points.offsets is not None
    torch.nn.init.normal_(encoder.points.offsets.offset.weight, std=0.3)
    torch.nn.init.normal_(at_points.value.weight, std=0.1)
    for part in encoder.encoders():
        torch.nn.init.normal_(part.output.std_layer.weight, std=0.1)
        torch.nn.init.normal_(part.output.linear.weight, std=0.3)
    torch.nn.init.normal_(encoder.points.certainty.weight, std=0.1)
    (tmp_path / "encoder.onnx").write_bytes(onnx_model(encoder))
    images = torch.rand(batch, 3, 224, 224)
    with torch.no_grad():
        wanted = encoder.evidence(images)
    found = OnnxEncoder.from_file(tmp_path / "encoder.onnx").evidence(images)
    assert found.std is not None and wanted.std is not None and found.points is not None
    for ours, theirs in ((found.parameters, wanted.parameters), (found.std, wanted.std)):
        for name, values in ours.items():
            expected = getattr(theirs, name).numpy()
            np.testing.assert_allclose(values, expected, atol=1e-4, rtol=1e-4)
    assert found.points.shape == (batch, 5, 2)
    for name in ("points", "points_std", "points_visible"):
        expected = getattr(wanted, name).numpy()
        np.testing.assert_allclose(getattr(found, name), expected, atol=1e-4, rtol=1e-4)


def test_the_file_says_what_it_is(encoder: FaceEncoder, file: Path) -> None:
    read = OnnxEncoder.from_file(file, tiny_head("named"))
    assert read.provenance == encoder.provenance
    assert read.groups == encoder.groups
    with pytest.raises(AssetError, match="are for head 'tiny-named', not 'tiny-pca'"):
        OnnxEncoder.from_file(file, tiny_head("pca"))


def test_wrong_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="no such weights file"):
        OnnxEncoder.from_file(tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(AssetError, match=r"text\.onnx: damaged, or no ONNX model"):
        OnnxEncoder.from_file(tmp_path / "text.onnx")


def test_a_foreign_model_is_refused(file: Path, tmp_path: Path) -> None:
    onnx = require("onnx", extra="onnx")
    model = onnx.load(file)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(AssetError, match="expected is one by `smirk3d weights export`"):
        OnnxEncoder.from_file(tmp_path / "foreign.onnx")


def test_metadata_that_is_not_utf8_is_refused(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "bytes.onnx"
    content = file.read_bytes()
    assert b"head_fingerprint" in content
    path.write_bytes(content.replace(b"head_fingerprint", b"head_f\xf9ngerprint"))
    with pytest.raises(AssetError, match=r"bytes\.onnx is not a whole encoder"):
        OnnxEncoder.from_file(path)


def test_crops_of_another_size_are_refused(file: Path) -> None:
    with pytest.raises(ShapeError, match=r"B 3 224 224"):
        OnnxEncoder.from_file(file)(torch.rand(1, 3, 96, 96))


def test_an_export_is_kept_for_the_same_weights_alone(
    encoder: FaceEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMIRK3D_HOME", str(tmp_path))
    written: list[int] = []
    monkeypatch.setattr(
        "smirk3d.encoders.onnx_export.onnx_model", lambda e, **_: written.append(1) or b"model"
    )
    first = exported_once(encoder)
    assert exported_once(encoder) == first
    assert len(written) == 1
    with torch.no_grad():
        encoder.shape_encoder.output.linear.bias.add_(1)
    try:
        assert exported_once(encoder) != first
    finally:
        with torch.no_grad():
            encoder.shape_encoder.output.linear.bias.sub_(1)


def test_without_the_packages_the_extra_is_named(
    encoder: FaceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(MissingExtra, match=r"smirk3d\[onnx\]"):
        onnx_model(encoder)


def test_the_command_writes_a_file_that_runs(
    encoder: FaceEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, out = tmp_path / "mine.safetensors", tmp_path / "mine.onnx"
    encoder.save(weights)
    head = tiny_head("named")
    monkeypatch.setattr("smirk3d.heads.registry.load_head", lambda name: head)
    assert main(["weights", "export", str(weights), "--out", str(out)]) == 0
    found = OnnxEncoder.from_file(out, head)(torch.rand(1, 3, 224, 224))
    assert np.isfinite(found.expression).all()
