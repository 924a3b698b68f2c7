"""Presets of training, one file each; :data:`PRESETS` has them by name."""

from __future__ import annotations

from smirk3d.training.recipes.core import CORE
from smirk3d.training.recipes.cycle import CYCLE
from smirk3d.training.recipes.expressions import EXPRESSIONS
from smirk3d.training.recipes.inpainter import INPAINTER
from smirk3d.training.recipes.people import PEOPLE
from smirk3d.training.recipes.pretrain import PRETRAIN
from smirk3d.training.recipes.recipe import Recipe
from smirk3d.training.recipes.renderer import RENDERER
from smirk3d.training.recipes.smirk import PAPER, RELEASED_CODE, RELEASED_CODE_PRETRAIN
from smirk3d.training.recipes.tiny_cpu import TINY_CPU

__all__ = [
    "CORE",
    "CYCLE",
    "EXPRESSIONS",
    "INPAINTER",
    "PAPER",
    "PEOPLE",
    "PRESETS",
    "PRETRAIN",
    "RELEASED_CODE",
    "RELEASED_CODE_PRETRAIN",
    "RENDERER",
    "TINY_CPU",
    "Recipe",
]

PRESETS = {
    recipe.name: recipe
    for recipe in (
        PRETRAIN,
        EXPRESSIONS,
        PEOPLE,
        CORE,
        RENDERER,
        CYCLE,
        RELEASED_CODE,
        RELEASED_CODE_PRETRAIN,
        PAPER,
        INPAINTER,
        TINY_CPU,
    )
}
"""Presets by name."""
