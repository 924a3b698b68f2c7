from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from smirk3d.errors import ShapeError
from smirk3d.preprocessing.face_crop import crop_face, transform_points
from smirk3d.preprocessing.face_quality import (
    face_quality,
    quality_report,
    sharpness,
    yaw_degrees,
)


@pytest.fixture(scope="module")
def face(astronaut, detector):
    return detector.detect(astronaut)[0].landmarks


def crop_sharpness(image, landmarks):
    crop, transform = crop_face(image, landmarks)
    return sharpness(crop, transform_points(transform, landmarks))


def test_report_of_a_portrait(astronaut, face):
    report = quality_report(astronaut, face)
    assert report.size == pytest.approx(99, abs=4)
    assert report.inside == 1
    assert abs(report.yaw) < 15
    resolution = report.size * 1.5 / 224
    assert report.overall == pytest.approx(resolution * report.sharpness)
    assert face_quality(astronaut, face) == report.overall
    assert json.loads(json.dumps(report.as_dict())).keys() == {
        "overall", "size", "sharpness", "inside", "yaw",
    }  # fmt: skip


def test_blur_lowers_sharpness(astronaut, face):
    values = [
        crop_sharpness(cv2.GaussianBlur(astronaut, (0, 0), sigma), face) for sigma in (0.1, 1, 2, 4)
    ]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.5 and values[-1] < 0.1


def test_enlarging_does_not_make_sharp(astronaut, face):
    small = cv2.resize(astronaut, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    assert crop_sharpness(large, face * 2) < 0.6 * crop_sharpness(astronaut, face)


def test_exposure_does_not_count(astronaut, face):
    dark = (astronaut * 0.4).astype(np.uint8)
    assert crop_sharpness(dark, face) == pytest.approx(crop_sharpness(astronaut, face), abs=0.05)


def test_flat_picture_is_not_sharp(face):
    assert crop_sharpness(np.full((512, 512, 3), 90, np.uint8), face) == 0


def test_share_inside(astronaut, face):
    middle = int(face[:, 0].min() + face[:, 0].max()) // 2
    report = quality_report(np.ascontiguousarray(astronaut[:, :middle]), face)
    assert report.inside == pytest.approx(0.5, abs=0.1)


def test_yaw_is_positive_to_the_subjects_left():
    landmarks = np.zeros((478, 3))
    # Seen from the front the subject's left eye is on the right of the picture. Turned to the
    # subject's left, that eye moves away from the viewer (z grows) by tan(30 degrees).
    landmarks[33] = [100, 50, 0]
    landmarks[263] = [200, 50, 100 / np.sqrt(3)]
    assert yaw_degrees(landmarks) == pytest.approx(30)


def test_yaw_lowers_quality_beyond_thirty_degrees(astronaut, face):
    turned = face.copy()
    turned[263, 2] = turned[33, 2] + np.linalg.norm(face[263, :2] - face[33, :2]) * np.sqrt(3)
    report = quality_report(astronaut, turned)
    assert report.yaw == pytest.approx(60, abs=0.1)
    assert report.overall == pytest.approx(0.5 * quality_report(astronaut, face).overall, rel=0.01)


def test_other_shapes(astronaut, face):
    with pytest.raises(ShapeError, match="image"):
        quality_report(astronaut[..., 0], face)
    with pytest.raises(ShapeError, match="landmarks"):
        quality_report(astronaut, face[:, :2])
