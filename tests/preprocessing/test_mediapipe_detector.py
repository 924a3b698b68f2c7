from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError, ShapeError
from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector

RIGHT_EYE, LEFT_EYE = 33, 263


def iris_distance(landmarks):
    return np.linalg.norm(landmarks[468, :2] - landmarks[473, :2])


def error(found, expected):
    """Mean distance of landmarks in distances between the outer eye corners."""
    expected = np.asarray(expected)[:, :2]
    eyes = np.linalg.norm(expected[RIGHT_EYE] - expected[LEFT_EYE])
    return np.linalg.norm(found.landmarks[:, :2] - expected, axis=1).mean() / eyes


def only(faces):
    assert len(faces) == 1
    return faces[0]


@pytest.fixture(scope="module")
def face(astronaut, detector):
    return only(detector.detect(astronaut))


def test_portrait(face):
    assert face.landmarks.shape == (478, 3) and face.landmarks.dtype == np.float32
    assert face.score > 0.85
    # Read off the enlarged picture: her right pupil, her left pupil, the light on the nose tip.
    np.testing.assert_allclose(face.landmarks[468, :2], [203, 101], atol=1.5)
    np.testing.assert_allclose(face.landmarks[473, :2], [247, 103], atol=1.5)
    np.testing.assert_allclose(face.landmarks[4, :2], [224, 127], atol=3)
    np.testing.assert_allclose(face.box[:2], face.landmarks[:, :2].min(0))
    np.testing.assert_allclose(face.box[2:], face.landmarks[:, :2].max(0))
    assert face.landmarks[1, 2] < face.landmarks[234, 2], "the nose is nearer than the ear"


def test_expression_of_the_portrait(face):
    assert set(face.blendshapes) == set(ARKIT_NAMES) - {"tongueOut"}
    assert face.blendshapes["mouthSmileLeft"] > 0.4 and face.blendshapes["mouthSmileRight"] > 0.4
    assert face.blendshapes["jawOpen"] < 0.2
    assert face.transform.shape == (4, 4)
    # The head is in front of the camera, which looks along -z: tens of centimetres away.
    assert -200 < face.transform[2, 3] < -20


def test_agrees_with_the_published_landmarks(portraits, detector):
    errors = [error(only(detector.detect(photo)), expected) for photo, expected in portraits]
    assert np.mean(errors) < 0.02 and np.max(errors) < 0.05


@pytest.mark.parametrize("degrees", [-90, 30, 90, 135, 180])
def test_turned_picture(astronaut, face, detector, degrees):
    turn = cv2.getRotationMatrix2D((226, 124), degrees, 1.0)
    turned = cv2.warpAffine(astronaut, turn, (512, 400), borderValue=(90, 90, 90))
    expected = (face.landmarks[:, :2] - 0.5) @ turn[:, :2].T + turn[:, 2] + 0.5
    assert error(only(detector.detect(turned)), expected) < 0.06


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_face_cut_by_the_border(astronaut, face, detector, side):
    left, top, right, bottom = face.box.astype(int)
    width, height = (right - left) // 4, (bottom - top) // 4
    x0 = left + width if side == "left" else 0
    y0 = top + height if side == "top" else 0
    x1 = right - width if side == "right" else 512
    y1 = bottom - height if side == "bottom" else 512
    found = only(detector.detect(np.ascontiguousarray(astronaut[y0:y1, x0:x1])))
    assert error(found, face.landmarks[:, :2] - [x0, y0]) < 0.08


def test_face_that_fills_the_picture(astronaut, face, detector):
    left, top, right, bottom = face.box.astype(int)
    close = cv2.resize(astronaut[top:bottom, left:right], None, fx=6, fy=6)
    found = only(detector.detect(close))
    assert error(found, (face.landmarks[:, :2] - [left, top]) * 6) < 0.06


def crowd(astronaut, size, scale):
    """Return a large picture with four small copies of the portrait, and where they are."""
    small = cv2.resize(astronaut[:260], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(0).integers(0, 256, (size[1] // 16, size[0] // 16, 3), np.uint8)
    picture = cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
    height, width = small.shape[:2]
    places = [
        (40, 30), (size[0] - width - 9, 80), (size[0] // 2 - 70, size[1] // 2),
        (size[0] // 3, size[1] - height - 1),
    ]  # fmt: skip
    for x, y in places:
        picture[y : y + height, x : x + width] = small
    return picture, places


@pytest.mark.parametrize(("size", "scale"), [((1280, 720), 0.3), ((2000, 1500), 0.4)])
def test_small_faces_in_a_large_picture(astronaut, face, detector, size, scale):
    # The faces are 30 and 40 pixels wide and high.
    picture, places = crowd(astronaut, size, scale)
    found = detector.detect(picture)
    assert len(found) == 4
    for place in places:
        expected = face.landmarks[:, :2] * scale + place
        assert min(error(one, expected) for one in found) < 0.08


def test_huge_picture(astronaut, face, detector):
    large = cv2.resize(astronaut, (4096, 4096), interpolation=cv2.INTER_CUBIC)
    found = only(detector.detect(large))
    assert error(found, face.landmarks[:, :2] * 8) < 0.02


def test_largest_first_and_limit(astronaut, detector):
    small = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    picture = np.zeros((512, 1024, 3), np.uint8)
    picture[128:384, 100:356] = small
    picture[:, 512:] = astronaut
    found = detector.detect(picture)
    assert [iris_distance(one.landmarks) > 30 for one in found] == [True, False]
    with MediaPipeFaceDetector(max_faces=1) as one_only:
        assert iris_distance(only(one_only.detect(picture)).landmarks) > 30


def test_neighbours_are_not_confused(astronaut, face, detector):
    # Two faces as close as cheeks: each is in the other's square.
    left, top, right, bottom = (face.box + np.array([-12, -35, 12, 15])).astype(int)
    head = astronaut[top:bottom, left:right]
    picture = np.full((300, 400, 3), 120, np.uint8)
    height, width = head.shape[:2]
    picture[60 : 60 + height, 50 : 50 + width] = head
    picture[70 : 70 + height, 50 + width : 50 + 2 * width] = head
    found = detector.detect(picture)
    assert len(found) == 2
    for place in ([50, 60], [50 + width, 70]):
        expected = face.landmarks[:, :2] - [left, top] + place
        assert min(error(one, expected) for one in found) < 0.05


@pytest.mark.parametrize("name", ["coffee", "rocket", "brick", "gravel", "chelsea", "text", "moon"])
def test_nothing_found_where_there_is_no_face(detector, name):
    data = pytest.importorskip(
        "skimage.data", reason="pip install scikit-image brings the pictures"
    )
    picture = getattr(data, name)()
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    assert detector.detect(picture) == []


@pytest.mark.parametrize("shape", [(16, 16), (16, 900), (64, 48)])
def test_tiny_and_narrow_pictures(detector, shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert detector.detect(picture) == []


def test_picture_need_not_be_contiguous(astronaut, face, detector):
    found = only(detector.detect(astronaut[:, ::-1]))
    mirrored = face.landmarks[[RIGHT_EYE, LEFT_EYE], :2] * [-1, 1] + [512, 0]
    np.testing.assert_allclose(found.landmarks[[LEFT_EYE, RIGHT_EYE], :2], mirrored, atol=3)


@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 4), (1, 64, 64, 3)])
def test_other_shape(detector, shape):
    with pytest.raises(ShapeError, match="image"):
        detector.detect(np.zeros(shape, np.uint8))


def test_quick_search_ends_at_the_first_stage(astronaut):
    with MediaPipeFaceDetector(thorough=False) as quick:
        calls = []
        quick.detect(astronaut)
        boxes = quick._boxes
        quick._boxes = lambda image: calls.append(1) or boxes(image)
        assert len(quick.detect(astronaut)) == 1
        # Whole, framed, and two second looks.
        assert len(calls) == 4


def test_confidence_threshold(astronaut):
    with MediaPipeFaceDetector(min_confidence=0.99) as strict:
        assert strict.detect(astronaut) == []


def test_what_a_second_look_doubts_is_no_face_like_ears_of_people_in_profile(astronaut):
    with MediaPipeFaceDetector() as detector:
        for score, found in ((0.6, False), (0.7, True)):
            detector._second_score = lambda *_, score=score: score
            assert bool(detector.detect(astronaut)) == found
            assert bool(detector.glance(astronaut, np.empty((0, 4))).faces) == found


def test_follows_a_face_in_the_next_frame(astronaut, face, detector):
    moved = np.roll(astronaut, (4, 7), axis=(0, 1))
    found = detector.landmarks_in_region(moved, face.landmarks)
    assert error(found, face.landmarks[:, :2] + [7, 4]) < 0.03
    assert found.score > 0.7


def test_follows_a_turned_face(astronaut, face, detector):
    turned = np.ascontiguousarray(np.rot90(astronaut))
    expected = face.landmarks[:, [1, 0, 2]] * [1, -1, 1] + [0, 512, 0]
    found = detector.landmarks_in_region(turned, expected + 3)
    assert error(found, expected) < 0.03


def test_loses_a_face_that_is_gone(face, detector):
    empty = np.full((512, 512, 3), 128, np.uint8)
    assert detector.landmarks_in_region(empty, face.landmarks) is None


def test_region_of_other_landmarks(astronaut, detector):
    with pytest.raises(ShapeError, match="landmarks"):
        detector.landmarks_in_region(astronaut, np.zeros((68, 2)))


def test_reopens_after_close(astronaut, face):
    detector = MediaPipeFaceDetector()
    first = only(detector.detect(astronaut))
    detector.close()
    detector.close()
    second = only(detector.detect(astronaut))
    np.testing.assert_array_equal(first.landmarks, second.landmarks)
    detector.close()


def test_networks_that_are_opened_beside_other_work(astronaut, face):
    with MediaPipeFaceDetector() as detector:
        with detector.opening():
            pass
        np.testing.assert_array_equal(only(detector.detect(astronaut)).landmarks, face.landmarks)


def test_what_goes_wrong_beside_other_work_is_told_at_use(astronaut, monkeypatch, tmp_path):
    monkeypatch.setenv("SMIRK3D_FACE_LANDMARKER", str(tmp_path / "absent.task"))
    detector = MediaPipeFaceDetector()
    with detector.opening():
        pass
    with pytest.raises(AssetError, match=r"absent\.task does not exist"):
        detector.detect(astronaut)


def test_model_file_absent(astronaut, monkeypatch, tmp_path):
    monkeypatch.setenv("SMIRK3D_FACE_LANDMARKER", str(tmp_path / "absent.task"))
    with pytest.raises(AssetError, match=r"absent\.task does not exist"):
        MediaPipeFaceDetector().detect(astronaut)


def test_model_file_of_something_else(astronaut, monkeypatch, tmp_path):
    import zipfile

    path = tmp_path / "other.task"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("face_detector.tflite", np.random.default_rng(0).bytes(2_000_000))
    monkeypatch.setenv("SMIRK3D_FACE_LANDMARKER", str(path))
    with pytest.raises(AssetError, match=r"MediaPipe cannot load .*other\.task") as raised:
        MediaPipeFaceDetector().detect(astronaut)
    assert "\n" not in str(raised.value)


def test_importing_and_creating_loads_no_mediapipe():
    code = (
        "import sys; from smirk3d.preprocessing import mediapipe_detector;"
        "mediapipe_detector.MediaPipeFaceDetector(); assert 'mediapipe' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_nothing_is_written_to_the_terminal():
    code = (
        "import skimage.data; import sys;"
        "from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector as D;"
        "d = D(); print(len(d.detect(skimage.data.astronaut())));"
        "print('kept', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "1\n"
    # What is written to the stream afterwards still arrives, and nothing at the exit.
    assert done.stderr == "kept\n"


def test_what_was_refused_is_not_looked_at_again(astronaut, detector, face):
    nobody = np.empty((0, 4))
    seen = detector.glance(astronaut, nobody)
    np.testing.assert_allclose(only(seen.faces).box, face.box, atol=3)
    assert seen.refused.shape == (0, 4)
    around = face.box[None].astype(np.float64)
    assert detector.glance(astronaut, nobody, refused=around).faces == []
    elsewhere = around + 200.0
    assert len(detector.glance(astronaut, nobody, refused=elsewhere).faces) == 1


def test_what_a_second_look_does_not_confirm_is_refused(astronaut, detector, monkeypatch):
    monkeypatch.setattr(detector, "_verified", lambda *arguments: None)
    seen = detector.glance(astronaut, np.empty((0, 4)))
    assert seen.faces == [] and len(seen.refused) >= 1
    again = detector.glance(astronaut, np.empty((0, 4)), refused=seen.refused)
    assert len(again.refused) == 0
