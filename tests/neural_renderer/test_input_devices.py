"""The neural renderer's inputs on every device and in both precisions."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from smirk3d.neural_renderer.face_masking import random_holes, surroundings
from smirk3d.neural_renderer.inputs import draw_points, masked_photo, renderer_input
from smirk3d.neural_renderer.pixel_sampling import sampling_weights
from smirk3d.neural_renderer.renderer_config import MaskingConfig
from smirk3d.rasterization.base import Fragments, rasterize

SIZE = 16


@dataclass
class Rendered:
    image: Tensor
    mask: Tensor
    fragments: Fragments
    vertices_ndc: Tensor


def _rendered(device: torch.device, dtype: torch.dtype) -> tuple[Rendered, Tensor]:
    corners = [[-0.9, -0.9, 0.0], [0.9, -0.9, 0.0], [0.0, 0.9, 0.0]]
    vertices = torch.tensor([corners, corners], device=device, dtype=dtype)
    faces = torch.tensor([[0, 1, 2]], device=device)
    fragments = rasterize(vertices.float(), faces, SIZE, SIZE)
    mask = (fragments.face_index >= 0)[:, None].to(dtype)
    return Rendered(mask.expand(-1, 3, -1, -1), mask, fragments, vertices), faces


def test_inputs_stay_on_their_device_and_in_their_precision(
    device: torch.device, dtype: torch.dtype, explicit_devices: None
) -> None:
    rendering, faces = _rendered(device, dtype)
    generator = torch.Generator(device)
    photo = torch.rand(2, 3, SIZE, SIZE, device=device, dtype=dtype)
    config = MaskingConfig(point_fraction=0.2)
    everything = torch.ones(3, dtype=torch.bool, device=device)
    weight = sampling_weights(faces, {"face": everything})
    surface = draw_points(rendering, weight, config, generator=generator)
    masked = masked_photo(
        photo, rendering.mask, rendering, faces, surface, config, generator=generator
    )
    inputs = renderer_input(rendering.image, masked)
    assert (inputs.shape, inputs.dtype) == ((2, 6, SIZE, SIZE), dtype)
    assert inputs.device.type == device.type
    assert masked.any()


def test_masks_make_nothing_on_the_cpu() -> None:
    photo = torch.empty(2, 3, SIZE, SIZE, device="meta")
    holes = random_holes(photo, fraction=0.1, side=3)
    outside = surroundings(photo[:, :1], photo[:, :1], dilation=40.0)
    assert holes.device.type == outside.device.type == "meta"
