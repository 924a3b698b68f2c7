"""Conventions of the whole package, as named constants.

Letters: B batch, T frames, V vertices, F triangles, J joints, L landmarks, P sampled points,
S shape coefficients, E expression coefficients, C channels, H and W picture height and width.

Head space: metres; +x the subject's left, +y up, +z out of the face (the axes of glTF).
Image space: pixels; x right, y down; pixel (row i, column j) covers ``[j, j+1) x [i, i+1)``, so its
centre is at +0.5. Normalised device coordinates: ``ndc = 2 * u / size - 1``.
Left and right are the subject's. Rotations are axis-angle in radians. A transform is named
``T_target_source`` and maps source coordinates to target coordinates.
Images: RGB float32 ``[B, 3, H, W]`` in [0, 1].
"""

from __future__ import annotations

CROP_SIZE = 224
"""Side in pixels of the square face crop that encoders take; SMIRK's."""

CROP_SCALE = 1.5
"""Side of the crop as a multiple of the landmark box (mean of its width and height)."""

CAMERA_SCALE_DEFAULT = 7.0
"""Scaled-orthographic camera scale at which a head in metres about fills a crop."""

NUM_MEDIAPIPE_LANDMARKS = 478
"""Number of MediaPipe's face landmarks: 468 of the surface, then 5 for each iris."""

IRIS_RIGHT, IRIS_LEFT = 468, 473
"""MediaPipe's iris centres; right and left are the subject's."""

ARKIT_NAMES: tuple[str, ...] = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft",
    "eyeSquintLeft", "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight",
    "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight", "jawForward", "jawRight",
    "jawLeft", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft",
    "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft", "browDownRight",
    "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""ARKit's 52 blend shapes in the order of Live Link Face's CSV."""
