"""People do actions in their own way, and their labels keep their meaning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.heads.registry import load_head
from smirk3d.synthesis.people.action_variation import vary_actions
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.sampling import PeopleSampler

STRENGTH = 0.2


def moved(head_name: str, action: str, seed: int | None) -> torch.Tensor:
    """Return the displacement ``[V, 3]`` of an action at 1 on a person's head."""
    head = load_head(head_name)
    own = head if seed is None else vary_actions(head, STRENGTH, np.random.default_rng(seed))
    weights = torch.zeros(2, len(ARKIT_NAMES))
    weights[1, ARKIT_NAMES.index(action)] = 1
    still, acting = own(head.from_arkit(weights)).vertices
    return acting - still


def test_each_person_has_own_offsets_about_as_large() -> None:
    usual = moved("open@2", "mouthSmileLeft", None)
    ratios = []
    for seed in range(8):
        own = moved("open@2", "mouthSmileLeft", seed)
        cosine = torch.cosine_similarity(own.flatten(), usual.flatten(), dim=0)
        assert 0.85 < cosine < 0.999
        ratios.append(float(own.norm() / usual.norm()))
    assert np.std(ratios) > 0.03
    assert 0.8 < np.mean(ratios) < 1.25


def test_both_sides_move_alike_and_fitted_parts_as_ever() -> None:
    head = load_head("open@2")
    left, right = (moved("open@2", f"mouthFrown{side}", 3) for side in ("Left", "Right"))
    usual = [moved("open@2", f"mouthFrown{side}", None) for side in ("Left", "Right")]
    ratio = float(left.norm() / usual[0].norm()) / float(right.norm() / usual[1].norm())
    assert abs(ratio - 1) < 0.05
    blink = moved("open@2", "eyeBlinkLeft", 3) - moved("open@2", "eyeBlinkLeft", None)
    assert blink.abs().max() < 1e-6
    before = head.basis.clone()
    vary_actions(head, STRENGTH, np.random.default_rng(0))
    assert torch.equal(head.basis, before)


def test_pictures_change_and_labels_do_not(
    renderer: PeopleRenderer, sampler: PeopleSampler
) -> None:
    recipe = sampler.person(sampler.nth_seed(4))
    weights = torch.zeros(1, len(ARKIT_NAMES))
    for name in ("mouthSmileLeft", "mouthSmileRight", "browInnerUp"):
        weights[0, ARKIT_NAMES.index(name)] = 1
    scene = replace(sampler.scene(4), face=renderer.head.from_arkit(weights)[0], occluders=0)
    usual = renderer.picture(renderer.person(recipe), scene)
    own_recipe = replace(recipe, action_variation=STRENGTH)
    own = renderer.picture(renderer.person(own_recipe), scene)
    again = renderer.picture(renderer.person(own_recipe), scene)
    assert np.array_equal(own.picture, again.picture)
    assert not np.array_equal(own.picture, usual.picture)
    assert np.array_equal(own.labels.arkit, usual.labels.arkit)
    assert np.array_equal(own.labels.neutral, usual.labels.neutral)
