"""ICT-FaceKit's own files become a head whose actions do what their names say."""

import numpy as np
import pytest
import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError
from smirk3d.head_import.ict import convert_ict
from smirk3d.heads.head_file import read_head_file, write_head_file
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import PARTS


@pytest.fixture(scope="module")
def source(shared_dir):
    path = shared_dir / "ict" / "ICT-FaceKit-30-identities.tar.xz"
    if not path.is_file():
        pytest.skip(f"{path} is not here: it holds the part of ICT-FaceKit that this test converts")
    return path


@pytest.fixture(scope="module")
def ict(source, tmp_path_factory):
    """The head as it comes back from its file."""
    path = tmp_path_factory.mktemp("ict") / "ict.npz"
    write_head_file(path, *convert_ict(source))
    head_file = read_head_file(path)
    return head_file.arrays, HeadModel(head_file.arrays, head_file.meta)


def moved(head, **weights):
    row = torch.zeros(1, 52)
    for name, value in weights.items():
        row[0, ARKIT_NAMES.index(name)] = value
    rest = head(head.neutral()).vertices[0]
    return head(head.from_arkit(row)).vertices[0] - rest


def test_size_units_and_axes(ict):
    arrays, head = ict
    assert head.num_vertices == 24_591
    assert len(head.faces) == 48_836
    assert head.group("shape").dim == 30
    eyes = head.joints[1] - head.joints[2]
    assert torch.allclose(eyes, torch.tensor([0.0622, 0, 0]), atol=1e-4)
    nose_tip = arrays["v_template"][arrays["v_template"][:, 2].argmax()]
    assert abs(nose_tip[0]) < 1e-3
    assert nose_tip[1] < head.joints[1, 1]


def test_fifty_one_named_actions(ict):
    _, head = ict
    assert len(head.expression_names) == 39
    weights = 0.6 * torch.rand(4, 52)
    # opposite ones cancel, and one action is missing
    for name in ("jawLeft", "eyeLookInLeft", "eyeLookInRight", "eyeLookUpLeft", "eyeLookUpRight"):
        weights[:, ARKIT_NAMES.index(name)] = 0
    weights[:, ARKIT_NAMES.index("tongueOut")] = 0
    assert torch.allclose(head.arkit(head.from_arkit(weights)), weights, atol=1e-3)
    carried = (head.arkit(head.from_arkit(torch.ones(1, 52)))[0] != 0).sum()
    # of four pairs each cancels in part, and the tongue stays in
    assert carried == 52 - 1 - 2 - 4


@pytest.mark.parametrize(
    "name",
    [n for n in ARKIT_NAMES if n.endswith(("Left", "Right")) and not n.startswith(("jaw", "mouthL"))
     and n != "mouthRight"],
)  # fmt: skip
def test_sided_actions_act_on_the_subjects_side(ict, name):
    _, head = ict
    motion = moved(head, **{name: 1.0}).norm(dim=1)
    assert motion.max() > 1e-3
    middle = (head.v_template[:, 0] * motion).sum() / motion.sum()
    assert middle > 0.005 if name.endswith("Left") else middle < -0.005


def test_jaw_moves_lower_teeth_and_tongue_and_never_the_upper_teeth(ict):
    _, head = ict
    ways = {"jawLeft": (0, 1), "jawRight": (0, -1), "jawForward": (2, 1), "jawOpen": (1, -1)}
    for name, (axis, sign) in ways.items():
        motion = moved(head, **{name: 1.0})
        for part in ("teethL", "tongue"):
            assert (motion[head.part == PARTS.index(part)].mean(0) * sign)[axis] > 0.003, name
        assert motion[head.part == PARTS.index("teethU")].norm(dim=1).max() < 1e-5


def test_jaw_right_is_the_published_one_and_not_the_mirror_of_jaw_left(ict):
    arrays, head = ict
    right = moved(head, jawRight=1.0)
    assert np.allclose(right, arrays["jaw_basis_neg"][1], atol=1e-6)
    assert (right + moved(head, jawLeft=1.0)).norm(dim=1).max() > 1e-3


def test_mouth_close_needs_an_open_jaw(ict):
    _, head = ict
    assert moved(head, mouthClose=1.0).abs().max() < 1e-6
    opened, closed = moved(head, jawOpen=0.5), moved(head, jawOpen=0.5, mouthClose=1.0)
    lips = head.regions["lips"]
    assert closed[lips].norm(dim=1).mean() < 0.8 * opened[lips].norm(dim=1).mean()


def test_eyes_turn_about_their_centres_and_lids_follow(ict):
    _, head = ict
    for side, part, towards in (("Left", 1, 1), ("Right", 2, -1)):
        ball = head.part == part
        out = moved(head, **{f"eyeLookOut{side}": 1.0})
        front = ball & (head.v_template[:, 2] > head.joints[part, 2] + 0.012)
        assert (out[front, 0] * towards).mean() > 0.004
        centre = head.joints[part]
        before = (head.v_template[ball] - centre).norm(dim=1)
        after = (head.v_template[ball] + out[ball] - centre).norm(dim=1)
        assert (before - after).abs().max() < 1e-5
        down = moved(head, **{f"eyeLookDown{side}": 1.0})
        assert down[front, 1].mean() < -0.003
        assert down[head.regions["eyes"], 1].min() < -0.004


def test_eye_centres_follow_identity(ict):
    _, head = ict
    parameters = head.neutral(8).replace(shape=torch.randn(8, 30))
    vertices, joints = head(parameters).vertices, head(parameters).joints
    for joint, sclera in ((1, slice(21_451, 22_221)), (2, slice(23_021, 23_791))):
        radius = (vertices[:, sclera] - joints[:, joint, None]).norm(dim=2)
        assert ((radius.amax(1) - radius.amin(1)) / radius.mean(1) < 0.19).all()
    assert (joints[:, 1] - head.joints[1]).norm(dim=1).max() > 1e-3


def test_parts_regions_and_landmarks(ict):
    arrays, _ = ict
    counts = dict(
        zip(PARTS, np.bincount(arrays["part"], minlength=len(PARTS)).tolist(), strict=True)
    )
    assert counts["eyeL"] == counts["eyeR"] == 1570
    assert counts["lashes"] == 0
    assert min(counts["teethU"], counts["teethL"], counts["tongue"]) > 400
    points = arrays["v_template"][arrays["faces"][arrays["lmk68_tri"]]]
    points = (points * arrays["lmk68_bary"][..., None]).sum(1)
    assert np.allclose(points[36, :2], [-0.0446, 0.0343], atol=2e-3)
    lips = arrays["v_template"][arrays["region_lips"] > 0]
    assert np.abs(lips.mean(0)[0]) < 1e-3
    assert not (arrays["region_face"] * arrays["region_neck"]).any()
    assert (arrays["part"][arrays["region_face"] > 0] == 0).all()


def test_texture_coordinates_lie_in_one_square_without_overlap(ict):
    arrays, _ = ict
    assert arrays["uv"].min() >= 0
    assert arrays["uv"].max() <= 1
    face = arrays["uv"][arrays["uv_faces"][(arrays["faces"] < 6706).all(1)]]
    eye = arrays["uv"][arrays["uv_faces"][(arrays["part"][arrays["faces"]] == 1).all(1)]]
    assert face[..., 1].max() <= 0.75 < eye[..., 1].min()


def test_a_folder_gives_what_the_archive_gives(ict, source, tmp_path):
    import tarfile

    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    arrays, meta = convert_ict(tmp_path / "FaceXModel")
    assert meta["inputs_sha256"] == ict[1].meta["inputs_sha256"]
    assert np.allclose(arrays["v_template"], ict[0]["v_template"], atol=1e-7)
    assert ict[1].meta["notice"].startswith("MIT License")


def test_what_is_missing_is_named(tmp_path):
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    with pytest.raises(AssetError, match=r"no generic_neutral_mesh\.obj"):
        convert_ict(tmp_path)
    (folder / "generic_neutral_mesh.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(AssetError, match="has 3 vertices, ICT-FaceKit's light model 26719"):
        convert_ict(tmp_path)
    (folder / "generic_neutral_mesh.obj").write_text("v 0 0 0\n" * 26_719 + "f 1 2 3\n")
    with pytest.raises(AssetError, match="no identity000"):
        convert_ict(tmp_path)
    (folder / "identity000.obj").write_text("v 0 0 0\n" * 26_719)
    with pytest.raises(AssetError, match="has no browDownLeft"):
        convert_ict(tmp_path)
