from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from smirk3d.evaluation.methods import Crops
from smirk3d.evaluation.protocols.retention import measure_retention
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters


def _crops(images: torch.Tensor) -> Crops:
    return Crops(images, torch.zeros(len(images), 478, 2), torch.zeros(len(images), 52))


def _observe(images: torch.Tensor) -> tuple[Crops, NDArray[np.bool_]]:
    return _crops(images), np.ones(len(images), bool)


def test_a_reader_that_knows_half_reads_half() -> None:
    head = tiny_head()
    photos = torch.rand(2, 3, 64, 64)
    calls: list[torch.Tensor] = []

    def read(crops: Crops) -> FaceParameters:
        calls.append(crops.images)
        if len(calls) == 1:
            return head.neutral(2)
        # half of a left wink, a tenth of it on the right
        lids = torch.tensor([[0.45, 0.09]]).repeat(len(crops), 1)
        return head.neutral(len(crops)).replace(eyelids=lids)

    found = measure_retention(
        head, _crops(photos), head.neutral(2), {"half": read}, _observe, names=("eyeBlinkLeft",)
    )
    (wink,) = found["half"]
    assert wink.asked == pytest.approx(0.9)
    assert wink.fraction == pytest.approx(0.5)
    assert wink.wrong_side == pytest.approx(0.1)
    assert torch.equal(calls[0], photos)
    assert not torch.equal(calls[1], photos)


def test_photos_that_show_the_action_already_are_left_out() -> None:
    head = tiny_head()
    closed = head.neutral(1).replace(eyelids=torch.tensor([[0.8, 0.8]]))
    found = measure_retention(
        head, _crops(torch.rand(1, 3, 64, 64)), closed, {"a": lambda _: closed}, _observe,
        names=("eyeBlinkLeft",),
    )  # fmt: skip
    assert found == {"a": []}


def test_pictures_without_a_face_do_not_count() -> None:
    head = tiny_head()

    def observe(images: torch.Tensor) -> tuple[Crops, NDArray[np.bool_]]:
        return _crops(images), np.arange(len(images)) > 0

    def read(crops: Crops) -> FaceParameters:
        lids = torch.full((len(crops), 2), 0.0)
        if len(crops) == 1:
            lids[:, 0] = 0.9
        return head.neutral(len(crops)).replace(eyelids=lids)

    found = measure_retention(
        head, _crops(torch.rand(2, 3, 64, 64)), head.neutral(2), {"a": read}, observe,
        names=("eyeBlinkLeft",),
    )  # fmt: skip
    assert found["a"][0].fraction == pytest.approx(1.0)
