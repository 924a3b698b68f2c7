"""FLAME's layout: evaluation against an independent implementation, and what conversion adds."""

import pickle

import numpy as np
import pytest
import torch
from flame_files import companion_tables, flame_arrays, write_companions, write_flame

from smirk3d.errors import AssetError
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.head_import.flame import (
    FlameCompanions,
    convert_flame,
    flame_release,
    parse_flame_model,
    read_flame_companions,
)
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.landmarks.ibug import IbugLandmarks

RELEASE = flame_release("generic_model.pkl")


def model_of(arrays):
    return parse_flame_model(pickle.dumps(arrays, 2), "flame.pkl")


def converted(arrays, companions=None, release=RELEASE, **options):
    return convert_flame(model_of(arrays), companions or FlameCompanions(), release, **options)


@pytest.fixture(scope="module")
def large():
    """The layout on the open head's skin and eyeballs, which has real lids."""
    return converted(flame_arrays("open"))


def some_parameters(head, batch_size=6):
    generator = torch.Generator().manual_seed(0)

    def normal(size, scale):
        numbers = torch.randn(batch_size, size, generator=generator, dtype=torch.float64)
        return numbers * scale

    return head.neutral(batch_size).replace(
        shape=normal(300, 1), expression=normal(50, 1), jaw=normal(3, 0.3), eyes=normal(6, 0.3),
        neck=normal(3, 0.3), head_pose=normal(3, 0.6),
    )  # fmt: skip


@pytest.fixture(scope="module")
def independent(tmp_path_factory):
    """The same synthetic file read and evaluated by the package smplx."""
    smplx = pytest.importorskip("smplx", reason="pip install --no-deps smplx")
    folder = tmp_path_factory.mktemp("smplx") / "flame"
    folder.mkdir()
    arrays = flame_arrays()
    tables = companion_tables(len(arrays["f"]))
    write_flame(folder / "FLAME_NEUTRAL.pkl", arrays)
    names = {"lmk_face_idx": "lmk_faces_idx", "lmk_b_coords": "lmk_bary_coords"}
    for kind in ("static", "dynamic"):
        table = {key: tables[f"{kind}_{name}"] for key, name in names.items()}
        if kind == "static":
            (folder / "flame_static_embedding.pkl").write_bytes(pickle.dumps(table))
        else:
            np.save(folder / "flame_dynamic_embedding.npy", np.array(table, dtype=object))
    other = smplx.create(
        str(folder.parent), model_type="flame", num_betas=300, num_expression_coeffs=50,
        use_face_contour=True, dtype=torch.float64,
    )  # fmt: skip

    def evaluate(parameters):
        return other(
            betas=parameters.shape, expression=parameters.expression, jaw_pose=parameters.jaw,
            global_orient=parameters.head_pose, neck_pose=parameters.neck,
            leye_pose=parameters.eyes[:, :3], reye_pose=parameters.eyes[:, 3:],
            transl=torch.zeros(len(parameters), 3, dtype=torch.float64),
        )  # fmt: skip

    return folder, evaluate


def test_vertices_and_joints_are_those_of_smplx(independent):
    _, evaluate = independent
    head = HeadModel(*converted(flame_arrays())).double()
    parameters = some_parameters(head)
    wanted = evaluate(parameters)
    mesh = head(parameters)
    # the head's arrays are float32, hence not 1e-12
    assert (mesh.vertices - wanted.vertices).abs().max() < 1e-7
    assert (mesh.joints - wanted.joints[:, :5]).abs().max() < 1e-7
    single = HeadModel(*converted(flame_arrays()))(parameters.to(torch.float32)).vertices
    assert (single - wanted.vertices).abs().max() < 1e-6


def test_landmarks_with_moving_contour_are_those_of_smplx(independent):
    folder, evaluate = independent
    arrays = flame_arrays()
    model = model_of(arrays)
    companions = read_flame_companions(folder, len(arrays["v_template"]), len(arrays["f"]))
    head_arrays, meta = convert_flame(model, companions, RELEASE)
    # smplx takes the first half of a table for turns to the right
    mirrored = [0, *range(40, 79), *range(1, 40)]
    head_arrays["lmk68_dyn_tri"] = companions.contour["tri"][mirrored]
    head_arrays["lmk68_dyn_bary"] = companions.contour["bary"][mirrored]
    head = HeadModel(head_arrays, meta).double()
    parameters = some_parameters(head)
    parameters = parameters.replace(neck=torch.zeros_like(parameters.neck))
    found = IbugLandmarks(head_arrays).double()(
        head(parameters).vertices, axis_angle_to_matrix(parameters.head_pose)
    )
    wanted = evaluate(parameters).joints
    assert (found[:, 17:] - wanted[:, 5:56]).abs().max() < 1e-6
    assert (found[:, :17] - wanted[:, 56:]).abs().max() < 1e-6


def test_gradients_are_exact():
    arrays = flame_arrays()
    arrays["shapedirs"] = arrays["shapedirs"][..., :303]
    head = HeadModel(*converted(arrays, num_expression=3)).double()
    chosen = head.at_vertices(torch.arange(0, 60, 7))
    start = head.neutral(2).to(torch.float64)
    generator = torch.Generator().manual_seed(1)
    names = ("expression", "jaw", "eyes", "neck", "head_pose")
    inputs = [0.3 * torch.randn(getattr(start, n).shape, generator=generator).double()
              for n in names]  # fmt: skip

    def vertices(*values):
        return chosen(start.replace(**dict(zip(names, values, strict=True)))).vertices

    assert torch.autograd.gradcheck(vertices, [value.requires_grad_() for value in inputs])


def test_contour_rows_follow_the_turn_in_degrees():
    arrays, _ = _with_tables()
    landmarks = IbugLandmarks(arrays)
    degrees = torch.tensor([0.0, 5.2, -5.2, 38.6, -38.6, 70.0, -70.0, 0.4])
    turns = torch.zeros(len(degrees), 3)
    turns[:, 1] = torch.deg2rad(degrees)
    rows = landmarks.contour_row(axis_angle_to_matrix(turns))
    assert rows.tolist() == [0, 5, 44, 39, 78, 39, 78, 0]


def _with_tables():
    arrays = flame_arrays()
    tables = companion_tables(len(arrays["f"]))
    companions = FlameCompanions(
        mediapipe={
            "id": tables["mediapipe"]["landmark_indices"].astype(np.int32),
            "tri": tables["mediapipe"]["lmk_face_idx"].astype(np.int32),
            "bary": tables["mediapipe"]["lmk_b_coords"].astype(np.float32),
        },
        static={"tri": tables["static_lmk_faces_idx"], "bary": tables["static_lmk_bary_coords"]},
        contour={"tri": tables["dynamic_lmk_faces_idx"], "bary": tables["dynamic_lmk_bary_coords"]},
    )
    return converted(arrays, companions)[0], companions


def test_contour_tables_of_either_sign_give_the_same_head():
    arrays = flame_arrays("open")
    model = model_of(arrays)
    front = np.flatnonzero(np.abs(arrays["v_template"][arrays["f"]].mean(1)[:, 0]) > 0.03)
    order = front[np.argsort(arrays["v_template"][arrays["f"][front]].mean(1)[:, 2])]
    side = arrays["v_template"][arrays["f"][order]].mean(1)[:, 0]
    left, right = order[side > 0], order[side < 0]
    # turned left by r degrees, the outline on the left lies further forward
    tri = np.zeros((79, 17), np.int64)
    for row in range(79):
        degrees = row if row <= 39 else 39 - row
        tri[row, :8] = right[len(right) // 2 - 4 * degrees]
        tri[row, 8:] = left[len(left) // 2 + 4 * degrees]
    contour = {"tri": tri, "bary": np.full((79, 17, 3), 1 / 3)}
    static = {"tri": tri[0, :1].repeat(51), "bary": np.full((51, 3), 1 / 3)}
    swapped = [0, *range(40, 79), *range(1, 40)]
    other = {key: value[swapped] for key, value in contour.items()}
    heads = [
        convert_flame(model, FlameCompanions(static=static, contour=table), RELEASE)[0]
        for table in (contour, other)
    ]
    for arrays in heads:
        assert np.array_equal(arrays["lmk68_dyn_tri"], tri)


def test_irises_join_the_landmarks_at_the_front_of_the_eyes():
    arrays, _ = _with_tables()
    head = HeadModel(arrays, {"name": "flame"})
    points = dict(
        zip(head.landmark_ids.tolist(), head.landmarks(head.v_template[None])[0], strict=True)
    )
    for iris, joint in ((473, "eyeL"), (468, "eyeR")):
        centre = head.joints[head.joint_names.index(joint)]
        assert torch.allclose(points[iris][:2], centre[:2], atol=1e-6)
        assert points[iris][2] > centre[2] + 0.008


def test_eyelids_close_the_eyes_and_move_nothing_else(large):
    arrays, meta = large
    assert meta["eyelids"] == "built from the eyelids' geometry"
    assert not meta["eyelids_after_pose"]
    left, right = np.linalg.norm(arrays["eyelid_basis"], axis=2)
    x = arrays["v_template"][:, 0]
    assert left[x < 0].max() == 0
    assert right[x > 0].max() == 0
    assert 0.006 < left.max() < 0.012
    assert left[arrays["part"] > 0].max() == 0
    assert 20 < (left > 0.001).sum() < 300


def test_published_eyelids_are_added_after_the_pose(tmp_path):
    arrays = flame_arrays()
    offsets = np.random.default_rng(2).normal(size=(2, 60, 3)) * 1e-3
    np.save(tmp_path / "l_eyelid.npy", offsets[0])
    np.save(tmp_path / "r_eyelid.npy", offsets[1])
    companions = read_flame_companions(tmp_path, 60, len(arrays["f"]))
    head = HeadModel(*converted(arrays, companions)).double()
    parameters = some_parameters(head, 2)
    lids = torch.tensor([[1.0, 0.0], [0.25, 0.5]], dtype=torch.float64)
    moved = head(parameters.replace(eyelids=lids)).vertices - head(parameters).vertices
    wanted = torch.einsum("bk,kvx->bvx", lids, torch.as_tensor(offsets))
    assert (moved - wanted).abs().max() < 1e-9


def test_parts_and_regions_come_from_the_mesh(large):
    arrays, _ = large
    part, x = arrays["part"], arrays["v_template"][:, 0]
    assert (x[part == 1] > 0).all()
    assert (x[part == 2] < 0).all()
    assert (part == 1).sum() == (part == 2).sum() > 50
    for region in ("face", "lips", "nose", "eyes", "brows", "ears", "neck", "scalp"):
        mask = arrays[f"region_{region}"] > 0
        assert mask.sum() > 20, region
        assert (part[mask] == 0).all()
    lips = arrays["v_template"][arrays["region_lips"] > 0]
    nose = arrays["v_template"][arrays["region_nose"] > 0]
    assert lips[:, 1].mean() < nose[:, 1].mean()


def test_published_masks_take_the_place_of_guessed_regions(tmp_path):
    arrays = flame_arrays()
    keys = ("face", "lips", "nose", "eye_region", "left_ear", "right_ear", "neck", "scalp")
    masks = {key: np.arange(3 * k, 3 * k + 3) for k, key in enumerate(keys)}
    (tmp_path / "FLAME_masks.pkl").write_bytes(pickle.dumps(masks, 2))
    companions = read_flame_companions(tmp_path, 60, len(arrays["f"]))
    found, _ = converted(arrays, companions)
    assert np.flatnonzero(found["region_lips"]).tolist() == [3, 4, 5]
    assert np.flatnonzero(found["region_ears"]).tolist() == [12, 13, 14, 15, 16, 17]


def test_texture_coordinates_come_from_the_template_mesh(tmp_path):
    arrays = flame_arrays()
    lines = [f"v {x} {y} {z}" for x, y, z in arrays["v_template"]]
    lines += [f"vt {k / 60} 0.5" for k in range(60)]
    lines += ["f " + " ".join(f"{i + 1}/{60 - i}" for i in face) for face in arrays["f"]]
    (tmp_path / "head_template.obj").write_text("\n".join(lines))
    companions = read_flame_companions(tmp_path, 60, len(arrays["f"]))
    found, _ = converted(arrays, companions)
    assert np.array_equal(found["uv_faces"], 59 - arrays["f"].astype(int))
    assert found["uv"].shape == (60, 2)


def test_without_jaw_the_joint_goes_and_its_vertices_follow_the_neck():
    arrays = flame_arrays()
    release = flame_release("flame2023_no_jaw.pkl")
    head = HeadModel(*converted(arrays, release=release)).double()
    full = HeadModel(*converted(arrays)).double()
    assert head.joint_names == ("root", "neck", "eyeL", "eyeR")
    assert head.group("jaw").dim == 0
    parameters = some_parameters(full)
    still = parameters.replace(jaw=torch.zeros_like(parameters.jaw))
    wanted = full(still).vertices
    found = head(still.replace(jaw=still.jaw[:, :0])).vertices
    assert (found - wanted).abs().max() < 1e-8


def test_more_or_fewer_expressions_are_kept_on_request():
    arrays, _ = converted(flame_arrays(), num_expression=100)
    assert len(arrays["expr_basis"]) == len(arrays["joint_expr_basis"]) == 100
    with pytest.raises(AssetError, match="has 100 expression components, not 101"):
        converted(flame_arrays(), num_expression=101)


def test_eyes_are_named_by_their_side_not_by_their_number():
    arrays = flame_arrays()
    swapped = [0, 1, 2, 4, 3]
    arrays["J_regressor"] = arrays["J_regressor"][swapped]
    arrays["weights"] = arrays["weights"][:, swapped]
    found, _ = converted(arrays)
    assert list(found["joint_names"]) == ["root", "neck", "jaw", "eyeR", "eyeL"]
    assert found["joints"][4, 0] > 0


@pytest.mark.parametrize(
    ("file", "name", "licence"),
    [
        ("generic_model.pkl", "flame", "FLAME research licence"),
        ("flame2023.pkl", "flame2023", "FLAME research licence"),
        ("flame2023_no_jaw.pkl", "flame2023-no-jaw", "FLAME research licence"),
        ("flame2023_Open.pkl", "flame2023-open", "CC-BY-4.0"),
        ("my_open_model.pkl", "flame", "FLAME research licence"),
    ],
)
def test_releases_are_told_by_file_name(file, name, licence):
    release = flame_release(file)
    assert (release.name, release.licence) == (name, licence)


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("l_eyelid.npy", np.zeros((59, 3)), "for each of the vertices"),
        ("l_eyelid.npy", np.full((60, 3), np.nan), "not finite"),
        ("mediapipe_landmark_embedding.npz", {"lmk_face_idx": np.zeros(3, int)}, "lacks"),
        ("landmark_embedding.npy", {"static_lmk_faces_idx": np.zeros(3, int)}, "lacks"),
        ("FLAME_masks.pkl", {"face": np.array([60])}, "face names a vertex"),
        ("FLAME_masks.pkl", {"lips": np.array([1])}, "lacks the region face"),
    ],
)
def test_companions_that_do_not_fit_are_refused_by_name(file, content, complaint, tmp_path):
    path = tmp_path / file
    if file.endswith(".pkl"):
        path.write_bytes(pickle.dumps(content))
    elif file.endswith(".npz"):
        tables = companion_tables(96)["mediapipe"] | content
        tables.pop("landmark_indices")
        np.savez(path, **tables)
    else:
        np.save(path, np.array(content, dtype=object) if isinstance(content, dict) else content)
    with pytest.raises(AssetError, match=complaint) as refused:
        read_flame_companions(tmp_path, 60, 96)
    assert file in str(refused.value)


def test_companions_are_read_from_the_files_that_smirk_has(tmp_path):
    tables = companion_tables(96)
    write_companions(tmp_path, tables)
    found = read_flame_companions(tmp_path, 60, 96)
    assert np.array_equal(found.mediapipe["id"], tables["mediapipe"]["landmark_indices"])
    assert np.array_equal(found.contour["tri"], tables["dynamic_lmk_faces_idx"])
    assert np.allclose(found.static["bary"], tables["static_lmk_bary_coords"], atol=1e-6)
