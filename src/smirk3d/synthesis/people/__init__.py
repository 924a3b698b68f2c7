"""People drawn from seeds: photo-like pictures with exact labels."""

from smirk3d.synthesis.people.labeled_set import (
    LabeledSet,
    pair_rows,
    read_labeled_set,
    write_labeled_set,
)
from smirk3d.synthesis.people.labels import LabeledPicture, PictureLabels, Segment
from smirk3d.synthesis.people.recipes import PersonRecipe, SceneRecipe
from smirk3d.synthesis.people.split import is_held_out

__all__ = [
    "LabeledPicture",
    "LabeledSet",
    "PersonRecipe",
    "PictureLabels",
    "SceneRecipe",
    "Segment",
    "is_held_out",
    "pair_rows",
    "read_labeled_set",
    "write_labeled_set",
]
