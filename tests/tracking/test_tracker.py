"""The tracker on the portrait moved about: names, gaps, cuts, and going on from a state."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from skimage import data

from smirk3d.errors import InputError
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.scene_cuts import SceneCuts
from smirk3d.tracking.state_text import state_from_text, state_to_text
from smirk3d.tracking.tracker import FaceTracker
from smirk3d.tracking.tracker_config import TrackerConfig
from smirk3d.tracking.tracks.person_shape import PersonShape
from tests.test_default_weights import turned
from tests.tracking.clips import background, paste

Frame = Callable[..., np.ndarray]


def test_a_moving_face_is_followed_under_one_name(
    seer: FaceReconstructor, moving_face: Frame
) -> None:
    with FaceTracker(seer) as tracker:
        for number in range(24):
            (face,) = tracker.step(moving_face(number), number / 30)
            assert face.id == 0
            assert abs(face.detection.box[[0, 2]].mean() - (140 + 25 * np.sin(number / 8))) < 12
            assert face.detection.score > 0.5


def test_a_fitted_face_is_followed(fitter: FaceReconstructor, moving_face: Frame) -> None:
    with FaceTracker(fitter, TrackerConfig(smooth="off")) as tracker:
        shapes = []
        for number in range(4):
            (face,) = tracker.step(moving_face(number), number / 30)
            shapes.append(face.parameters.shape.numpy())
            assert face.parameters.expression.max() > 0.2, "she smiles"
    assert np.abs(shapes[-1] - shapes[-2]).mean() < 0.05


def test_a_face_on_its_head_is_fitted_and_followed(fitter: FaceReconstructor) -> None:
    with FaceTracker(fitter, TrackerConfig(smooth="off")) as tracker:
        for number in range(4):
            degrees = 180 + 4 * number
            (face,) = tracker.step(turned(data.astronaut(), degrees)[::2, ::2], number / 30)
            assert face.id == 0
            rotation = axis_angle_to_matrix(face.parameters.head_pose)
            roll = math.degrees(math.atan2(float(rotation[0, 1]), float(rotation[1, 1])))
            assert abs((roll - degrees + 180) % 360 - 180) < 10


def test_a_face_that_is_seen_in_the_turned_picture_only_is_found(seer: FaceReconstructor) -> None:
    with FaceTracker(seer) as tracker:
        frame = turned(data.astronaut(), 120)
        assert any(tracker.step(frame, number / 30) for number in range(6))


def test_a_hidden_face_is_a_gap_and_comes_back_as_itself(
    seer: FaceReconstructor, moving_face: Frame
) -> None:
    seen = []
    with FaceTracker(seer) as tracker:
        for number in range(40):
            frame = moving_face(number)
            if 12 <= number < 22:
                frame[:, 40:280] = (60, 80, 140)
            faces = tracker.step(frame, number / 30)
            seen.append([face.id for face in faces])
    assert seen[:12] == [[0]] * 12
    assert seen[15:22] == [[]] * 7
    assert [0] in seen[22:27], "found again within five frames"
    assert seen[27:] == [[0]] * 13


def test_a_cut_loses_faces_and_knows_them_again(
    seer: FaceReconstructor, portrait: np.ndarray, moving_face: Frame
) -> None:
    with FaceTracker(seer) as tracker:
        for number in range(6):
            tracker.step(moving_face(number), number / 30)
        elsewhere = background(240, 320, 0.0, seed=5)[::-1].copy()
        paste(elsewhere, portrait, 215, 120, 0.7)
        (face,) = tracker.step(elsewhere, 6 / 30)
    assert face.id == 0
    assert abs(face.detection.box[[0, 2]].mean() - 215) < 15


def test_two_faces_have_two_names_from_left_to_right_or_not(
    seer: FaceReconstructor, portrait: np.ndarray
) -> None:
    places = {}
    with FaceTracker(seer) as tracker:
        for number in range(10):
            frame = background(240, 480, number / 30)
            paste(frame, portrait, 110 + 2 * number, 120, 0.8)
            paste(frame, portrait[:, ::-1], 360 - 2 * number, 120, 0.8)
            for face in tracker.step(frame, number / 30):
                places.setdefault(face.id, []).append(face.detection.box[[0, 2]].mean())
    assert len(places) == 2
    for xs in places.values():
        assert len(xs) == 10
        assert np.abs(np.diff(xs)).max() < 20


def test_identities_merged_twice_end_as_the_oldest(seer: FaceReconstructor) -> None:
    with FaceTracker(seer) as tracker:
        tracker.registry.rename(2, 1)
        tracker.registry.rename(1, 0)
        assert tracker.renamed() == {1: 0, 2: 0}


def test_nobody_is_nobody(seer: FaceReconstructor) -> None:
    with FaceTracker(seer) as tracker:
        for number in range(6):
            assert tracker.step(background(240, 320, number), number / 30) == []


def test_a_restored_tracker_goes_on_as_if_never_stopped(
    seer: FaceReconstructor, moving_face: Frame
) -> None:
    def step(tracker: FaceTracker, number: int) -> list[np.ndarray]:
        frame = moving_face(number)
        if 8 <= number < 13:
            frame[:, 40:280] = (60, 80, 140)
        faces = tracker.step(frame, number / 30)
        return [values.numpy() for face in faces for _, values in face.parameters.items()]

    with FaceTracker(seer) as unbroken, FaceTracker(seer) as other:
        for number in range(10):
            step(unbroken, number)
        other.restore(state_from_text(state_to_text(unbroken.state())))
        for number in range(10, 20):
            one, two = step(unbroken, number), step(other, number)
            assert len(one) == len(two)
            assert all((a == b).all() for a, b in zip(one, two, strict=True))
    assert one, "the face is back at the end"


def test_frames_that_are_no_pictures_are_refused(seer: FaceReconstructor) -> None:
    with FaceTracker(seer) as tracker, pytest.raises(InputError, match=r"uint8 \[H, W, 3\]"):
        tracker.step(np.zeros((4, 4, 3), np.float32), 0.0)


def test_cuts_are_told_from_pans_and_flashes() -> None:
    scenes = SceneCuts()
    wide = background(240, 1000, 0.0, seed=3)
    assert not scenes.is_cut(wide[:, :320], 0.0)
    for start in range(10, 200, 10):
        assert not scenes.is_cut(wide[:, start : start + 320], start / 300)
    bright = np.clip(wide[:, 200:520].astype(int) + 60, 0, 255).astype(np.uint8)
    assert not scenes.is_cut(bright, 0.7)
    assert scenes.is_cut(wide[::-1, 600:920], 0.72)
    assert scenes.is_cut(wide[:200, 600:900], 0.74)


@pytest.mark.parametrize("pause", [0.03, 2.0])
def test_a_late_frame_of_a_moving_picture_is_no_cut(pause: float) -> None:
    scenes = SceneCuts()
    wide = background(240, 1400, 0.0, seed=3)
    for number in range(12):
        scenes.is_cut(wide[:, 20 * number : 20 * number + 320], number / 30)
    assert scenes.is_cut(wide[:, 900:1220], 11 / 30 + pause) == (pause < 0.1)


def test_a_person_s_shape_settles_and_shrugs_off_odd_frames() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=50)
    shape = PersonShape()
    for number in range(200):
        odd = number % 10 == 9
        told = truth + rng.normal(0, 0.3, 50) + (4.0 if odd else 0.0)
        shape.add(told, 1.0)
    assert np.abs(shape.mean - truth).mean() < 0.06
    assert shape.num_frames == 200


def test_states_keep_every_bit() -> None:
    state = {"a": [0.1 + 0.2, 1e-300], "b": {"x": np.random.default_rng(0).normal(size=(3, 2))}}
    again = state_from_text(state_to_text(state))
    assert again["a"] == state["a"]
    assert (again["b"]["x"] == state["b"]["x"]).all()
