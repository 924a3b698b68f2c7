"""The shipped open head is what its documentation says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from smirk3d.assets import heads_folder
from smirk3d.conventions import ARKIT_NAMES, CAMERA_SCALE_DEFAULT
from smirk3d.geometry.cameras import project
from smirk3d.heads.action_names import BLINKS, EXPRESSION_ACTIONS, GAZE_ACTIONS, mirrored_name
from smirk3d.heads.head_file import HeadFile, read_head_file
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS

MIRROR = np.array([-1.0, 1.0, 1.0])
HALF_PRECISION = 2e-5


@pytest.fixture(scope="module")
def head_file() -> HeadFile:
    return read_head_file(heads_folder() / "open.npz")


@pytest.fixture(scope="module")
def arrays(head_file: HeadFile) -> dict:
    return head_file.arrays


@pytest.fixture(scope="module")
def head(head_file: HeadFile) -> HeadModel:
    return HeadModel(head_file.arrays, head_file.meta)


@pytest.fixture(scope="module")
def mirror(arrays: dict) -> np.ndarray:
    """The vertex mirrored at x = 0 of each vertex, found by place and part."""
    where = np.concatenate([arrays["v_template"] * 1e3, arrays["part"][:, None]], 1)
    # the teeth's biting edges are doubled; the order in the file tells the copies apart
    _, first = np.unique(where, axis=0, return_index=True)
    late = ~np.isin(np.arange(len(where)), first)
    assert part(arrays, "teethU", "teethL")[late].all()
    where = np.concatenate([where, 5.0 * late[:, None]], 1)
    flipped = where * [-1, 1, 1, 1, 1]
    parts = (PARTS.index("eyeL"), PARTS.index("eyeR"))
    on_eyes = np.isin(flipped[:, 3], parts)
    flipped[on_eyes, 3] = sum(parts) - flipped[on_eyes, 3]
    distance = torch.cdist(torch.from_numpy(flipped), torch.from_numpy(where))
    nearest = distance.min(1)
    assert float(nearest.values.max()) < 1e-3
    found = nearest.indices.numpy()
    assert (found[found] == np.arange(len(found))).all()
    return found


def actions(arrays: dict) -> dict[str, np.ndarray]:
    jaw, back = arrays["jaw_basis"], arrays["jaw_basis_neg"]
    named = dict(zip(EXPRESSION_ACTIONS, arrays["expr_basis"], strict=True))
    named |= dict(zip(BLINKS, arrays["eyelid_basis"], strict=True))
    named |= dict(zip(GAZE_ACTIONS, arrays["gaze_basis"], strict=True))
    named |= {"jawOpen": jaw[0], "jawLeft": jaw[1], "jawRight": back[1], "jawForward": jaw[2]}
    return named


def part(arrays: dict, *names: str) -> np.ndarray:
    return np.isin(arrays["part"], [PARTS.index(name) for name in names])


def test_counts(arrays: dict) -> None:
    assert 4500 < len(arrays["v_template"]) < 5500
    assert 9000 < len(arrays["faces"]) < 10500
    assert len(arrays["shape_basis"]) == 100
    for name in ("skin", "eyeL", "eyeR", "teethU", "teethL", "tongue", "cavity"):
        assert part(arrays, name).sum() > 60, name
    assert part(arrays, "eyeL").sum() == part(arrays, "eyeR").sum()


def test_provenance(head_file: HeadFile) -> None:
    meta = head_file.meta
    assert meta["name"] == "open"
    assert meta["licence"] == "CC0-1.0"
    assert "Mika Suominen" in meta["notice"]
    assert len(meta["wheel_sha256"]) == 64
    assert "mpfb2/3dobjs/base.obj" in meta["inputs_sha256"]
    assert meta["licence_file"] in meta["inputs_sha256"]
    assert len(meta["inputs_sha256"]) > 400
    assert not [name for name in meta["inputs_sha256"] if not name.startswith(("mpfb2/", "face"))]
    assert meta["landmarks"]["num_identities"] == 24


def test_every_action_is_there_once(arrays: dict) -> None:
    assert tuple(arrays["expr_names"]) == EXPRESSION_ACTIONS
    assert sorted(actions(arrays)) == sorted(ARKIT_NAMES)
    for name, offsets in actions(arrays).items():
        assert 0.001 < np.linalg.norm(offsets, axis=1).max() < 0.06, name


def test_mouth_close_waits_for_the_jaw(arrays: dict) -> None:
    assert arrays["gate"].tolist() == [[EXPRESSION_ACTIONS.index("mouthClose"), 0]]
    assert (arrays["expr_lo"] == 0).all()
    assert (arrays["expr_hi"] == 1).all()


def test_template_is_symmetric(arrays: dict, mirror: np.ndarray) -> None:
    template = arrays["v_template"]
    np.testing.assert_allclose(template[mirror] * MIRROR, template, atol=1e-7)
    for name, mask in arrays.items():
        if name.startswith("region_"):
            np.testing.assert_array_equal(mask[mirror], mask, err_msg=name)


def test_actions_mirror_each_other(arrays: dict, mirror: np.ndarray) -> None:
    named = actions(arrays)
    for name, offsets in named.items():
        other = named[mirrored_name(name)][mirror] * MIRROR
        np.testing.assert_allclose(offsets, other, atol=HALF_PRECISION, err_msg=name)


@pytest.mark.parametrize(
    "name", [n for n in ARKIT_NAMES if n.startswith("eye") and n.endswith("Left")]
)
def test_left_lids_move_the_left_alone(arrays: dict, name: str) -> None:
    moved = (actions(arrays)[name] != 0).any(1)
    assert moved.any()
    assert (arrays["v_template"][moved, 0] > 0).all()


def test_no_action_moves_an_eyeball(arrays: dict) -> None:
    eyes = part(arrays, "eyeL", "eyeR")
    for name, offsets in actions(arrays).items():
        assert not offsets[eyes].any(), name


def test_eyeballs_are_spheres_around_their_joints(arrays: dict) -> None:
    names = list(arrays["joint_names"])
    rng = np.random.default_rng(0)
    for weights in (np.zeros(100), rng.normal(size=100)):
        vertices = arrays["v_template"] + np.tensordot(weights, arrays["shape_basis"], 1)
        joints = arrays["joints"] + np.tensordot(weights, arrays["joint_shape_basis"], 1)
        for name in ("eyeL", "eyeR"):
            centre = joints[names.index(name)]
            radii = np.linalg.norm(vertices[part(arrays, name)] - centre, axis=1)
            assert np.ptp(radii) < 2e-4
            assert 0.012 < radii.mean() < 0.019


def test_lips_touch_in_every_identity(head: HeadModel, arrays: dict) -> None:
    """The rims' landmarks of a closed mouth lie within the thickness of a rim of each other."""
    shape = torch.randn(8, 100)
    vertices = head(head.neutral(8).replace(shape=shape)).vertices
    place = dict(zip(arrays["lmk_mp_id"].tolist(), range(len(arrays["lmk_mp_id"])), strict=True))
    found = head.landmarks(vertices)
    gap = found[:, place[13], 1] - found[:, place[14], 1]
    assert gap.abs().max() < 0.003


def test_jaw_joint_carries_the_lower_teeth(arrays: dict) -> None:
    weights = arrays["lbs_weights"][:, list(arrays["joint_names"]).index("jaw")]
    np.testing.assert_allclose(weights[part(arrays, "teethL")], 1, atol=1e-3)
    np.testing.assert_allclose(weights[part(arrays, "teethU")], 0, atol=1e-6)
    opened = actions(arrays)["jawOpen"]
    assert opened[part(arrays, "teethL"), 1].min() < -0.02
    assert not opened[part(arrays, "teethU")].any()


def test_neck_carries_the_skull_and_leaves_the_cut(arrays: dict) -> None:
    names = list(arrays["joint_names"])
    still = arrays["lbs_weights"][:, names.index("head")]
    lowest = arrays["v_template"][:, 1] < -0.12
    assert still[lowest].min() > 0.5
    assert still[arrays["region_scalp"] > 0].max() < 0.6
    assert still[arrays["region_face"] > 0].max() < 0.15


def test_identity_components_shrink(arrays: dict) -> None:
    size = np.linalg.norm(arrays["shape_basis"][:, part(arrays, "skin")], axis=(1, 2))
    assert (np.diff(size) < 1e-4 * size[:-1]).all()
    assert size[99] < 0.05 * size[0]


@pytest.mark.parametrize(
    "name",
    ["face", "lips", "nose", "eyes", "eyelids", "brows", "ears", "neck", "scalp", "forehead",
     "cheeks", "chin", "jaw", "iris", "pupil"],
)  # fmt: skip
def test_regions_are_where_they_should(arrays: dict, name: str) -> None:
    mask = arrays[f"region_{name}"] > 0
    on = "eyeL", "eyeR"
    assert mask.sum() >= 20
    assert (part(arrays, *on) if name in ("iris", "pupil") else part(arrays, "skin"))[mask].all()


def test_face_region_is_what_the_grey_rendering_shows(arrays: dict) -> None:
    face = arrays["region_face"] > 0
    for other in ("ears", "neck", "scalp"):
        assert not (face & (arrays[f"region_{other}"] > 0)).any()
    for inner in ("lips", "nose", "eyelids", "brows", "cheeks", "chin"):
        inside = arrays[f"region_{inner}"] > 0
        assert (face & inside).sum() > 0.9 * inside.sum(), inner


def test_default_camera_frames_the_face(head: HeadModel, arrays: dict) -> None:
    neutral = head.neutral()
    ndc = project(head(neutral).vertices, neutral.camera)[0].detach()
    assert neutral.camera[0, 0] == CAMERA_SCALE_DEFAULT
    face = ndc[head.regions["face"]]
    assert face[:, :2].abs().max() < 1
    middle = (face.amin(0) + face.amax(0)) / 2
    assert middle[:2].abs().max() < 0.25


def test_neck_ends_in_one_clean_edge_loop(arrays: dict) -> None:
    faces = arrays["faces"][part(arrays, "skin", "cavity")[arrays["faces"]].all(1)]
    sides = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    edges, count = np.unique(sides, axis=0, return_counts=True)
    border = edges[count == 1]
    assert count.max() == 2
    assert len(border) == 42
    ends, uses = np.unique(border, return_counts=True)
    assert (uses == 2).all()
    lengths = np.linalg.norm(np.diff(arrays["v_template"][border], axis=1)[:, 0], axis=1)
    assert lengths.max() < 0.016
    assert arrays["v_template"][ends, 1].max() < -0.09


def test_landmarks(head: HeadModel, arrays: dict) -> None:
    ids = arrays["lmk_mp_id"]
    assert set(range(468, 478)) <= set(ids.tolist())
    assert (arrays["lmk_mp_sigma"][ids < 468] <= 0.004).sum() >= 350
    skin = arrays["part"][arrays["faces"][arrays["lmk_mp_tri"]]] == 0
    assert skin[ids < 468].all()
    places = dict(zip(ids.tolist(), head.landmarks(head.v_template[None])[0], strict=True))
    # the subject's left is +x: left iris, left mouth corner, left outer eye corner
    for left, right in ((473, 468), (291, 61), (263, 33), (308, 78)):
        assert places[left][0] > 0 > places[right][0]
        assert torch.allclose(places[left] * torch.tensor([-1.0, 1, 1]), places[right], atol=1e-3)
    assert places[10][1] > places[1][1] > places[13][1] > places[152][1]


def test_lip_rims_part_when_the_jaw_opens(head: HeadModel, arrays: dict) -> None:
    place = {int(i): n for n, i in enumerate(arrays["lmk_mp_id"])}
    jaw = torch.tensor([[0.5, 0.0, 0.0]])
    found = head.landmarks(head(head.neutral().replace(jaw=jaw)).vertices)[0]
    for upper, lower in ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402), (80, 88)):
        assert found[place[upper], 1] - found[place[lower], 1] > 0.004


def test_lid_margins_meet_in_a_blink(head: HeadModel, arrays: dict) -> None:
    place = {int(i): n for n, i in enumerate(arrays["lmk_mp_id"])}
    closed = head.neutral().replace(eyelids=torch.tensor([[1.0, 0.0]]))
    found = head.landmarks(head(closed).vertices)[0][:, 1]
    assert found[place[386]] - found[place[374]] < 0.001
    assert found[place[159]] - found[place[145]] > 0.007
