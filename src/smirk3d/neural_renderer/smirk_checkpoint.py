"""The generator of published SMIRK checkpoints: which of its tensors is which of ours.

The encoders' half of the same file is in :mod:`smirk3d.encoders.smirk_checkpoint`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from smirk3d.assets.weight_files import load_strictly, read_torch_state
from smirk3d.encoders.smirk_checkpoint import GENERATOR_PREFIX, split_checkpoint
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.neural_renderer.renderer_config import PUBLISHED

_LEVELS = 4
"""Levels of SMIRK's published U-Net."""
_RESIDUAL = {"conv1": 1, "norm1": 2, "conv2": 5, "norm2": 6}
"""Places of the layers in a published residual block, which counts paddings and activations."""


def published_names(renderer: NeuralRenderer) -> dict[str, str]:
    """Return the published name of each tensor of a state dict; one to one."""
    return {key: GENERATOR_PREFIX + _published(key) for key in renderer.state_dict()}


def _published(key: str) -> str:
    module, _, leaf = key.rpartition(".")
    if found := re.fullmatch(r"down\.(\d)\.(\w+)", module):
        level = int(found[1]) + 1
        return f"encoder{level}.enc{level}{found[2]}.{leaf}"
    if found := re.fullmatch(r"up\.(\d)\.(\w+)", module):
        level = _LEVELS - int(found[1])
        return f"decoder{level}.dec{level}{found[2]}.{leaf}"
    if found := re.fullmatch(r"enlarge\.(\d)", module):
        return f"upconv{_LEVELS - int(found[1])}.{leaf}"
    if found := re.fullmatch(r"residual\.(\d)\.(\w+)", module):
        return f"resnet_blocks.{found[1]}.conv_block.{_RESIDUAL[found[2]]}.{leaf}"
    if found := re.fullmatch(r"bottleneck\.(\w+)", module):
        return f"bottleneck.bottleneck{found[1]}.{leaf}"
    return f"conv.{leaf}"


def renderer_from_state(state: Mapping[str, Tensor], source: str = "checkpoint") -> NeuralRenderer:
    """Return the neural renderer of published tensors, in evaluation mode.

    Args:
        state: the generator's tensors by published names.
        source: named in errors.

    Raises:
        AssetError: if a tensor is missing, unknown or of another shape; the text names it.
    """
    renderer = NeuralRenderer(PUBLISHED)
    ours = {theirs: key for key, theirs in published_names(renderer).items()}
    load_strictly(renderer, {ours.get(key, key): value for key, value in state.items()}, source)
    return renderer.eval()


def renderer_to_state(renderer: NeuralRenderer) -> dict[str, Tensor]:
    """Return a renderer's tensors by published names; the inverse of :func:`renderer_from_state`.

    Raises:
        ValueError: if the renderer has not the published size.
    """
    if renderer.config != PUBLISHED:
        raise ValueError("only a neural renderer of the published size has published names")
    names = published_names(renderer)
    return {names[key]: value for key, value in renderer.state_dict().items()}


def load_smirk_renderer(path: str | Path) -> NeuralRenderer:
    """Return the neural renderer of a published checkpoint such as ``SMIRK_em1.pt``.

    Raises:
        AssetError: if the file is damaged or no SMIRK checkpoint.
    """
    _, state = split_checkpoint(read_torch_state(path), str(path))
    renderer = renderer_from_state(state, str(path))
    renderer.provenance = {"source": Path(path).name}
    return renderer
