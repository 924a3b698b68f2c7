"""Both filters on signals with known truth: jittering, blinks, turns, gaps, uneven times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_quaternion_wxyz
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.tracking.motion.image_motion import (
    GROUPS,
    HeadAnchor,
    ImageMotion,
    rotations_of,
    to_crops,
    to_image,
)
from smirk3d.tracking.motion.smoothing import LiveSmoother, smooth_clip

RATE = 30
FRAMES = 240


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head("open")


def still(head: HeadModel, frames: int = FRAMES) -> ImageMotion:
    turn = np.tile([1.0, 0, 0, 0], (frames, 1))
    groups = {name: np.full((frames, head.group(name).dim), 0.1) for name in GROUPS}
    return ImageMotion(turn, np.full((frames, 2), 300.0), np.full((frames, 1), 7.0), groups)


def trembling(motion: ImageMotion, seed: int = 0) -> ImageMotion:
    """Noise as an encoder's: a hundredth of the range, half a degree, a third of a pixel."""
    rng = np.random.default_rng(seed)
    turn = motion.rotation + rng.normal(0, 0.003, motion.rotation.shape)
    return ImageMotion(
        turn / np.linalg.norm(turn, axis=1, keepdims=True),
        motion.translation + rng.normal(0, 0.3, motion.translation.shape),
        motion.log_scale + rng.normal(0, 0.002, motion.log_scale.shape),
        {n: v + rng.normal(0, 0.01, v.shape) for n, v in motion.groups.items()},
    )


def live(motion: ImageMotion, times: np.ndarray, head: HeadModel) -> ImageMotion:
    smoother = LiveSmoother(head)
    frames = [
        smoother(
            ImageMotion(
                motion.rotation[t : t + 1],
                motion.translation[t : t + 1],
                motion.log_scale[t : t + 1],
                {n: v[t : t + 1] for n, v in motion.groups.items()},
            ),
            times[t],
        )
        for t in range(len(times))
    ]
    return ImageMotion(
        np.concatenate([f.rotation for f in frames]),
        np.concatenate([f.translation for f in frames]),
        np.concatenate([f.log_scale for f in frames]),
        {n: np.concatenate([f.groups[n] for f in frames]) for n in motion.groups},
    )


def smoothed(kind: str, motion: ImageMotion, times: np.ndarray, head: HeadModel) -> ImageMotion:
    return live(motion, times, head) if kind == "live" else smooth_clip(motion, times, head)


def jitter(values: np.ndarray) -> float:
    return float(np.abs(np.diff(values[30:], 2, axis=0)).mean())


def blink(times: np.ndarray, centre: float) -> np.ndarray:
    """A lid that closes and opens again within 100 ms."""
    return 0.9 * np.clip(1 - np.abs(times - centre) / 0.05, 0, None)


@pytest.mark.parametrize("kind", ["best", "live"])
def test_what_trembles_rests(head: HeadModel, kind: str) -> None:
    times = np.arange(FRAMES) / RATE
    noisy = trembling(still(head))
    result = smoothed(kind, noisy, times, head)
    least = 5 if kind == "best" else 3
    for before, after in [
        (noisy.rotation, result.rotation),
        (noisy.translation, result.translation),
        (noisy.log_scale, result.log_scale),
        *((noisy.groups[name], result.groups[name]) for name in GROUPS),
    ]:
        assert jitter(before) > least * jitter(after)


@pytest.mark.parametrize("kind", ["best", "live"])
@pytest.mark.parametrize("rate", [25, 30, 60])
def test_a_blink_of_100_ms_keeps_its_height(head: HeadModel, kind: str, rate: int) -> None:
    times = np.arange(FRAMES) / rate
    for seed in range(4):
        noisy = trembling(still(head), seed)
        centre = times[FRAMES // 2]
        eyelids = noisy.groups["eyelids"] + blink(times, centre)[:, None]
        noisy = replace(noisy, groups={**noisy.groups, "eyelids": eyelids})
        result = smoothed(kind, noisy, times, head).groups["eyelids"]
        assert (result.max(0) - 0.1 > 0.9 * (eyelids.max(0) - 0.1)).all()
        assert np.abs(result.argmax(0) - FRAMES // 2).max() == 0


def test_best_has_no_lag(head: HeadModel) -> None:
    times = np.arange(FRAMES) / RATE
    swing = 0.25 * np.sin(2 * np.pi * 1.0 * times)
    moving = still(head)
    moving.groups["jaw"][:] += swing[:, None]
    noisy = trembling(moving)
    result = smooth_clip(noisy, times, head).groups["jaw"][:, 0] - 0.1
    lags = np.linspace(-2, 2, 81) / RATE
    errors = [np.abs(np.interp(times - lag, times, swing) - result)[5:-5].mean() for lag in lags]
    assert abs(lags[int(np.argmin(errors))]) < 0.25 / RATE


def test_a_fast_smile_is_neither_late_nor_soft(head: HeadModel) -> None:
    times = np.arange(FRAMES) / RATE
    rise = np.clip((times - 4) / 0.1, 0, 1)
    moving = still(head)
    moving.groups["expression"][:, 3] += 0.6 * rise
    noisy = trembling(moving)
    for kind, most in (("best", 0.05), ("live", 0.12)):
        result = smoothed(kind, noisy, times, head).groups["expression"][:, 3]
        assert np.abs(result - moving.groups["expression"][:, 3])[90:].max() < most


@pytest.mark.parametrize("kind", ["best", "live"])
@pytest.mark.parametrize("rate", [25, 30])
def test_speech_and_nods_through_a_whole_clip_are_no_trembling(
    head: HeadModel, kind: str, rate: int
) -> None:
    times = np.arange(FRAMES) / rate
    syllables = 0.15 * np.sin(2 * np.pi * 4.8 * times)
    nods = 60 * np.sin(2 * np.pi * 3 * times)
    moving = still(head)
    moving.groups["jaw"][:, 0] += syllables
    moving.translation[:, 1] += nods
    moving.translation[:, 0] += 20 * np.sin(2 * np.pi * 4.8 * times)
    noisy = trembling(moving)
    result = smoothed(kind, noisy, times, head)
    after = np.s_[90:-3]
    for shown, read in [
        (syllables, result.groups["jaw"][:, 0]),
        (nods, result.translation[:, 1]),
        (moving.translation[:, 0] - 300, result.translation[:, 0]),
    ]:
        assert np.polyfit(shown[after], read[after], 1)[0] > (0.95 if kind == "best" else 0.85)
    if kind == "best":
        assert np.abs(result.translation[after] - moving.translation[after]).max() < 2, (
            "extremes stay"
        )


def test_gaps_part_the_clip(head: HeadModel) -> None:
    times = np.concatenate([np.arange(60) / RATE, 10 + np.arange(60) / RATE])
    two = still(head, 120)
    two.translation[60:] += 200
    result = smooth_clip(trembling(two), times, head)
    assert np.abs(result.translation[:60] - 300).max() < 2
    assert np.abs(result.translation[60:] - 500).max() < 2


def test_uneven_times_do_not_pull(head: HeadModel) -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.choice([0.01, 0.03, 0.06], 200))
    moving = still(head, 200)
    moving.translation[:, 0] = 300 + 100 * times
    result = smooth_clip(moving, times, head)
    assert np.abs(result.translation - moving.translation).max() < 0.05


def test_a_head_that_jumps_for_one_frame_is_put_back(head: HeadModel) -> None:
    times = np.arange(FRAMES) / RATE
    jumping = trembling(still(head))
    jumping.translation[100] += 60
    result = smooth_clip(jumping, times, head)
    assert np.abs(result.translation[95:106] - 300).max() < 2


def test_turns_go_the_short_way(head: HeadModel) -> None:
    times = np.arange(FRAMES) / RATE
    angle = np.linspace(-3.6, 3.6, FRAMES)
    vectors = np.stack([np.zeros(FRAMES), angle, np.zeros(FRAMES)], 1)
    rotations = axis_angle_to_matrix(vectors)
    turning = still(head)
    turn = matrix_to_quaternion_wxyz(rotations)
    turning = replace(turning, rotation=turn * np.where(np.arange(FRAMES) % 3, 1, -1)[:, None])
    for kind, most in (("best", 0.02), ("live", 0.2)):
        result = rotations_of(smoothed(kind, turning, times, head).rotation)
        assert np.abs(result - rotations)[3:-3].max() < most


def test_a_clip_of_one_frame_stays(head: HeadModel) -> None:
    one = trembling(still(head, 1))
    assert (smooth_clip(one, np.zeros(1), head).translation == one.translation).all()


def test_the_picture_s_motion_goes_back_into_any_crop(head: HeadModel) -> None:
    frames = 5
    parameters = head.neutral(frames)
    parameters = parameters.replace(
        head_pose=torch.randn(frames, 3) * 0.4,
        camera=torch.tensor([7.0, 0.01, -0.02]) + torch.randn(frames, 3) * 0.01,
        jaw=torch.rand(frames, 3) * 0.5,
    )
    anchor = HeadAnchor.of(head)
    crops = np.tile(np.array([[0.7, 0, -40], [0, 0.7, -90], [0, 0, 1.0]]), (frames, 1, 1))
    again = to_crops(to_image(parameters, crops, anchor), parameters, crops, anchor)
    for name, values in parameters.items():
        assert torch.allclose(getattr(again, name), values, atol=1e-5), name
    crops[:, 0, 2] += 15
    moved = to_crops(to_image(parameters, crops, anchor), parameters, crops, anchor)
    assert torch.allclose(moved.camera, parameters.camera, atol=1e-5)


def test_the_anchor_moves_as_the_head_s_middle_does(head: HeadModel) -> None:
    anchor = HeadAnchor.of(head)
    poses = torch.randn(4, 3)
    mesh = head.at_landmarks()(head.neutral(4).replace(head_pose=poses)).vertices.mean(1)
    told = anchor.position(axis_angle_to_matrix(poses).double().numpy())
    assert np.abs(told - mesh.numpy()).max() < 1e-5
