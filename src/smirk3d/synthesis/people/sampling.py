"""People and scenes drawn from seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import UsageError
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.expressions import ExpressionOdds, FaceSampler, PoseOdds
from smirk3d.synthesis.people.labels import RELATIONS, LabeledPicture
from smirk3d.synthesis.people.parts.accessories import CLOTHES, GLASSES, HATS
from smirk3d.synthesis.people.parts.assets import chosen
from smirk3d.synthesis.people.parts.brows import OWN_BROWS
from smirk3d.synthesis.people.recipes import (
    CameraRecipe,
    Colour,
    LightRecipe,
    PersonRecipe,
    SceneRecipe,
    SkinRecipe,
)
from smirk3d.synthesis.people.split import PHOTO_SKIN, is_held_out
from smirk3d.synthesis.skin_tones import mean_skin

_HAIR = (
    (0.012, 0.010, 0.009), (0.025, 0.016, 0.011), (0.055, 0.032, 0.019), (0.11, 0.065, 0.035),
    (0.24, 0.16, 0.085), (0.34, 0.25, 0.15), (0.16, 0.055, 0.025), (0.22, 0.21, 0.20),
    (0.36, 0.355, 0.34),
)  # fmt: skip
"""Linear RGB of hair: black, browns, blonds, red, greys."""
_DARK_SKIN = 0.16
"""Mean linear green below which hair is dark."""
_OVER_AN_EYE = {"bob02": 0.15, "short03": 0.15, "braid01": 0.3}
"""Hairdos that hide an eye, and how often they are drawn against others."""
_BACKGROUNDS = ("probe", "plain", "shapes", "bokeh")


@dataclass(frozen=True, kw_only=True)
class PeopleOdds:
    """How people and scenes are drawn; every number is a probability unless it says otherwise.

    Attributes:
        identity: range of the standard deviation of the identity's coefficients; of the components
            after the first 35 it is halved, as photos hardly tell them.
        bald, glasses, sunglasses, hat, clothes: that somebody is or wears that; sunglasses are a
            fraction of the glasses.
        stubble: of a stubble or beard; make_up: of lips and eyelids.
        own_brows: of the head's own brows where the assets bring others.
        lamp: of a lamp that throws shadows strongly; else it is faint.
        lamp_from_probe: that it stands where the probe is brightest.
        distance: metres, drawn evenly in their logarithm.
        occluder, grey: of something before the face; of a picture without colours.
        sharp: of a picture without blur or loss of resolution.
        action_variation: how much people's actions differ from the head's.
        framing: range of the picture's side in landmark boxes; shift: standard deviation of the
            box's centre, in sides.
    """

    identity: tuple[float, float] = (0.8, 1.3)
    bald: float = 0.08
    glasses: float = 0.2
    sunglasses: float = 0.2
    hat: float = 0.07
    clothes: float = 0.93
    stubble: float = 0.3
    make_up: float = 0.25
    own_brows: float = 0.3
    lamp: float = 0.75
    lamp_from_probe: float = 0.4
    distance: tuple[float, float] = (0.3, 3.0)
    occluder: float = 0.12
    grey: float = 0.03
    sharp: float = 0.5
    action_variation: float = 0.0
    framing: tuple[float, float] = (1.5, 1.5)
    shift: float = 0.0


class PeopleSampler:
    """Draws recipes; equal seeds give equal recipes.

    Attributes:
        renderer: whose head and assets they are for.
        odds: of everything but faces; faces: of expressions, poses and gaze.
        held_out: True draws only what is kept for evaluation, False only the rest, None all.
    """

    def __init__(
        self,
        renderer: PeopleRenderer,
        odds: PeopleOdds | None = None,
        *,
        expressions: ExpressionOdds | None = None,
        poses: PoseOdds | None = None,
        held_out: bool | None = False,
    ) -> None:
        """Prepare for a renderer.

        Raises:
            AssetError: if the assets have nothing of a kind on that side of the split.
        """
        self.renderer, self.held_out = renderer, held_out
        self.odds = odds or PeopleOdds()
        self.faces = FaceSampler(renderer.head, expressions, poses)
        assets = renderer.assets
        self._skins = chosen(assets.skins, "skin", held_out)
        self._hair = chosen(assets.hair, "hair", held_out) if assets.hair else []
        odds_of = np.array([_OVER_AN_EYE.get(name, 1.0) for name in self._hair])
        self._hair_odds = odds_of / max(odds_of.sum(), 1.0)
        self._brows = chosen(assets.brows, "brows", held_out)
        self._irises = chosen(assets.irises, "iris", held_out)
        self._probes = chosen(assets.probes, "probe", held_out)

    def person(self, seed: int) -> PersonRecipe:
        """Return the person of a seed.

        Raises:
            UsageError: if the seed is on the other side of the split.
        """
        if self.held_out is not None and is_held_out(f"identity/{seed}") != self.held_out:
            raise UsageError(f"person {seed} is on the other side of the split: see nth_seed()")
        rng = np.random.default_rng([1, seed])
        head, odds = self.renderer.head, self.odds
        size = head.group("shape").dim
        std = rng.uniform(*odds.identity) * np.where(np.arange(size) < 35, 1.0, 0.5)
        skin, hair_colour = self._skin(rng)
        glasses = ""
        if rng.random() < odds.glasses:
            dark = rng.random() < odds.sunglasses
            glasses = str(rng.choice([g for g in GLASSES if g.startswith("sun") == dark]))
        hat = str(rng.choice(HATS)) if rng.random() < odds.hat else ""
        bald = rng.random() < odds.bald or not self._hair
        own = rng.random() < odds.own_brows
        # brows are darker than hair, and grey later
        darker = np.array(hair_colour) * rng.uniform(0.35, 0.8)
        darker *= min(1.0, rng.uniform(0.03, 0.13) / float(darker.mean()))
        iris, iris_light = self._iris(skin, rng)
        return PersonRecipe(
            seed=seed,
            head=head.name,
            shape=(rng.standard_normal(size) * std).astype(np.float32),
            skin=skin,
            action_variation=odds.action_variation,
            hair="" if bald or hat else str(rng.choice(self._hair, p=self._hair_odds)),
            hair_colour=hair_colour,
            brows=str(rng.choice(OWN_BROWS if own else self._brows)),
            brow_colour=_colour(darker),
            lash_alpha=float(rng.uniform(0.3, 1.0)),
            iris=iris,
            iris_gain=_colour(iris_light * rng.uniform(0.88, 1.12, 3)),
            pupil=float(rng.uniform(0.24, 0.48)),
            sclera=_colour(
                rng.uniform(0.5, 0.72) * np.array([1.0, 0.93, 0.89]) ** rng.uniform(0.3, 1.6)
            ),
            teeth=_colour(
                rng.uniform(0.45, 0.75) * np.array([1.0, 0.92, 0.78]) ** rng.uniform(0.5, 1.5)
            ),
            glasses=glasses,
            glasses_colour=_colour(rng.choice([0.01, 0.02, 0.1, 0.3]) * rng.uniform(0.4, 1.2, 3)),
            hat=hat,
            hat_colour=_colour(rng.uniform(0.01, 0.6) * rng.uniform(0.4, 1.0, 3)),
            clothes=str(rng.choice(CLOTHES)) if rng.random() < odds.clothes else "",
            clothes_colour=_colour(rng.uniform(0.01, 0.8) * rng.uniform(0.4, 1.0, 3)),
        )

    def _iris(self, skin: SkinRecipe, rng: np.random.Generator) -> tuple[str, float]:
        """Return an iris and its brightness: mostly brown, of dark people nearly always."""
        brown = [name for name in self._irises if "brown" in name or "dark" in name]
        tone = self.renderer.resources.mean_skin_of(skin.maps) * skin.gain
        if brown and rng.random() < (0.97 if tone[1] < _DARK_SKIN else 0.5):
            return str(rng.choice(brown)), float(rng.uniform(0.08, 0.5))
        return str(rng.choice(self._irises)), float(rng.uniform(0.2, 0.7))

    def _skin(self, rng: np.random.Generator) -> tuple[SkinRecipe, Colour]:
        """Return a skin and a colour of hair that goes with it."""
        maps = (str(rng.choice(self._skins)), str(rng.choice(self._skins)))
        fraction = 0.0 if rng.random() < 0.35 else rng.uniform(0.1, 0.5)
        mean = self.renderer.resources.mean_skin_of(maps)
        tone = _tone(float(mean[1]), rng)
        man, old = "female" not in maps[0], "old" in maps[0]
        if maps[0].startswith(PHOTO_SKIN):  # nobody knows; a beard would be in the photo
            man = rng.random() < 0.5
        made_up = rng.random() < self.odds.make_up * (0.3 if man else 1.6)
        lips = np.ones(3) * rng.uniform(0.85, 1.1)
        if made_up:
            lips = np.array([rng.uniform(0.7, 1.2), rng.uniform(0.3, 0.9), rng.uniform(0.35, 0.95)])
        shaved = man and not maps[0].startswith(PHOTO_SKIN)
        stubble = rng.uniform(0.1, 0.8) if shaved and rng.random() < self.odds.stubble else 0.0
        mirrored = rng.random(2) < (0.5 if self.renderer.resources.surface.mirrors else 0.0)
        skin = SkinRecipe(
            maps=maps,
            mirrored=(bool(mirrored[0]), bool(mirrored[1])),
            fraction=float(fraction),
            gain=_colour(tone / mean),
            contrast=float(rng.uniform(0.8, 1.3)),
            bump=float(rng.uniform(0.5, 1.6)) * (1.3 if old else 1.0),
            freckles=float(rng.uniform(0.2, 0.9)) if rng.random() < 0.2 else 0.0,
            blotches=float(rng.uniform(0, 1.2)),
            stubble=float(stubble),
            lip_colour=_colour(lips),
            lip_gloss=float(rng.uniform(0, 2.5)) if made_up else float(rng.uniform(0, 0.6)),
            eye_shadow=float(rng.uniform(0, 0.5)) if made_up else 0.0,
            gloss=float(rng.uniform(0.4, 1.6)),
            seed=int(rng.integers(1 << 31)),
        )
        options = _HAIR[:3] + _HAIR[-2:] if tone[1] < _DARK_SKIN else _HAIR
        odds = np.ones(len(options))
        odds[-2:] = 1.2 if old else 0.25
        colour = np.array(options[int(rng.choice(len(options), p=odds / odds.sum()))])
        return skin, _colour(colour * rng.uniform(0.7, 1.3))

    def scene(self, seed: int) -> SceneRecipe:
        """Return the scene of a seed, for anybody."""
        rng = np.random.default_rng([2, seed])
        return SceneRecipe(
            seed=seed,
            face=self.faces.face(rng),
            light=self._light(rng),
            camera=self._camera(rng),
            background=str(rng.choice(_BACKGROUNDS, p=[0.5, 0.15, 0.2, 0.15])),
            occluders=int(rng.integers(1, 3)) if rng.random() < self.odds.occluder else 0,
        )

    def _light(self, rng: np.random.Generator) -> LightRecipe:
        probe, turn = str(rng.choice(self._probes)), float(rng.uniform(-math.pi, math.pi))
        brightest = self.renderer.resources.around(probe).brightest
        flat = math.hypot(brightest[0], brightest[2])
        around = math.atan2(brightest[0], brightest[2]) - turn
        key = np.array([flat * math.sin(around), brightest[1], flat * math.cos(around)])
        if rng.random() >= self.odds.lamp_from_probe or key[1] < -0.3:
            side, height = rng.normal(0, 0.9), rng.uniform(-0.1, 1.1)
            key = np.array([math.sin(side) * math.cos(height), math.sin(height),
                            math.cos(side) * math.cos(height)])  # fmt: skip
        strength = (
            rng.uniform(0.6, 2.4) if rng.random() < self.odds.lamp else rng.uniform(0.02, 0.3)
        )
        warm = 1 + rng.normal(0, 0.1) * np.array([1.0, 0.1, -1.0])
        return LightRecipe(
            probe=probe,
            turn=turn,
            ambient=float(rng.uniform(0.45, 1.1)),
            key=_colour(key / np.linalg.norm(key)),
            key_colour=_colour(strength * warm.clip(0.6, 1.4)),
            key_softness=float(rng.uniform(0.8, 4.5)),
        )

    def _camera(self, rng: np.random.Generator) -> CameraRecipe:
        odds = self.odds
        sharp = rng.random() < odds.sharp
        near, far = np.log(odds.distance)
        blurred = 0.0 if sharp else abs(rng.normal(0, 1.0))
        moved = rng.uniform(2, 9) if not sharp and rng.random() < 0.25 else 0.0
        return CameraRecipe(
            distance=float(np.exp(rng.uniform(near, far))),
            framing=float(rng.uniform(*odds.framing)),
            shift=(float(rng.normal(0, 1) * odds.shift), float(rng.normal(0, 1) * odds.shift)),
            exposure=float(np.exp(rng.normal(0, 0.3))),
            balance=_colour(
                1 + rng.normal(0, 0.05) * np.array([1, 0, -1]) + rng.normal(0, 0.015, 3)
            ),
            contrast=float(rng.uniform(0.85, 1.15)),
            saturation=0.0 if rng.random() < odds.grey else float(rng.uniform(0.75, 1.15)),
            focus_blur=float(0.35 + blurred),
            motion_blur=float(moved),
            motion_angle=float(rng.uniform(0, math.pi)),
            reduced=1.0 if sharp or rng.random() < 0.6 else float(rng.uniform(1.2, 3.5)),
            grain=float(
                rng.choice([0.004, 0.012, 0.03], p=[0.5, 0.35, 0.15]) * rng.uniform(0.5, 1.5)
            ),
            jpeg=int(rng.integers(45, 97)),
            vignette=float(rng.uniform(0, 0.35)),
        )

    def pair(self, seed: int, relation: str) -> list[tuple[PersonRecipe, SceneRecipe]]:
        """Return two people and scenes that differ in one thing.

        Args:
            seed: of the pair; its people are the ``2 * seed``-th and, where two are needed, the
                one after.
            relation: ``pose``, ``expression``, ``light``, ``camera`` or ``person``.

        Raises:
            UsageError: if the relation is none of these.
        """
        if relation not in RELATIONS[1:]:
            raise UsageError(f"pairs differ in {', '.join(RELATIONS[1:])}, not in {relation!r}")
        first = replace(self.scene(2 * seed), pair=seed, relation=relation)
        other = replace(self.scene(2 * seed + 1), pair=seed, relation=relation)
        one = self.person(self.nth_seed(2 * seed))
        if relation == "person":
            two = self.person(self.nth_seed(2 * seed + 1))
            moved = {"head_pose": other.face.head_pose, "eyes": other.face.eyes}
            return [(one, first), (two, replace(other, face=first.face.replace(**moved)))]
        changed = replace(first, seed=other.seed)
        if relation == "pose":
            turn = {"head_pose": other.face.head_pose, "eyes": other.face.eyes}
            changed = replace(changed, face=first.face.replace(**turn))
        elif relation == "expression":
            face = other.face.replace(head_pose=first.face.head_pose, eyes=first.face.eyes)
            changed = replace(changed, face=face)
        elif relation == "light":
            changed = replace(changed, light=other.light, background=other.background)
        else:
            changed = replace(changed, camera=other.camera)
        return [(one, first), (one, changed)]

    def pictures(self, count: int, seed: int = 0, first: int = 0) -> Iterator[LabeledPicture]:
        """Yield pictures, each of another person.

        Args:
            count: how many.
            seed: of the set; sets of different seeds share nobody below 100,000 pictures.
            first: number of the first that is drawn.
        """
        for number in range(first, first + count):
            index = seed * 100_000 + number
            person = self.renderer.person(self.person(self.nth_seed(index)), number)
            yield self.renderer.picture(person, self.scene(index))

    def nth_seed(self, number: int) -> int:
        """Return a seed on the right side of the split, another for every number."""
        seed = number * 64
        while self.held_out is not None and is_held_out(f"identity/{seed}") != self.held_out:
            seed += 1
        return seed

    def pairs(
        self, count: int, seed: int = 0, first_person: int = 0, first: int = 0
    ) -> Iterator[LabeledPicture]:
        """Yield both pictures of each of a number of pairs, the relations in turn.

        Args:
            count: how many pairs.
            seed: of the set.
            first_person: number from which labels count people, for the pair of number 0.
            first: number of the first pair that is drawn.
        """
        for number in range(first, first + count):
            relation = RELATIONS[1 + number % (len(RELATIONS) - 1)]
            for place, (recipe, scene) in enumerate(self.pair(seed * 50_000 + number, relation)):
                person = first_person + 2 * number + (place if relation == "person" else 0)
                yield self.renderer.picture(self.renderer.person(recipe, person), scene)


def _tone(green: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a skin's mean linear RGB ``[3]``, about as light as a map's."""
    mean = mean_skin(green * float(np.exp(rng.normal(0.1, 0.25))))
    return mean * np.array([rng.uniform(0.93, 1.10), 1.0, rng.uniform(0.88, 1.12)])


def _colour(values: NDArray[np.float64]) -> Colour:
    return float(values[0]), float(values[1]), float(values[2])
