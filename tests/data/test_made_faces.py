"""The rendered faces that ship with the repository, and the list of keys that never train."""

from __future__ import annotations

from pathlib import Path

import pytest

from smirk3d.conventions import ARKIT_NAMES, CROP_SIZE
from smirk3d.data.annotated_faces import HELD_OUT_DIVISOR, read_annotated_faces, trains
from smirk3d.errors import InputError
from smirk3d.evaluation.config import EvaluationConfig
from smirk3d.training.config import DataConfig

ROOT = Path(__file__).parents[2]
HELD_OUT_KEYS = (ROOT / "data" / "held-out-keys.txt").read_text(encoding="utf-8").split()


def test_the_set_has_what_every_reader_needs(made_faces: Path) -> None:
    faces = read_annotated_faces(made_faces)
    assert len(faces) == 48 and not faces.refused
    assert faces.blendshape_names == ARKIT_NAMES
    assert int(faces.held_out().sum()) == 16
    assert (faces.landmarks >= 0).all() and (faces.landmarks <= CROP_SIZE).all()
    assert len(set(faces.persons.tolist())) == 24
    # no person is on both sides of the split
    held = faces.held_out()
    assert not set(faces.persons[held]) & set(faces.persons[~held])


def test_it_is_small(made_faces: Path) -> None:
    assert sum(path.stat().st_size for path in made_faces.iterdir()) < 1 << 20


def test_the_list_of_held_out_keys_follows_the_rule() -> None:
    assert not any(trains(key) for key in HELD_OUT_KEYS)
    # keys number the photos of the set that the listed ones are held out from
    assert [int(key) for key in HELD_OUT_KEYS] == list(range(0, 11_553, HELD_OUT_DIVISOR))


def test_defaults_lie_in_the_working_directory() -> None:
    for folder in (DataConfig().faces, EvaluationConfig().faces):
        assert folder == Path("data/faces")


def test_an_absent_folder_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--faces"):
        read_annotated_faces(tmp_path / "absent")
