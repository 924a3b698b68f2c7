"""Published SMIRK checkpoints: conversion of their tensors to ours and back.

The published file is one flat state dict: ``smirk_encoder.*`` (three encoders) and
``smirk_generator.*`` (the neural renderer, mapped by
:mod:`smirk3d.neural_renderer.smirk_checkpoint`).
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from smirk3d.assets.weight_files import load_strictly, read_torch_state
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.head_description import HeadDescription
from smirk3d.errors import AssetError

ENCODER_PREFIX = "smirk_encoder."
GENERATOR_PREFIX = "smirk_generator."

SMIRK_CONFIG = EncoderConfig(eyes=False, scaled_outputs=False)
"""The published encoders: three backbones, 224 pixels, no gaze, outputs in the head's units."""

_OUTPUT_LAYERS = {
    "pose_encoder": "pose_cam_layers.0",
    "shape_encoder": "shape_layers.0",
    "expression_encoder": "expression_layers.0",
}
_GROUPS = {"shape": 300, "expression": 50, "jaw": 3, "eyelids": 2}
"""Sizes of the published outputs; the expression layer's order is expression, eyelids, jaw."""


def published_names(encoder: FaceEncoder) -> dict[str, str]:
    """Return the published name of each tensor of an encoder's state dict; one to one."""
    names = {}
    for key in encoder.state_dict():
        part, _, rest = key.partition(".")
        if rest.startswith("backbone."):
            theirs = "encoder." + rest.removeprefix("backbone.")
        else:
            theirs = f"{_OUTPUT_LAYERS[part]}.{rest.removeprefix('output.linear.')}"
        names[key] = f"{ENCODER_PREFIX}{part}.{theirs}"
    return names


def split_checkpoint(
    state: Mapping[str, Tensor], source: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the encoders' and the generator's tensors of a published checkpoint.

    Args:
        state: tensors by published names.
        source: the checkpoint's name in errors.

    Raises:
        AssetError: if a key belongs to neither; the text names it.
    """
    for key in state:
        if not key.startswith((ENCODER_PREFIX, GENERATOR_PREFIX)):
            raise AssetError(f"{source}: no SMIRK checkpoint: {key} is unknown")
    return (
        {key: value for key, value in state.items() if key.startswith(ENCODER_PREFIX)},
        {key: value for key, value in state.items() if key.startswith(GENERATOR_PREFIX)},
    )


def encoder_from_state(
    state: Mapping[str, Tensor], head: HeadDescription, source: str = "checkpoint"
) -> FaceEncoder:
    """Return the encoder of published tensors, in evaluation mode.

    Args:
        state: the encoders' tensors by published names.
        head: a FLAME head with 300 shape and 50 expression coefficients.
        source: the checkpoint's name in errors.

    Raises:
        AssetError: if the head has other sizes, or a tensor is missing, unknown or of another
            shape.
    """
    sizes = {group.name: group.dim for group in head.spec}
    for name, size in _GROUPS.items():
        if sizes[name] != size:
            raise AssetError(
                f"{source}: SMIRK's weights are for FLAME with {size} {name} parameters, "
                f"head {head.name!r} has {sizes[name]}"
            )
    encoder = FaceEncoder(head, SMIRK_CONFIG)
    names = published_names(encoder)
    ours = {theirs: key for key, theirs in names.items()}
    renamed = {ours.get(key, key): value for key, value in state.items()}
    load_strictly(encoder, renamed, source)
    _shift_biases(encoder, -1.0)
    return encoder.eval()


def encoder_to_state(encoder: FaceEncoder) -> dict[str, Tensor]:
    """Return an encoder's tensors by published names; the inverse of :func:`encoder_from_state`.

    Raises:
        ValueError: if the encoder is not built as the published ones.
    """
    if encoder.config != SMIRK_CONFIG:
        raise ValueError(f"only encoders of {SMIRK_CONFIG} have published names")
    shifted = copy.deepcopy(encoder)
    _shift_biases(shifted, 1.0)
    names = published_names(encoder)
    return {names[key]: value for key, value in shifted.state_dict().items()}


def _shift_biases(encoder: FaceEncoder, sign: float) -> None:
    # ours add the groups' defaults (camera scale 7) to the layer's output, theirs hold it as bias
    with torch.no_grad():
        for part in _OUTPUT_LAYERS:
            output = getattr(encoder, part).output
            output.linear.bias.add_(output.default, alpha=sign)


def load_smirk_encoder(path: str | Path, head: HeadDescription) -> FaceEncoder:
    """Return the encoder of a published checkpoint such as ``SMIRK_em1.pt``.

    Its ``provenance`` names the file and its hash, and the crop that the weights expect.

    Raises:
        AssetError: if the file is damaged, no SMIRK checkpoint, or made for another head.
    """
    state, _ = split_checkpoint(read_torch_state(path), str(path))
    encoder = encoder_from_state(state, head, str(path))
    encoder.provenance = {
        "source": Path(path).name,
        "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        "crop": "smirk",
    }
    return encoder
