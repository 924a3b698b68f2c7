"""Public functions refuse what they cannot use, take any precision, and write to no argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from smirk3d.encoders.face_encoder import EncoderConfig, FaceEncoder
from smirk3d.errors import ShapeError, UsageError
from smirk3d.fitting import LandmarkFit
from smirk3d.fitting.conversion import HeadConverter
from smirk3d.fitting.correspondence import SurfaceCorrespondence
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.geometry.views import transform_view
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.personal_head import one_person
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rasterization import rasterize


@pytest.fixture
def head() -> HeadModel:
    return tiny_head()


@pytest.fixture
def faces(head: HeadModel) -> FaceParameters:
    shape = 0.3 * torch.randn(3, head.group("shape").dim)
    return head.neutral(3).replace(shape=shape, head_pose=0.1 * torch.randn(3, 3))


@pytest.fixture
def landmarks(head: HeadModel, faces: FaceParameters) -> torch.Tensor:
    seen = project(head.landmarks(head(faces).vertices), faces.camera)[..., :2]
    points = torch.zeros(3, 478, 2)
    points[:, head.landmark_ids] = ndc_to_pixels(seen, 224)
    return points


@pytest.fixture
def encoder(head: HeadModel) -> FaceEncoder:
    small = "mobilenetv3_small_minimal"
    config = EncoderConfig(expression_backbone=small, shared=True, input_size=32)
    return FaceEncoder(head, config).eval()


def converter(head: HeadModel) -> HeadConverter:
    own = head.to_numpy()
    corners = own.faces[(own.part[own.faces] == 0).all(1)]
    bary = np.full((len(corners), 3), 1 / 3)
    weights = np.full(len(corners), 1 / len(corners))
    pairs = SurfaceCorrespondence(
        corners, bary, corners, bary, weights, np.eye(3), np.zeros(3), np.zeros(len(bary))
    )
    return HeadConverter(head, head, correspondence=pairs)


def copies(value: Any) -> list[torch.Tensor]:
    tensors = [value] if isinstance(value, torch.Tensor) else [t for _, t in value.items()]
    return [tensor.clone() for tensor in tensors]


def unchanged(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function returns after checking that it wrote to no argument."""
    before = [copies(argument) for argument in arguments]
    result = function(*arguments)
    for argument, kept in zip(arguments, before, strict=True):
        for now, then in zip(copies(argument), kept, strict=True):
            assert torch.equal(now, then), "an argument was written to"
    return result


def test_arguments_are_not_written_to(
    head: HeadModel, faces: FaceParameters, landmarks: torch.Tensor, encoder: FaceEncoder
) -> None:
    buffers = {name: tensor.clone() for name, tensor in head.arrays().items()}
    mesh = unchanged(head, faces)
    unchanged(head.arkit, faces)
    unchanged(head.from_arkit, torch.rand(2, 52))
    fit = LandmarkFit(head)
    fitted = unchanged(fit, landmarks).parameters
    unchanged(lambda points, start: fit(points, start=start), landmarks, fitted)
    unchanged(converter(head), faces)
    unchanged(encoder, torch.rand(2, 3, 224, 224))
    T_target_source = torch.eye(3).repeat(3, 1, 1)
    unchanged(lambda given, way: transform_view(given, way, 224, 224), faces, T_target_source)
    unchanged(lambda points: rasterize(points, head.faces, 8, 8), mesh.vertices)
    one_person(head, faces.shape[0])
    head.at_landmarks()
    for name, tensor in head.arrays().items():
        assert torch.equal(tensor, buffers[name]), f"{name} of the caller's head was changed"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_other_precisions_give_the_answer_of_the_heads(
    head: HeadModel, faces: FaceParameters, landmarks: torch.Tensor, dtype: torch.dtype
) -> None:
    rounded = faces.to(dtype)
    found, expected = head(rounded), head(rounded.to(torch.float32))
    assert torch.equal(found.vertices, expected.vertices)
    assert torch.equal(head.arkit(rounded), head.arkit(rounded.to(torch.float32)))
    assert head(head.from_arkit(torch.rand(2, 52, dtype=dtype))).vertices.isfinite().all()
    marks = landmarks.to(dtype)
    fit = LandmarkFit(head)
    fitted, same = fit(marks), fit(marks.float())
    assert torch.equal(fitted.parameters.expression, same.parameters.expression)
    again = fit(marks, start=fitted.parameters.to(dtype))
    assert again.error.isfinite().all()


def test_empty_batches_give_empty_results(head: HeadModel, encoder: FaceEncoder) -> None:
    nobody = head.neutral(0)
    assert head(nobody).vertices.shape == (0, head.num_vertices, 3)
    assert head.arkit(nobody).shape == (0, 52)
    assert len(head.from_arkit(torch.zeros(0, 52))) == 0
    fitted = LandmarkFit(head)(torch.zeros(0, 478, 2))
    assert len(fitted.parameters) == 0
    assert fitted.error.shape == (0,)
    converted = converter(head)(nobody)
    assert len(converted.parameters) == 0
    assert converted.surface_error.shape == (0,)
    assert len(encoder(torch.zeros(0, 3, 224, 224))) == 0
    assert rasterize(head(nobody).vertices, head.faces, 4, 4).mask.shape == (0, 4, 4)


def test_nothing_to_join_is_refused() -> None:
    with pytest.raises(UsageError, match="no batch"):
        FaceParameters.cat([])


def test_integers_are_refused(
    head: HeadModel, faces: FaceParameters, landmarks: torch.Tensor, encoder: FaceEncoder
) -> None:
    with pytest.raises(UsageError, match=r"jaw must hold floating-point numbers, got torch\.int64"):
        faces.replace(jaw=torch.zeros(3, 3, dtype=torch.int64))
    with pytest.raises(UsageError, match="weights must hold floating-point numbers"):
        head.from_arkit(torch.zeros(1, 52, dtype=torch.int64))
    with pytest.raises(UsageError, match="vertices_ndc must hold floating-point numbers"):
        rasterize(torch.zeros(1, 3, 3, dtype=torch.int64), torch.arange(3)[None], 4, 4)
    with pytest.raises(UsageError, match="landmarks must hold floating-point numbers"):
        LandmarkFit(head)(landmarks.long())
    with pytest.raises(UsageError, match="divide uint8 pictures by 255"):
        encoder(torch.zeros(1, 3, 224, 224, dtype=torch.uint8))


def test_numbers_that_are_not_finite_are_refused(
    head: HeadModel, faces: FaceParameters, landmarks: torch.Tensor, encoder: FaceEncoder
) -> None:
    fit = LandmarkFit(head)
    start = fit(landmarks).parameters
    landmarks[1, 5, 0] = torch.nan
    with pytest.raises(UsageError, match="landmarks must be finite numbers, but row 1 is not"):
        fit(landmarks)
    bad = faces.jaw.clone()
    bad[2, 0] = torch.inf
    with pytest.raises(UsageError, match="jaw must be finite numbers, but row 2 is not"):
        converter(head)(faces.replace(jaw=bad))
    with pytest.raises(UsageError, match=r"start\.jaw must be finite"):
        fit(torch.nan_to_num(landmarks), start=start.replace(jaw=bad))
    images = torch.rand(1, 3, 224, 224)
    images[0, 0, 3, 3] = torch.nan
    with pytest.raises(UsageError, match=r"images must lie in \[0, 1\]"):
        encoder(images)


def test_pictures_of_another_range_are_refused(encoder: FaceEncoder) -> None:
    with pytest.raises(UsageError, match=r"values from 0 to 255"):
        encoder(torch.tensor([0.0, 255.0]).repeat(1, 3, 224, 112))


def test_a_start_of_other_faces_is_refused(head: HeadModel, landmarks: torch.Tensor) -> None:
    with pytest.raises(ShapeError, match="start"):
        LandmarkFit(head)(landmarks, start=head.neutral(2))


def test_triangles_with_such_vertices_are_left_out(head: HeadModel, faces: FaceParameters) -> None:
    vertices = project(head(faces).vertices, faces.camera)
    vertices[0] = torch.nan
    seen = rasterize(vertices, head.faces, 16, 16).mask
    assert not seen[0].any()
    assert seen[1].any()
