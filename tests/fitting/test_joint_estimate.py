from __future__ import annotations

import numpy as np
import pytest
import torch

from smirk3d.encoders.evidence import Evidence
from smirk3d.errors import ShapeError, UsageError
from smirk3d.fitting.joint_estimate import JointEstimator
from smirk3d.fitting.landmark_fit import LandmarkFit
from smirk3d.fitting.normal_equations import NormalEquations
from smirk3d.fitting.observations.point_targets import PointTargets
from smirk3d.fitting.perspective import nearest_view, perspective, perspective_view
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters


def faces(head: HeadModel, count: int) -> FaceParameters:
    torch.manual_seed(3)
    groups = {}
    for group in head.spec:
        std = torch.tensor(group.prior_std) * group.observable
        groups[group.name] = group.clamp(torch.randn(count, group.dim) * std)
    camera = torch.tensor([7.0, 0.0, 0.0]).expand(count, 3)
    turned = torch.randn(count, 3) * 0.15
    return head.neutral(count).replace(**groups, head_pose=turned, camera=camera)


def landmarks(head: HeadModel, parameters: FaceParameters) -> torch.Tensor:
    points = head.landmarks(head(parameters).vertices)
    full = torch.zeros(len(parameters), 478, 2)
    full[:, head.landmark_ids] = ndc_to_pixels(project(points, parameters.camera), 224)[..., :2]
    return full


def evidence(parameters: FaceParameters, std: float) -> Evidence:
    spread = {name: torch.full_like(values, std) for name, values in parameters.items()}
    return Evidence(parameters=parameters, std=FaceParameters(**spread))


@pytest.mark.parametrize("kind", ["named", "pca"])
def test_landmarks_put_right_what_the_encoder_does_not_know(kind: str) -> None:
    head = tiny_head(kind)
    truth = faces(head, 6)
    off = truth.replace(head_pose=truth.head_pose + 0.1, camera=truth.camera * 1.05)
    found = JointEstimator(head)(evidence(off, 0.3), landmarks(head, truth))
    error = (found.parameters.head_pose - truth.head_pose).norm(dim=1).mean()
    assert error < 0.5 * (off.head_pose - truth.head_pose).norm(dim=1).mean()


def test_a_certain_encoder_is_believed_and_bounds_are_kept() -> None:
    head = tiny_head()
    truth = faces(head, 4)
    told = truth.replace(expression=torch.full_like(truth.expression, 0.4))
    found = JointEstimator(head)(evidence(told, 1e-3), landmarks(head, truth)).parameters
    assert (found.expression - 0.4).abs().max() < 0.02
    wild = truth.replace(expression=truth.expression - 2.0)
    found = JointEstimator(head)(evidence(wild, 0.3), None).parameters
    assert found.expression.min() >= 0


def test_each_observation_can_be_left_out_and_makes_the_answer_surer() -> None:
    head = tiny_head()
    truth = faces(head, 3)
    said = evidence(truth, 0.3)
    corners, bary = head.landmark_corners[:12], head.landmark_bary[:12]
    seen = project(head.landmarks(head(truth).vertices), truth.camera)[:, :12, :2]
    dense = Evidence(
        parameters=truth, std=said.std, points=seen, points_std=torch.full((3, 12), 0.01),
        points_visible=torch.ones(3, 12),
    )  # fmt: skip
    alone = JointEstimator(head)(said, None)
    with_landmarks = JointEstimator(head)(said, landmarks(head, truth))
    with_points = JointEstimator(head, (corners, bary))(dense, None)
    everything = JointEstimator(head, (corners, bary))(dense, landmarks(head, truth))
    spread = [float(one.std.head_pose.mean()) for one in
              (alone, with_landmarks, with_points, everything)]  # fmt: skip
    assert spread[0] == pytest.approx(0.3, rel=0.02)
    assert max(spread[1:3]) < 0.9 * spread[0]
    assert spread[3] < min(spread[1:3])
    torch.testing.assert_close(alone.parameters.expression, truth.expression, atol=1e-3, rtol=0)


def test_libraries_agree_and_answers_keep_their_precision() -> None:
    head = tiny_head()
    truth = faces(head, 6)
    off = evidence(truth.replace(head_pose=truth.head_pose + 0.1), 0.3)
    seen = landmarks(head, truth)
    on_torch = JointEstimator(head)(off, seen)
    plain = head.to_numpy()
    on_numpy = JointEstimator(plain)(off.like(plain.v_template), seen.numpy())
    fits = LandmarkFit(head)(seen).parameters, LandmarkFit(plain)(seen.numpy()).parameters
    pairs = [(on_torch.parameters, on_numpy.parameters), (on_torch.std, on_numpy.std), fits]
    for one, other in pairs:
        for name, values in one.items():
            assert values.dtype == torch.float32
            assert getattr(other, name).dtype == np.float32
            np.testing.assert_allclose(values.numpy(), getattr(other, name), atol=2e-6, rtol=2e-6)


def test_points_that_the_encoder_lacks_are_named() -> None:
    head = tiny_head()
    surface = (head.landmark_corners[:4], head.landmark_bary[:4])
    with pytest.raises(UsageError, match="surface points"):
        JointEstimator(head, surface)(evidence(faces(head, 1), 0.3), None)
    with pytest.raises(ShapeError, match="landmarks"):
        JointEstimator(head)(evidence(faces(head, 2), 0.3), torch.zeros(1, 478, 2))


def test_a_shape_of_which_nothing_is_known_is_the_mean() -> None:
    head = tiny_head()
    drifted = faces(head, 8)
    drifted = drifted.replace(shape=drifted.shape + 3)
    found = JointEstimator(head)(evidence(drifted, 2.0), None)
    assert found.parameters.shape.abs().max() < 1e-4
    assert found.std.shape.max() <= 1 + 1e-4


def test_without_points_the_answer_is_as_sure_as_the_encoder() -> None:
    head = tiny_head()
    truth = faces(head, 2)
    found = JointEstimator(head)(evidence(truth, 0.6), None)
    assert torch.allclose(found.std.shape, torch.full_like(truth.shape, 0.6), atol=1e-5)
    assert torch.allclose(found.std.expression, torch.full_like(truth.expression, 0.6), atol=1e-5)
    assert torch.allclose(found.parameters.shape, truth.shape, atol=1e-5)


def test_photos_of_one_person_share_the_shape() -> None:
    head = tiny_head()
    truth = faces(head, 4)
    truth = truth.replace(shape=truth.shape[[0, 1, 0, 1]])
    found = JointEstimator(head)(evidence(truth, 0.3), landmarks(head, truth), person=[5, 2, 5, 2])
    shapes = found.parameters.shape
    assert torch.equal(shapes[0], shapes[2])
    assert torch.equal(shapes[1], shapes[3])
    assert not torch.equal(shapes[0], shapes[1])


def test_nobody_is_estimated_as_nobody() -> None:
    head = tiny_head()
    nobody = evidence(head.neutral(0), 0.3)
    assert len(JointEstimator(head)(nobody, torch.zeros(0, 478, 2)).parameters) == 0


def test_products_are_those_with_the_inverse_covariance() -> None:
    torch.manual_seed(0)
    region = torch.tensor([0, 1, 0, 1, 1])
    alone, together = torch.rand(1, 5) + 0.5, torch.rand(1, 2) + 0.5
    alone[0, 3] = torch.inf  # not seen
    targets = PointTargets(torch.zeros(1, 5, 2), alone, together, region)
    seen = alone[0].isfinite()
    same = (region[:, None] == region).float()
    covariance = torch.diag(alone[0] ** 2) + same * together[0, region][:, None] ** 2
    inverse = torch.linalg.inv(covariance[seen][:, seen])
    rows = torch.randn(1, 5, 2, 3)
    x, y = rows[0, seen].unbind(1)
    wanted = x.T @ inverse @ x + y.T @ inverse @ y
    torch.testing.assert_close(targets.precision().products(rows)[0], wanted)


def test_perspective_and_its_nearest_orthographic_view_undo_each_other() -> None:
    torch.manual_seed(1)
    posed, view = torch.randn(2, 30, 3) * 0.05, torch.tensor([[7.0, 0.1, 0.2], [8.0, 0.0, 0.0]])
    flat, _ = perspective(posed, view, torch.zeros(2, 1))
    torch.testing.assert_close(nearest_view(posed, flat), view)
    near = torch.full((2, 1), 1.5)
    seen, _ = perspective(posed, perspective_view(posed, view, near), near)
    torch.testing.assert_close(nearest_view(posed, seen), view, atol=0.05, rtol=0.02)


def test_variances_are_the_diagonal_of_the_inverse() -> None:
    torch.manual_seed(2)
    rows = torch.randn(2, 20, 4), torch.randn(2, 20, 5)
    shape, rest = rows[0].double(), rows[1].double()
    person = torch.zeros(2, dtype=torch.long)
    equations = NormalEquations(
        torch.eye(4, dtype=torch.float64)[None] + (shape.transpose(1, 2) @ shape).sum(0),
        torch.zeros(1, 4, dtype=torch.float64),
        shape.transpose(1, 2) @ rest,
        rest.transpose(1, 2) @ rest,
        torch.zeros(2, 5, dtype=torch.float64),
        person,
    )
    dense = torch.zeros(14, 14, dtype=torch.float64)
    dense[:4, :4] = equations.shape_block[0]
    for b in range(2):
        here = slice(4 + 5 * b, 9 + 5 * b)
        dense[:4, here], dense[here, :4] = equations.cross_block[b], equations.cross_block[b].T
        dense[here, here] = equations.rest_block[b]
    wanted = torch.linalg.inv(dense).diagonal()
    found = equations.variances()
    torch.testing.assert_close(torch.cat([found[0].flatten(), found[1].flatten()]), wanted)
