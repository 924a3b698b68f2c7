"""Settings and names of tensors in encoders' weights files, also in those of earlier versions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from smirk3d.assets.foreign.origin import one_line
from smirk3d.encoders.backbones import ARCHITECTURES
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.errors import AssetError

_LARGEST_INPUT, _MOST_SPATIAL_CHANNELS, _MOST_POINTS = 1024, 4096, 10_000
"""Largest sizes that are built from a file's config, far above those of trained encoders."""

_FORMER_SETTINGS = {"place_channels": "spatial_channels", "standardised": "normalized"}
"""Names of settings in weights files of smirk3d 0.1, and their present names."""

_FORMER_TENSORS = {
    "trunk.places.": "trunk.spatial.",
    ".output.centre": ".output.feature_mean",
    ".output.spread": ".output.feature_std",
}
"""Names of tensors in weights files of smirk3d 0.1, and their present names."""


def tensor_name(name: str) -> str:
    """Return the present name of a tensor in a weights file."""
    for former, present in _FORMER_TENSORS.items():
        name = name.replace(former, present)
    return name


def stored_config(entries: dict[str, Any], source: str) -> EncoderConfig:
    """Return the settings of an encoder in a weights file.

    Args:
        entries: settings by name, present or former.
        source: name of the file in errors.

    Raises:
        AssetError: if this version cannot build such an encoder.
    """
    try:
        present = {_FORMER_SETTINGS.get(name, name): value for name, value in entries.items()}
        config = EncoderConfig(**{**present, "pretrained": False})
        for name, value in asdict(config).items():
            if type(value) is not type(getattr(EncoderConfig, name)):
                raise ValueError(f"{name} is {value!r}")
        if not (
            config.input_size <= _LARGEST_INPUT
            and 0 <= config.points <= _MOST_POINTS
            and 0 <= config.spatial_channels <= _MOST_SPATIAL_CHANNELS
        ):
            raise ValueError("no encoder has such sizes")
        if config.input_size < 1:
            raise ValueError("input_size must be positive")
        for name in (config.pose_backbone, config.shape_backbone, config.expression_backbone):
            if name not in ARCHITECTURES:
                raise ValueError(f"there is no backbone {name!r}")
    except (TypeError, ValueError) as error:
        raise AssetError(
            f"{source}: this version cannot build its config ({one_line(error)}); train it again"
        ) from error
    return config
