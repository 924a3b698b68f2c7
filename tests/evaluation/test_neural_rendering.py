from __future__ import annotations

import torch
from tests.training.small_runs import some_faces

from smirk3d.evaluation.methods import Crops
from smirk3d.evaluation.neural_rendering import RendererInputs
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head
from smirk3d.neural_renderer.renderer_config import NeuralRendererConfig
from smirk3d.parameters.face_parameters import FaceParameters

SIZE = 32
SMALL = NeuralRendererConfig(features=(16, 24), blocks=1)


def _features(images: torch.Tensor) -> list[torch.Tensor]:
    return [images]


def _faces(head: HeadModel) -> tuple[Crops, FaceParameters]:
    """Photos that are bright where the head is lit: what a renderer can paint from its mesh."""
    truth = some_faces(head, 12)
    painter = RendererInputs(head, 224)
    landmarks = torch.tensor([[70.0, 70], [154, 70], [154, 154], [70, 154]]).repeat(12, 120, 1)
    crops = Crops(torch.zeros(12, 3, 224, 224), landmarks[:, :478], torch.zeros(12, 52))
    grey = painter.inputs(crops, truth, truth, painter.generator())[:, :3]
    return Crops(grey, crops.landmarks, crops.blendshapes), truth


def _error(painter: RendererInputs, crops: Crops, parameters: FaceParameters, steps: int) -> float:
    renderer = painter.trained(
        crops, parameters, SMALL, steps=steps, perceptual=_features, rate=1e-2
    )
    painted = painter.render_all(renderer, crops, parameters)
    return float((painted - painter.targets(crops.images)).abs().mean())


def test_training_helps_and_true_meshes_help_more() -> None:
    head = tiny_head("named")
    crops, truth = _faces(head)
    painter = RendererInputs(head, SIZE)
    start = _error(painter, crops, truth, steps=1)
    learnt = _error(painter, crops, truth, steps=60)
    # meshes of other people, turned away
    wrong = truth.replace(head_pose=truth.head_pose + 0.6, camera=truth.camera + 0.03)
    assert learnt < 0.5 * start
    assert learnt < _error(painter, crops, wrong, steps=60)


def test_paintings_follow_from_the_seed() -> None:
    head = tiny_head("named")
    crops, truth = _faces(head)
    torch.manual_seed(1)
    first = RendererInputs(head, SIZE, seed=5)
    a = first.trained(crops, truth, SMALL, steps=2, perceptual=_features)
    torch.manual_seed(2)
    b = first.trained(crops, truth, SMALL, steps=2, perceptual=_features)
    for name, value in a.state_dict().items():
        assert torch.equal(value, b.state_dict()[name]), name
    assert torch.equal(first.render_all(a, crops, truth), first.render_all(b, crops, truth))
    assert a.provenance["settings"]["render_size"] == SIZE


def test_wished_faces_are_rendered_with_pixels_of_the_shown() -> None:
    head = tiny_head("named")
    crops, truth = _faces(head)
    painter = RendererInputs(head, SIZE)
    target = truth.replace(jaw=truth.jaw + 0.5)
    own = painter.inputs(crops, truth, truth, painter.generator())
    moved = painter.inputs(crops, truth, target, painter.generator())
    assert not torch.equal(own[:, :3], moved[:, :3])
    outside = painter.hull(crops) == 0
    assert outside.any()
