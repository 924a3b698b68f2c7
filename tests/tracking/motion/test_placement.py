"""Heads before cameras, cameras about heads, and the tables that hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.conventions import CROP_SIZE
from smirk3d.geometry.cameras import crop_pixels_to_image, ndc_to_pixels, project
from smirk3d.heads.tiny import tiny_head
from smirk3d.tracking.motion.placement import camera_path, write_chans
from smirk3d.tracking.track_file import MOVING, Track


def made_track(head, focal: float | None = None) -> Track:
    """Three of four frames show a head that turns and moves in pictures of 640 x 360."""
    parameters = head.neutral(3)
    turn = torch.tensor([[0.1, 0.4, -0.2], [0.0, 0.3, 0.0], [-0.2, -0.5, 0.1]])
    parameters = parameters.replace(head_pose=turn)
    rows = {name: getattr(parameters, name).numpy().copy() for name in MOVING}
    crops = np.tile(np.diag([0.7, 0.7, 1.0]), (3, 1, 1))
    crops[:, :2, 2] = [[-100, -20], [-120, -25], [-150, -10]]
    rows |= {
        "T_crop_image": crops, "box": np.zeros((3, 4), np.float32),
        "score": np.ones(3, np.float32), "quality": np.ones(3, np.float32),
    }  # fmt: skip
    meta = {"image_size": [640, 360], "head": head.name}
    valid = np.array([[True, False, True, True]])
    shape = head.neutral().shape.numpy()
    track = Track(meta, np.arange(4) / 25, np.array([0]), valid, shape, rows)
    return track if focal is None else track.seen_through_pinhole(head, focal)


def in_pictures(track: Track, head) -> np.ndarray:
    """Where the pictures show the vertices ``[3, V, 2]``, by the tracked cameras."""
    faces = track.parameters(0)
    pixels = ndc_to_pixels(project(head(faces).vertices, faces.camera)[..., :2], CROP_SIZE)
    return crop_pixels_to_image(pixels, torch.from_numpy(track.rows["T_crop_image"]).float())


@pytest.mark.parametrize("kind", ["named", "pca"])
def test_the_camera_about_the_head_sees_it_as_the_video(kind: str) -> None:
    head = tiny_head(kind)
    track = made_track(head)
    camera = camera_path(track, 0, head)
    posed = head(track.parameters(0)).vertices.double().numpy()
    local = np.einsum("tji,tvj->tvi", camera.rotation, posed - camera.position[:, None])
    seen = camera.focal * local[..., :2] / -local[..., 2:] * [1, -1] + [320, 180]
    # all but orthographic: half a pixel at most
    assert np.abs(seen - in_pictures(track, head).numpy()).max() < 0.5


def rows_of(path: Path) -> np.ndarray:
    return np.array([[float(cell) for cell in line.split()] for line in path.open()])


def zxy(degrees: np.ndarray) -> np.ndarray:
    """Rotation about z first, then x, then y, as Nuke's order ZXY means."""
    (x, y, z) = np.radians(degrees)
    about_x = [[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]]
    about_y = [[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]]
    about_z = [[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]]
    return np.array(about_y) @ about_x @ about_z


@pytest.mark.parametrize("kind", ["named", "pca"])
def test_tables_place_the_head_before_the_camera(kind: str, tmp_path: Path) -> None:
    head = tiny_head(kind)
    track = made_track(head, focal=700)
    write_chans(tmp_path / "face-0", track, 0, head)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face-0-camera.chan", "face-0.chan"]
    placed, camera = rows_of(tmp_path / "face-0.chan"), rows_of(tmp_path / "face-0-camera.chan")
    assert placed[:, 0].tolist() == camera[:, 0].tolist() == [1, 3, 4]
    neutral = head.neutral().replace(shape=track.parameters(0).shape[:1])
    still = head(neutral).vertices[0].double().numpy()
    posed = head(track.parameters(0)).vertices.double().numpy()
    np.testing.assert_allclose(camera[:, 7], np.degrees(2 * np.arctan(180 / 700)), atol=1e-6)
    for row in range(3):
        before = still @ zxy(placed[row, 4:7]).T + placed[row, 1:4]
        # the camera stays, the head moves; or the head stays, the camera moves
        about = (posed[row] - camera[row, 1:4]) @ zxy(camera[row, 4:7])
        np.testing.assert_allclose(before, about, atol=1e-5)
