from __future__ import annotations

from dataclasses import replace

import torch

from smirk3d.data.augmentation import TrainingBatch
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.training.paths.evidence_losses import absence_loss, evidence_terms, shape_distance

HEAD = tiny_head("named")
POINTS = 4


def made_encoder() -> FaceEncoder:
    torch.manual_seed(0)
    config = EncoderConfig(
        expression_backbone="mobilenetv3_small_minimal", shared=True, input_size=64,
        normalized=True, uncertainty=True, points=POINTS,
    )  # fmt: skip
    return FaceEncoder(HEAD, config).eval()


def made_batch(targets: FaceParameters, truth: list[bool]) -> TrainingBatch:
    count = len(truth)
    return TrainingBatch(
        images=torch.rand(count, 3, 64, 64),
        landmarks=torch.zeros(count, 3, 2),
        targets=targets,
        outline=torch.zeros(count, 478, 2),
        is_ground_truth=torch.tensor(truth),
        points=torch.full((count, POINTS, 2), 32.0),
        points_visible=torch.ones(count, POINTS, dtype=torch.bool),
    )


def test_faces_with_fitted_targets_do_not_count() -> None:
    encoder = made_encoder()
    right, wrong = HEAD.neutral(2), HEAD.neutral(2)
    wrong.expression[1] = 1.0
    losses = []
    for targets in (right, wrong):
        batch = made_batch(targets, [True, False])
        batch.images[:] = 0.5
        terms = evidence_terms(encoder.details(batch.images), batch)
        losses.append({name: term() for name, term in terms.items()})
    for name in ("activity", "uncertainty"):
        assert losses[0][name] == losses[1][name]


def test_standard_deviations_learn_the_size_of_the_errors() -> None:
    encoder = made_encoder()
    generator = torch.Generator().manual_seed(0)
    targets = HEAD.neutral(24)
    targets.camera[:, 1] = torch.randn(24, generator=generator) * 0.03
    batch = made_batch(targets, [True] * 24)
    batch.images[:] = 0.5
    layer = encoder.pose_encoder.output.std_layer
    optimizer = torch.optim.Adam([layer.bias], 0.1)
    for _ in range(100):
        optimizer.zero_grad()
        evidence_terms(encoder.details(batch.images), batch)["uncertainty"]().backward()
        optimizer.step()
    std = encoder.evidence(batch.images[:1]).std
    assert std is not None
    # the mean stays, so that its own error counts too
    error = (encoder(batch.images[:1]).camera[:, 1] - targets.camera[:, 1]).square().mean().sqrt()
    torch.testing.assert_close(std.camera[0, 1], error.detach(), rtol=0.05, atol=0)


def test_actions_that_are_there_have_values_and_others_only_a_probability() -> None:
    encoder = made_encoder()
    targets = HEAD.neutral(1)
    batch = made_batch(targets, [True])
    details = encoder.details(batch.images)
    evidence_terms(details, batch)["activity"]().backward()
    # on a neutral face values are free: only the probability has a gradient through the bias
    assert encoder.expression_encoder.output.activity_layer.bias.grad.abs().min() > 0


def test_points_count_only_where_they_are_known() -> None:
    encoder = made_encoder()
    batch = made_batch(HEAD.neutral(2), [True, True])
    batch.images[:] = 0.5
    assert batch.points is not None
    half = evidence_terms(encoder.details(batch.images), batch)["points"]()
    batch.points[1] = torch.nan
    known = evidence_terms(encoder.details(batch.images), batch)["points"]()
    torch.testing.assert_close(half, known)
    batch.points[:] = torch.nan
    assert evidence_terms(encoder.details(batch.images), batch)["points"]() == 0


def test_the_distance_of_shapes_is_in_square_millimetres() -> None:
    basis = HEAD.basis[: HEAD.group("shape").dim].flatten(1)
    vertices = basis.shape[1] // 3
    gram = basis @ basis.T / vertices
    ours, theirs = torch.randn(2, 3, HEAD.group("shape").dim)
    wanted = 1e6 * ((ours - theirs) @ basis).square().sum(1).mean() / vertices
    everyone = torch.ones(3, dtype=torch.bool)
    torch.testing.assert_close(shape_distance(ours, theirs, everyone, gram), wanted)
    assert shape_distance(ours, theirs, ~everyone, gram) == 0


def test_what_photos_do_not_show_is_learnt_to_be_absent() -> None:
    encoder = made_encoder()
    batch = made_batch(HEAD.neutral(2), [False, False])
    details = encoder.details(batch.images)
    assert absence_loss(details, batch) == 0
    absent = torch.zeros(2, HEAD.group("expression").dim, dtype=torch.bool)
    assert absence_loss(details, replace(batch, absent=absent)) == 0
    absent[1, 2] = True
    output = encoder.expression_encoder.output
    column = output.sparse.tolist().index(2)
    details.outputs[-1][1].activity.retain_grad()
    absence_loss(details, replace(batch, absent=absent)).backward()
    (outcome,) = (found for layer, found in details.outputs if layer is output)
    gradient = outcome.activity.grad
    assert gradient[1, column] > 0
    gradient[1, column] = 0
    assert not gradient.any()
