"""A person whose parts have been chosen and fitted to a head, ready to be drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.people.parts.accessories import Worn
from smirk3d.synthesis.people.parts.assets import HairAsset
from smirk3d.synthesis.people.recipes import PersonRecipe


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody ready to be drawn.

    Attributes:
        recipe: what the person is made of.
        number: the number by which labels name the person.
        head: the head with the person's own actions.
        parameters: parameters of the person without expression, ``[1]``.
        neutral: vertices of the person without expression ``[V, 3]``, metres, head axes.
        worn: clothes, hats and frames of glasses.
        lenses: the lenses of glasses, None without any.
        hair: the hairdo, None without any.
        brows: the brows, None without any.
    """

    recipe: PersonRecipe
    number: int
    head: HeadModel
    parameters: FaceParameters
    neutral: NDArray[np.float32]
    worn: tuple[Worn, ...]
    lenses: Worn | None
    hair: HairAsset | None
    brows: HairAsset | None
