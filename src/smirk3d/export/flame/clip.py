"""A face in FLAME's parameters before a pinhole camera: what all layouts of avatar builders hold.

Their cameras are pinholes, ours is scaled orthographic, so a focal length is assumed and each face
is put where its mean depth has the size that the crop shows. Then all layouts describe one world:

    w = translation + FLAME(parameters)            metres, +x the subject's left, +y up, +z forward

seen by a camera at the origin that looks along -z (OpenGL, Blender, NeRF: x right, y up, z back):

    u = cx - f w_x / w_z    v = cy + f w_y / w_z      pixels of the image, pixel centres at +0.5

FLAME's expressions are padded with zeros to 100 components.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import to_numpy
from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import AssetError, check_shape
from smirk3d.geometry.cameras import crop_pixels_to_image, ndc_to_pixels, project
from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

NUM_EXPRESSION = 100
"""Components of the expression that FLAME 2020 and 2023 have and the readers take."""

FOCAL_FRACTION = 100.0
"""Focal length over the larger side where none is given. Tracked faces are orthographic; a camera
this far away moves no point of a face that fills its picture of 512 pixels by half of one."""
_WINDOW_MARGIN = 1.15
"""Side of a window over the larger extent of all that the heads cover, chosen by eye: hair and ears
that the model lacks stay inside."""


def is_flame(head: HeadModel) -> bool:
    """Whether a head has FLAME's joints and identity."""
    missing = {"root", "neck", "jaw", "eyeL", "eyeR"} - set(head.joint_names)
    return not missing and not head.has_blend_jaw and head.group("shape").dim == 300


@dataclass(frozen=True, kw_only=True)
class FlameClip:
    """A face in the frames of a video, or in a single photo.

    Attributes:
        head: a FLAME head.
        parameters: of T frames; the identity is that of the first one.
        T_crop_image: ``[T, 3, 3]``, from image to crop pixels; similarities.
        image_size: height and width of the images, in pixels.
        image_names: T paths by which the layouts name the frames.
        focal_length: in pixels; a hundred times the larger side unless given.
    """

    head: HeadModel
    parameters: FaceParameters
    T_crop_image: NDArray[np.floating]
    image_size: tuple[int, int]
    image_names: Sequence[str]
    focal_length: float | None = None

    def __post_init__(self) -> None:
        """Check that the head is FLAME's and that all have T frames, and take them to NumPy."""
        if not is_flame(self.head):
            raise AssetError(
                f"head {self.head.name!r} is not FLAME: convert with `export --to-head flame` first"
            )
        head = self.head.to_numpy()
        taken = {
            "head": head,
            "parameters": self.parameters.to(head.v_template),
            "T_crop_image": to_numpy(self.T_crop_image),
        }
        for name, value in taken.items():
            object.__setattr__(self, name, value)
        check_shape(self.T_crop_image, "T 3 3", "T_crop_image", T=len(self.parameters))
        if len(self.image_names) != len(self.parameters):
            raise ValueError(
                f"{len(self.image_names)} image names for {len(self.parameters)} frames"
            )

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return self.focal_length or FOCAL_FRACTION * max(self.image_size)

    def seen(self, frame: int) -> NDArray[np.float32]:
        """Return where a frame shows the vertices ``[V, 2]``, in pixels of the image."""
        face = self.parameters[frame : frame + 1]
        ndc = project(self.head(face).vertices, face.camera)[..., :2]
        transform = self.T_crop_image[frame : frame + 1].astype(np.float32)
        points: NDArray[np.float32] = crop_pixels_to_image(ndc_to_pixels(ndc, CROP_SIZE), transform)
        return points[0]


@dataclass(frozen=True, kw_only=True)
class Window:
    """A square part of the images, scaled to a side, at the same place in all frames.

    Attributes:
        T_window_image: ``[3, 3]``, from image to window pixels: a scale and a shift.
        side: of the window in its own pixels.
    """

    T_window_image: NDArray[np.float64]
    side: int


def head_window(clip: FlameClip, side: int) -> Window:
    """Return the square that holds the head in all frames, scaled to ``side`` pixels."""
    points = np.concatenate([clip.seen(frame) for frame in range(len(clip.parameters))])
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    zoom = side / (_WINDOW_MARGIN * float((high - low).max()))
    corner = side / 2 - zoom * (low + high) / 2
    matrix = np.array([[zoom, 0, corner[0]], [0, zoom, corner[1]], [0, 0, 1]])
    return Window(T_window_image=matrix, side=side)


def windowed(clip: FlameClip, window: Window, image_names: Sequence[str]) -> FlameClip:
    """Return the clip as the window shows it.

    The camera is one that looks at the window's middle.

    Args:
        clip: the clip.
        window: the part of its images.
        image_names: T paths of the windows' pictures.
    """
    to_image = np.linalg.inv(window.T_window_image)
    focal = clip.focal_length
    return replace(
        clip,
        T_crop_image=(clip.T_crop_image @ to_image).astype(clip.T_crop_image.dtype),
        image_size=(window.side, window.side),
        image_names=list(image_names),
        focal_length=focal and focal * float(window.T_window_image[0, 0]),
    )


@dataclass(frozen=True)
class World:
    """Position and orientation of FLAME's vertices in the world.

    Attributes:
        rotation: rotation of FLAME's root joint ``[T, 3, 3]``.
        translation: translation that is added to FLAME's vertices ``[T, 3]``, in metres.
        root: position of the root joint at rest ``[T, 3]``, in metres.
    """

    rotation: NDArray[Any]
    translation: NDArray[Any]
    root: NDArray[Any]

    def motion(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return rotation and translation of vertices whose root is at rest."""
        rotated = np.einsum("tij,tj->ti", self.rotation, self.root)
        return self.rotation, self.translation + self.root - rotated


def world_of(clip: FlameClip) -> World:
    """Return where each frame's face is before the pinhole camera."""
    face = clip.parameters.to(np.float64)
    head = clip.head.at_vertices(np.flatnonzero(clip.head.regions["face"])).double()
    root = head.rest_joints(face)[:, head.joint_names.index("root")]
    image = np.linalg.inv(clip.T_crop_image.astype(np.float64))
    zoom = np.sqrt(np.linalg.det(image[:, :2, :2]))
    roll = np.tile(np.eye(3), (len(face), 1, 1))
    # the crop's rotation is written for y down
    roll[:, :2, :2] = (image[:, :2, :2] / zoom[:, None, None]).swapaxes(1, 2)
    pixels_per_metre = face.camera[:, 0] * CROP_SIZE / 2 * zoom
    middle = image @ np.array([CROP_SIZE / 2, CROP_SIZE / 2, 1.0])
    height, width = clip.image_size
    offset = middle[:, :2] - np.array([width / 2, height / 2])
    offset = offset / pixels_per_metre[:, None] * np.array([1.0, -1.0])
    shift = np.column_stack([face.camera[:, 1:], np.zeros(len(face))])
    # the face as seen, roll (FLAME + shift) + offset, as roll(FLAME's rotation) + translation
    translation = (roll @ (root + shift)[..., None])[..., 0] - root
    translation[:, :2] += offset
    rotation = roll @ axis_angle_to_matrix(face.head_pose)
    rotated = face.replace(head_pose=matrix_to_axis_angle(rotation))
    depth = head(rotated).vertices[..., 2].mean(1) + translation[:, 2]
    translation[:, 2] -= depth + clip.focal / pixels_per_metre
    return World(rotation, translation, root)


def with_all_components(expression: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return expressions ``[T, E]`` cut to 100 components, or padded with zeros to as many."""
    missing = max(0, NUM_EXPRESSION - expression.shape[1])
    return np.pad(expression[:, :NUM_EXPRESSION], ((0, 0), (0, missing)))


def flame_groups(clip: FlameClip) -> dict[str, NDArray[np.float32]]:
    """Return FLAME's own parameters, expression padded, eyes in the order of the joints."""
    face = clip.parameters
    eyes = face.eyes
    if clip.head.joint_names.index("eyeR") < clip.head.joint_names.index("eyeL"):
        eyes = np.concatenate([eyes[:, 3:], eyes[:, :3]], 1)
    groups = {
        "shape": face.shape[:1], "expression": with_all_components(face.expression),
        "jaw": face.jaw, "neck": face.neck, "eyes": eyes, "eyelids": face.eyelids,
    }  # fmt: skip
    return {name: value.astype(np.float32) for name, value in groups.items()}


def axis_angles(rotation: NDArray[Any]) -> NDArray[np.float32]:
    """Return rotations ``[T, 3, 3]`` as axis-angle in radians ``[T, 3]``."""
    vectors: NDArray[np.float32] = matrix_to_axis_angle(rotation).astype(np.float32)
    return vectors
