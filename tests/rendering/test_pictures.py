"""Heads over photos, in clay, on sheets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smirk3d.errors import ShapeError
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rendering.clay import View, clay, facing_viewer, turntable
from smirk3d.rendering.contact_sheet import contact_sheet
from smirk3d.rendering.layers import FAST, WIREFRAME, Style
from smirk3d.rendering.pictures import PosedHead, image_positions, overlay, overlay_panel

BLUE = (40, 60, 200)
ROUGH = Style(shadows=0, supersample=1, refinements=0)


def photo(height: int = 200, width: int = 240) -> np.ndarray:
    return np.full((height, width, 3), BLUE, np.uint8)


def crop_transform(scale: float, left: float, top: float) -> np.ndarray:
    """Return T_crop_image of an upright crop: photo pixels minus (left, top), times scale."""
    return np.array([[scale, 0, -scale * left], [0, scale, -scale * top], [0, 0, 1]])


def posed(transform: np.ndarray, camera: tuple[float, float, float] = (7.0, 0, 0)) -> PosedHead:
    head = tiny_head().to_numpy()
    parameters: FaceParameters = head.neutral().replace(camera=np.array([camera]))
    return PosedHead(
        head=head,
        vertices=head(parameters).vertices[0],
        parameters=parameters[0],
        T_crop_image=transform,
    )


def covered(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.nonzero((picture != BLUE).any(2))


def test_positions_undo_the_crop() -> None:
    face = posed(crop_transform(2.24, 50, 30), camera=(7.0, 0.01, -0.02))
    points = np.array([[0.0, 0.0, 0.0], [0.02, 0.03, 0.1]])
    # crop pixel = 112 (1 + 7 (x + tx)) = 119.84 and 112 (1 - 7 (y + ty)) = 127.68;
    # photo pixel = crop pixel / 2.24 + (50, 30)
    expected = np.array([[103.5, 87.0], [110.5, 76.5]])
    found = image_positions(face, points)
    np.testing.assert_allclose(found[:, :2], expected, rtol=1e-5, atol=1e-5)
    assert found[1, 2] - found[0, 2] == pytest.approx(-0.1 * 7 * 50, rel=1e-5)


def test_overlay_lands_on_the_projected_vertices() -> None:
    face = posed(crop_transform(2.24, 60, 40))
    result = overlay(photo(), [face], style=ROUGH, region=None)
    rows, columns = covered(result)
    positions = image_positions(face)[:, :2]
    assert columns.min() == pytest.approx(float(positions[:, 0].min()), abs=1)
    assert columns.max() + 1 == pytest.approx(float(positions[:, 0].max()), abs=1)
    assert rows.min() == pytest.approx(float(positions[:, 1].min()), abs=1)
    assert rows.max() + 1 == pytest.approx(float(positions[:, 1].max()), abs=1)


def test_overlay_follows_a_turned_crop() -> None:
    quarter = np.array([[0, 1.0, 0], [-1.0, 0, 200], [0, 0, 1]])
    face = posed(quarter)
    nose = image_positions(face, np.array([[0.0, 0.05, 0.0]]))[0, :2]
    # crop (112, 72.8): x = 200 - 72.8, y = 112
    np.testing.assert_allclose(nose, np.array([127.2, 112.0]), rtol=1e-5, atol=1e-5)


def test_overlay_does_not_change_the_photo() -> None:
    picture = photo()
    picture.flags.writeable = False
    assert covered(overlay(picture, [posed(crop_transform(2.24, 60, 40))], style=ROUGH))[0].size
    assert (picture == BLUE).all()
    assert np.array_equal(overlay(picture, []), picture)


def test_faces_beyond_the_border_are_cut_or_skipped() -> None:
    outside = posed(crop_transform(2.24, 1000, 40))
    assert np.array_equal(overlay(photo(), [outside], style=ROUGH), photo())
    corner = posed(crop_transform(2.24, -50, -50))
    rows, columns = covered(overlay(photo(), [corner], style=ROUGH, region=None))
    assert rows.min() == 0
    assert columns.min() == 0


def test_larger_faces_are_in_front_in_any_order() -> None:
    near, far = posed(crop_transform(2.0, 60, 40)), posed(crop_transform(4.0, 90, 60))
    front = overlay(photo(), [near], style=ROUGH, region=None)
    for faces in ([near, far], [far, near]):
        result = overlay(photo(), faces, style=ROUGH, region=None)
        inside = (front != BLUE).any(2)
        assert np.array_equal(result[inside], front[inside])


def test_opacity_mixes_with_the_photo() -> None:
    face = posed(crop_transform(2.24, 60, 40))
    solid = overlay(photo(), [face], style=ROUGH, region=None)[87, 110].astype(int)
    half = overlay(photo(), [face], style=replace(ROUGH, opacity=0.5), region=None)[87, 110]
    assert np.abs(half - (solid + np.array(BLUE)) / 2).max() <= 1


def test_region_restricts_the_drawing() -> None:
    face = posed(crop_transform(2.24, 60, 40))
    face.head.region_face[:] = face.head.v_template[:, 0] > -0.02
    whole = (overlay(photo(), [face], style=ROUGH, region=None) != BLUE).any(2)
    part = (overlay(photo(), [face], style=ROUGH, region="face") != BLUE).any(2)
    assert 0 < part.sum() < 0.9 * whole.sum()
    assert np.nonzero(part)[1].min() > np.nonzero(whole)[1].min() + 5


def test_panel_holds_three_pictures() -> None:
    face = posed(crop_transform(2.24, 60, 40))
    panel = overlay_panel(photo(), [face], style=ROUGH, max_width=300)
    assert panel.dtype == np.uint8
    assert panel.shape[1] <= 300
    third = panel.shape[1] // 3
    blue = (np.abs(panel.astype(int) - BLUE).max(2) <= 2).sum(0) > 0
    assert blue[third // 2]
    assert blue[third + 8 : 2 * third].any()
    turned = panel[:, 2 * third + 8 : -8].astype(int)
    assert np.abs(turned[:8] - BLUE).max(2).min() > 20
    # the head has taken the photo's colour
    middle = turned[len(turned) // 3 : 2 * len(turned) // 3]
    assert (middle[..., 2] > middle[..., 0] + 20).mean() > 0.15


@pytest.mark.parametrize("style", [FAST, replace(WIREFRAME, shadows=0)])
def test_panel_of_several_faces(style: Style) -> None:
    faces = [posed(crop_transform(5.0, x, 60)) for x in (20, 90, 160)]
    panel = overlay_panel(photo(), faces, style=style, max_width=240)
    assert panel.shape[1] <= 240


def test_panel_shows_the_part_of_a_large_photo_with_the_face() -> None:
    large = photo(2000, 3000)
    large[:, :1000] = 255
    panel = overlay_panel(
        large, [posed(crop_transform(1.0, 1500, 900))], style=ROUGH, max_width=300
    )
    first = panel[10:-10, 10 : panel.shape[1] // 3 - 10]
    assert (np.abs(first.astype(int) - BLUE).max(2) <= 2).mean() > 0.95


def test_clay_turns_the_right_way() -> None:
    head = tiny_head().to_numpy()
    front = clay(head, head.v_template, View(height=80, width=80), ROUGH)
    nose = np.zeros_like(head.v_template)
    nose[head.part != 0] = np.array([0.0, 0.0, 0.001])
    left, right = turntable(head, head.v_template, [-0.5, 0.5], View(height=80, width=80), ROUGH)
    assert front.shape == (80, 80, 3)

    def eyes(picture: np.ndarray) -> float:
        dark = picture.astype(int).sum(2) < 150
        return float(np.nonzero(dark)[1].mean())

    # a positive turn moves the front of the head to the right and shows the subject's right side
    assert eyes(right) > eyes(front) + 5
    assert eyes(left) < eyes(front) - 5


def test_clay_can_be_transparent() -> None:
    head = tiny_head().to_numpy()
    picture = clay(head, head.v_template, View(height=64, width=48, backdrop=False), ROUGH)
    assert picture.shape == (64, 48, 4)
    assert picture[0, 0, 3] == 0
    assert picture[32, 24, 3] == 255


def test_facing_viewer_takes_the_pose_away() -> None:
    head = tiny_head().to_numpy()
    rotation = axis_angle_to_matrix(np.array([0.2, -0.5, 0.1]))
    turned = facing_viewer(head, head.v_template @ rotation.T + 0.3)
    expected = head.v_template - head.v_template.mean(0)
    np.testing.assert_allclose(turned, expected, atol=1e-5, rtol=0)


def test_sheet_places_pictures_in_rows() -> None:
    images = [np.full((20, 30, 3), value, np.uint8) for value in (10, 20, 30)]
    sheet = contact_sheet(images, 2, gap=4, corner=0)
    assert sheet.shape == (4 + 2 * 24, 4 + 2 * 34, 3)
    assert (sheet[4:24, 4:34] == 10).all()
    assert (sheet[4:24, 38:68] == 20).all()
    assert (sheet[28:48, 4:34] == 30).all()
    assert sheet[30, 50].min() > 240


def test_sheet_centres_small_pictures_and_writes_labels() -> None:
    images = [np.zeros((20, 30, 3), np.uint8), np.zeros((10, 10, 3), np.uint8)]
    plain = contact_sheet(images, 2, gap=4, corner=0)
    assert (plain[9:19, 48:58] == 0).all()
    labelled = contact_sheet(images, 2, ["one", "two"], gap=4, corner=0)
    assert labelled.shape[0] == plain.shape[0] + 30
    assert labelled[24:-4].min() < 120


def test_long_labels_keep_clear_of_their_neighbours() -> None:
    images = [np.full((20, 110, 3), 255, np.uint8)] * 2
    names = ["mouth_aside_pucker_left", "mouth_aside_pucker_right"]
    sheet = contact_sheet(images, 2, names, gap=8, corner=0)
    assert sheet[30:, 8:118].min() < 200
    assert sheet[30:, 119:125].min() > 240


def test_sheet_rounds_corners_and_respects_transparency() -> None:
    sheet = contact_sheet([np.zeros((40, 40, 3), np.uint8)], 1, gap=4, corner=8)
    assert sheet[4, 4].min() > 240
    assert sheet[24, 24].max() == 0
    clear = contact_sheet([np.zeros((40, 40, 4), np.uint8)], 1, gap=4)
    assert clear.min() > 240


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ShapeError, match="photo"):
        overlay(np.zeros((4, 4), np.uint8), [])
    with pytest.raises(ValueError, match="face"):
        overlay_panel(photo(), [])
    with pytest.raises(ValueError, match="max_width"):
        overlay_panel(photo(), [posed(crop_transform(2.24, 60, 40))], max_width=10)
    with pytest.raises(ValueError, match="labels"):
        contact_sheet([photo()], 1, ["a", "b"])
    with pytest.raises(ValueError, match="columns"):
        contact_sheet([], 1)
    with pytest.raises(ShapeError):
        clay(tiny_head().to_numpy(), np.zeros((5, 3)))


def test_from_aside_a_face_takes_nothing_from_far_parts_of_a_photo() -> None:
    large = np.random.default_rng(0).integers(0, 255, (500, 600, 3), np.uint8)
    changed = large.copy()
    changed[:, 420:] = 0
    changed[:40] = 255
    face = posed(crop_transform(1.5, 100, 150))  # of photo columns 100 to 249, rows 150 to 299
    tiles = [overlay_panel(picture, [face], style=ROUGH) for picture in (large, changed)]
    aside = slice(2 * tiles[0].shape[1] // 3 + 16, None)
    assert np.ptp(tiles[0][:, aside].astype(int), axis=(0, 1)).min() > 50
    assert np.array_equal(tiles[0][:, aside], tiles[1][:, aside])
