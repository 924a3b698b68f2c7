"""FLAME parameters of a clip in the layouts that avatar builders read.

Their cameras are pinholes, ours is scaled orthographic, so a focal length is assumed and each face
is put where its mean depth has the size that the crop shows. Then all layouts describe one world:

    w = translation + FLAME(parameters)            metres, +x the subject's left, +y up, +z forward

seen by a camera at the origin that looks along -z (OpenGL, Blender, NeRF: x right, y up, z back):

    u = cx - f w_x / w_z    v = cy + f w_y / w_z      pixels of the image, pixel centres at +0.5

The three layouts differ in where the head's motion is stored and in their camera's axes; each
writer says which. FLAME's expressions are padded with zeros to 100 components.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.assets.atomic import atomic_directory, atomic_path
from smirk3d.assets.file_lists import write_list
from smirk3d.assets.foreign.tensors import save_torch_file
from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import AssetError, check_shape
from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

NUM_EXPRESSION = 100
"""Expression components of FLAME's published files, which all three programs read."""
NUM_AVATAR_VERTICES = 5143
"""FLAME's vertices and the teeth that GaussianAvatars adds."""

FOLDERS = ("gaussian-avatars", "metrical-tracker", "imavatar")

_OPENCV = np.diag([1.0, -1.0, -1.0])
_PYTORCH3D = np.diag([-1.0, 1.0, -1.0])
"""World axes to the camera axes of both libraries, for a camera that looks along -z."""
_FOCAL_FRACTION = 3.0
"""Focal length over the larger side: a camera of some 19 degrees, as portraits have."""
_CANONICAL_JAW = 0.3
"""Radians by which VHAP opens the jaw of its canonical face."""
_NERF_CAMERA = ("cx", "cy", "fl_x", "fl_y", "h", "w", "camera_angle_x", "camera_angle_y")


@dataclass(frozen=True, kw_only=True)
class FlameClip:
    """A face in the frames of a video, or in a single photo.

    Attributes:
        head: a FLAME head.
        parameters: of T frames; the identity is that of the first one.
        T_crop_image: ``[T, 3, 3]``, from image to crop pixels; similarities.
        image_size: height and width of the images, in pixels.
        image_names: T paths by which the layouts name the frames.
        focal_length: in pixels; three times the larger side unless given.
    """

    head: HeadModel
    parameters: FaceParameters
    T_crop_image: Tensor
    image_size: tuple[int, int]
    image_names: Sequence[str]
    focal_length: float | None = None

    def __post_init__(self) -> None:
        """Check that the head is FLAME's and that all have T frames."""
        missing = {"root", "neck", "jaw", "eyeL", "eyeR"} - set(self.head.joint_names)
        if missing or self.head.has_blend_jaw or self.head.group("shape").dim != 300:
            raise AssetError(
                f"head {self.head.name!r} is not FLAME: convert with `export --to-head flame` first"
            )
        check_shape(self.T_crop_image, "T 3 3", "T_crop_image", T=len(self.parameters))
        if len(self.image_names) != len(self.parameters):
            raise ValueError(
                f"{len(self.image_names)} image names for {len(self.parameters)} frames"
            )

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return self.focal_length or _FOCAL_FRACTION * max(self.image_size)


@dataclass(frozen=True)
class _World:
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


@torch.no_grad()
def _world(clip: FlameClip) -> _World:
    """Return where each frame's face is before the pinhole camera."""
    face = clip.parameters.to(torch.float64)
    head = clip.head.at_vertices(torch.nonzero(clip.head.regions["face"])[:, 0]).double()
    root = head.rest_joints(face)[:, head.joint_names.index("root")]
    image = torch.linalg.inv(clip.T_crop_image.double())
    zoom = image[:, :2, :2].det().sqrt()
    roll = torch.eye(3, dtype=torch.float64).repeat(len(face), 1, 1)
    # the crop's rotation is written for y down
    roll[:, :2, :2] = (image[:, :2, :2] / zoom[:, None, None]).transpose(1, 2)
    pixels_per_metre = face.camera[:, 0] * CROP_SIZE / 2 * zoom
    middle = image @ image.new_tensor([CROP_SIZE / 2, CROP_SIZE / 2, 1.0])
    height, width = clip.image_size
    offset = middle[:, :2] - image.new_tensor([width / 2, height / 2])
    offset = offset / pixels_per_metre[:, None] * image.new_tensor([1.0, -1.0])
    shift = torch.nn.functional.pad(face.camera[:, 1:], (0, 1))
    # the face as seen, roll (FLAME + shift) + offset, as roll(FLAME's rotation) + translation
    translation = (roll @ (root + shift)[..., None])[..., 0] - root
    translation[:, :2] += offset
    rotation = roll @ axis_angle_to_matrix(face.head_pose)
    rotated = face.replace(head_pose=matrix_to_axis_angle(rotation))
    depth = head(rotated).vertices[..., 2].mean(1) + translation[:, 2]
    translation[:, 2] -= depth + clip.focal / pixels_per_metre
    return _World(rotation.numpy(), translation.numpy(), root.numpy())


def _numpy(clip: FlameClip) -> dict[str, NDArray[np.float32]]:
    """Return FLAME's own parameters, expression padded, eyes in the order of the joints."""
    face = clip.parameters
    expression = torch.nn.functional.pad(
        face.expression[:, :NUM_EXPRESSION], (0, max(0, NUM_EXPRESSION - face.expression.shape[1]))
    )
    eyes = face.eyes
    if clip.head.joint_names.index("eyeR") < clip.head.joint_names.index("eyeL"):
        eyes = torch.cat([eyes[:, 3:], eyes[:, :3]], 1)
    groups = {
        "shape": face.shape[:1], "expression": expression, "jaw": face.jaw, "neck": face.neck,
        "eyes": eyes, "eyelids": face.eyelids,
    }  # fmt: skip
    return {name: value.detach().cpu().float().numpy() for name, value in groups.items()}


def _axis_angle(rotation: NDArray[Any]) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = matrix_to_axis_angle(torch.as_tensor(rotation)).float().numpy()
    return vectors


def write_flame(folder: Path, clip: FlameClip) -> None:
    """Write a clip in all layouts, each in a folder of its own (:data:`FOLDERS`).

    Args:
        folder: for the layouts; replaced where it holds an earlier writing and nothing else.
        clip: the clip.

    Raises:
        OutputError: if the folder cannot be written.
    """
    avatars, metrical, imavatar = FOLDERS
    with atomic_directory(folder, overwrite=True) as temporary:
        write_gaussian_avatars(temporary / avatars, clip)
        write_metrical_tracker(temporary / metrical, clip)
        write_imavatar(temporary / imavatar / "flame_params.json", clip)
        write_list(temporary)


def write_gaussian_avatars(folder: Path, clip: FlameClip) -> None:
    """Write the data set layout of GaussianAvatars and VHAP.

    ``transforms.json`` (with ``_train``, ``_val`` and ``_test``), ``canonical_flame_param.npz`` and
    ``flame_param/00000.npz`` a frame. The camera stands still at the origin, ``transform_matrix``
    is camera to world in OpenGL's axes; FLAME's ``rotation`` and ``translation`` are the head's
    motion. This layout has no eyelids.

    Raises:
        OutputError: if the folder cannot be written.
    """
    world, groups = _world(clip), _numpy(clip)
    rotation = _axis_angle(world.rotation)
    fixed = {"shape": groups["shape"][0]}
    fixed["static_offset"] = np.zeros((1, NUM_AVATAR_VERTICES, 3), np.float32)
    moving = {
        "translation": world.translation.astype(np.float32), "rotation": rotation,
        "neck_pose": groups["neck"], "jaw_pose": groups["jaw"], "eyes_pose": groups["eyes"],
        "expr": groups["expression"],
    }  # fmt: skip
    canonical = {key: np.zeros_like(value[:1]) for key, value in moving.items()}
    canonical["jaw_pose"][0, 0] = _CANONICAL_JAW
    with atomic_directory(folder) as temporary:
        (temporary / "flame_param").mkdir()
        _save_arrays(temporary / "canonical_flame_param.npz", {**canonical, **fixed})
        for frame in range(len(clip.parameters)):
            rows = {key: value[frame : frame + 1] for key, value in moving.items()}
            _save_arrays(temporary / "flame_param" / f"{frame:05d}.npz", {**rows, **fixed})
        frames = [_nerf_frame(clip, frame) for frame in range(len(clip.parameters))]
        first = {key: frames[0][key] for key in _NERF_CAMERA}
        for split in ("", "_train", "_val", "_test"):
            text = json.dumps({**first, "frames": frames}, indent=1)
            (temporary / f"transforms{split}.json").write_text(text)


def _save_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _nerf_frame(clip: FlameClip, frame: int) -> dict[str, Any]:
    height, width = clip.image_size
    return {
        "timestep_index": frame,
        "timestep_id": f"{frame:05d}",
        "camera_index": 0,
        "camera_id": "00",
        "cx": width / 2,
        "cy": height / 2,
        "fl_x": clip.focal,
        "fl_y": clip.focal,
        "h": height,
        "w": width,
        "camera_angle_x": 2 * math.atan(width / 2 / clip.focal),
        "camera_angle_y": 2 * math.atan(height / 2 / clip.focal),
        "transform_matrix": np.eye(4).tolist(),
        "file_path": clip.image_names[frame],
        "flame_param_path": f"flame_param/{frame:05d}.npz",
    }


def write_metrical_tracker(folder: Path, clip: FlameClip) -> None:
    """Write ``checkpoint/00000.frame`` a frame, as metrical-tracker leaves for INSTA, FlashAvatar.

    FLAME's root stays at rest; the camera has the head's motion. ``opencv`` has world to camera
    in OpenCV's axes (``R @ x + t``; x right, y down, z ahead) and ``K`` in pixels. ``camera`` has
    the same in PyTorch3D's (x left, y up, z ahead; ``x @ R + t``) with focal length and principal
    point in its normalised coordinates. Jaw and eyes are the first two rows of their rotations.

    Raises:
        OutputError: if the folder cannot be written.
    """
    world, groups = _world(clip), _numpy(clip)
    rotation, translation = world.motion()
    height, width = clip.image_size
    intrinsics = np.array(
        [[clip.focal, 0, width / 2], [0, clip.focal, height / 2], [0, 0, 1]], np.float32
    )
    normalised = np.array([[2 * clip.focal / min(height, width)]], np.float32)
    with atomic_directory(folder) as temporary:
        (temporary / "checkpoint").mkdir()
        for frame in range(len(clip.parameters)):
            row = slice(frame, frame + 1)
            R, t = rotation[frame], translation[frame]
            content = {
                "flame": _metrical_flame(groups, row),
                "camera": {
                    "R": (_PYTORCH3D @ R).T[None].astype(np.float32),
                    "t": (_PYTORCH3D @ t)[None].astype(np.float32),
                    "fl": normalised,
                    "pp": np.zeros((1, 2), np.float32),
                },
                "opencv": {
                    "R": (_OPENCV @ R)[None].astype(np.float32),
                    "t": (_OPENCV @ t)[None].astype(np.float32),
                    "K": intrinsics[None],
                },
                "img_size": np.array([height, width]),
                "frame_id": f"{frame:05d}",
                "global_step": frame,
            }
            save_torch_file(content, temporary / "checkpoint" / f"{frame:05d}.frame")


def _metrical_flame(groups: dict[str, NDArray[np.float32]], row: slice) -> dict[str, Any]:
    eyelids = groups["eyelids"][row]
    eyes = groups["eyes"][row]
    return {
        "exp": groups["expression"][row],
        "shape": groups["shape"],
        "tex": np.zeros((1, 140), np.float32),
        "sh": np.zeros((1, 9, 3), np.float32),
        "eyes": np.concatenate([_two_rows(eyes[:, :3]), _two_rows(eyes[:, 3:])], 1),
        "eyelids": eyelids if eyelids.shape[1] else np.zeros((1, 2), np.float32),
        "jaw": _two_rows(groups["jaw"][row]),
    }


def _two_rows(axis_angle: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the first two rows of rotations ``[T, 6]`` (Zhou et al. 2019)."""
    matrix = axis_angle_to_matrix(torch.as_tensor(axis_angle))
    rows: NDArray[np.float32] = matrix[:, :2].flatten(1).numpy()
    return rows


def write_imavatar(path: Path, clip: FlameClip) -> None:
    """Write ``flame_params.json``, as IMavatar, PointAvatar and SPARK read it.

    ``world_mat`` ``[3, 4]`` is world to camera in OpenGL's axes (x right, y up, z back) and holds
    the translation; ``pose`` has the rotations of root, neck, jaw and both eyes as 15 numbers.
    ``intrinsics`` are focal lengths and principal point as fractions of width and height; readers
    project ``x = cx - fx X / Z`` and ``y = cy + fy Y / Z``.

    Raises:
        OutputError: if the file cannot be written.
    """
    world, groups = _world(clip), _numpy(clip)
    height, width = clip.image_size
    pose = np.concatenate(
        [_axis_angle(world.rotation), groups["neck"], groups["jaw"], groups["eyes"]], 1
    )
    frames = [
        {
            "file_path": clip.image_names[frame],
            "world_mat": np.concatenate([np.eye(3), translation[:, None]], 1).tolist(),
            "expression": groups["expression"][frame].tolist(),
            "pose": pose[frame].tolist(),
        }
        for frame, translation in enumerate(world.translation)
    ]
    content = {
        "frames": frames,
        "shape_params": groups["shape"][0].tolist(),
        "intrinsics": [clip.focal / width, clip.focal / height, 0.5, 0.5],
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1))
