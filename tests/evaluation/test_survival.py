from __future__ import annotations

import pytest
import torch

from smirk3d.evaluation.survival import survival, survival_table
from smirk3d.face_parameters import FaceParameters
from smirk3d.heads.tiny import tiny_head


def test_a_reader_that_knows_half_reads_half() -> None:
    head = tiny_head()
    photos = torch.rand(2, 3, 64, 64)
    fitted = head.neutral(2)
    calls: list[torch.Tensor] = []

    def read(images: torch.Tensor) -> FaceParameters:
        calls.append(images)
        if len(calls) == 1:
            return head.neutral(2)
        # half of a left wink, a tenth of it on the right
        return head.neutral(2).replace(eyelids=torch.tensor([[0.45, 0.09]]).repeat(2, 1))

    (wink,) = survival(head, photos, fitted, read, names=("eyeBlinkLeft",))
    assert wink.asked == pytest.approx(0.9)
    assert wink.share == pytest.approx(0.5)
    assert wink.wrong_side == pytest.approx(0.1)
    assert torch.equal(calls[0], photos)
    assert not torch.equal(calls[1], photos)
    assert "| eyeBlinkLeft | 0.90 | 50% | 10% |" in survival_table([wink])


def test_photos_that_show_the_action_already_are_left_out() -> None:
    head = tiny_head()
    closed = head.neutral(1).replace(eyelids=torch.tensor([[0.8, 0.8]]))
    found = survival(
        head, torch.rand(1, 3, 64, 64), closed, lambda _: closed, names=("eyeBlinkLeft",)
    )
    assert found == []
