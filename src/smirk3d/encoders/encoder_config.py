"""Sizes of encoders; this module imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.conventions import CROP_SIZE


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Sizes of the encoders.

    Attributes:
        pose_backbone: backbone of the head pose and camera encoder.
        shape_backbone: backbone of the shape encoder.
        expression_backbone: backbone of the encoder of expression, eyelids, jaw and eyes.
        shared: one backbone, ``expression_backbone``, serves all three, at a third of the cost.
        spatial_channels: channels at stride 16 of each backbone that reach the output layers
            without global average pooling; 0 in SMIRK.
        normalized: output layers normalize features by their mean and standard deviation.
        eyes: estimate the eyes' rotations where the head has them; SMIRK's own weights do not.
        input_size: crops are resized to this side in pixels before the backbones.
        scaled_outputs: the linear layer's outputs are in units of each component's standard
            deviation; False for SMIRK's weights.
        uncertainty: predict a standard deviation of each parameter, and for each sparse action the
            probability that it is there at all.
        local_activity: let that probability see the spatial channels too.
        points: number of fixed points of the head's surface whose places are predicted.
        point_offsets: correct these points by what feature maps show where they lie.
        point_features: let the expression's output layer see the feature maps at these points.
        pretrained: start from ImageNet weights where the backbone has them.
    """

    pose_backbone: str = "mobilenetv3_small_minimal"
    shape_backbone: str = "mobilenetv3_large_minimal"
    expression_backbone: str = "mobilenetv3_large_minimal"
    shared: bool = False
    spatial_channels: int = 0
    normalized: bool = False
    eyes: bool = True
    input_size: int = CROP_SIZE
    scaled_outputs: bool = True
    uncertainty: bool = False
    local_activity: bool = False
    points: int = 0
    point_offsets: bool = False
    point_features: bool = False
    pretrained: bool = False
