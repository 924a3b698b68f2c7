"""Values of pictures between their pixels are those that torch finds."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from smirk3d.rasterization.picture_sampling import nearest_pixels, sampled

PICTURES = torch.sin(torch.arange(96.0)).view(2, 3, 4, 4)
PLACES = torch.linspace(-1.2, 1.2, 80).view(2, 20, 2).roll(7, 1)


def test_four_pixels_are_mixed_and_edges_go_on() -> None:
    for picture, places in zip(PICTURES, PLACES, strict=True):
        expected = functional.grid_sample(
            picture[None], places[None, None], padding_mode="border", align_corners=False
        )[0, :, 0]
        found = sampled(picture.numpy(), places.numpy())
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_nearest_pixels_are_zero_outside_in_both_libraries() -> None:
    pictures = PICTURES[:, 1]
    expected = functional.grid_sample(
        pictures[:, None], PLACES[:, None], mode="nearest", align_corners=False
    )[:, 0, 0]
    torch.testing.assert_close(nearest_pixels(pictures, PLACES), expected)
    np.testing.assert_array_equal(nearest_pixels(pictures.numpy(), PLACES.numpy()), expected)
