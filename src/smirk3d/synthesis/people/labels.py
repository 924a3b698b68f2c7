"""Pictures of people with exact labels."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from smirk3d.parameters.face_parameters import FaceParameters

Array = NDArray[np.float32]


class Segment(IntEnum):
    """What a pixel shows, as segmentation pictures number it."""

    BACKGROUND = 0
    SKIN = 1
    LIPS = 2
    EYE_LEFT = 3
    EYE_RIGHT = 4
    TEETH = 5
    INSIDE_MOUTH = 6
    TONGUE = 7
    BROWS = 8
    LASHES = 9
    HAIR = 10
    GLASSES = 11
    CLOTHES = 12
    HAT = 13
    OCCLUDER = 14
    NECK = 15
    EARS = 16


@dataclass(frozen=True, kw_only=True)
class PictureLabels:
    """The truth about one picture.

    The viewer's frame has head axes: metres, +x right in the picture, +y up, +z towards the viewer.
    Picture coordinates are pixels, x right, y down, pixel centres at +0.5.

    Attributes:
        person: number of the person; equal numbers are the same person.
        pair: number of the pair of pictures that this one belongs to, -1 if none.
        relation: what the pictures of a pair differ in (:data:`RELATIONS`), empty if no pair.
        parameters: of the labeled head, without batch dimension. ``head_pose`` is the rotation
            against the ray to the head's origin, and ``camera`` the scaled-orthographic camera of
            the crop that shows the landmarks with least squared distance; None if the picture's
            head is not one of smirk3d.
        arkit: ARKit's weights ``[52]`` (``conventions.ARKIT_NAMES``); NaN where not known.
        rotation: rotation of the head into the viewer's frame ``[3, 3]``.
        gaze: unit directions ``[2, 3]`` in the viewer's frame, left eye first.
        T_camera_head: head space to the perspective camera ``[4, 4]``, in metres; that camera's
            axes are x right, y down, z ahead.
        intrinsics: ``[3, 3]``, of that camera, in picture pixels.
        T_crop_image: ``[3, 3]``, picture pixels to the 224-pixel crop that the encoder's rule
            (``preprocessing.face_crop.crop_transform``) cuts around the true landmarks.
        landmarks: MediaPipe's 478 points ``[478, 2]`` in picture pixels; NaN where the head has
            none.
        landmarks_visible: ``[478]`` bool: in the picture and hidden by nothing.
        points: fixed points of the surface ``[P, 2]`` in picture pixels.
        points_visible: ``[P]`` bool.
        segmentation: :class:`Segment` of each pixel ``[H, W]`` uint8.
        neutral: the person's vertices ``[V, 3]`` without expression or pose, in metres.
        posed: vertices ``[V, 3]`` in the viewer's frame about the head's origin, in metres.
        ids: names of what the person is made of and stands in: ``skin``, ``hair``, ``probe``, ...
    """

    person: int
    pair: int
    relation: str
    parameters: FaceParameters | None
    arkit: Array
    rotation: Array
    gaze: Array
    T_camera_head: Array
    intrinsics: Array
    T_crop_image: Array
    landmarks: Array
    landmarks_visible: NDArray[np.bool_]
    points: Array
    points_visible: NDArray[np.bool_]
    segmentation: NDArray[np.uint8]
    neutral: Array
    posed: Array
    ids: dict[str, str]


RELATIONS = ("", "pose", "expression", "light", "camera", "person")
"""What two pictures of a pair differ in; ``person``: two people with one expression."""


@dataclass(frozen=True)
class LabeledPicture:
    """A picture uint8 ``[H, W, 3]`` and the truth about it."""

    picture: NDArray[np.uint8]
    labels: PictureLabels
