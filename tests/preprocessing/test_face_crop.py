from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from smirk3d.errors import ShapeError
from smirk3d.preprocessing.face_crop import (
    crop_face,
    crop_transform,
    face_roll,
    smirk_crop_transform,
    transform_points,
    warp_crop,
    without_roll,
)
from smirk3d.preprocessing.image_warp import warp_image

BOX = np.array([[100.0, 50.0], [180.0, 50.0], [100.0, 170.0], [180.0, 170.0]])


def smooth_picture(height: int = 300, width: int = 400) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (height // 20, width // 20, 3), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def similarity(zoom: float, degrees: float, x: float, y: float) -> np.ndarray:
    cos, sin = zoom * np.cos(np.radians(degrees)), zoom * np.sin(np.radians(degrees))
    return np.array([[cos, -sin, x], [sin, cos, y], [0, 0, 1]])


def test_crop_is_the_square_around_the_box():
    # The box is 80 x 120 around (140, 110): the side is 1.5 * 100.
    transform = crop_transform(BOX, scale=1.5, size=300)
    corners = np.array([[65.0, 35.0], [215.0, 185.0], [140.0, 110.0]])
    np.testing.assert_allclose(
        transform_points(transform, corners), [[0, 0], [300, 300], [150, 150]], atol=1e-9
    )


@pytest.mark.parametrize("degrees", [-150, -20, 0, 45, 90, 180])
def test_a_turned_face_stands_upright_in_its_crop(degrees):
    # clockwise in the picture, where y points down
    turned = transform_points(similarity(1.0, degrees, 30, 20), BOX)
    upright = crop_transform(BOX)
    transform = crop_transform(turned, roll=np.radians(degrees))
    np.testing.assert_allclose(
        transform_points(transform, turned), transform_points(upright, BOX), atol=1e-9
    )
    level = without_roll(transform)
    np.testing.assert_allclose(level[:2, :2], upright[:2, :2], atol=1e-12)
    middle = turned.mean(0)
    np.testing.assert_allclose(
        transform_points(level, middle), transform_points(transform, middle), atol=1e-9
    )


@pytest.mark.parametrize("degrees", [-150, -20, 0, 45, 90, 179])
def test_the_roll_is_that_of_the_line_from_chin_to_forehead(degrees):
    landmarks = np.random.default_rng(0).uniform(0, 100, (478, 3))
    landmarks[10], landmarks[152] = (50, 10, 0), (50, 90, 5)
    landmarks = transform_points(similarity(2.0, degrees, 30, 20), landmarks)
    assert np.degrees(face_roll(landmarks)) == pytest.approx(degrees)


def test_landmarks_without_extent_have_no_roll():
    assert face_roll(np.ones((478, 2))) == 0


@pytest.mark.parametrize("points", [np.zeros((4, 2)), np.full((4, 2), np.nan), np.ones((1, 2))])
def test_points_without_a_box(points):
    with pytest.raises(ValueError, match="span no box"):
        crop_transform(points)
    with pytest.raises(ValueError, match="span no box"):
        smirk_crop_transform(points)


def test_landmarks_of_another_shape():
    with pytest.raises(ShapeError, match="landmarks_xy"):
        crop_transform(np.zeros((2, 4, 2)))


def test_depth_follows_the_scale():
    moved = transform_points(similarity(0.5, 30, 3, 4), np.array([[0.0, 0.0, 8.0]]))
    np.testing.assert_allclose(moved, [[3, 4, 4]])


def test_points_come_back():
    transform = similarity(0.7, 20, 3, -40)
    points = np.random.default_rng(0).normal(size=(2, 5, 3)) * 100
    back = transform_points(np.linalg.inv(transform), transform_points(transform, points))
    np.testing.assert_allclose(back, points, atol=1e-9)


def test_identity_warp_copies():
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    np.testing.assert_array_equal(warp_crop(picture, np.eye(3), (40, 50)), picture)


def test_whole_pixel_shift_copies_and_is_black_outside():
    picture = np.random.default_rng(0).integers(1, 256, (40, 50, 3), np.uint8)
    crop = warp_crop(picture, similarity(1, 0, 10, -5), (40, 50))
    np.testing.assert_array_equal(crop[:35, 10:], picture[5:, :40])
    assert (crop[:, :10] == 0).all() and (crop[35:] == 0).all()


def test_a_pixel_covers_half_a_unit_to_each_side_of_its_centre():
    # Doubling maps pixel [10, 11) to [20, 22): both are its colour, up to the blend at the edge.
    picture = np.zeros((20, 20, 3), np.uint8)
    picture[10, 10] = 160
    crop = warp_crop(picture, np.diag([2.0, 2.0, 1.0]), 40)
    # Bilinear at a quarter of a pixel from the centre: 160 * 0.75 ** 2.
    np.testing.assert_allclose(crop[20:22, 20:22].astype(int), 90, atol=1)
    weights = crop.astype(float).sum(2)
    centre = (weights.sum(0) * (np.arange(40) + 0.5)).sum() / weights.sum()
    assert centre == pytest.approx(21.0)


def test_strong_reduction_averages_instead_of_aliasing():
    # Stripes one pixel wide: their mean is grey, any single one is black or white.
    picture = np.zeros((1600, 1600, 3), np.uint8)
    picture[:, ::2] = 255
    transform = similarity(0.0957, 0, 0.3, 0.2)
    reduced = warp_crop(picture, transform, 150)[5:-5, 5:-5]
    assert reduced.min() > 100 and reduced.max() < 155
    aliased = warp_crop(picture, transform, 150, antialias=False)[5:-5, 5:-5]
    assert aliased.min() < 40 and aliased.max() > 215


@pytest.mark.parametrize("zoom", [0.6, 0.4, 0.23, 0.1])
def test_reduction_keeps_places(zoom):
    # A wide Gaussian bump must have its centre where the transform says.
    y, x = np.mgrid[:600, :800] + 0.5
    bump = 250 * np.exp(-((x - 301.3) ** 2 + (y - 222.7) ** 2) / (2 * 40**2))
    picture = np.repeat(bump[..., None], 3, axis=2).astype(np.uint8)
    transform = similarity(zoom, 25, 20, -5)
    crop = warp_crop(picture, transform, 400).astype(float)[..., 0]
    y, x = np.mgrid[:400, :400] + 0.5
    found = np.array([(crop * x).sum(), (crop * y).sum()]) / crop.sum()
    expected = transform_points(transform, np.array([[301.3, 222.7]]))[0]
    np.testing.assert_allclose(found, expected, atol=0.1)


def test_crop_of_a_picture_wider_than_opencv_allows():
    picture = np.zeros((20, 40_000, 3), np.uint8)
    picture[:, 39_000:] = 200
    crop = warp_crop(picture, similarity(1, 0, -38_990, 0), 20)
    assert (crop[:, :10] == 0).all() and (crop[:, 10:] == 200).all()


def test_crop_beside_the_picture_is_black():
    crop = warp_crop(smooth_picture(), similarity(1, 0, 1000, 0), 50)
    assert crop.shape == (50, 50, 3) and (crop == 0).all()


def test_grey_picture():
    picture = np.full((30, 30), 7, np.uint8)
    np.testing.assert_array_equal(warp_crop(picture, np.eye(3), 30), picture)


def test_crop_face_moves_landmarks_and_pixels_alike():
    picture = np.zeros((300, 400, 3), np.uint8)
    for x, y in BOX:
        cv2.circle(picture, (int(x), int(y)), 4, (255, 255, 255), -1)
    crop, transform = crop_face(picture, BOX, scale=1.5, size=224)
    for x, y in transform_points(transform, BOX + 0.5):
        assert crop[int(y), int(x)].min() > 200


@pytest.mark.parametrize(
    "transform", [np.eye(3), similarity(0.8, 15, 7.3, -20.1), similarity(1.7, -40, -90, 60)]
)
def test_torch_and_numpy_warps_agree(transform):
    picture = smooth_picture()
    expected = warp_crop(picture, transform, (120, 150))
    images = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    found = warp_image(images, torch.from_numpy(transform)[None], (120, 150))
    found = found[0].permute(1, 2, 0).numpy()
    # OpenCV places samples to 1/32 pixel and rounds.
    np.testing.assert_allclose(found, expected, atol=2.5)


def test_batch_equals_one_by_one():
    images = torch.rand(3, 3, 20, 30)
    transforms = torch.from_numpy(
        np.stack([similarity(1 + 0.1 * i, 10.0 * i, i, -i) for i in range(3)])
    )
    together = warp_image(images, transforms, 16)
    for i in range(3):
        one = warp_image(images[i : i + 1], transforms[i : i + 1], 16)
        torch.testing.assert_close(together[i : i + 1], one)


def test_warp_image_gradients():
    images = torch.rand(1, 1, 5, 6, dtype=torch.float64, requires_grad=True)
    # Samples away from pixel centres, where bilinear interpolation has a kink.
    transform = torch.from_numpy(similarity(1.13, 9, 0.31, 0.17))[None].requires_grad_()
    assert torch.autograd.gradcheck(lambda i, t: warp_image(i, t, 4), (images, transform))


@pytest.mark.parametrize(
    ("images", "transform"),
    [((3, 8, 8), (1, 3, 3)), ((2, 3, 8, 8), (1, 3, 3)), ((1, 3, 8, 8), (1, 2, 3))],
)
def test_warp_image_of_other_shapes(images, transform):
    with pytest.raises(ShapeError):
        warp_image(torch.zeros(images), torch.zeros(transform), 4)


def test_smirk_crop_by_hand():
    # Box 81 x 121 around (140.5, 110.5): the side is int(1.4 * 101) = 141, so the square starts
    # at index coordinates (70, 40) and 141 indices map to 223. Landmarks count as indices: the
    # place that is 70 as an index is 70.5 here, and maps to index 0, which is 0.5 here.
    box = np.array([[100.0, 50.0], [181.0, 171.0]])
    transform = smirk_crop_transform(box, scale=1.4, size=224)
    corners = np.array([[70.5, 40.5], [70.5 + 141, 40.5 + 141]])
    np.testing.assert_allclose(
        transform_points(transform, corners), [[0.5, 0.5], [223.5, 223.5]], atol=1e-9
    )


def test_smirk_crop_matches_scikit_image():
    transform_module = pytest.importorskip(
        "skimage.transform", reason="pip install scikit-image brings what the original crops with"
    )
    picture = smooth_picture()
    # The original: a similarity from three corners, in index coordinates, then a warp.
    left, top, right, bottom = 100.0, 50.0, 181.3, 171.9
    centre = np.array([(left + right) / 2, (top + bottom) / 2])
    side = int((right - left + bottom - top) / 2 * 1.4)
    source = centre + np.array([[-1, -1], [-1, 1], [1, -1]]) * side / 2
    target = np.array([[0, 0], [0, 223], [223, 0]])
    warp = transform_module.estimate_transform("similarity", source, target)
    expected = transform_module.warp(
        picture, warp.inverse, output_shape=(224, 224), preserve_range=True
    )
    ours = smirk_crop_transform(np.array([[left, top], [right, bottom]]))
    np.testing.assert_allclose(warp_crop(picture, ours, 224, antialias=False), expected, atol=2.5)
