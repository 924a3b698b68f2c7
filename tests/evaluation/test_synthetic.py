from __future__ import annotations

import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.evaluation.photos import Observer
from smirk3d.evaluation.protocols.synthetic import available, drawn_faces, rendered_crops
from smirk3d.geometry.cameras import project
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head
from smirk3d.synthesis.procedural_heads import SIZE, ProceduralHeads


def test_drawn_weights_are_those_of_the_faces() -> None:
    head = load_head("open")
    faces, weights = drawn_faces(head, 40, torch.Generator().manual_seed(0))
    torch.testing.assert_close(head.arkit(faces), weights)
    left, right = (weights[:, ARKIT_NAMES.index(name)] for name in ("jawLeft", "jawRight"))
    assert not ((left > 0) & (right > 0)).any()
    closed = weights[:, ARKIT_NAMES.index("mouthClose")] > 0
    assert (weights[closed, ARKIT_NAMES.index("jawOpen")] >= 0.5).all()
    with torch.no_grad():
        seen = project(head(faces).vertices, faces.camera)[:, head.regions["face"], :2]
    assert seen.abs().max() < 1.2
    assert (seen.amax((1, 2)) > 0.4).all()


def test_channels_that_a_head_lacks_are_known() -> None:
    assert available(load_head("open")) == set(ARKIT_NAMES)
    assert "tongueOut" in available(tiny_head("named"))


def test_painted_heads_are_found_and_differ() -> None:
    head = load_head("open")
    generator = torch.Generator().manual_seed(3)
    faces, _ = drawn_faces(head, 3, generator)
    crops, rows = rendered_crops(head, faces, Observer(), generator)
    assert len(rows) >= 2
    assert crops.images.shape[1:] == (3, 224, 224)
    assert crops.landmarks.shape == (len(rows), 478, 2)
    assert ((crops.landmarks > 0) & (crops.landmarks < 224)).all()
    means = crops.images.mean((2, 3))
    assert (means[0] - means[1]).abs().max() > 0.02


def test_paint_follows_the_seed() -> None:
    head = tiny_head("named")
    painter = ProceduralHeads(head)
    first, again, other = (
        painter.pictures(
            head.neutral(), [painter.random_appearance(torch.Generator().manual_seed(seed))]
        )
        for seed in (0, 0, 1)
    )
    assert first.shape == (1, 3, SIZE, SIZE)
    assert torch.equal(first, again)
    assert (first != other).any()
