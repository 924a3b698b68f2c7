from __future__ import annotations

import numpy as np
import pytest

from smirk3d.preprocessing.face_search import (
    distinct,
    search_stages,
    shows_one_of,
    tile_sides,
    tile_starts,
)
from smirk3d.preprocessing.mediapipe_tasks import FaceBox


def face_box(left, top, side, score=0.9):
    corner = np.array([left, top], float)
    keypoints = corner + side * np.array(
        [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.5, 0.8], [0.0, 0.5], [1.0, 0.5]]
    )
    return FaceBox(
        box=np.array([left, top, left + side, top + side], float), score=score, keypoints=keypoints
    )


def red_square_finder(image):
    """Finds one thing as a face: a red square with its right eye blue, if it is upright.

    Like the real one, it sees nothing smaller than a tenth of the picture's side, nor anything
    that touches the border.
    """
    red = image[..., 0].astype(int) - image[..., 1] > 120
    if not red.any():
        return []
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    height, width = image.shape[:2]
    if (right - left) < 0.1 * max(height, width):
        return []
    if left == 0 or top == 0 or right == width or bottom == height:
        return []
    quarter = image[top : (top + bottom) // 2, left : (left + right) // 2]
    if quarter[..., 2].mean() < 40:
        return []
    return [face_box(left, top, right - left)]


def picture_with_face(height, width, left, top, side):
    image = np.random.default_rng(0).integers(60, 100, (height, width, 1), np.uint8)
    image = np.repeat(image, 3, axis=2)
    image[top : top + side, left : left + side] = (250, 0, 0)
    image[top + side // 8 : top + side // 2, left + side // 8 : left + side // 2, 2] = 250
    return image


def found_in(image, stage, min_face=24.0):
    return distinct(list(search_stages(image, red_square_finder, min_face=min_face))[stage])


def test_large_face_is_found_in_the_whole_picture():
    found = found_in(picture_with_face(600, 800, 200, 150, 240), 0)
    assert len(found) == 1
    np.testing.assert_allclose(found[0].box, [200, 150, 440, 390], atol=8)


def test_face_at_the_border_is_found_with_black_around_the_picture():
    found = found_in(picture_with_face(600, 800, 0, 150, 240), 0)
    assert len(found) == 1
    np.testing.assert_allclose(found[0].box, [0, 150, 240, 390], atol=16)


@pytest.mark.parametrize(("left", "top"), [(3, 5), (700, 411), (1070, 770), (535, 385), (600, 40)])
def test_small_face_is_found_in_tiles_wherever_it_is(left, top):
    image = picture_with_face(800, 1100, left, top, 26)
    assert found_in(image, 0) == []
    found = found_in(image, 1)
    assert len(found) == 1
    np.testing.assert_allclose(found[0].box, [left, top, left + 26, top + 26], atol=3)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_face_is_found_in_the_turned_picture(quarters):
    upright = picture_with_face(600, 800, 200, 150, 240)
    image = np.ascontiguousarray(np.rot90(upright, quarters))
    assert found_in(image, 0) == []
    found = found_in(image, 2)
    assert len(found) == 1
    red = image[..., 0].astype(int) - image[..., 1] > 120
    rows, columns = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    expected = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    np.testing.assert_allclose(found[0].box, expected, atol=8)
    # np.rot90 turns anticlockwise; roll is clockwise.
    turn = (np.degrees(found[0].roll) + 90 * quarters) % 360
    assert min(turn, 360 - turn) < 3
    eye = found[0].keypoints[0].astype(int)
    assert image[eye[1], eye[0], 2] > 200, "the right eye stays on the blue patch"


def test_small_turned_face_is_found_last():
    image = np.ascontiguousarray(np.rot90(picture_with_face(700, 900, 500, 300, 26), 1))
    stages = [found_in(image, stage) for stage in range(4)]
    assert [len(stage) for stage in stages] == [0, 0, 0, 1]


def test_flat_picture_is_not_searched_in_tiles():
    calls = []
    stages = search_stages(
        np.full((1000, 1000, 3), 200, np.uint8), lambda part: calls.append(1) or [], min_face=24
    )
    next(stages)
    before = len(calls)
    next(stages)
    assert len(calls) == before


@pytest.mark.parametrize("shape", [(1, 1), (16, 16), (16, 3000), (3000, 16), (129, 127)])
def test_odd_shapes(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    seen = list(
        search_stages(image, lambda part: [face_box(0, 0, min(part.shape[:2]))], min_face=24)
    )
    boxes = np.stack([face.box for stage in seen for face in stage])
    assert (boxes > -max(shape)).all() and (boxes < 2 * max(shape)).all()


@pytest.mark.parametrize("length", [100, 101, 260, 999])
def test_tiles_cover_the_length_and_overlap(length):
    starts = np.array(tile_starts(length, 100.0))
    assert starts[0] == 0 and starts[-1] + 100 >= length
    assert (np.diff(starts) <= 75).all()


def test_tile_sides_end_where_the_smallest_face_is_visible():
    assert list(tile_sides(4000, 3000, 60.0)) == [2000, 1000, 500]
    assert list(tile_sides(100, 80, 24.0)) == []


def test_same_face_seen_twice_is_one():
    certain, doubtful = face_box(100, 100, 50, 0.9), face_box(105, 98, 52, 0.6)
    assert distinct([doubtful, certain]) == [certain]


def test_part_of_a_face_is_not_another_face():
    whole, eye_and_nose = face_box(100, 100, 100, 0.9), face_box(120, 120, 50, 0.6)
    assert shows_one_of(eye_and_nose, [whole])
    assert not shows_one_of(face_box(120, 120, 20, 0.6), [whole]), "someone behind"
    assert not shows_one_of(face_box(205, 100, 100, 0.6), [whole])
    assert not shows_one_of(whole, [])


def test_largest_first():
    faces = [face_box(0, 0, 20, 0.99), face_box(100, 0, 80, 0.5), face_box(300, 0, 40, 0.7)]
    assert [face.box[2] - face.box[0] for face in distinct(faces)] == [80, 40, 20]
