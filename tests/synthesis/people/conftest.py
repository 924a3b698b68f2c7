"""A renderer of small pictures that needs no assets."""

from __future__ import annotations

import pytest

from smirk3d.heads.registry import load_head
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.sampling import PeopleOdds, PeopleSampler

pytest.importorskip("numba", reason="people are drawn with numba, which the extra train brings")


@pytest.fixture(scope="session")
def renderer() -> PeopleRenderer:
    return PeopleRenderer(load_head(), size=96)


@pytest.fixture(scope="session")
def sampler(renderer: PeopleRenderer) -> PeopleSampler:
    return PeopleSampler(renderer, PeopleOdds(occluder=0.0))
