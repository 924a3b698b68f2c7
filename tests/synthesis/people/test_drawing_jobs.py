"""Sets of people in parts: whoever draws which part, the set is the same."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from smirk3d.data import drawing_jobs
from smirk3d.data.drawing_jobs import DrawingSettings, draw_people
from smirk3d.engines.supervisor import run_local
from smirk3d.errors import OutputError
from smirk3d.synthesis.people import read_labeled_set, write_labeled_set
from smirk3d.synthesis.people.sampling import PeopleOdds, PeopleSampler

SETTINGS = DrawingSettings(
    head="open@2", size=96, odds=PeopleOdds(occluder=0.0), count=3, pairs=2, seed=4, part=2
)


@pytest.fixture(autouse=True)
def _one_sampler(sampler: PeopleSampler, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts are drawn by the sampler of the other tests, which is the one of the settings."""
    assert sampler.renderer.head.name == SETTINGS.head and sampler.odds == SETTINGS.odds
    monkeypatch.setattr(drawing_jobs, "_sampler", lambda settings: sampler)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_parts_joined_are_the_set(sampler: PeopleSampler, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    here = partial(run_local, processes=0)
    count = draw_people(
        tmp_path / "set", SETTINGS, here, on_progress=lambda *numbers: seen.append(numbers)
    )
    assert count == 7 and seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    drawn = [*sampler.pictures(3, 4), *sampler.pairs(2, 4, first_person=3)]
    renderer = sampler.renderer
    write_labeled_set(tmp_path / "whole", drawn, renderer.head, renderer.points, seed=4)
    one, other = (read_labeled_set(tmp_path / name) for name in ("set", "whole"))
    assert one.meta == other.meta | {"name": "set"}
    assert one.arrays.keys() == other.arrays.keys()
    for name in other.arrays.keys() - {"meta"}:
        assert np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind == "f"), name
    pictures = {name: data for name, data in contents(other.folder).items() if name != "labels.npz"}
    assert pictures.items() <= contents(one.folder).items()

    for number in (2, 3, 1):
        drawn_now = draw_people(tmp_path / "shards", SETTINGS, here, shard=(number, 3))
        assert drawn_now == (7 if number == 1 else 0)
    assert {n: d for n, d in contents(tmp_path / "shards").items() if n != "labels.npz"} == pictures


def test_a_run_goes_on_with_the_parts_that_are_absent(tmp_path: Path) -> None:
    def stopped(work, jobs, *, prepare=None):
        for number, (job, result) in enumerate(run_local(work, jobs, 0)):
            yield job, result
            if number == 1:
                raise KeyboardInterrupt

    out = tmp_path / "set"
    with pytest.raises(KeyboardInterrupt):
        draw_people(out, SETTINGS, stopped)
    assert not out.exists()
    with pytest.raises(OutputError, match="holds parts of another set: remove it"):
        draw_people(out, replace(SETTINGS, seed=5), partial(run_local, processes=0))
    drawn: list[int] = []

    def noted(work, jobs, *, prepare=None):
        for job, result in run_local(work, jobs, 0):
            drawn.append(job.first)
            yield job, result

    (tmp_path / ".set.parts" / "mine.txt").write_text("no part")
    assert draw_people(out, SETTINGS, noted) == 7
    assert drawn == [0, 1]
    assert [path.name for path in (tmp_path / ".set.parts").iterdir()] == ["mine.txt"]
    with pytest.raises(OutputError, match="exists and is not empty"):
        draw_people(out, SETTINGS, noted)


def test_a_part_at_which_processes_die_ends_the_run(tmp_path: Path) -> None:
    def deadly(work, jobs, *, prepare=None):
        for job in jobs:
            yield (
                job,
                work(job, {0: "2 processes that worked on it died (SIGSEGV)"}, lambda n: None),
            )

    with pytest.raises(OutputError, match=r"00000: 2 processes .* \(SIGSEGV\)"):
        draw_people(tmp_path / "set", SETTINGS, deadly)
