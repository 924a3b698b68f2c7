from __future__ import annotations

import torch

from smirk3d.geometry.cameras import project
from smirk3d.heads.tiny import tiny_head
from smirk3d.synthesis.photo_warps import PhotoWarper

SIZE = 96


def _photos(batch_size: int) -> torch.Tensor:
    x = torch.linspace(0, 1, SIZE)
    red, green = torch.meshgrid(x, x, indexing="ij")
    return torch.stack([red, green, 0.5 * torch.ones_like(red)]).repeat(batch_size, 1, 1, 1)


def test_the_same_parameters_change_almost_nothing() -> None:
    head = tiny_head()
    parameters = head.neutral(2)
    warped = PhotoWarper(head)(_photos(2), parameters, parameters)
    skin_change = (warped.images - _photos(2)).abs() * ~warped.changed
    assert skin_change.max() == 0
    # only what the photo hides (eyes behind skin, teeth) may be painted
    assert warped.changed.float().mean() < 0.1


def test_a_point_of_the_photo_moves_with_the_surface() -> None:
    head = tiny_head()
    fitted = head.neutral(1)
    target = fitted.replace(camera=fitted.camera + torch.tensor([[0.0, 0.01, 0.0]]))
    warped = PhotoWarper(head)(_photos(1), fitted, target)
    vertex = int((head.v_template[:42, 2]).argmax())
    before = project(head(fitted).vertices, fitted.camera)[0, vertex, :2]
    after = project(head(target).vertices, target.camera)[0, vertex, :2]

    def colour(images: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.grid_sample(images, at[None, None, None], align_corners=False)

    expected, got = colour(_photos(1), before), colour(warped.images, after)
    torch.testing.assert_close(got, expected, atol=0.02, rtol=0)


def test_photos_and_parameters_stay_as_they_are() -> None:
    head = tiny_head()
    photos, fitted = _photos(1), head.neutral(1)
    kept = photos.clone()
    target = fitted.replace(jaw=torch.tensor([[0.8, 0.3, 0.0]]))
    warped = PhotoWarper(head)(photos, fitted, target)
    assert torch.equal(photos, kept)
    assert warped.images.isfinite().all()
    assert warped.images.min() >= 0
    assert warped.images.max() <= 1
    assert warped.changed.any()
