"""People drawn from seeds: photo-like pictures with exact labels."""

from smirk3d.synthesis.people.labeled_set import LabeledSet as LabeledSet
from smirk3d.synthesis.people.labeled_set import pair_rows as pair_rows
from smirk3d.synthesis.people.labeled_set import read_labeled_set as read_labeled_set
from smirk3d.synthesis.people.labeled_set import write_labeled_set as write_labeled_set
from smirk3d.synthesis.people.labels import LabeledPicture as LabeledPicture
from smirk3d.synthesis.people.labels import PictureLabels as PictureLabels
from smirk3d.synthesis.people.labels import Segment as Segment
from smirk3d.synthesis.people.recipes import PersonRecipe as PersonRecipe
from smirk3d.synthesis.people.recipes import SceneRecipe as SceneRecipe
from smirk3d.synthesis.people.split import is_held_out as is_held_out
