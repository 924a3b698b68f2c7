"""A made clip of a FLAME head becomes data sets, read as their loaders are described to read them.

The descriptions: VHAP's ``NeRFDataset`` and GaussianAvatars' ``readCamerasFromTransforms``,
``readMeshesFromTransforms``; INSTA's ``load_nerf``; FlashAvatar's ``Scene_mica``; IMavatar's
``FaceDataset``.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from smirk3d.export.flame.pictures import mouth_mask
from smirk3d.geometry.cameras import crop_pixels_to_image, ndc_to_pixels, project
from smirk3d.head_import.flame import (
    FlameCompanions,
    convert_flame,
    flame_release,
    parse_flame_model,
)
from smirk3d.heads.head_model import HeadModel
from smirk3d.preprocessing.media.video_reader import VideoReader
from smirk3d.tracking.data_sets import flame_clip, write_person_data_set
from smirk3d.tracking.track_file import MOVING, Track
from tests.tracking.clips import write_video

sys.path.insert(0, str(Path(__file__).parents[1] / "head_import"))
from flame_files import flame_arrays

WIDTH, HEIGHT, SIDE = 640, 480, 512
COUNT = 10
Shown = np.ndarray


@pytest.fixture(scope="module")
def head() -> HeadModel:
    model = parse_flame_model(pickle.dumps(flame_arrays(), 2), "x.pkl")
    return HeadModel(*convert_flame(model, FlameCompanions(), flame_release("generic_model.pkl")))


@pytest.fixture(scope="module")
def track(head: HeadModel) -> Track:
    """A head that turns, opens its mouth and wanders; one of the frames does not show it."""
    generator = torch.Generator().manual_seed(5)
    valid = np.ones((1, COUNT + 1), bool)
    valid[0, 4] = False

    def moves(size: int, scale: float) -> np.ndarray:
        return (scale * torch.randn(COUNT, size, generator=generator)).numpy()

    rows = {name: getattr(head.neutral(COUNT), name).numpy() for name in MOVING}
    rows |= {"expression": moves(50, 0.5), "jaw": moves(3, 0.1), "head_pose": moves(3, 0.3)}
    rows["camera"] = np.float32([7.0, 0.0, 0.0]) + moves(3, 0.003)
    crops = np.tile(np.array([[0.9, 0.1, -200], [-0.1, 0.9, -80], [0, 0, 1.0]]), (COUNT, 1, 1))
    crops[:, :2, 2] += moves(2, 5.0)
    rows["T_crop_image"] = crops
    shape = torch.randn(1, 300, generator=generator) * (torch.arange(300) < 100)
    meta = {"image_size": [WIDTH, HEIGHT]}
    times = np.arange(COUNT + 1) / 25
    return Track(meta, times, np.array([3]), valid, shape.float().numpy(), rows)


def seen(track: Track, head: HeadModel) -> Shown:
    """Where our camera shows the face's vertices, in pixels of the video ``[T, V, 2]``."""
    parameters = track.parameters(0)
    vertices = head(parameters).vertices[:, head.regions["face"]]
    crop = ndc_to_pixels(project(vertices, parameters.camera)[..., :2], 224)
    T_crop_image = torch.as_tensor(track.rows["T_crop_image"]).float()
    return crop_pixels_to_image(crop, T_crop_image).numpy()


@pytest.fixture(scope="module")
def video(track: Track, head: HeadModel, tmp_path_factory: pytest.TempPathFactory) -> VideoReader:
    """Grey frames with the number of the frame as brightness, and a red spot upon a vertex."""
    points = seen(track, head)
    row = 0

    def frames():
        nonlocal row
        for number in range(COUNT + 1):
            picture = np.full((HEIGHT, WIDTH, 3), 60 + 12 * number, np.uint8)
            if track.valid[0, number]:
                spot = tuple(round(16 * (x - 0.5)) for x in points[row, 0])
                cv2.circle(picture, spot, 6 * 16, (255, 0, 0), -1, cv2.LINE_AA, 4)
                row += 1
            yield picture

    path = tmp_path_factory.mktemp("video") / "clip.mkv"
    return VideoReader(write_video(path, frames(), rate=25, codec="ffv1", pixels="yuv444p"))


@pytest.fixture(scope="module")
def made(
    track: Track, head: HeadModel, video: VideoReader, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp("sets")
        write_person_data_set(folder, name, track, 0, head, video)
        return folder / f"face-3-{name}"

    return make


def posed(head: HeadModel, pose, expression, shape) -> np.ndarray:
    """FLAME's face as the programs evaluate it: axis-angles of root, neck, jaw and both eyes."""
    pose = torch.as_tensor(np.asarray(pose, np.float32)).view(1, 15)
    shape = np.pad(np.asarray(shape, np.float32), (0, 300 - len(shape)))
    parameters = head.neutral().replace(
        shape=torch.as_tensor(shape)[None],
        expression=torch.as_tensor(np.asarray(expression, np.float32))[None, :50],
        head_pose=pose[:, :3], neck=pose[:, 3:6], jaw=pose[:, 6:9], eyes=pose[:, 9:],
    )  # fmt: skip
    return head(parameters).vertices[0, head.regions["face"]].double().numpy()


def red_spot(image: np.ndarray) -> np.ndarray:
    """The middle of what is red, pixel centres at +0.5."""
    red = image[..., 0].astype(float) - image[..., 1]
    red[red < 40] = 0
    rows, columns = np.indices(red.shape)
    return np.array([(red * columns).sum(), (red * rows).sum()]) / red.sum() + 0.5


def assert_where_it_was(points: Shown, images: list[np.ndarray], truth: Shown) -> None:
    """Landmarks lie within half a pixel of where the video has them, and on its picture."""
    shown = np.stack([red_spot(image) for image in images])
    assert np.abs(points[:, 0] - shown).max() < 0.5
    # the window is a scale and a shift of the video: the same for all points of all frames
    flat, seen_flat = points.reshape(-1, 2), truth.reshape(-1, 2)
    zoom = np.polyfit(seen_flat[:, 0], flat[:, 0], 1)[0]
    shift = (flat - zoom * seen_flat).mean(0)
    assert np.abs(flat - zoom * seen_flat - shift).max() < 0.5


def test_gaussian_avatars_and_vhap(made, track: Track, head: HeadModel) -> None:
    folder = made("gaussian-avatars")
    whole, train, val, test = (
        json.loads((folder / f"transforms{split}.json").read_text())
        for split in ("", "_train", "_val", "_test")
    )
    assert whole["timestep_indices"] == list(range(COUNT))
    assert len(train["timestep_indices"]) == max(train["timestep_indices"]) + 1
    assert (whole["camera_indices"], val["frames"]) == ([0], [])
    assert [*train["frames"], *test["frames"]] == whole["frames"]
    assert [frame["timestep_index"] for frame in train["frames"]] == list(range(7))
    assert [frame["timestep_index"] for frame in test["frames"]] == [7, 8, 9]
    points, images = [], []
    for frame in whole["frames"]:
        assert frame["timestep_index_original"] == frame["timestep_index"]
        assert (frame["camera_index"], frame["camera_id"]) == (0, "00")
        assert frame["file_path"].endswith(".png"), "else GaussianAvatars appends it"
        image = np.array(Image.open(folder / frame["file_path"]))
        mask = np.array(Image.open(folder / frame["fg_mask_path"]))
        assert image.shape == (frame["h"], frame["w"], 3) == (SIDE, SIDE, 3)
        assert mask.shape == (SIDE, SIDE)
        assert set(np.unique(mask)) == {0, 255}
        assert 0.1 < (mask > 0).mean() < 0.9
        assert (image[mask == 0] == 255).all()
        with np.load(folder / frame["flame_param_path"]) as file:
            stored = {key: file[key] for key in file}
        assert {key: value.shape for key, value in stored.items()} == {
            "translation": (1, 3), "rotation": (1, 3), "neck_pose": (1, 3), "jaw_pose": (1, 3),
            "eyes_pose": (1, 6), "shape": (300,), "expr": (1, 100), "static_offset": (1, 5143, 3),
        }  # fmt: skip
        pose = [stored[key][0] for key in ("rotation", "neck_pose", "jaw_pose", "eyes_pose")]
        world = posed(head, np.concatenate(pose), stored["expr"][0], stored["shape"])
        world = world + stored["translation"]
        # GaussianAvatars: one field of view across, square pixels, principal point in the middle
        to_camera = np.linalg.inv(frame["transform_matrix"])
        x, y, z = (world @ to_camera[:3, :3].T + to_camera[:3, 3]).T
        focal = frame["w"] / 2 / np.tan(frame["camera_angle_x"] / 2)
        assert focal == pytest.approx(frame["fl_x"]) == pytest.approx(frame["fl_y"])
        points.append(np.stack([SIDE / 2 - focal * x / z, SIDE / 2 + focal * y / z], 1))
        images.append(np.where(mask[..., None] > 0, image, 0).astype(np.uint8))
        for u, v in points[-1].round().astype(int):
            assert mask[v, u] == 255
    assert_where_it_was(np.stack(points), images, seen(track, head))
    # frames of the video, the one without the head left out
    brightness = [int(np.median(image[..., 1][image[..., 1] > 0])) for image in images]
    expected = [60 + 12 * number for number in track.frames(0)]
    assert np.abs(np.array(brightness) - expected).max() <= 2


def test_insta(made, track: Track, head: HeadModel) -> None:
    folder = made("insta")
    content = json.loads((folder / "transforms.json").read_text())
    parts = [json.loads((folder / f"transforms_{s}.json").read_text()) for s in ("train", "test")]
    assert content["frames"] == [*parts[0]["frames"], *parts[1]["frames"]]
    focal = SIDE / 2 / np.tan(np.radians(content["x_fov"]) / 2)
    assert focal == pytest.approx(content["fl_x"])
    points, images = [], []
    for frame in content["frames"]:
        rgba = np.array(Image.open(folder / frame["file_path"]))
        assert rgba.shape == (SIDE, SIDE, 4)
        images.append(rgba[..., :3])
        lines = (folder / frame["mesh_path"]).read_text().splitlines()
        mesh = np.array([line.split()[1:] for line in lines if line.startswith("v ")], float)
        assert len(mesh) == len(head.v_template)
        assert len((folder / frame["exp_path"]).read_text().split()) == 100
        # camera to world in OpenCV's axes: x right, y down, z ahead
        to_camera = np.linalg.inv(frame["transform_matrix"])
        x, y, z = (mesh[head.regions["face"]] @ to_camera[:3, :3].T + to_camera[:3, 3]).T
        assert (z > 0).all()
        points.append(np.stack([content["cx"] + focal * x / z, content["cy"] + focal * y / z], 1))
    assert_where_it_was(np.stack(points), images, seen(track, head))
    assert (folder / "canonical.obj").is_file()


def test_flash_avatar(made) -> None:
    folder = made("flash-avatar")
    stored = sorted((folder / "metrical-tracker" / "checkpoint").glob("*.frame"))
    assert [path.name for path in stored] == [f"{n:05d}.frame" for n in range(COUNT)]
    for number in range(COUNT):
        payload = torch.load(stored[number], weights_only=False)
        assert list(payload["img_size"]) == [SIDE, SIDE]
        name, data = f"{number + 1:05d}", folder / "dataset"
        image = Image.open(data / "imgs" / f"{name}.jpg")
        alpha = np.array(Image.open(data / "alpha" / f"{name}.jpg"))
        head_mask = np.array(Image.open(data / "parsing" / f"{name}_neckhead.png"))
        mouth = np.array(Image.open(data / "parsing" / f"{name}_mouth.png"))
        assert image.size == (SIDE, SIDE)
        assert alpha.shape == head_mask.shape == mouth.shape == (SIDE, SIDE)
        assert (head_mask[mouth > 0] > 0).all()


def test_the_mouth_is_the_hull_of_the_lips(track: Track, head: HeadModel) -> None:
    lips = next(buffer for name, buffer in head.arrays().items() if name.endswith("region_lips"))
    before = lips.clone()
    lips[:] = torch.arange(len(lips)) < 40
    try:
        clip = flame_clip(track, 0, head)
        mask = mouth_mask(clip, 2)
    finally:
        lips[:] = before
    rows, columns = np.nonzero(mask)
    points = clip.seen(2)[:40]
    low, high = points.min(0).tolist(), points.max(0).tolist()
    assert abs(columns.min() - max(low[0], 0)) < 1.5
    assert abs(rows.max() - min(high[1], HEIGHT - 1)) < 1.5


def test_imavatar(made, track: Track, head: HeadModel) -> None:
    folder = made("imavatar")
    content = json.loads((folder / "flame_params.json").read_text())
    fx, fy, cx, cy = np.array(content["intrinsics"]) * SIDE
    points, images = [], []
    for frame in content["frames"]:
        path = folder / f"{frame['file_path']}.png"
        assert int(frame["file_path"].split("/")[-1]) == len(points)
        images.append(np.array(Image.open(path)))
        assert np.array(Image.open(folder / "mask" / path.name)).shape == (SIDE, SIDE)
        vertices = 4 * posed(head, frame["pose"], frame["expression"], content["shape_params"])
        world = np.array(frame["world_mat"])
        x, y, z = (vertices @ world[:, :3].T + world[:, 3]).T
        points.append(np.stack([cx + fx * x / z, cy + fy * y / z], 1))
        box = (np.array(frame["bbox"]) + 1) * SIDE / 2
        assert np.abs(box - [*points[-1].min(0), *points[-1].max(0)]).max() < 1
    assert_where_it_was(np.stack(points), images, seen(track, head))
