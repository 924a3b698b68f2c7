from __future__ import annotations

import torch

from smirk3d.heads.registry import load_head
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.neural_renderer.renderer_config import NeuralRendererConfig
from smirk3d.synthesis.warped_photos import SurfaceWarper, diffuse_known, rendered_correction

SIZE = 128


def _photos(batch: int) -> torch.Tensor:
    x = torch.linspace(0.1, 0.9, SIZE)
    rows, columns = torch.meshgrid(x, x, indexing="ij")
    return torch.stack([rows, columns, 0.5 * torch.ones_like(rows)]).repeat(batch, 1, 1, 1)


def test_a_still_face_is_the_photo() -> None:
    head = load_head("open")
    face = head.neutral(2)
    warped = SurfaceWarper(head)(_photos(2), face, face)
    known = warped.known.expand_as(warped.filled) == 1
    torch.testing.assert_close(warped.filled[known], _photos(2)[known], atol=1e-5, rtol=0)
    assert (warped.known < 1).float().mean() < 0.01


def test_an_opened_mouth_is_unknown_and_its_parts_are_named() -> None:
    head = load_head("open")
    face = head.neutral(1)
    opened = face.replace(jaw=torch.tensor([[0.8, 0.0, 0.0]]))
    warped = SurfaceWarper(head)(_photos(1), face, opened)
    mouth = (warped.part > 0.4) & (warped.grey > 0)
    assert mouth.sum() > 100
    assert warped.known[mouth].mean() < 0.2
    assert warped.inputs().shape == (1, 6, SIZE, SIZE)


def test_what_another_expression_hides_is_unknown_in_the_true_photo() -> None:
    head = load_head("open")
    face = head.neutral(1)
    shut = face.replace(eyelids=torch.ones(1, 2))
    warped = SurfaceWarper(head)(_photos(1), face, face, hidden_by=shut)
    eyes = (warped.part > 0.1) & (warped.part < 0.3)
    assert eyes.any()
    assert warped.known[eyes].mean() < 0.2
    # and elsewhere the photo is itself, to be copied
    copied = (warped.known == 1).expand(-1, 3, -1, -1)
    torch.testing.assert_close(warped.filled[copied], _photos(1)[copied], atol=1e-5, rtol=0)
    assert (warped.known == 1).float().mean() > 0.9


def test_holes_are_unknown() -> None:
    head = load_head("open")
    face = head.neutral(1)
    holes = torch.ones(1, 1, SIZE, SIZE)
    holes[..., 60:66, 60:66] = 0
    warped = SurfaceWarper(head)(_photos(1), face, face, holes=holes)
    assert warped.known[..., 60:66, 60:66].max() == 0
    torch.testing.assert_close(warped.filled, _photos(1), atol=0.03, rtol=0)


def test_known_colours_diffuse_and_stay() -> None:
    picture = torch.zeros(1, 3, 33, 20)
    picture[..., :10] = 0.2
    picture[..., 10:] = 0.8
    known = (torch.rand(1, 1, 33, 20, generator=torch.Generator().manual_seed(0)) > 0.7).float()
    std = diffuse_known(picture * known, known)
    kept = (known == 1).expand_as(picture)
    assert torch.equal(std[kept], picture[kept])
    assert (std - picture).abs().mean() < 0.05
    assert std.min() >= 0.19
    assert torch.isfinite(diffuse_known(picture, torch.zeros_like(known))).all()


def test_an_inpainter_that_starts_grey_corrects_nothing() -> None:
    head = load_head("open")
    face = head.neutral(1)
    renderer = NeuralRenderer(NeuralRendererConfig(features=(4, 6), blocks=1)).eval()
    warped = SurfaceWarper(head)(_photos(1), face, face).resized(64)
    assert rendered_correction(renderer, warped).abs().max() > 0
    renderer.start_grey()
    assert torch.equal(rendered_correction(renderer, warped), torch.zeros(1, 3, 64, 64))
