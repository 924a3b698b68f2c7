from __future__ import annotations

import warnings

import pytest

from smirk3d.losses.loss_weights import LossWeights
from smirk3d.training import networks as module
from smirk3d.training.network_config import NetworkConfig
from smirk3d.training.networks import build_feature_networks


def test_a_weight_without_its_network_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "emotion_network", lambda choice: None)
    with pytest.warns(UserWarning, match=r"losses\.emotion has weight 2 but no network"):
        found = build_feature_networks(LossWeights(emotion=2.0), NetworkConfig())
    assert found.emotion is None
    assert "--losses.emotion 0" in found.left_out[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not build_feature_networks(LossWeights(landmarks=1.0), NetworkConfig()).left_out
