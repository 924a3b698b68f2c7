"""The three encoders together: a crop in, a face's parameters out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from smirk3d.assets.atomic import atomic_path
from smirk3d.conventions import CAMERA_SCALE_DEFAULT, CROP_SIZE
from smirk3d.encoders.backbones import build_backbone
from smirk3d.encoders.output_layers import GroupOutputs
from smirk3d.errors import AssetError, check_shape
from smirk3d.face_parameters import FaceParameters, ParameterGroup
from smirk3d.heads.head_model import HeadModel

FORMAT = 1

_VIEW = ("head_pose", "camera")
_EXPRESSION = ("expression", "eyelids", "jaw", "eyes")

VIEW_GROUPS = (
    ParameterGroup(
        name="head_pose",
        names=("x", "y", "z"),
        lo=(-math.inf,) * 3,
        hi=(math.inf,) * 3,
        prior_std=(0.2, 0.3, 0.1),
        default=(0.0,) * 3,
    ),
    ParameterGroup(
        name="camera",
        names=("scale", "tx", "ty"),
        lo=(0.1, -math.inf, -math.inf),
        hi=(math.inf,) * 3,
        prior_std=(1.0, 0.02, 0.02),
        default=(CAMERA_SCALE_DEFAULT, 0.0, 0.0),
    ),
)
"""The groups outside the head, for the output layers."""


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Sizes of the encoders.

    Attributes:
        pose_backbone: backbone of the head pose and camera encoder.
        shape_backbone: of the shape encoder.
        expression_backbone: of the encoder of expression, eyelids, jaw and eyes.
        shared: one backbone, ``expression_backbone``, serves all three, at a third of the cost.
        input_size: crops are resized to this side in pixels before the backbones.
        scaled_outputs: outputs are in units of each component's spread; False for SMIRK's weights.
        pretrained: start from ImageNet weights where the backbone has them.
    """

    pose_backbone: str = "mobilenetv3_small_minimal"
    shape_backbone: str = "mobilenetv3_large_minimal"
    expression_backbone: str = "mobilenetv3_large_minimal"
    shared: bool = False
    input_size: int = CROP_SIZE
    scaled_outputs: bool = True
    pretrained: bool = False


class GroupEncoder(nn.Module):
    """A backbone and the output layer of some groups."""

    def __init__(
        self,
        backbone: nn.Module,
        groups: tuple[ParameterGroup, ...],
        *,
        num_features: int,
        weight_gain: float,
        scaled: bool,
    ) -> None:
        """Join the two."""
        super().__init__()
        self.backbone = backbone
        self.output = GroupOutputs(num_features, groups, weight_gain=weight_gain, scaled=scaled)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the groups ``[B, D]`` by name for images ``[B, 3, H, W]``."""
        return self.output(self.backbone(images))  # type: ignore[no-any-return]


class FaceEncoder(nn.Module):
    """Reads parameters from crops: pose with camera, shape, and expression (SMIRK, section 3.1).

    Attributes:
        head_name: name of the head whose parameters it reads.
        head_fingerprint: that head's fingerprint.
        config: sizes.
        provenance: where the weights come from; kept in the file.
    """

    def __init__(self, head: HeadModel, config: EncoderConfig | None = None) -> None:
        """Build encoders with starting values for a head.

        Raises:
            ValueError: if the config names an unknown backbone.
        """
        super().__init__()
        self.config = config or EncoderConfig()
        self.head_name, self.head_fingerprint = head.name, head.fingerprint
        self.provenance: dict[str, Any] = {}
        spec = {group.name: group for group in (*head.spec, *VIEW_GROUPS)}
        self._unseen = [group for group in head.spec if not group.observable or not group.dim]
        self.trunk: nn.Module | None = None
        if self.config.shared:
            self.trunk = build_backbone(
                self.config.expression_backbone, pretrained=self.config.pretrained
            )
        self.pose_encoder = self._encoder(self.config.pose_backbone, spec, _VIEW, 0.001)
        self.shape_encoder = self._encoder(self.config.shape_backbone, spec, ("shape",), 0.0)
        self.expression_encoder = self._encoder(
            self.config.expression_backbone, spec, _EXPRESSION, 0.1
        )

    def _encoder(
        self, name: str, spec: Mapping[str, ParameterGroup], groups: tuple[str, ...], gain: float
    ) -> GroupEncoder:
        if self.trunk is not None:
            backbone, width = nn.Identity(), self.trunk.num_features
        else:
            backbone = build_backbone(name, pretrained=self.config.pretrained)
            width = backbone.num_features
        return GroupEncoder(
            backbone,
            tuple(spec[group] for group in groups),
            num_features=int(width),
            weight_gain=gain,
            scaled=self.config.scaled_outputs,
        )

    def forward(self, images: Tensor) -> FaceParameters:
        """Return the parameters of crops ``[B, 3, 224, 224]`` in [0, 1].

        Groups that one picture does not tell, as the neck, have their defaults.

        Raises:
            ShapeError: if the images are no square colour pictures.
        """
        sizes = check_shape(images, "B 3 N N", "images")
        if sizes["N"] != self.config.input_size:
            images = F.interpolate(
                images, size=(self.config.input_size,) * 2, mode="bilinear", antialias=True
            )
        features = self.trunk(images) if self.trunk is not None else images
        groups: dict[str, Tensor] = {}
        for encoder in (self.pose_encoder, self.shape_encoder, self.expression_encoder):
            groups |= encoder(features)
        like = groups["camera"]
        for group in self._unseen:
            groups[group.name] = like.new_tensor(group.default).expand(len(like), -1)
        return FaceParameters(**groups)

    def save(self, path: str | Path, *, half: bool = False) -> None:
        """Write weights, config, head and provenance to one safetensors file.

        Args:
            path: file to write, whole or not at all.
            half: store in half precision; batch-norm statistics stay in single.

        Raises:
            OutputError: if it cannot be written.
        """
        state = {
            name: tensor.half() if half and tensor.is_floating_point() and tensor.ndim > 1
            else tensor
            for name, tensor in self.state_dict().items()
        }  # fmt: skip
        header = {
            "format": FORMAT,
            "head": self.head_name,
            "head_fingerprint": self.head_fingerprint,
            "config": asdict(self.config),
            "provenance": self.provenance,
        }
        contiguous = {name: tensor.contiguous().cpu() for name, tensor in state.items()}
        with atomic_path(path) as temporary:
            save_file(contiguous, temporary, metadata={"smirk3d": json.dumps(header)})

    @classmethod
    def from_file(cls, path: str | Path, head: HeadModel) -> FaceEncoder:
        """Return the encoder of a weights file.

        Raises:
            AssetError: if the file is damaged, of another kind, or made for another head.
        """
        header = read_header(path)
        if header["head_fingerprint"] != head.fingerprint:
            raise AssetError(
                f"{path}: these weights are for head {header['head']!r} "
                f"({header['head_fingerprint'][:12]}), not {head.name!r} ({head.fingerprint[:12]})"
            )
        config = EncoderConfig(**{**header["config"], "pretrained": False})
        encoder = cls(head, config)
        encoder.provenance = header["provenance"]
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        own = encoder.state_dict()
        wrong = sorted(set(own) ^ set(state)) or sorted(
            name for name in own if own[name].shape != state[name].shape
        )
        if wrong:
            raise AssetError(f"{path}: weights do not fit their own config at {wrong[0]}")
        encoder.load_state_dict({name: state[name].to(own[name].dtype) for name in own})
        return encoder.eval()


def read_header(path: str | Path) -> dict[str, Any]:
    """Return head, config and provenance of a weights file without reading its tensors.

    Raises:
        AssetError: if the file is absent, damaged, or no smirk3d weights.
    """
    if not Path(path).is_file():
        raise AssetError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("smirk3d", "null"))
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise AssetError(f"{path}: damaged or no safetensors file ({error})") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise AssetError(f"{path}: no smirk3d weights of format {FORMAT}")
    return header
