from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.training.small_runs import some_faces

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.errors import AssetError, UsageError
from smirk3d.evaluation.methods import Crops, make_methods
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters

SMALL = EncoderConfig(
    expression_backbone="mobilenetv3_small_minimal", shared=True, input_size=32
)  # fmt: skip


def crops_of(head: HeadModel, truth: FaceParameters) -> Crops:
    seen = project(head.landmarks(head(truth).vertices), truth.camera)[..., :2]
    landmarks = torch.full((len(truth), 478, 2), 112.0)
    landmarks[:, head.landmark_ids] = ndc_to_pixels(seen, 224)
    blendshapes = torch.zeros(len(truth), 52)
    blendshapes[:, ARKIT_NAMES.index("jawOpen")] = 0.7
    images = torch.rand(len(truth), 3, 224, 224)
    return Crops(images, landmarks, blendshapes)


def test_each_method_does_what_its_name_says(tmp_path: Path) -> None:
    head = tiny_head("named")
    encoder = FaceEncoder(head, SMALL).eval()
    encoder.save(tmp_path / "w.safetensors")
    file = str(tmp_path / "w.safetensors")
    truth = some_faces(head, 3)
    crops = crops_of(head, truth)
    methods = make_methods(["none", "mean", "mediapipe", file, f"ours={file}+refine"], head)
    assert [method.name for method in methods] == ["none", "mean", "mediapipe", "w", "ours"]
    fit, mean, driven, read, refined = (method(crops) for method in methods)
    with torch.no_grad():
        for name, values in encoder(crops.images).items():
            torch.testing.assert_close(getattr(read, name), values)
    assert torch.allclose(driven.jaw[:, 0], torch.tensor(0.7))
    assert torch.equal(driven.camera, fit.camera)
    assert not mean.expression.any()
    assert not mean.shape.any()
    assert not torch.equal(refined.camera, read.camera)


def test_the_mean_face_is_turned_and_placed_as_the_landmarks_are() -> None:
    for kind in ("named", "pca"):
        head = tiny_head("pca" if kind == "pca" else "named")
        truth = head.neutral(2).replace(
            head_pose=torch.tensor([[0.1, 0.2, -0.05], [0.0, -0.3, 0.1]]),
            camera=torch.tensor([[6.5, 0.01, -0.02], [7.5, -0.01, 0.0]]),
        )
        (mean,) = make_methods(["mean"], head)
        found = mean(crops_of(head, truth))
        torch.testing.assert_close(found.head_pose, truth.head_pose, atol=1e-3, rtol=0)
        torch.testing.assert_close(found.camera, truth.camera, atol=1e-3, rtol=1e-3)


def test_names_that_mean_nothing_are_refused() -> None:
    head = tiny_head("named")
    with pytest.raises(AssetError, match="no weights named 'absent'"):
        make_methods(["absent"], head)
    with pytest.raises(UsageError, match="give LABEL=NAME"):
        make_methods(["none", "none"], head)
    with pytest.raises(UsageError, match="no method is called"):
        make_methods(["="], head)
    with pytest.raises(UsageError, match="no method can be labelled"):
        make_methods(["../../mine=none"], head)
    with pytest.raises(AssetError, match="no named actions"):
        make_methods(["mediapipe"], tiny_head("pca"))


def test_a_method_that_cannot_be_made_costs_no_other() -> None:
    failed: dict[str, Exception] = {}
    methods = make_methods(["absent", "mean"], tiny_head("named"), on_failure=failed.__setitem__)
    assert [method.name for method in methods] == ["mean"]
    assert "no weights named 'absent'" in str(failed["absent"])
