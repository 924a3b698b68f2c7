from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from smirk3d.data.augmentation import TrainingBatch
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.errors import InputError, UsageError
from smirk3d.heads.tiny import tiny_head
from smirk3d.training.linear_start import start_from_regression, start_spatial_features
from tests.training.small_runs import small_config

HEAD = tiny_head()


def encoder_with_spatial_features() -> FaceEncoder:
    torch.manual_seed(0)
    config = EncoderConfig(
        shared=True, expression_backbone="mobilenetv3_small_minimal", input_size=64,
        normalized=True, spatial_channels=48,
    )  # fmt: skip
    return FaceEncoder(HEAD, config)


def spots(count: int, seed: int) -> TrainingBatch:
    """Pictures with a spot as bright as their first action, each once more without it."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 3, 64, 64, generator=generator) * 0.3
    images = torch.cat([images, images])
    amount = torch.rand(count, generator=generator)
    images[:count, :, 16:32, 32:48] += 0.6 * amount[:, None, None, None]
    targets = HEAD.neutral(2 * count)
    expression = targets.expression.clone()
    expression[:count, 0] = amount
    return TrainingBatch(
        images, torch.zeros(2 * count, len(HEAD.landmark_ids), 2),
        targets.replace(expression=expression), torch.zeros(2 * count, 478, 2),
        torch.ones(2 * count, dtype=torch.bool), count,
    )  # fmt: skip


def test_a_spot_is_read_after_the_regression_and_other_groups_stay() -> None:
    encoder = encoder_with_spatial_features()
    batches = [spots(16, seed) for seed in range(12)]
    start_spatial_features(encoder, [batch.images for batch in batches[:4]])
    encoder.normalize_features([batch.images for batch in batches[:4]])
    held_out = spots(16, 99)
    encoder.eval()
    with torch.no_grad():
        before = encoder(held_out.images)
        start_from_regression(encoder, batches)
        after = encoder(held_out.images)
    truth = held_out.targets.expression[:, 0]
    assert torch.corrcoef(torch.stack([after.expression[:, 0], truth]))[0, 1] > 0.9
    assert (after.expression[:, 0] - truth).square().mean() < 0.3 * truth.square().mean()
    # the other actions are none in truth
    assert after.expression[:, 1:].mean() <= before.expression[:, 1:].mean()
    assert torch.equal(after.shape, before.shape)
    assert torch.equal(after.camera, before.camera)


def test_spatial_channels_start_within_their_activation() -> None:
    encoder = encoder_with_spatial_features()
    images = spots(16, 0).images
    start_spatial_features(encoder, [images])
    assert encoder.trunk is not None
    encoder.eval()
    with torch.no_grad():
        cells = encoder.trunk(images)[:, encoder.trunk.architecture.features :]
    assert 2.5 < cells.mean() < 3.5
    assert 0.8 < cells.unflatten(1, (48, 16)).transpose(1, 2).flatten(0, 1).std(0).mean() < 1.6


def test_a_regression_needs_faces_and_one_backbone() -> None:
    with pytest.raises(InputError, match="batches"):
        start_from_regression(encoder_with_spatial_features(), [])
    with pytest.raises(InputError, match="shared"):
        start_from_regression(FaceEncoder(HEAD, EncoderConfig(normalized=True)), [spots(2, 0)])


def test_a_regression_without_normalized_features_is_refused() -> None:
    with pytest.raises(UsageError, match="normalized"):
        replace(small_config().networks, linear_batches=3)
