"""What is kept for evaluation is never drawn for training."""

from __future__ import annotations

from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.sampling import PeopleSampler
from smirk3d.synthesis.people.split import HELD_OUT, is_held_out


def test_a_tenth_of_identities_is_held_out() -> None:
    kept = [seed for seed in range(5000) if is_held_out(f"identity/{seed}")]
    assert 0.08 < len(kept) / 5000 < 0.12


def test_samplers_of_both_sides_share_nothing(renderer: PeopleRenderer) -> None:
    found: list[dict[str, set[str]]] = []
    for held_out in (False, True):
        sampler = PeopleSampler(renderer, held_out=held_out)
        names: dict[str, set[str]] = {
            "identity": set(),
            "skin": set(),
            "hair": set(),
            "probe": set(),
        }
        for number in range(60):
            person = sampler.person(sampler.nth_seed(number))
            names["identity"].add(str(person.seed))
            names["skin"] |= set(person.skin.maps)
            names["hair"] |= {person.hair} - {""}
            names["probe"].add(sampler.scene(number).light.probe)
        found.append(names)
        for kind, drawn in names.items():
            assert drawn
            assert all(is_held_out(f"{kind}/{name}") == held_out for name in drawn)
    for kind in found[0]:
        assert not found[0][kind] & found[1][kind]


def test_every_kind_has_something_held_out() -> None:
    kinds = {name.partition("/")[0] for name in HELD_OUT}
    assert kinds == {"skin", "hair", "probe"}
