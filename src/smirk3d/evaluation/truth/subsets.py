"""Faces and people of the sub-sets that evaluation against truth draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.evaluation.protocols.synthetic import available
from smirk3d.geometry.rotations import matrix_to_axis_angle
from smirk3d.heads.action_names import GAZE_ACTIONS
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.expression_templates import template_weights
from smirk3d.synthesis.people import LabeledPicture, SceneRecipe
from smirk3d.synthesis.people.expressions import euler_rotation
from smirk3d.synthesis.people.sampling import PeopleOdds, PeopleSampler

Weights = NDArray[np.float32]

ODDS = PeopleOdds(
    occluder=0.0, sunglasses=0.0, grey=0.0, sharp=0.7, distance=(0.5, 1.5), framing=(2.2, 2.2),
)  # fmt: skip
"""People as they are drawn for sub-sets that vary one thing: nothing before the face, and cameras
at an arm's length to across a table, 0.5 to 1.5 m; by hand."""

_LEFT_OUT = (*GAZE_ACTIONS, "tongueOut")
"""Actions that are not drawn at random: gaze has a sub-set of its own, and not every head has a
tongue. The others are the 43 of the measurements before."""

_COMBINED = (3, 6)
"""Fewest and most actions of a random combination, as in the measurements before."""
_WEIGHTS = (0.3, 1.0)
"""Range of their weights: from plainly visible to full, as in the measurements before."""
_OPPOSED = (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"))

STRENGTHS = (0.5, 1.0)
"""Weights at which actions are shown alone."""
_ACTIONS_A_PERSON = 6
"""Actions that one person shows alone, each beside the person's neutral face; by hand."""

YAWS = (0, -80, -60, -40, -20, 20, 40, 60, 80)
"""Degrees of the sweep of yaw; in each sweep the first is the face others are held against."""
PITCHES = (0, -45, -30, -15, 15, 30, 45)
"""Degrees of the sweep of pitch, to the limits of what is drawn for training."""
ROLLS = (0, -135, -90, -45, -20, 20, 45, 90, 135, 180)
"""Degrees of the sweep of roll, all around."""

GAZES = tuple((pitch, yaw) for pitch in (0.0, -1.0, 1.0) for yaw in (0.0, -1.0, -0.5, 0.5, 1.0))
"""Directions of the eyes, as fractions of their limits: pitch (positive is up), then yaw."""

EXPRESSIONS = ("smile", "surprise", "pucker")
"""Expressions over which a person should stay the same person."""

_POSE = (5.0, 8.0, 3.0)
"""Standard deviations of pitch, yaw and roll in degrees of faces that look about at the camera."""


def expression_weights(name: str) -> dict[str, float]:
    """Return the actions of one of :data:`EXPRESSIONS`."""
    if name == "pucker":
        return {"mouthPucker": 1.0}
    templates = template_weights()
    return templates["happiness" if name == "smile" else name]


@dataclass(frozen=True)
class Drawing:
    """What draws one sub-set.

    Attributes:
        sampler: of the people, with its renderer.
        count: about how many pictures.
        seed: of the set.
        first: number from which the set's people are counted, so that each sub-set has others.
    """

    sampler: PeopleSampler
    count: int
    seed: int
    first: int = 0

    @property
    def head(self) -> HeadModel:
        """The head that people are drawn on."""
        return self.sampler.renderer.head

    def people(self, pictures_each: int) -> range:
        """Return the numbers of people who have so many pictures each: two at least."""
        return range(max(2, round(self.count / pictures_each)))

    def index(self, number: int) -> int:
        """Return the number among all people of one of the sub-set's people."""
        return self.seed * 100_000 + self.first + number

    def rng(self, number: int) -> np.random.Generator:
        """Return the source of randomness of one person."""
        return np.random.default_rng([self.seed, self.first + number])

    def group(self, number: int, faces: Sequence[FaceParameters]) -> Iterator[LabeledPicture]:
        """Yield one person's pictures in one light, before one camera."""
        index = self.index(number)
        recipe = self.sampler.person(self.sampler.nth_seed(index))
        person = self.sampler.renderer.person(recipe, number)
        scene: SceneRecipe = self.sampler.scene(index)
        for face in faces:
            yield self.sampler.renderer.picture(person, replace(scene, face=face))

    def face(
        self, weights: Mapping[str, float], rotation: NDArray[np.float32], *, still: bool = True
    ) -> FaceParameters:
        """Return a face of named actions; its eyes look straight ahead, or into the camera."""
        row = np.zeros((1, len(ARKIT_NAMES)), np.float32)
        for name, value in weights.items():
            row[0, ARKIT_NAMES.index(name)] = value
        face = self.head.from_arkit(torch.from_numpy(row))[0]
        pose = matrix_to_axis_angle(torch.from_numpy(rotation)[None])[0].float()
        face = face.replace(head_pose=pose)
        if still or not face.eyes.numel():
            return face
        x, y, z = (float(value) for value in rotation.T @ np.array([0.0, 0.0, 1.0]))
        both = torch.tensor([-np.arctan2(y, max(z, 1e-3)), np.arctan2(x, max(z, 1e-3)), 0.0])
        eyes = self.head.group("eyes")
        limits = torch.tensor(eyes.lo), torch.tensor(eyes.hi)
        return face.replace(eyes=both.repeat(2).float().clamp(*limits))


def shown_actions(head: HeadModel) -> list[str]:
    """Return the actions of a head that are drawn at random, in ARKit's order."""
    there = available(head)
    return [name for name in ARKIT_NAMES if name in there and name not in _LEFT_OUT]


def _near(rng: np.random.Generator) -> NDArray[np.float32]:
    pitch, yaw, roll = rng.normal(0, _POSE)
    return euler_rotation(pitch, yaw, roll)


def combined(drawing: Drawing) -> Iterator[LabeledPicture]:
    """Yield people with random combinations of actions."""
    names = shown_actions(drawing.head)
    for number in drawing.people(1):
        rng = drawing.rng(number)
        count = min(int(rng.integers(_COMBINED[0], _COMBINED[1] + 1)), len(names))
        drawn = rng.choice(names, count, replace=False)
        weights = {str(name): float(rng.uniform(*_WEIGHTS)) for name in drawn}
        for first, second in _OPPOSED:
            if first in weights and second in weights:
                del weights[second]
        if "mouthClose" in weights:
            # a closing mouth is defined by an open jaw
            weights["jawOpen"] = max(weights.get("jawOpen", 0.0), 0.5)
        yield from drawing.group(number, [drawing.face(weights, _near(rng), still=False)])


def single(drawing: Drawing) -> Iterator[LabeledPicture]:
    """Yield people neutral, then with one action after another at half and at full strength."""
    # a closing mouth does nothing while the jaw is shut
    names = [name for name in shown_actions(drawing.head) if name != "mouthClose"]
    np.random.default_rng([drawing.seed]).shuffle(names)
    each = min(_ACTIONS_A_PERSON, len(names))
    for number in drawing.people(1 + each * len(STRENGTHS)):
        rotation = _near(drawing.rng(number))
        chosen = [names[(number * each + place) % len(names)] for place in range(each)]
        faces: list[dict[str, float]] = [
            {},
            *({name: weight} for name in chosen for weight in STRENGTHS),
        ]
        yield from drawing.group(number, [drawing.face(face, rotation) for face in faces])


def neutral(drawing: Drawing) -> Iterator[LabeledPicture]:
    """Yield people who do nothing."""
    for number in drawing.people(1):
        face = drawing.face({}, _near(drawing.rng(number)), still=False)
        yield from drawing.group(number, [face])


def expressive(drawing: Drawing) -> Iterator[LabeledPicture]:
    """Yield people neutral, smiling, surprised and with puckered lips."""
    there = available(drawing.head)
    for number in drawing.people(1 + len(EXPRESSIONS)):
        rotation = _near(drawing.rng(number))
        faces: list[dict[str, float]] = [{}, *map(expression_weights, EXPRESSIONS)]
        kept = [{n: w for n, w in face.items() if n in there} for face in faces]
        yield from drawing.group(number, [drawing.face(face, rotation) for face in kept])


def _sweep(
    rotations: Sequence[tuple[float, float, float]],
) -> Callable[..., Iterator[LabeledPicture]]:
    def draw(drawing: Drawing) -> Iterator[LabeledPicture]:
        for number in drawing.people(len(rotations)):
            faces = [drawing.face({}, euler_rotation(*angles)) for angles in rotations]
            yield from drawing.group(number, faces)

    return draw


def gazing(drawing: Drawing) -> Iterator[LabeledPicture]:
    """Yield people who look about while the head does not turn."""
    group = drawing.head.group("eyes")
    if not group.dim:
        return
    low, high = (np.array(limit[:2], np.float32) for limit in (group.lo, group.hi))
    for number in drawing.people(len(GAZES)):
        straight = drawing.face({}, euler_rotation(0, 0, 0))
        faces = []
        for up, aside in GAZES:
            # +x looks down
            pitch = -up * (-low[0] if up > 0 else high[0])
            # as far as both eyes can: inwards they may turn less
            yaw = aside * min(-low[1], high[1])
            faces.append(straight.replace(eyes=torch.tensor([pitch, yaw, 0.0]).repeat(2).float()))
        yield from drawing.group(number, faces)


def photos(drawing: Drawing) -> Iterator[LabeledPicture]:
    """Yield people as photos show them: any expression, pose, gaze and light."""
    for number in drawing.people(1):
        scene = drawing.sampler.scene(drawing.index(number))
        yield from drawing.group(number, [scene.face])


SUBSETS: dict[str, Callable[[Drawing], Iterator[LabeledPicture]]] = {
    "combinations": combined,
    "single": single,
    "neutral": neutral,
    "expressions": expressive,
    "yaw": _sweep([(0, yaw, 0) for yaw in YAWS]),
    "pitch": _sweep([(pitch, 0, 0) for pitch in PITCHES]),
    "roll": _sweep([(0, 0, roll) for roll in ROLLS]),
    "gaze": gazing,
    "photos": photos,
}
"""What draws each sub-set, in the order of the report."""
