"""Each layout, read as its users read it, shows the face where our camera does."""

import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.errors import AssetError
from smirk3d.export.flame.clip import FlameClip
from smirk3d.export.flame.gaussian_avatars import write_gaussian_avatars
from smirk3d.export.flame.imavatar import write_imavatar
from smirk3d.export.flame.metrical_tracker import write_metrical_tracker
from smirk3d.geometry.cameras import crop_pixels_to_image, ndc_to_pixels, project
from smirk3d.head_import.flame import (
    FlameCompanions,
    convert_flame,
    flame_release,
    parse_flame_model,
)
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head

sys.path.insert(0, str(Path(__file__).parents[1] / "head_import"))
from flame_files import flame_arrays

HEIGHT, WIDTH = 480, 640
SHAPE = (torch.arange(300) < 100).float()
"""IMavatar takes the first hundred components of the identity."""


@pytest.fixture(scope="module")
def flame():
    model = parse_flame_model(pickle.dumps(flame_arrays(), 2), "x.pkl")
    return HeadModel(*convert_flame(model, FlameCompanions(), flame_release("generic_model.pkl")))


def clip_of(head, focal=None):
    """Three frames: turned heads in crops of several sizes and places, one of them rolled."""
    generator = torch.Generator().manual_seed(3)

    def normal(size, scale):
        return scale * torch.randn(3, size, generator=generator)

    parameters = head.neutral(3).replace(
        shape=normal(300, 1)[:1].repeat(3, 1) * SHAPE, expression=normal(50, 1), jaw=normal(3, 0.1),
        eyes=normal(6, 0.2), neck=normal(3, 0.1), head_pose=normal(3, 0.4),
        camera=torch.tensor([7.0, 0.01, -0.02]) + normal(3, 0.004),
    )  # fmt: skip
    crops = []
    for zoom, angle, x, y in ((1.2, 0.0, -150, -30), (0.7, 0.0, -200, 20), (0.9, 0.35, -160, -90)):
        c, s = zoom * np.cos(angle), zoom * np.sin(angle)
        crops.append([[c, -s, x], [s, c, y], [0, 0, 1]])
    return FlameClip(
        head=head, parameters=parameters, T_crop_image=torch.tensor(crops, dtype=torch.float32),
        image_size=(HEIGHT, WIDTH), image_names=[f"images/{k}.png" for k in range(3)],
        focal_length=focal,
    )  # fmt: skip


def seen(clip):
    """Where our own camera shows the vertices, in image pixels ``[3, V, 2]``."""
    vertices = clip.head(clip.parameters).vertices
    crop = ndc_to_pixels(project(vertices, clip.parameters.camera)[..., :2], 224)
    return crop_pixels_to_image(crop, clip.T_crop_image)


def flame_vertices(head, pose, expression, shape):
    """FLAME as those programs evaluate it: axis-angle of root, neck, jaw, left and right eye."""
    pose = np.asarray(pose, np.float32).reshape(1, 15)
    parameters = head.neutral().replace(
        shape=np.asarray(shape, np.float32).reshape(1, 300),
        expression=np.asarray(expression, np.float32).reshape(1, 100)[:, :50],
        head_pose=pose[:, :3], neck=pose[:, 3:6], jaw=pose[:, 6:9], eyes=pose[:, 9:],
    )  # fmt: skip
    return head(parameters).vertices[0].astype(np.float64)


def from_gaussian_avatars(folder, head):
    pixels = []
    for frame in json.loads((folder / "transforms.json").read_text())["frames"]:
        with np.load(folder / frame["flame_param_path"]) as stored:
            pose = np.concatenate(
                [stored[k][0] for k in ("rotation", "neck_pose", "jaw_pose", "eyes_pose")]
            )
            world = flame_vertices(head, pose, stored["expr"], stored["shape"])
            world = world + stored["translation"]
        camera = np.linalg.inv(frame["transform_matrix"])
        x, y, z = (world @ camera[:3, :3].T + camera[:3, 3]).T
        u = frame["cx"] + frame["fl_x"] * x / -z
        v = frame["cy"] - frame["fl_y"] * y / -z
        pixels.append(np.stack([u, v], 1))
    return np.stack(pixels)


def six_to_axis_angle(rows):
    """Gram-Schmidt of two rows, then the rotation's axis and angle."""
    a, b = rows[:3], rows[3:]
    first = a / np.linalg.norm(a)
    second = b - first * (first @ b)
    second /= np.linalg.norm(second)
    matrix = np.stack([first, second, np.cross(first, second)])
    angle = np.arccos(np.clip((np.trace(matrix) - 1) / 2, -1, 1))
    odd = matrix - matrix.T
    axis = np.array([odd[2, 1], odd[0, 2], odd[1, 0]])
    return axis / (2 * np.sin(angle)) * angle


def from_metrical_tracker(folder, head, camera, neck):
    pixels = []
    for frame, path in enumerate(sorted((folder / "checkpoint").glob("*.frame"))):
        stored = torch.load(path, weights_only=False)
        flame = stored["flame"]
        pose = [np.zeros(3), neck[frame], six_to_axis_angle(flame["jaw"][0])]
        pose += [six_to_axis_angle(eye) for eye in np.split(flame["eyes"][0], 2)]
        world = flame_vertices(head, np.concatenate(pose), flame["exp"], flame["shape"])
        if camera == "opencv":
            view = world @ stored["opencv"]["R"][0].T + stored["opencv"]["t"][0]
            image = view @ stored["opencv"]["K"][0].T
            pixels.append(image[:, :2] / image[:, 2:])
        else:
            view = world @ stored["camera"]["R"][0] + stored["camera"]["t"][0]
            ndc = stored["camera"]["fl"][0] * view[:, :2] / view[:, 2:] + stored["camera"]["pp"][0]
            height, width = stored["img_size"]
            # PyTorch3D: +x left, +y up, the shorter side spans [-1, 1]
            pixels.append(np.array([width, height]) / 2 - ndc * min(height, width) / 2)
    return np.stack(pixels)


def from_imavatar(path, head):
    content = json.loads(path.read_text())
    fx, fy, cx, cy = content["intrinsics"]
    pixels = []
    for frame in content["frames"]:
        assert (len(content["shape_params"]), len(frame["expression"])) == (100, 50)
        shape = np.pad(content["shape_params"], (0, 200))
        expression = np.pad(frame["expression"], (0, 50))
        vertices = 4 * flame_vertices(head, frame["pose"], expression, shape)
        world = np.array(frame["world_mat"])
        x, y, z = (vertices @ world[:, :3].T + world[:, 3]).T
        pixels.append(np.stack([(fx * x / z + cx) * WIDTH, (fy * y / z + cy) * HEIGHT], 1))
    return np.stack(pixels)


def read_back(kind, path, clip):
    if kind == "gaussian_avatars":
        write_gaussian_avatars(path, clip)
        return from_gaussian_avatars(path, clip.head)
    if kind == "imavatar":
        write_imavatar(path, clip)
        return from_imavatar(path, clip.head)
    write_metrical_tracker(path, clip)
    neck = clip.parameters.neck
    return from_metrical_tracker(path, clip.head, kind, neck)


KINDS = ["gaussian_avatars", "imavatar", "opencv", "pytorch3d"]


@pytest.mark.parametrize("kind", KINDS)
def test_far_away_the_pinhole_shows_what_our_camera_shows(kind, flame, tmp_path):
    clip = clip_of(flame, focal=1e6)
    assert np.abs(read_back(kind, tmp_path / "out", clip) - seen(clip)).max() < 0.15


@pytest.mark.parametrize("kind", KINDS)
def test_at_the_default_focal_length_perspective_moves_nothing(kind, flame, tmp_path):
    clip = clip_of(flame)
    difference = read_back(kind, tmp_path / "out", clip) - seen(clip)
    face = flame.regions["face"].numpy()
    assert np.linalg.norm(difference[:, face], axis=2).max() < 0.5


def test_all_layouts_agree_to_the_hundredth_of_a_pixel(flame, tmp_path):
    clip = clip_of(flame)
    first, *others = (read_back(kind, tmp_path / kind, clip) for kind in KINDS)
    for other in others:
        assert np.abs(other - first).max() < 0.01


def test_shapes_are_those_that_gaussian_avatars_reads(flame, tmp_path):
    write_gaussian_avatars(tmp_path / "out", clip_of(flame))
    for name in ("flame_param/00002.npz", "canonical_flame_param.npz"):
        with np.load(tmp_path / "out" / name) as stored:
            shapes = {key: stored[key].shape for key in stored}
        assert shapes == {
            "translation": (1, 3), "rotation": (1, 3), "neck_pose": (1, 3), "jaw_pose": (1, 3),
            "eyes_pose": (1, 6), "shape": (300,), "expr": (1, 100),
            "static_offset": (1, 5143, 3),
        }  # fmt: skip
    content = json.loads((tmp_path / "out" / "transforms.json").read_text())
    assert content["frames"][1]["file_path"] == "images/1.png"
    assert content["w"] == WIDTH


def test_another_head_is_refused(flame):
    head = tiny_head("named")
    with pytest.raises(AssetError, match="is not FLAME"):
        FlameClip(
            head=head, parameters=head.neutral(), T_crop_image=torch.eye(3)[None],
            image_size=(10, 10), image_names=["a"],
        )  # fmt: skip
    with pytest.raises(ValueError, match="2 image names for 1 frames"):
        FlameClip(
            head=flame, parameters=flame.neutral(), T_crop_image=torch.eye(3)[None],
            image_size=(10, 10), image_names=["a", "b"],
        )  # fmt: skip
