from __future__ import annotations

import numpy as np
import pytest

from smirk3d.errors import ShapeError
from smirk3d.geometry.cameras import project
from smirk3d.heads.registry import load_head
from smirk3d.heads.spec import PARTS
from smirk3d.rendering.photo_colours import PhotoColours, faded_into_tone, photo_colours

SIZE = 128


def _crop() -> np.ndarray:
    x = np.linspace(0.2, 0.8, SIZE)
    rows, columns = np.meshgrid(x, x, indexing="ij")
    return np.stack([rows, columns, np.full_like(rows, 0.4)])


def test_seen_skin_has_the_photos_colour_and_position() -> None:
    head = load_head("open", library="numpy")
    face = head.neutral()[0]
    found = photo_colours(head, face, _crop())
    position = project(head(face[None]).vertices, face.camera[None])[0, :, :2]
    np.testing.assert_allclose(found.position, position, rtol=1e-5, atol=1e-5)
    clear = (found.seen > 0.99) & (head.part == 0)
    assert 300 < clear.sum() < head.num_vertices
    expected = 0.2 + 0.6 * (position[clear][:, ::-1] + 1) / 2
    np.testing.assert_allclose(found.colours[clear, :2], expected, atol=0.01, rtol=0)


def test_the_hidden_side_takes_the_other_sides_colours() -> None:
    head = load_head("open", library="numpy")
    face = head.neutral()[0].replace(head_pose=np.array([0.0, 0.9, 0.0]))
    crop = np.zeros((3, SIZE, SIZE))
    crop[0] = 0.9
    found = photo_colours(head, face, crop)
    skin = head.part == 0
    assert (found.seen[skin] == 0).any()
    face_skin = skin & head.regions["face"]
    assert np.abs(found.colours[face_skin] - [0.9, 0, 0]).max() < 0.02
    assert np.isfinite(found.colours).all()


def test_crops_must_be_square() -> None:
    head = load_head("open", library="numpy")
    with pytest.raises(ShapeError, match="crop"):
        photo_colours(head, head.neutral()[0], np.zeros((3, 10, 12)))


def test_a_hat_is_not_painted_on_the_skull_and_a_beard_stays() -> None:
    head = load_head("open@2", library="numpy")
    skin = head.part == PARTS.index("skin")
    height = head.v_template[:, 1]
    brows = height[head.part == PARTS.index("brows")].max()
    hidden, bearded = height > brows + 0.03, height < -0.03
    tone, dark = np.array([0.8, 0.6, 0.5]), np.array([0.05, 0.05, 0.1])
    colours = np.where((hidden | bearded)[:, None], dark, tone)
    seen = (skin & head.regions["face"]).astype(float)
    found = PhotoColours(np.zeros((head.num_vertices, 2)), seen, colours)
    faded = faded_into_tone(head, found)
    assert np.abs(faded.colours[skin & hidden] - tone).max() < 0.02
    assert faded.seen[skin & hidden].max() < 0.02
    # below the lips, far from the edges of face and mouth, where all colours fade
    mouth = head.v_template[head.part == PARTS.index("teethU")].mean(0)
    near = np.linalg.norm(head.v_template[:, :2] - mouth[:2], axis=1) < 0.03
    middle = skin & near & (height < -0.05) & head.regions["face"]
    assert middle.sum() > 20
    assert np.abs(faded.colours[middle] - dark).max() < 0.01
