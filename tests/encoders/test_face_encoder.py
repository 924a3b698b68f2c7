from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder, read_header
from smirk3d.errors import AssetError, ShapeError
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head

SMALL = EncoderConfig(shape_backbone="mobilenetv3_small_minimal", shared=True,
                      expression_backbone="mobilenetv3_small_minimal", input_size=32)  # fmt: skip


@pytest.fixture
def head() -> HeadModel:
    return tiny_head("named")


@pytest.mark.parametrize("kind", ["named", "pca"])
@pytest.mark.parametrize("shared", [True, False])
def test_starts_at_the_neutral_face(kind: str, shared: bool) -> None:
    head = tiny_head(kind)
    config = EncoderConfig(
        shape_backbone="mobilenetv3_small_minimal",
        expression_backbone="mobilenetv3_small_minimal",
        shared=shared,
        input_size=32,
    )
    encoder = FaceEncoder(head, config).eval()
    parameters = encoder(torch.rand(2, 3, 32, 32))
    neutral = head.neutral(2)
    for name, values in parameters.items():
        expected = getattr(neutral, name)
        assert values.shape == expected.shape
        slack = 0.3 if name in {"expression", "eyelids", "jaw", "eyes"} else 0.05
        assert (values - expected).abs().max() < slack if values.numel() else True
    assert torch.equal(parameters.shape, neutral.shape)
    assert torch.equal(parameters.neck, neutral.neck)
    head(parameters)


def test_outputs_stay_in_their_ranges_and_eyes_do_not_roll(head: HeadModel) -> None:
    encoder = FaceEncoder(head, SMALL).eval()
    torch.nn.init.normal_(encoder.expression_encoder.output.linear.weight, std=30)
    parameters = encoder(torch.rand(8, 3, 32, 32))
    for group in head.spec:
        values = getattr(parameters, group.name)
        assert torch.equal(values, group.clamp(values))
    assert parameters.expression.max() == 1.0
    assert not parameters.eyes[:, [2, 5]].any()


def test_every_output_learns_from_a_bad_start(head: HeadModel) -> None:
    encoder = FaceEncoder(head, SMALL)
    torch.nn.init.constant_(encoder.expression_encoder.output.linear.bias, -5.0)
    parameters = encoder(torch.rand(4, 3, 32, 32))
    (parameters.expression - 0.5).square().sum().backward()
    gradient = encoder.expression_encoder.output.linear.bias.grad
    assert gradient is not None
    assert (gradient[: parameters.expression.shape[1]] < 0).all()


def test_pictures_of_other_sizes_are_resized(head: HeadModel) -> None:
    encoder = FaceEncoder(head, SMALL).eval()
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 4, 4), size=(64, 64), mode="bilinear")
    half = torch.nn.functional.interpolate(smooth, size=(32, 32), mode="bilinear", antialias=True)
    assert torch.equal(encoder(smooth).expression, encoder(half).expression)


def test_one_picture_or_many(head: HeadModel) -> None:
    encoder = FaceEncoder(head, SMALL).eval()
    images = torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        many, one = encoder(images), encoder(images[2:])
    torch.testing.assert_close(many.expression[2:], one.expression, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 3, 32, 16), (3, 32, 32), (1, 1, 32, 32)])
def test_wrong_pictures_are_refused(head: HeadModel, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="images"):
        FaceEncoder(head, SMALL)(torch.rand(shape))


def test_one_backbone_is_smaller_than_three(head: HeadModel) -> None:
    def size(encoder: FaceEncoder) -> int:
        return sum(p.numel() for p in encoder.parameters())

    # three backbones of 428,888, 1,413,208 and 1,413,208 parameters and their layers
    three, one = FaceEncoder(head), FaceEncoder(head, EncoderConfig(shared=True))
    assert size(three) - size(one) == 428_888 + 1_413_208 - 6 * (960 - 576)


def test_eyes_can_be_left_out(head: HeadModel) -> None:
    config = EncoderConfig(**{**vars(SMALL), "eyes": False})
    encoder = FaceEncoder(head, config).eval()
    torch.nn.init.normal_(encoder.expression_encoder.output.linear.weight, std=30)
    assert not encoder(torch.rand(2, 3, 32, 32)).eyes.any()


@pytest.mark.parametrize("half", [False, True])
def test_file_keeps_weights_config_and_provenance(
    head: HeadModel, tmp_path: Path, half: bool
) -> None:
    encoder = FaceEncoder(head, SMALL).eval()
    torch.nn.init.normal_(encoder.expression_encoder.output.linear.weight, std=0.1)
    encoder.provenance = {"data": "synthetic", "steps": 3}
    path = tmp_path / "weights" / "mine.safetensors"
    encoder.save(path, half=half)
    loaded = FaceEncoder.from_file(path, head)
    assert loaded.config == SMALL
    assert loaded.provenance == encoder.provenance
    assert not loaded.training
    images = torch.rand(2, 3, 32, 32)
    tolerance = 2e-2 if half else 0.0
    torch.testing.assert_close(
        loaded(images).expression, encoder(images).expression, rtol=0, atol=tolerance
    )
    kinds = {value.dtype for value in loaded.state_dict().values()}
    assert kinds == {torch.float32, torch.int64}


def test_header_names_head_and_components(head: HeadModel, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    FaceEncoder(head, SMALL).save(path)
    header = read_header(path)
    assert header["head"] == "tiny-named"
    assert header["groups"]["eyelids"] == ["left", "right"]
    assert header["groups"]["camera"] == ["scale", "tx", "ty"]
    with safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()["smirk3d"])["format"] == 1


def test_another_head_is_refused_by_name(head: HeadModel, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    FaceEncoder(head, SMALL).save(path)
    with pytest.raises(AssetError, match=r"mine\.safetensors.*'tiny-named'.*'tiny-pca'"):
        FaceEncoder.from_file(path, tiny_head("pca"))


def test_a_config_of_the_future_is_refused(head: HeadModel, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    encoder = FaceEncoder(head, SMALL)
    object.__setattr__(encoder.config, "expression_backbone", "transformer9000")
    encoder.save(path)
    object.__setattr__(encoder.config, "expression_backbone", "mobilenetv3_small_minimal")
    with pytest.raises(AssetError, match="transformer9000"):
        FaceEncoder.from_file(path, head)


@pytest.mark.parametrize("shared", [True, False])
def test_measured_features_leave_what_is_read(head: HeadModel, shared: bool) -> None:
    config = EncoderConfig(
        shared=shared, expression_backbone="mobilenetv3_small_minimal",
        shape_backbone="mobilenetv3_small_minimal", input_size=64, normalized=True,
        spatial_channels=4,
    )  # fmt: skip
    torch.manual_seed(0)
    encoder = FaceEncoder(head, config).eval()
    torch.nn.init.normal_(encoder.expression_encoder.output.linear.weight, std=0.01)
    images = torch.rand(6, 3, 64, 64)
    with torch.no_grad():
        before = encoder(images)
        encoder.normalize_features([images[:3], images[3:]])
        after = encoder(images)
        for name, tensor in before.items():
            torch.testing.assert_close(getattr(after, name), tensor, atol=1e-5, rtol=1e-4)
        features = images if encoder.trunk is None else encoder.trunk(images)
        features = encoder.expression_encoder.backbone(features)
        output = encoder.expression_encoder.output
        centred = (features - output.feature_mean) / output.feature_std
    assert centred.mean(0).abs().max() < 1e-3
    assert centred.std(0).max() < 1.001
    plain = FaceEncoder(head, EncoderConfig(shared=True, input_size=64))
    with pytest.raises(ValueError, match="as they are"):
        plain.shape_encoder.output.normalize_features(torch.zeros(960), torch.ones(960))
