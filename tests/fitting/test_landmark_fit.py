from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from smirk3d.errors import AssetError, ShapeError
from smirk3d.fitting.initial_view import initial_view
from smirk3d.fitting.landmark_fit import LandmarkFit, LandmarkFitConfig
from smirk3d.fitting.normal_equations import NormalEquations
from smirk3d.fitting.observations.irises import with_full_irises
from smirk3d.fitting.observed_head import ObservedHead
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head, tiny_head_arrays
from smirk3d.parameters.face_parameters import FaceParameters

SIZE = 224
WEAK_PRIOR = LandmarkFitConfig(
    num_shape=6, num_steps=25, shape_prior=1e-4, expression_prior=1e-4, refine_prior=1e-4
)


def random_faces(head: HeadModel, batch_size: int) -> FaceParameters:
    groups = {}
    for group in head.spec:
        std = torch.tensor(group.prior_std) * group.observable
        groups[group.name] = group.clamp(torch.randn(batch_size, group.dim) * std)
    camera = torch.tensor([7.0, 0.0, 0.0]) + torch.randn(batch_size, 3) * torch.tensor(
        [0.5, 0.01, 0.01]
    )
    turned = torch.randn(batch_size, 3) * 0.3
    return head.neutral(batch_size).replace(**groups, head_pose=turned, camera=camera)


def seen_landmarks(head: HeadModel, parameters: FaceParameters) -> torch.Tensor:
    landmarks = head.landmarks(head(parameters).vertices)
    pixels = ndc_to_pixels(project(landmarks, parameters.camera), SIZE)[..., :2]
    full = torch.zeros(len(parameters), 478, 2)
    full[:, head.landmark_ids] = pixels
    return full


def reprojection_error(
    head: HeadModel, parameters: FaceParameters, seen: torch.Tensor
) -> torch.Tensor:
    again = seen_landmarks(head, parameters)[:, head.landmark_ids]
    return (again - seen[:, head.landmark_ids]).norm(dim=-1).mean(1)


@pytest.mark.parametrize("kind", ["named", "pca"])
def test_landmarks_are_met(kind: str) -> None:
    head = tiny_head(kind)
    truth = random_faces(head, 12)
    seen = seen_landmarks(head, truth)
    fitted = LandmarkFit(head, WEAK_PRIOR)(seen, size=SIZE)
    # eyelids look closed without their landmarks, so irises go unseen; and the tiny pca head's
    # landmarks lie on large triangles that several joints bend
    assert reprojection_error(head, fitted.parameters, seen).max() < 0.5
    assert fitted.error.max() < 0.2
    torch.testing.assert_close(fitted.parameters.head_pose, truth.head_pose, atol=0.15, rtol=0)


def test_bounds_are_kept() -> None:
    head = tiny_head()
    fitted = LandmarkFit(head)(seen_landmarks(head, random_faces(head, 8)), size=SIZE).parameters
    for group in head.spec:
        values = getattr(fitted, group.name)
        assert torch.equal(values, group.clamp(values)), group.name


@pytest.mark.parametrize("gain", [0.5, 1.0])
def test_gaze_is_found_from_irises_that_follow_less_than_all_the_way(gain: float) -> None:
    head = load_head("open@2")
    aside = torch.tensor([-20.0, -10, 0, 10, 20])
    eyes = torch.zeros(5, 6)
    eyes[:, 1] = eyes[:, 4] = aside.deg2rad()
    truth = head.neutral(5).replace(eyes=eyes, camera=torch.tensor([[5.0, 0, 0]]).repeat(5, 1))
    seen = seen_landmarks(head, truth)
    seen = with_full_irises(seen, 1 / gain)  # their motion shrunk
    fit = LandmarkFit(head, LandmarkFitConfig(iris_gain=gain))
    yaw = fit(seen, size=SIZE).parameters.eyes[:, [1, 4]].mean(1).rad2deg()
    assert np.polyfit(aside, yaw, 1)[0] == pytest.approx(0.96, abs=0.06)


def test_sparsity_takes_the_explanation_with_less_action() -> None:
    head = tiny_head()
    seen = seen_landmarks(head, random_faces(head, 8))
    plain = LandmarkFit(head, WEAK_PRIOR)(seen, size=SIZE)
    sparse = LandmarkFit(head, replace(WEAK_PRIOR, sparsity=0.1))(seen, size=SIZE)
    size = [fitted.parameters.expression.sum(1) for fitted in (plain, sparse)]
    assert (size[1] < size[0]).all()
    assert (sparse.error < plain.error + 0.4).all()


def test_sparsity_leaves_coefficients_of_either_sign_alone() -> None:
    head = tiny_head("pca")
    seen = seen_landmarks(head, random_faces(head, 3))
    plain = LandmarkFit(head, WEAK_PRIOR)(seen, size=SIZE).parameters
    sparse = LandmarkFit(head, replace(WEAK_PRIOR, sparsity=5.0))(seen, size=SIZE).parameters
    assert torch.equal(plain.expression, sparse.expression)


def test_one_by_one_equals_a_batch() -> None:
    head = tiny_head()
    seen = seen_landmarks(head, random_faces(head, 3))
    fit = LandmarkFit(head)
    together = fit(seen, size=SIZE).parameters
    alone = FaceParameters.cat([fit(seen[i : i + 1], size=SIZE).parameters for i in range(3)])
    for (name, a), (_, b) in zip(together.items(), alone.items(), strict=True):
        torch.testing.assert_close(a, b, atol=2e-3, rtol=0, msg=name)


def test_photos_of_one_person_share_the_shape() -> None:
    head = tiny_head()
    truth = random_faces(head, 9)
    person = [4, 0, 4, 0, 4, 2, 0, 4, 2]
    truth = truth.replace(shape=truth.shape[torch.tensor(person)])
    fitted = LandmarkFit(head, WEAK_PRIOR)(seen_landmarks(head, truth), size=SIZE, person=person)
    shapes = fitted.parameters.shape
    assert torch.equal(shapes[0], shapes[2])
    assert torch.equal(shapes[1], shapes[6])
    assert not torch.equal(shapes[0], shapes[1])
    alone = LandmarkFit(head, WEAK_PRIOR)(seen_landmarks(head, truth), size=SIZE).parameters
    shared_error = (shapes - truth.shape).norm(dim=1).mean()
    assert shared_error < (alone.shape - truth.shape).norm(dim=1).mean()


def test_small_batches_of_persons_change_nothing() -> None:
    head = tiny_head()
    seen = seen_landmarks(head, random_faces(head, 6))
    person = [0, 1, 0, 2, 1, 2]
    # firm priors, so that both runs come to the one minimum
    firm = {"num_steps": 40, "shape_prior": 5.0, "expression_prior": 5.0}
    small = LandmarkFit(head, LandmarkFitConfig(batch_size=2, **firm))
    one = small(seen, size=SIZE, person=person).parameters
    all_at_once = LandmarkFit(head, LandmarkFitConfig(**firm))(seen, size=SIZE, person=person)
    assert torch.equal(one.shape[0], one.shape[2])
    torch.testing.assert_close(one.shape, all_at_once.parameters.shape, atol=5e-3, rtol=0)
    torch.testing.assert_close(one.expression, all_at_once.parameters.expression, atol=5e-3, rtol=0)


def test_refining_stays_near_its_start_where_landmarks_are_silent() -> None:
    head = tiny_head()
    truth = random_faces(head, 4)
    seen = seen_landmarks(head, truth)
    start = truth.replace(head_pose=truth.head_pose + 0.05)
    # 25 steps come to rest under this prior; under 1e-4 they end up to 0.13 away, still on the way
    config = replace(WEAK_PRIOR, refine_prior=1e-2)
    refined = LandmarkFit(head, config)(seen, size=SIZE, start=start)
    assert refined.error.max() < 0.1
    torch.testing.assert_close(refined.parameters.expression, truth.expression, atol=0.05, rtol=0)


def test_a_shape_that_landmarks_do_not_show_returns_to_the_mean() -> None:
    head = tiny_head()
    truth = random_faces(head, 12).replace(shape=torch.zeros(12, head.group("shape").dim))
    seen = seen_landmarks(head, truth)
    drifted = truth.replace(shape=truth.shape + 3.0)
    fitted = LandmarkFit(head)(seen, size=SIZE, start=drifted).parameters
    assert fitted.shape.mean(0).abs().max() < 0.5
    known = LandmarkFit(head)(seen, size=SIZE, start=drifted, shape_mean=drifted.shape).parameters
    assert (known.shape - 3).square().sum() < fitted.shape.sub(3).square().sum()


def test_turned_heads_weigh_less() -> None:
    head = tiny_head()
    truth = random_faces(head, 1)
    fit = LandmarkFit(head)
    ahead = truth.replace(head_pose=torch.zeros(1, 3))
    aside = truth.replace(head_pose=torch.tensor([[0.0, 1.0, 0.0]]))
    person = torch.zeros(1, dtype=torch.long)
    weights = [
        fit._problem(seen, seen[:, head.landmark_ids], fit.observed.state(face, person), person,
                     refining=True).weights
        for face in (ahead, aside)
        for seen in [torch.rand(1, 478, 2)]
    ]  # fmt: skip
    assert (weights[1] < weights[0]).any()
    assert weights[1].sum() < 0.5 * weights[0].sum()


def test_progress_counts_every_photo() -> None:
    head = tiny_head()
    done: list[int] = []
    seen = seen_landmarks(head, random_faces(head, 5))
    LandmarkFit(head, LandmarkFitConfig(batch_size=2))(seen, size=SIZE, on_progress=done.append)
    assert done == [2, 4, 5]


@pytest.mark.parametrize("kind", ["named", "pca"])
def test_jacobian_is_the_change_of_the_landmarks(kind: str) -> None:
    head = tiny_head(kind).double()
    observed = ObservedHead(head.at_landmarks(), 6)
    person = torch.arange(5)
    state = observed.state(random_faces(tiny_head(kind), 5).to(torch.float64), person)
    seen, by_shape, by_rest = observed.jacobian(state, person)
    movable = torch.cat([observed.lo != observed.hi, torch.ones(6, dtype=torch.bool)])
    shape_step = torch.randn_like(state.shape) * 1e-5
    rest_step = torch.randn(5, by_rest.shape[2], dtype=torch.float64) * 1e-5 * movable
    change = (observed.project(state.moved(shape_step, rest_step), person) - seen).flatten(1)
    linear = (by_shape @ shape_step[..., None] + by_rest @ rest_step[..., None])[..., 0]
    # joints that move with the shape are left out of the derivative on purpose
    assert (change - linear).abs().max() < 0.02 * change.abs().max()


def test_state_and_parameters_are_inverse() -> None:
    head = tiny_head("pca")
    observed = ObservedHead(head.at_landmarks(), 6)
    truth = random_faces(head, 4)
    again = observed.parameters(observed.state(truth, torch.arange(4)), torch.arange(4))
    for (name, a), (_, b) in zip(truth.items(), again.items(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0, msg=name)


def test_closed_form_view_is_exact_for_rigid_points() -> None:
    points = torch.randn(6, 40, 3, dtype=torch.float64) * 0.05
    turn = axis_angle_to_matrix(torch.randn(6, 3, dtype=torch.float64) * 0.7)
    camera = torch.tensor([[7.0, 0.02, -0.03]], dtype=torch.float64).repeat(6, 1)
    targets = project(points @ turn.transpose(1, 2), camera)[..., :2]
    rotation, found = initial_view(points, targets, torch.rand(6, 40, dtype=torch.float64) + 0.1)
    torch.testing.assert_close(rotation, turn, atol=1e-4, rtol=0)
    torch.testing.assert_close(found, camera, atol=1e-4, rtol=1e-4)


def test_blocks_solve_the_whole_system() -> None:
    torch.manual_seed(3)
    shape_rows, rest_rows = torch.randn(3, 20, 4), torch.randn(3, 20, 5)
    residual = torch.randn(3, 20)
    person = torch.tensor([0, 1, 1])
    equations = NormalEquations(
        torch.zeros(2, 4, 4).index_add(0, person, shape_rows.transpose(1, 2) @ shape_rows),
        torch.zeros(2, 4).index_add(0, person, torch.einsum("bri,br->bi", shape_rows, residual)),
        shape_rows.transpose(1, 2) @ rest_rows,
        rest_rows.transpose(1, 2) @ rest_rows,
        torch.einsum("bri,br->bi", rest_rows, residual),
        person,
    )
    held = torch.zeros(3, 5, dtype=torch.bool)
    held[2, 1] = True
    shape_step, rest_step = equations.solve(torch.zeros(2), held)
    # the joint system of all three photos, in one dense least-squares problem
    dense = torch.zeros(60, 8 + 15)
    for b in range(3):
        rows = slice(20 * b, 20 * b + 20)
        dense[rows, 4 * person[b] : 4 * person[b] + 4] = shape_rows[b]
        dense[rows, 8 + 5 * b : 13 + 5 * b] = rest_rows[b] * (~held[b])
    expected = torch.linalg.lstsq(dense, -residual.flatten()[:, None], driver="gelsd").solution
    torch.testing.assert_close(shape_step.flatten(), expected[:8, 0], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(rest_step.flatten(), expected[8:, 0], atol=1e-4, rtol=1e-3)


def test_a_head_without_landmarks_is_refused() -> None:
    arrays, meta = tiny_head_arrays()
    bare = {name: array for name, array in arrays.items() if not name.startswith("lmk_")}
    with pytest.raises(AssetError, match="has no landmarks"):
        LandmarkFit(HeadModel(bare, meta))


def test_other_landmarks_are_refused() -> None:
    with pytest.raises(ShapeError, match="landmarks must have shape"):
        LandmarkFit(tiny_head())(torch.zeros(2, 68, 2))
