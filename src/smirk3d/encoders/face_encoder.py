"""The three encoders that estimate a face's parameters from a crop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smirk3d.array_interface import check_images
from smirk3d.assets.weight_files import (
    ENCODER,
    check_build,
    load_strictly,
    read_weights,
    write_weights,
)
from smirk3d.conventions import CROP_SIZE
from smirk3d.encoders.backbones import Backbone, build_backbone
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.encoder_file import stored_config, tensor_name
from smirk3d.encoders.evidence import EncoderDetails, Evidence, evidence_of
from smirk3d.encoders.head_description import HeadDescription, read_header
from smirk3d.encoders.output_layers import GroupOutputs, OutputDetails, renormalize
from smirk3d.encoders.point_outputs import PointDetails, PointFeatures, PointOutputs
from smirk3d.errors import AssetError, check_shape
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.parameters.groups import VIEW_GROUPS, VIEW_SPEC, ParameterGroup

_USUAL_SPATIAL_CHANNELS = 128
"""Channels up to which a network is built at once; above, a check of the file that takes a second
comes first. The shipped weights have fewer."""
_SMALLEST_STD = 0.02
"""Least standard deviation by which a feature is divided; most features of the shipped encoder have
0.1."""

_EXPRESSION = ("expression", "eyelids", "jaw", "eyes")


class GroupEncoder(nn.Module):
    """A backbone and the output layer of some groups.

    Attributes:
        backbone: network from images to features; the identity where one serves all.
        output: the output layer.
        at_points: what the output layer learns from feature maps at surface points, or None.
    """

    def __init__(
        self,
        backbone: nn.Module,
        groups: tuple[ParameterGroup, ...],
        *,
        num_features: int,
        weight_gain: float,
        scaled: bool,
        normalized: bool,
        uncertain_from: int = 0,
        local_activity: bool = False,
    ) -> None:
        """Join a backbone and an output layer.

        Args:
            backbone: network from images ``[B, 3, H, W]`` to features ``[B, C]``.
            groups: parameter groups of the output layer.
            num_features: C.
            weight_gain: factor on the usual initial weights of the output layer.
            scaled: whether outputs are in units of each component's standard deviation.
            normalized: whether the output layer normalizes the features.
            uncertain_from: number of first features from which uncertainty is predicted; 0 predicts
                none.
            local_activity: predict from all features whether a sparse action is there.
        """
        super().__init__()
        self.backbone = backbone
        self.output = GroupOutputs(
            num_features, groups, weight_gain=weight_gain, scaled=scaled, normalized=normalized,
            uncertain_from=uncertain_from, local_activity=local_activity,
        )  # fmt: skip
        self.at_points: PointFeatures | None = None

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Return the groups ``[B, D]`` by name for images ``[B, 3, H, W]``."""
        return self.output(self.backbone(images))  # type: ignore[no-any-return]


class FaceEncoder(nn.Module):
    """Estimates parameters from crops: pose with camera, shape, and expression, as in SMIRK.

    Retsinas et al. 2024 ("3D Facial Expressions through Analysis-by-Neural-Synthesis"), section 3.

    Attributes:
        head_name: name of the head whose parameters are estimated.
        head_fingerprint: fingerprint of that head.
        groups: names of the components of each parameter group.
        config: sizes of the networks.
        provenance: origin of the weights, which their file keeps. ``crop`` is ``"smirk"`` for
            weights that expect the original's crop.
    """

    def __init__(self, head: HeadDescription, config: EncoderConfig | None = None) -> None:
        """Build encoders with initial weights for a head.

        Raises:
            ValueError: if the config names an unknown backbone.
        """
        super().__init__()
        self.config = config or EncoderConfig()
        self.head_name, self.head_fingerprint = head.name, head.fingerprint
        self.provenance: dict[str, Any] = {}
        spec = {group.name: group for group in (*head.spec, *VIEW_SPEC)}
        self._unseen = [
            group
            for group in head.spec
            if not (group.dim and group.observable)
            or (group.name == "eyes" and not self.config.eyes)
        ]
        self.groups = {group.name: list(group.names) for group in (*head.spec, *VIEW_SPEC)}
        self.trunk: Backbone | None = None
        if self.config.shared:
            self.trunk = self._backbone(self.config.expression_backbone)
        self.pose_encoder = self._encoder(self.config.pose_backbone, spec, VIEW_GROUPS, 0.001)
        self.shape_encoder = self._encoder(self.config.shape_backbone, spec, ("shape",), 0.0)
        self.expression_encoder = self._encoder(
            self.config.expression_backbone, spec, _EXPRESSION, 0.1
        )
        self.points: PointOutputs | None = None
        if self.config.points:
            if self.trunk is None:
                raise ValueError("surface points need a shared backbone")
            self.points = PointOutputs(
                self.trunk.num_features, self.trunk.architecture.features, self.config.points,
                self.trunk.map_channels if self.config.point_offsets else None,
            )  # fmt: skip
        if self.config.point_features:
            output = self.expression_encoder.output
            if self.trunk is None or not self.config.points or not self.config.uncertainty:
                raise ValueError("point_features needs shared, points and uncertainty")
            self.expression_encoder.at_points = PointFeatures(
                self.trunk.map_channels, self.config.points, len(output.lo), len(output.sparse)
            )

    def _encoder(
        self, name: str, spec: Mapping[str, ParameterGroup], groups: tuple[str, ...], gain: float
    ) -> GroupEncoder:
        if self.trunk is not None:
            own: nn.Module = nn.Identity()
            backbone = self.trunk
        else:
            own = backbone = self._backbone(name)
        return GroupEncoder(
            own,
            tuple(spec[group] for group in groups if spec[group] not in self._unseen),
            num_features=backbone.num_features,
            weight_gain=gain,
            scaled=self.config.scaled_outputs,
            normalized=self.config.normalized,
            uncertain_from=backbone.architecture.features if self.config.uncertainty else 0,
            local_activity=self.config.local_activity,
        )

    def _backbone(self, name: str) -> Backbone:
        return build_backbone(
            name,
            pretrained=self.config.pretrained,
            spatial_channels=self.config.spatial_channels,
            input_size=self.config.input_size,
        )

    def forward(self, images: Tensor) -> FaceParameters:
        """Return the parameters of crops ``[B, 3, 224, 224]`` in [0, 1].

        Groups that one picture does not determine, such as the neck, have their defaults.

        Raises:
            ShapeError: if the images are no square colour pictures.
            UsageError: if they are no floating-point numbers, or in evaluation mode outside [0, 1].
        """
        check_shape(images, "B 3 N N", "images")
        check_images(images, values=not self.training)
        return self._complete(self._groups(images))

    def _groups(self, images: Tensor) -> dict[str, Tensor]:
        features, maps = self._features(images)
        if self.expression_encoder.at_points is not None:
            return _means(self._outcomes(features, maps)[0])
        parts = [encoder(features) for encoder in self.encoders()]
        return {name: values for part in parts for name, values in part.items()}

    def _complete(self, groups: dict[str, Tensor]) -> FaceParameters:
        like = groups["camera"]
        for group in self._unseen:
            groups[group.name] = like.new_tensor(group.default).expand(like.shape[0], -1)
        return FaceParameters(**groups)

    def details(self, images: Tensor) -> EncoderDetails:
        """Return all predictions for crops ``[B, 3, N, N]`` in [0, 1], for training.

        Raises:
            ValueError: if the encoders predict no uncertainty.
        """
        outputs, points = self._outcomes(*self._features(images))
        return EncoderDetails(self._complete(_means(outputs)), tuple(outputs), points)

    def _outcomes(
        self, features: Tensor, maps: list[Tensor]
    ) -> tuple[list[tuple[GroupOutputs, OutputDetails]], PointDetails | None]:
        """Return what each output layer predicts, with its layer, and the surface points."""
        points: PointDetails | None = None
        if self.points is not None:
            normalized = self.expression_encoder.output.normalized_features(features)
            points = self.points(normalized, maps)
        outcomes = []
        for encoder in self.encoders():
            changes = None
            if encoder.at_points is not None and points is not None:
                changes = encoder.at_points(maps, points.points)
            outcome = encoder.output.details(encoder.backbone(features), changes)
            outcomes.append((encoder.output, outcome))
        return outcomes, points

    def evidence(self, images: Tensor) -> Evidence:
        """Return estimates and their uncertainty for crops ``[B, 3, 224, 224]`` in [0, 1].

        Raises:
            ShapeError: if the images are no square colour pictures.
            UsageError: if they are no floating-point numbers, or in evaluation mode outside [0, 1].
        """
        check_shape(images, "B 3 N N", "images")
        check_images(images, values=not self.training)
        unseen = {group.name: images.new_tensor(group.default) for group in self._unseen}
        stds = {group.name: images.new_tensor(group.prior_std) for group in self._unseen}
        return evidence_of(self.predict(images), unseen, stds)

    def _features(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return features and maps of a shared backbone, or the resized images for their own."""
        if images.shape[-1] != self.config.input_size:
            images = F.interpolate(
                images, size=(self.config.input_size,) * 2, mode="bilinear", antialias=True
            )
        if self.trunk is None:
            return images, []
        return self.trunk.features_and_maps(images)

    def predict(self, images: Tensor) -> dict[str, Tensor]:
        """Return all that depends on the images ``[B, 3, N, N]``, by name.

        These are the groups ``[B, D]``; with uncertainty also ``std_GROUP`` ``[B, D]``; with
        surface points also ``points`` ``[B, P, 2]``, ``points_std`` and ``points_visible``
        ``[B, P]``. :class:`~smirk3d.encoders.evidence.Evidence` describes them.
        """
        if not self.config.uncertainty:
            return self._groups(images)
        details = self.details(images)
        found: dict[str, Tensor] = {}
        for output, outcome in details.outputs:
            found |= output.by_group(outcome.mean)
            stds = output.by_group(output.scale * outcome.log_std.exp())
            found |= {f"std_{name}": values for name, values in stds.items()}
        if details.points is not None:
            found["points"] = details.points.points
            found["points_std"] = details.points.log_std.exp()
            found["points_visible"] = details.points.visible.sigmoid()
        return found

    @property
    def uncertain(self) -> bool:
        """Whether standard deviations are predicted."""
        return self.config.uncertainty

    @property
    def point_corners(self) -> Tensor | None:
        """Vertices ``[P, 3]`` of the predicted surface points, None if there are none."""
        return None if self.points is None else self.points.corners

    @property
    def point_bary(self) -> Tensor | None:
        """Barycentric coordinates ``[P, 3]`` of the predicted surface points."""
        return None if self.points is None else self.points.bary

    @property
    def learnt_points(self) -> tuple[Tensor, Tensor] | None:
        """Vertices and barycentric coordinates ``[P, 3]`` of surface points that it has learnt.

        They are copies on the CPU; None before training, and for encoders without points.
        """
        if self.points is None or not self.points.bary.any():
            return None
        return self.points.corners.cpu().clone(), self.points.bary.cpu().clone()

    @property
    def unseen_groups(self) -> tuple[ParameterGroup, ...]:
        """The groups that do not depend on the images and have their defaults."""
        return tuple(self._unseen)

    def encoders(self) -> tuple[GroupEncoder, GroupEncoder, GroupEncoder]:
        """Return the encoders of view, shape and expression."""
        return self.pose_encoder, self.shape_encoder, self.expression_encoder

    @torch.no_grad()
    def normalize_features(self, images: Iterable[Tensor]) -> None:
        """Measure mean and standard deviation of the features, and normalize by them.

        The outputs stay the same. Without ``normalized`` in the config nothing is done.

        Args:
            images: batches ``[B, 3, N, N]`` of crops at the input's size, in [0, 1].
        """
        if not self.config.normalized:
            return
        training = self.training
        self.eval()
        batches = [image if self.trunk is None else self.trunk(image) for image in images]
        for encoder in self.encoders():
            features = torch.cat([encoder.backbone(batch) for batch in batches])
            # a nearly constant feature carries no information and is not amplified
            mean, std = features.mean(0), features.std(0).clamp(min=_SMALLEST_STD)
            if self.points is not None and encoder is self.expression_encoder:
                # the points see the same normalized features
                former = encoder.output.feature_mean, encoder.output.feature_std
                for layer in (self.points.code, self.points.certainty):
                    renormalize(layer, *former, mean, std)
            encoder.output.normalize_features(mean, std)
        self.train(training)

    def save(self, path: str | Path, *, half: bool = False) -> None:
        """Write weights, config, head and provenance to one safetensors file.

        Args:
            path: path of the file, which is written whole or not at all.
            half: store in half precision; batch-norm statistics stay in single.

        Raises:
            OutputError: if it cannot be written.
        """
        header = {
            "head": self.head_name,
            "head_fingerprint": self.head_fingerprint,
            "groups": self.groups,
            "config": asdict(self.config),
            "provenance": self.provenance,
        }
        write_weights(path, self.state_dict(), kind=ENCODER, header=header, half=half)

    @classmethod
    def from_file(cls, path: str | Path, head: HeadDescription) -> FaceEncoder:
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
        config = stored_config(header["config"], str(path))
        if config.spatial_channels > _USUAL_SPATIAL_CHANNELS or config.input_size > CROP_SIZE:
            check_build(lambda: cls(head, config), path)
        encoder = cls(head, config)
        encoder.provenance = header["provenance"]
        tensors = {tensor_name(name): value for name, value in read_weights(path).items()}
        load_strictly(encoder, tensors, str(path))
        return encoder.eval()


def _means(outcomes: Iterable[tuple[GroupOutputs, OutputDetails]]) -> dict[str, Tensor]:
    """Return the estimates ``[B, D]`` of all output layers by the name of their group."""
    return {
        name: values
        for output, outcome in outcomes
        for name, values in output.by_group(outcome.mean).items()
    }
