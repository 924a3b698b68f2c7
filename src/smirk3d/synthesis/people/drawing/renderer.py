"""People drawn on one head, with the truth about each picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import AssetError
from smirk3d.heads.head_model import HeadModel
from smirk3d.synthesis.people.action_variation import vary_actions
from smirk3d.synthesis.people.drawing.head_surface import HeadSurface
from smirk3d.synthesis.people.drawing.person import Person
from smirk3d.synthesis.people.drawing.resources import RenderResources
from smirk3d.synthesis.people.drawing.shot import Shot
from smirk3d.synthesis.people.labels import LabeledPicture
from smirk3d.synthesis.people.parts.accessories import clothes, glasses, hat
from smirk3d.synthesis.people.parts.assets import PeopleAssets
from smirk3d.synthesis.people.parts.procedural import procedural_assets
from smirk3d.synthesis.people.recipes import PersonRecipe, SceneRecipe

Array = NDArray[np.float32]
Asset = TypeVar("Asset")


class PeopleRenderer:
    """Draws people on one head.

    Attributes:
        head: the head.
        assets: what people are made of.
        resources: both, prepared for drawing.
    """

    def __init__(
        self, head: HeadModel, assets: PeopleAssets | None = None, size: int = CROP_SIZE
    ) -> None:
        """Prepare a head and what its people are made of.

        Args:
            head: on the CPU.
            assets: from ``makehuman_assets``; those that need no files by default.
            size: side of the pictures in pixels.

        Raises:
            AssetError: if the head lacks landmarks or regions.
        """
        surface = HeadSurface(head)
        self.head = head
        self.assets = assets or procedural_assets(surface)
        self.resources = RenderResources(surface, self.assets, size)

    @property
    def points(self) -> tuple[NDArray[np.int64], Array]:
        """The fixed surface points: corners and barycentric coordinates ``[P, 3]``."""
        return self.resources.surface.point_corners, self.resources.surface.point_bary

    @torch.no_grad()
    def person(self, recipe: PersonRecipe, number: int = 0) -> Person:
        """Return a person ready to be drawn.

        Args:
            recipe: what the person is made of.
            number: by which labels name the person.

        Raises:
            AssetError: if the recipe is for another head or names assets that are not there.
        """
        if recipe.head != self.head.name:
            raise AssetError(f"the recipe is for head {recipe.head!r}, not {self.head.name!r}")
        surface = self.resources.surface
        parameters = self.head.neutral()
        parameters = parameters.replace(shape=torch.from_numpy(recipe.shape)[None])
        mesh = self.head(parameters)
        head = self.head
        if recipe.action_variation:
            rng = np.random.default_rng([3, recipe.seed])
            head = vary_actions(head, recipe.action_variation, rng)
        neutral = mesh.vertices[0].numpy().astype(np.float32)
        worn, lenses = [], None
        if recipe.clothes:
            worn.append(clothes(recipe.clothes, neutral, surface))
        if recipe.glasses:
            eyes = mesh.joints[0, self.resources.eye_joints].numpy()
            frame, lenses = glasses(recipe.glasses, neutral, eyes, surface)
            worn.append(frame)
        if recipe.hat:
            worn.append(hat(recipe.hat, neutral, surface))
        hair = _named(self.assets.hair, recipe.hair, "hair") if recipe.hair else None
        brows = self.assets.brows.get(recipe.brows)
        return Person(recipe, number, head, parameters, neutral, tuple(worn), lenses, hair, brows)

    @torch.no_grad()
    def picture(self, person: Person, scene: SceneRecipe) -> LabeledPicture:
        """Return a person's picture uint8 ``[S, S, 3]`` and the truth about it."""
        return Shot(self.resources, person, scene).taken()


def _named(table: Mapping[str, Asset], name: str, kind: str) -> Asset:
    if name not in table:
        raise AssetError(f"no {kind} is named {name!r}: there are {', '.join(table) or 'none'}")
    return table[name]
