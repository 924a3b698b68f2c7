from __future__ import annotations

import pytest
import torch

from smirk3d.data.drawn_people import DrawnPeople
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.errors import UsageError
from smirk3d.heads.registry import load_head
from smirk3d.training.calibration import _stretched, calibrate

HEAD = load_head()
COUNT, POINTS = 64, 3


def made_people() -> DrawnPeople:
    """Return grey pictures whose truth an encoder that does not look at them can only guess."""
    generator = torch.Generator().manual_seed(0)
    people = DrawnPeople.__new__(DrawnPeople)
    people._images = [torch.full((COUNT, 3, 224, 224), 128, dtype=torch.uint8)]
    people._starts = torch.tensor([0, COUNT])
    people.landmarks = torch.rand(COUNT, 478, 2, generator=generator) * 100 + 60
    targets = HEAD.neutral(COUNT)
    targets.expression[: COUNT // 2, 0] = 1.0
    people.targets = targets
    people.points = torch.randn(COUNT, POINTS, 2, generator=generator) * 5 + 112
    people.points_visible = torch.ones(COUNT, POINTS, dtype=torch.bool)
    return people


def made_encoder() -> FaceEncoder:
    torch.manual_seed(0)
    config = EncoderConfig(
        expression_backbone="mobilenetv3_small_minimal", shared=True, input_size=64,
        uncertainty=True, points=POINTS,
    )  # fmt: skip
    encoder = FaceEncoder(HEAD, config).eval()
    for part in encoder.encoders():
        part.output.linear.weight.data.zero_()
    output = encoder.expression_encoder.output
    # everything is reported a little, and is probably not there
    output.linear.bias.data.fill_(1.0)
    output.activity_slope.data.zero_()
    return encoder


def test_actions_that_are_probably_absent_are_no_longer_reported() -> None:
    encoder, people = made_encoder(), made_people()
    done = calibrate(encoder, people, HEAD)
    assert done.pictures == COUNT
    assert done.error_after < done.error_before
    with torch.no_grad():
        found = encoder(torch.full((1, 3, 224, 224), 0.5))
    # with half of the faces smiling and no way to tell, something between is right for that action
    assert found.expression[0, 1:].max() == 0
    assert found.expression[0, 0] >= 0


def test_standard_deviations_become_those_of_the_errors() -> None:
    encoder, people = made_encoder(), made_people()
    calibrate(encoder, people, HEAD)
    evidence = encoder.evidence(torch.full((1, 3, 224, 224), 0.5))
    assert evidence.std is not None
    error = evidence.parameters.expression[0, 0] - people.targets.expression[:, 0]
    torch.testing.assert_close(
        evidence.std.expression[0, 0], error.square().mean().sqrt(), rtol=0.01, atol=0
    )


def test_encoders_without_uncertainty_are_refused() -> None:
    config = EncoderConfig(expression_backbone="mobilenetv3_small_minimal", shared=True)
    with pytest.raises(UsageError, match="nothing to calibrate"):
        calibrate(FaceEncoder(HEAD, config), made_people(), HEAD)


def test_errors_of_what_is_not_sparse_have_no_mean() -> None:
    encoder, people = made_encoder(), made_people()
    people.targets.shape[:, 3] = 0.7
    calibrate(encoder, people, HEAD)
    with torch.no_grad():
        found = encoder(torch.full((1, 3, 224, 224), 0.5))
    wanted = people.targets.shape.mean(0)
    torch.testing.assert_close(found.shape[0], wanted, atol=1e-3, rtol=0)


def test_identities_that_differ_too_little_are_stretched() -> None:
    encoder = made_encoder()
    output = next(part.output for part in encoder.encoders() if "shape" in dict(part.output.groups))
    start = 0
    for name, size in output.groups:
        if name == "shape":
            break
        start += size
    shape = slice(start, start + size)
    torch.nn.init.ones_(output.linear.weight)
    generator = torch.Generator().manual_seed(1)
    target = torch.randn(COUNT, output.linear.out_features, generator=generator)
    target[0, shape] = torch.nan
    gram = torch.eye(size)
    for drawn, gain in ((0.8, 1.25), (0.5, 1.3), (1.0, 1.0)):
        with torch.no_grad():
            output.linear.weight.fill_(1.0)
            found = _stretched(output, target * drawn, target, gram)
        torch.testing.assert_close(found[1:, shape], target[1:, shape] * drawn * gain)
        assert output.linear.weight[shape].mean().item() == pytest.approx(gain, rel=1e-5)
        others = torch.ones(output.linear.out_features, dtype=torch.bool)
        others[shape] = False
        assert (output.linear.weight[others] == 1).all()
        assert torch.equal(found[1:, others], (target * drawn)[1:, others])
