from __future__ import annotations

import pytest
import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError
from smirk3d.heads.tiny import tiny_head
from smirk3d.synthesis.expression_templates import template_bank, template_weights


def test_there_are_many_and_all_are_of_arkit_and_in_range() -> None:
    templates = template_weights()
    assert len(templates) >= 60
    for name, actions in templates.items():
        assert set(actions) <= set(ARKIT_NAMES), name
        assert all(0 < value <= 1 for value in actions.values()), name
        assert sum(actions.values()) > 0.6, name


def test_all_actions_but_gaze_occur() -> None:
    used = {action for actions in template_weights().values() for action in actions}
    assert {name for name in ARKIT_NAMES if not name.startswith("eyeLook")} == used


def test_one_sided_templates_come_mirrored() -> None:
    templates = template_weights()
    assert templates["wink_left"]["eyeBlinkLeft"] == templates["wink_right"]["eyeBlinkRight"] == 1
    assert templates["jaw_aside_right"] == {"jawRight": 1.0}


def test_bank_reads_back_as_written() -> None:
    head = tiny_head()
    templates = template_weights()
    bank = template_bank(head)
    weights = head.arkit(bank)
    expected = torch.tensor(
        [[actions.get(name, 0.0) for name in ARKIT_NAMES] for actions in templates.values()]
    )
    torch.testing.assert_close(weights, expected, atol=1e-6, rtol=0)
    with pytest.raises(AssetError, match="no named actions"):
        template_bank(tiny_head("pca"))
