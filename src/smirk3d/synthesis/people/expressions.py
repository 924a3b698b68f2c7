"""Expressions, gaze and poses as people have them, and as they have not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.geometry.rotations import matrix_to_axis_angle
from smirk3d.heads.action_names import GAZE_ACTIONS, mirrored_name
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.expression_templates import EMOTIONS, VISEMES, template_weights

Weights = NDArray[np.float32]

_COLUMN = {name: column for column, name in enumerate(ARKIT_NAMES)}
_DRAWN = tuple(name for name in ARKIT_NAMES if name not in GAZE_ACTIONS)
_OPPOSED = (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"))
_JAW_FOR_TONGUE = (0.4, 0.7)
"""Range of ``jawOpen``, as a multiple of ``tongueOut``, from which the jaw is drawn that lets a
tongue out; the templates "tongue" and "tongue_laugh" have 0.5 and 0.67."""
_JAW_TO_CLOSE_OVER = (0.15, 0.5)
"""Range of ``jawOpen`` from which the jaw is drawn that lips close over, chosen by eye."""


@dataclass(frozen=True, kw_only=True)
class ExpressionOdds:
    """How often faces of each kind are drawn; the kinds' odds sum to one.

    Attributes:
        neutral: nothing but gaze and a blink now and then.
        nearly: up to three actions below 0.15.
        sparse: two to six actions anywhere between 0.1 and 1, whatever goes with what.
        prototype: an emotion's or state's template at 0.3 to 1, each action varied by itself.
        speech: a viseme at 0.4 to 1, half of them with an emotion at 0.2 to 0.6 on the upper face.
        one_sided: up to three actions of one side.
        strong: four to eight actions between 0.6 and 1.
        mixed: two templates added.
        single: one action between 0.3 and 1, half of them on both sides alike.
        blink: that the eyelids of any face are drawn anew: shut, half shut or one of them shut.
        extra: that one to two unrelated actions are added to a template, so that no
            correlation is certain.
    """

    neutral: float = 0.17
    nearly: float = 0.15
    sparse: float = 0.24
    prototype: float = 0.12
    speech: float = 0.12
    one_sided: float = 0.08
    strong: float = 0.06
    mixed: float = 0.06
    single: float = 0.0
    blink: float = 0.12
    extra: float = 0.5

    @property
    def kinds(self) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Names and odds of the kinds."""
        names = ("neutral", "nearly", "sparse", "prototype", "speech", "one_sided", "strong",
                 "mixed", "single")  # fmt: skip
        odds = np.array([getattr(self, name) for name in names])
        return names, odds / odds.sum()


TRAINING_EXPRESSIONS = ExpressionOdds(
    neutral=0.1, nearly=0.08, sparse=0.3, prototype=0.1, speech=0.1, mixed=0.04, single=0.14
)
"""Odds for people who are trained on: fewer faces at rest than in life, in which an encoder soon
reads nothing, and more that show what an action looks like; chosen by hand."""


@dataclass(frozen=True, kw_only=True)
class PoseOdds:
    """How heads and eyes are turned; degrees.

    Attributes:
        wide: fraction of heads drawn evenly over the whole range; the others are normal about the
            camera with the standard deviations of ``near``.
        near: of pitch, yaw and roll.
        yaw, pitch: ends of the whole range.
        any_roll: fraction of heads with any roll at all.
        gaze_camera: fraction of people who look into the camera, as far as their eyes turn.
        gaze_limits: share whose eyes are turned anywhere within their limits, also against the
            head; the others look about straight ahead.
    """

    wide: float = 0.45
    near: tuple[float, float, float] = (9.0, 16.0, 6.0)
    yaw: float = 90.0
    pitch: float = 45.0
    any_roll: float = 0.06
    gaze_camera: float = 0.4
    gaze_limits: float = 0.35


class FaceSampler:
    """Draws what a head does at a moment."""

    def __init__(
        self,
        head: HeadModel,
        expressions: ExpressionOdds | None = None,
        poses: PoseOdds | None = None,
    ) -> None:
        """Prepare for one head with named actions."""
        self.head = head
        self.odds = expressions or ExpressionOdds()
        self.poses = poses or PoseOdds()
        templates = template_weights()
        self._emotions = [_row(templates[name]) for name in EMOTIONS]
        self._visemes = [_row(templates[name]) for name in VISEMES]
        self._all = [_row(weights) for weights in templates.values()]

    def face(self, rng: np.random.Generator) -> FaceParameters:
        """Return expression, jaw, eyelids, gaze and head pose, without batch dimension."""
        return self.turned(self.with_expression(rng), rng)

    def with_expression(self, rng: np.random.Generator) -> FaceParameters:
        """Return an expression with eyes straight ahead on a head that is not turned."""
        weights = torch.from_numpy(self.weights(rng))[None]
        return self.head.from_arkit(weights)[0]

    def turned(self, face: FaceParameters, rng: np.random.Generator) -> FaceParameters:
        """Return a face with another head pose and gaze."""
        odds = self.poses
        if rng.random() < odds.wide:
            yaw, pitch = rng.uniform(-odds.yaw, odds.yaw), rng.uniform(-odds.pitch, odds.pitch)
            roll = rng.normal(0, 2 * odds.near[2])
        else:
            pitch, yaw, roll = rng.normal(0, odds.near)
            yaw, pitch = np.clip(yaw, -odds.yaw, odds.yaw), np.clip(pitch, -odds.pitch, odds.pitch)
        if rng.random() < odds.any_roll:
            roll = rng.uniform(-180, 180)
        rotation = euler_rotation(float(pitch), float(yaw), float(roll))
        pose = matrix_to_axis_angle(torch.from_numpy(rotation)[None])[0].float()
        return face.replace(head_pose=pose, eyes=self._eyes(rotation, rng))

    def weights(self, rng: np.random.Generator) -> Weights:
        """Return ARKit's weights ``[52]`` without gaze, all of which show."""
        names, odds = self.odds.kinds
        kind = names[int(rng.choice(len(names), p=odds))]
        weights = np.zeros(len(ARKIT_NAMES), np.float32)
        if kind == "nearly":
            _add(weights, rng.choice(_DRAWN, rng.integers(1, 4), False), rng, 0.02, 0.15)
        elif kind == "sparse":
            _add(weights, rng.choice(_DRAWN, rng.integers(2, 7), False), rng, 0.1, 1.0)
        elif kind == "strong":
            _add(weights, rng.choice(_DRAWN, rng.integers(4, 9), False), rng, 0.6, 1.0)
        elif kind == "one_sided":
            side = rng.choice(["Left", "Right"])
            sided = [name for name in _DRAWN if name.endswith(side) and mirrored_name(name) != name]
            _add(weights, rng.choice(sided, rng.integers(1, 4), False), rng, 0.25, 1.0)
        elif kind == "single":
            name = str(rng.choice(_DRAWN))
            _add(weights, np.array([name]), rng, 0.3, 1.0)
            if _has_partner(name) and rng.random() < 0.5:
                weights[_COLUMN[mirrored_name(name)]] = weights[_COLUMN[name]]
        elif kind != "neutral":
            weights = self._from_templates(kind, rng)
            if rng.random() < self.odds.extra:
                _add(weights, rng.choice(_DRAWN, rng.integers(1, 3), False), rng, 0.1, 0.8)
        if rng.random() < self.odds.blink:
            eyelids = rng.choice([1.0, 0.5, 0.0], 2, p=[0.5, 0.3, 0.2]) * rng.uniform(0.85, 1, 2)
            both = eyelids if rng.random() < 0.3 else eyelids[[0, 0]]
            weights[[_COLUMN["eyeBlinkLeft"], _COLUMN["eyeBlinkRight"]]] = both
        return _shown(_without_opposites(weights), rng)

    def _from_templates(self, kind: str, rng: np.random.Generator) -> Weights:
        def varied(bank: list[Weights], low: float, high: float) -> Weights:
            row = bank[int(rng.integers(len(bank)))]
            each = rng.uniform(0.7, 1.15, len(row))
            drawn: Weights = (row * rng.uniform(low, high) * each).astype(np.float32)
            return drawn

        if kind == "prototype":
            weights = varied(self._emotions, 0.3, 1.0)
        elif kind == "mixed":
            weights = np.maximum(varied(self._all, 0.3, 1.0), varied(self._all, 0.2, 0.8))
        else:
            weights = varied(self._visemes, 0.4, 1.0)
            if rng.random() < 0.5:
                mood = varied(self._emotions, 0.2, 0.6)
                upper = [c for n, c in _COLUMN.items() if n.startswith(("brow", "eye", "cheekS"))]
                weights[upper] = np.maximum(weights[upper], mood[upper])
        return weights.clip(0, 1)

    def _eyes(self, rotation: NDArray[np.float32], rng: np.random.Generator) -> torch.Tensor:
        """Return eye rotations ``[6]`` within their limits."""
        group = self.head.group("eyes")
        lo, hi = np.array(group.lo), np.array(group.hi)
        odds = rng.random()
        if odds < self.poses.gaze_camera:
            toward = rotation.T @ np.array([rng.normal(0, 0.04), rng.normal(0, 0.04), 1.0])
        elif odds < self.poses.gaze_camera + self.poses.gaze_limits:
            pitch, yaw = rng.uniform(lo[:2], hi[:2])
            # where one eye turns out the other turns in, about as far
            toward = np.array([math.sin(yaw), -math.sin(pitch), math.cos(yaw)])
        else:
            toward = np.array([rng.normal(0, 0.12), rng.normal(0, 0.08), 1.0])
        yaw, pitch = (
            math.atan2(toward[0], max(toward[2], 1e-3)),
            -math.atan2(toward[1], math.hypot(toward[0], max(toward[2], 1e-3))),
        )
        # eyes that meet at half a metre or far away
        meet = rng.uniform(0, 0.06) * np.array([-1, 1])
        both = np.array([[pitch, yaw + meet[0], 0.0], [pitch, yaw + meet[1], 0.0]]).ravel()
        return torch.from_numpy(both.clip(lo, hi).astype(np.float32))


def euler_rotation(pitch: float, yaw: float, roll: float) -> NDArray[np.float32]:
    """Return roll after pitch after yaw ``[3, 3]``; degrees about +x, +y and +z."""
    p, y, r = (math.radians(angle) for angle in (pitch, yaw, roll))
    about_x = np.array([[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]])
    about_y = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    about_z = np.array([[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]])
    rotation: NDArray[np.float32] = (about_z @ about_x @ about_y).astype(np.float32)
    return rotation


def _row(weights: dict[str, float]) -> Weights:
    row = np.zeros(len(ARKIT_NAMES), np.float32)
    for name, value in weights.items():
        row[_COLUMN[name]] = value
    return row


def _add(
    weights: Weights, names: NDArray[np.str_], rng: np.random.Generator, low: float, high: float
) -> None:
    for name in names:
        column = _COLUMN[str(name)]
        value = rng.uniform(low, high)
        weights[column] = max(float(weights[column]), value)
        # most of what faces do they do on both sides, about alike
        if _has_partner(str(name)) and len(names) > 1 and rng.random() < 0.6:
            other = _COLUMN[mirrored_name(str(name))]
            weights[other] = np.clip(value * rng.uniform(0.75, 1.2), 0, 1)


def _has_partner(name: str) -> bool:
    """Tell whether the other side can do the same at the same time."""
    return mirrored_name(name) != name and all(name not in pair for pair in _OPPOSED)


def _without_opposites(weights: Weights) -> Weights:
    for first, second in _OPPOSED:
        less = min((first, second), key=lambda name: weights[_COLUMN[name]])
        weights[_COLUMN[less]] = 0
    return weights


def _shown(weights: Weights, rng: np.random.Generator) -> Weights:
    """Return weights of which none is without effect on the head.

    Labels that no picture can show would teach guessing: lips that close over a jaw that is shut, a
    tongue behind closed lips, eyes wide open under closed eyelids.
    """
    jaw, tongue, close = (_COLUMN[name] for name in ("jawOpen", "tongueOut", "mouthClose"))
    if weights[tongue] > 0:
        weights[close] = 0
        weights[jaw] = max(weights[jaw], weights[tongue] * rng.uniform(*_JAW_FOR_TONGUE))
    if weights[close] > 0:
        weights[jaw] = max(weights[jaw], rng.uniform(*_JAW_TO_CLOSE_OVER))
    for side in ("Left", "Right"):
        weights[_COLUMN[f"eyeWide{side}"]] *= 1 - weights[_COLUMN[f"eyeBlink{side}"]]
    return weights
