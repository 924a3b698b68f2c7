"""Eyelids stop at the eyes, and lips at each other."""

from __future__ import annotations

import torch

from smirk3d.heads.contact import Contact, contact_buffers, eye_radius

SURFACE = torch.tensor([0.012, 0.0059, 0.0084])


def contact(**changes: torch.Tensor) -> Contact:
    none = {name: torch.as_tensor(array) for name, array in contact_buffers({}).items()}
    return Contact(**(none | {"eye_surface": SURFACE} | changes))


def test_a_cornea_bulges_and_meets_the_ball_at_the_iris() -> None:
    angle = torch.linspace(0, torch.pi, 2001)
    radius = eye_radius(angle.cos(), SURFACE)
    assert 0.0007 < float(radius[0]) - 0.012 < 0.0012
    assert (radius[angle > 0.52] - 0.012).abs().max() < 1e-7
    assert radius.diff().abs().max() < 1e-5


def test_lids_are_pushed_out_along_the_ray_and_no_further() -> None:
    eyes = torch.tensor([[[0.03, 0.0, 0.0], [-0.03, 0.0, 0.0]]])
    gaze = torch.tensor([[[0.0, 0, 1], [0, 0, 1]]])
    vertices = torch.tensor([[[0.03, 0.0, 0.010], [-0.03, 0.02, 0.0], [0.0, 0.0, 0.0]]])
    eyelids = contact(
        lid_id=torch.tensor([0, 1]), lid_eye=torch.tensor([0, 1]),
        lid_gap=torch.tensor([0.0003, 0.0003]),
    )  # fmt: skip
    moved = eyelids.resolved(vertices, eyes, gaze)
    surface = float(eye_radius(torch.tensor(1.0), SURFACE))
    assert torch.allclose(moved[0, 0], torch.tensor([0.03, 0.0, surface + 0.0003]), atol=1e-7)
    assert torch.equal(moved[0, 1:], vertices[0, 1:])
    assert eyelids.eyelid_depth(vertices, eyes, gaze)[0, 0] > 0.0019
    assert eyelids.eyelid_depth(moved, eyes, gaze).max() < -0.00029


def test_the_cornea_turns_with_the_gaze() -> None:
    eyes, aside = torch.zeros(1, 2, 3), torch.tensor([[[1.0, 0, 0], [1, 0, 0]]])
    eyelids = contact(lid_id=torch.tensor([0]), lid_eye=torch.tensor([0]), lid_gap=torch.zeros(1))
    before = torch.tensor([[[0.0, 0.0, 0.0121]]])
    assert torch.equal(eyelids.resolved(before, eyes, aside), before)
    ahead = torch.tensor([[[0.0, 0, 1], [0, 0, 1]]])
    assert eyelids.resolved(before, eyes, ahead)[0, 0, 2] > 0.0127


def test_crossed_lips_meet_half_way() -> None:
    lips = contact(
        lip_pair=torch.tensor([[0, 1, 2]]), lip_pair_share=torch.tensor([0.5]),
        lip_id=torch.tensor([0, 1, 2]), lip_share=torch.tensor([[-0.5], [0.5], [0.5]]),
    )  # fmt: skip
    vertices = torch.zeros(2, 3, 3)
    vertices[0, 0, 1], vertices[1, 0, 1] = -0.004, 0.004
    eyes, gaze = torch.zeros(2, 2, 3), torch.zeros(2, 2, 3)
    moved = lips.resolved(vertices, eyes, gaze)
    assert torch.equal(moved[1], vertices[1])
    assert torch.allclose(lips.lip_gap(moved)[0], torch.tensor(-0.0002), atol=1e-7)
    assert torch.allclose(moved[0, 0, 1], torch.tensor(-0.0021), atol=1e-7)


def test_what_a_first_step_leaves_of_crossed_lips_goes_in_a_second() -> None:
    """Vertices between two pairs move by half of each pair's overlap."""
    lips = contact(
        lip_pair=torch.tensor([[0, 2, 3], [1, 3, 4]]), lip_pair_share=torch.tensor([0.5, 0.5]),
        lip_id=torch.arange(5),
        lip_share=torch.tensor([[-0.5, 0], [0, -0.5], [0.5, 0], [0.25, 0.25], [0, 0.5]]),
    )  # fmt: skip
    vertices = torch.zeros(1, 5, 3)
    vertices[0, 0, 1] = -0.004
    eyes, gaze = torch.zeros(1, 2, 3), torch.zeros(1, 2, 3)
    left = lips.lip_gap(lips.resolved(vertices, eyes, gaze))[0] + 0.0002
    # one step would leave 3.8 mm times an eighth
    assert -0.0001 < left.min() < 0
    assert -float(left.min()) < 0.2 * 0.0038 / 8


def test_a_vertex_of_a_pair_that_does_not_move_leaves_all_to_the_others() -> None:
    lips = contact(
        lip_pair=torch.tensor([[0, 2, 3], [1, 5, 3]]), lip_pair_share=torch.tensor([0.5, 1.0]),
        lip_id=torch.tensor([0, 1, 3, 4]),
        lip_share=torch.tensor([[-0.5, 0], [0, -0.5], [0.25, 0.25], [9.0, 9.0]]),
    )  # fmt: skip
    vertices = torch.zeros(1, 6, 3)
    vertices[0, 0, 1] = -0.004
    eyes, gaze = torch.zeros(1, 2, 3), torch.zeros(1, 2, 3)
    moved = lips.resolved(vertices, eyes, gaze)
    assert torch.equal(moved[0, [2, 5]], vertices[0, [2, 5]])
    # steps of 5/8 of the overlap, half of the upper lip's and an eighth of the lower lip's
    left = lips.lip_gap(moved)[0, 0] + 0.0002
    assert torch.allclose(left, torch.tensor(-0.0038 * (3 / 8) ** 2), atol=1e-6)


def test_points_of_lids_stay_lids() -> None:
    eyelids = contact(
        lid_id=torch.tensor([3, 4, 5]), lid_eye=torch.tensor([1, 1, 1]),
        lid_gap=torch.tensor([0.001, 0.002, 0.003]),
    )  # fmt: skip
    corners = torch.tensor([[3, 4, 5], [0, 4, 5]])
    found = eyelids.at_points(corners, torch.full((2, 3), 1 / 3), 6)
    assert found["lid_id"].tolist() == [0]
    assert found["lid_eye"].tolist() == [1]
    assert torch.allclose(found["lid_gap"], torch.tensor([0.002]))
