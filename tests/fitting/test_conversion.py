"""Parameters carried from head to head keep face, expression and place in the picture."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError, ShapeError
from smirk3d.fitting.conversion import ConversionConfig, HeadConverter, convert_parameters
from smirk3d.fitting.correspondence import find_correspondence
from smirk3d.fitting.point_head import MOVING, PointHead
from smirk3d.geometry.cameras import project
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.head_import.flame import (
    FlameCompanions,
    convert_flame,
    flame_release,
    parse_flame_model,
)
from smirk3d.head_import.ict import convert_ict
from smirk3d.heads.head_file import read_head_file
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import find_head
from smirk3d.heads.tiny import tiny_head, tiny_head_arrays

sys.path.insert(0, str(Path(__file__).parents[1] / "head_import"))
from flame_files import flame_arrays


@pytest.fixture(scope="module")
def open_arrays():
    return read_head_file(find_head("open")).arrays


@pytest.fixture(scope="module")
def open_head(open_arrays):
    return HeadModel(open_arrays, {"name": "open"})


@pytest.fixture(scope="module")
def turned(open_arrays):
    """The open head in a frame tilted by 6 degrees and 2 cm away, and its correspondence."""
    tilt = axis_angle_to_matrix(torch.tensor([0.105, 0.0, 0.0])).numpy()
    shift = np.array([0.0, 0.02, -0.01])
    arrays = dict(open_arrays)
    for name in ("v_template", "joints"):
        arrays[name] = open_arrays[name] @ tilt.T + shift
    for name in (n for n in open_arrays if n.endswith("_basis") or n == "jaw_basis_neg"):
        arrays[name] = open_arrays[name] @ tilt.T
    head = HeadModel(arrays, {"name": "turned"})
    original = HeadModel(open_arrays, {"name": "open"})
    return head, tilt, find_correspondence(original, head, num_points=400)


@pytest.fixture(scope="module")
def flame_file(open_arrays):
    """FLAME's layout on the open head's skin: its identity, its 38 actions as PCA, a jaw joint."""
    kept = open_arrays["part"] <= 2
    actions = open_arrays["expr_basis"][:, kept].astype(np.float64)
    weights = np.random.default_rng(0).normal(size=(400, 38)).clip(0, None) * 0.3
    offsets = weights @ actions.reshape(38, -1)
    _, size, ways = np.linalg.svd(offsets - offsets.mean(0), full_matrices=False)
    modes = (ways[:38] * size[:38, None] / 20).reshape(38, -1, 3)
    stored = flame_arrays("open")
    stored["shapedirs"] = np.zeros_like(stored["shapedirs"])[..., :338]
    identity = open_arrays["shape_basis"][:, kept]
    stored["shapedirs"][..., : len(identity)] = identity.transpose(1, 2, 0)
    stored["shapedirs"][..., 300:] = modes.transpose(1, 2, 0)
    stored["posedirs"] *= 0
    model = parse_flame_model(pickle.dumps(stored, 2), "x.pkl")
    arrays, meta = convert_flame(
        model, FlameCompanions(), flame_release("generic_model.pkl"), num_expression=38
    )
    whole = kept[open_arrays["faces"]].all(1)
    rows = whole[open_arrays["lmk_mp_tri"]]
    for name in ("id", "bary", "sigma"):
        arrays[f"lmk_mp_{name}"] = open_arrays[f"lmk_mp_{name}"][rows]
    arrays["lmk_mp_tri"] = (np.cumsum(whole) - 1)[open_arrays["lmk_mp_tri"][rows]]
    return arrays, meta


@pytest.fixture(scope="module")
def flame(flame_file):
    return HeadModel(*flame_file)


@pytest.fixture(scope="module")
def there(open_head, flame):
    pairs = find_correspondence(open_head, flame, num_points=500)
    return HeadConverter(open_head, flame, correspondence=pairs)


@pytest.fixture(scope="module")
def back(there):
    pairs = there.correspondence.reversed()
    return HeadConverter(there.target, there.source, correspondence=pairs)


def random_faces(head, count=24):
    generator = torch.Generator().manual_seed(5)

    def sparse(size, fraction, most):
        present = torch.rand(count, size, generator=generator) < fraction
        return present * torch.rand(count, size, generator=generator) * most

    jaw = torch.cat([sparse(1, 0.6, 0.7), sparse(1, 0.4, 0.5) - sparse(1, 0.4, 0.5),
                     torch.zeros(count, 1)], 1)  # fmt: skip
    return head.neutral(count).replace(
        shape=0.7 * torch.randn(count, head.group("shape").dim, generator=generator),
        expression=sparse(38, 0.15, 1.0), eyelids=sparse(2, 0.4, 1.0), jaw=jaw,
        eyes=0.1 * torch.randn(count, 6, generator=generator) * torch.tensor([1, 1, 0] * 2),
        head_pose=0.3 * torch.randn(count, 3, generator=generator),
        camera=torch.tensor([7.0, 0.01, -0.02]) + 0.01 * torch.randn(count, 3, generator=generator),
    )  # fmt: skip


def shown(head, corners, bary, parameters):
    """Where surface points are seen, in millimetres at the crop's scale ``[B, P, 2]``."""
    parameters = parameters.to_numpy().to(np.float64)
    points = PointHead(head, corners, bary).points(parameters)
    return project(points, parameters.camera)[..., :2] / 7 * 1e3


def test_a_shared_mesh_corresponds_to_itself(there):
    pairs = there.correspondence
    ours = (there.source.v_template[pairs.source_corners] * pairs.source_bary[..., None]).sum(1)
    theirs = (there.target.v_template[pairs.target_corners] * pairs.target_bary[..., None]).sum(1)
    assert np.linalg.norm(ours - theirs, axis=1).max() < 1e-5
    assert len(ours) > 480
    assert np.allclose(pairs.rotation, np.eye(3), atol=1e-5)


def test_one_mesh_corresponds_triangle_by_triangle(turned):
    _, _, pairs = turned
    assert np.array_equal(pairs.source_corners, pairs.target_corners)
    assert pairs.distance.max() < 1e-6


def test_pairs_can_be_reversed(open_head, turned):
    head, _, pairs = turned
    back = pairs.reversed()
    point = open_head.v_template[100].numpy() @ back.rotation.T + back.translation
    assert np.allclose(point, head.v_template[100], atol=1e-5)
    assert back.source_corners.max() < head.num_vertices
    assert np.array_equal(back.reversed().source_corners, pairs.source_corners)


def test_another_frame_is_found(open_head, turned):
    head, tilt, pairs = turned
    assert np.allclose(pairs.rotation, tilt.T, atol=1e-4)
    point = head.v_template[100].numpy() @ pairs.rotation.T + pairs.translation
    assert np.allclose(point, open_head.v_template[100], atol=1e-5)


def test_the_same_head_in_another_frame_gets_the_same_weights(open_head, turned):
    head, _, pairs = turned
    faces = random_faces(open_head)
    found = HeadConverter(open_head, head, correspondence=pairs)(faces)
    assert found.expression_error.max() < 0.02
    assert found.surface_error.max() < 0.12
    # opposed weights, mouth left and right, may cancel differently
    assert (open_head.arkit(faces) - head.arkit(found.parameters)).abs().mean() < 0.003
    assert (found.parameters.eyelids - faces.eyelids).abs().max() < 0.02
    ours = shown(open_head, pairs.source_corners, pairs.source_bary, faces)
    theirs = shown(head, pairs.target_corners, pairs.target_bary, found.parameters)
    assert np.linalg.norm(ours - theirs, axis=2).mean() < 0.08


def test_to_flame_and_back_keeps_each_action(open_head, there, back):
    faces = random_faces(open_head)
    forth = there(faces)
    assert forth.expression_error.mean() < 0.35
    assert forth.surface_error.mean() < 0.4
    found = back(forth.parameters)
    assert found.expression_error.mean() < 0.35
    before = torch.cat([getattr(faces, name) for name in MOVING], 1)
    after = torch.cat([getattr(found.parameters, name) for name in MOVING], 1)
    # the tongue is behind the lips, mouthClose shows with an open jaw only
    varied = before.std(0) > 0.01
    for name in ("tongueOut", "mouthClose"):
        varied[open_head.expression_names.index(name)] = False
    pairs = torch.stack([before[:, varied], after[:, varied]])
    centred = pairs - pairs.mean(1, keepdim=True)
    correlation = centred.prod(0).sum(0) / centred.norm(dim=1).prod(0)
    assert correlation.mean() > 0.9
    assert correlation.median() > 0.95


def test_converted_faces_cover_their_source_in_the_picture(open_head, there):
    faces = random_faces(open_head)
    found = there(faces)
    pairs = there.correspondence
    ours = shown(open_head, pairs.source_corners, pairs.source_bary, faces)
    theirs = shown(there.target, pairs.target_corners, pairs.target_bary, found.parameters)
    assert np.linalg.norm(ours - theirs, axis=2).mean() < 0.4


def test_a_bent_neck_is_followed(flame, back):
    parameters = flame.neutral(2).replace(
        neck=torch.tensor([[0.2, 0.1, 0.0], [0.0, -0.3, 0.1]]),
        head_pose=torch.tensor([[0.0, 0.3, 0.1], [0.2, 0.0, 0.0]]),
    )
    found = back(parameters)
    pairs = back.correspondence
    ours = shown(flame, pairs.source_corners, pairs.source_bary, parameters)
    theirs = shown(back.target, pairs.target_corners, pairs.target_bary, found.parameters)
    assert np.linalg.norm(ours - theirs, axis=2).max() < 2.0


def test_values_stay_within_their_ranges(flame, back):
    wild = flame.neutral(8).replace(
        expression=4 * torch.randn(8, 38), jaw=0.3 * torch.randn(8, 3).abs(),
        eyes=torch.randn(8, 6), eyelids=torch.full((8, 2), 1.5),
    )  # fmt: skip
    found = back(wild).parameters
    for name in ("expression", "eyelids", "jaw", "eyes"):
        group = back.target.group(name)
        value = getattr(found, name)
        assert (value - group.clamp(value)).abs().max() < 1e-6
        assert torch.isfinite(value).all()


def test_a_persons_rest_stays_rest(open_head, flame, back):
    rest = flame.neutral().replace(expression=0.5 * torch.randn(1, 38))
    faces = flame.neutral(3).replace(expression=rest.expression.repeat(3, 1))
    calibrated = back(faces, neutral=rest)
    assert open_head.arkit(calibrated.parameters).abs().max() < 1e-3
    assert open_head.arkit(back(faces).parameters).abs().max() > 0.1
    assert calibrated.expression_error.max() < 1e-6
    with pytest.raises(AssetError, match="neutral holds 2 faces, not 1 or 3"):
        back(faces, neutral=faces[:2])


def test_batches_do_not_change_the_answer(open_head, there):
    faces = random_faces(open_head, 5)
    one_by_one = HeadConverter(
        there.source, there.target, correspondence=there.correspondence,
        config=ConversionConfig(batch_size=2),
    )  # fmt: skip
    whole, parts = there(faces), one_by_one(faces)
    for name in MOVING:
        difference = getattr(whole.parameters, name) - getattr(parts.parameters, name)
        assert difference.abs().max() < 2e-2
    assert torch.allclose(whole.surface_error, parts.surface_error, atol=1e-3)


def test_parameters_of_another_head_are_refused(there, flame):
    with pytest.raises(ShapeError):
        there(flame.neutral())


# iBUG's points against MediaPipe's, where both name the same place
_SAME_PLACE = {
    17: 70, 18: 63, 19: 105, 20: 66, 21: 107, 22: 336, 23: 296, 24: 334, 25: 293, 26: 300, 27: 168,
    28: 197, 29: 5, 30: 4, 33: 2, 36: 33, 37: 160, 38: 158, 39: 133, 40: 153, 41: 144, 42: 362,
    43: 385, 44: 387, 45: 263, 46: 373, 47: 380, 48: 61, 49: 39, 50: 37, 51: 0, 52: 267, 53: 269,
    54: 291, 56: 314, 57: 17, 58: 84, 61: 82, 62: 13, 63: 312, 65: 317, 66: 14, 67: 87,
}  # fmt: skip


def test_to_ict_and_back_keeps_each_action(open_head, shared_dir):
    archive = shared_dir / "ict" / "ICT-FaceKit-30-identities.tar.xz"
    if not archive.is_file():
        pytest.skip(f"{archive} is not here: it holds the head that this test converts to")
    arrays, meta = convert_ict(archive)
    points = list(_SAME_PLACE)
    arrays["lmk_mp_id"] = np.array(list(_SAME_PLACE.values()))
    arrays["lmk_mp_tri"] = arrays["lmk68_tri"][points]
    arrays["lmk_mp_bary"] = arrays["lmk68_bary"][points]
    arrays["lmk_mp_sigma"] = np.full(len(points), 0.002)
    ict = HeadModel(arrays, meta)
    pairs = find_correspondence(open_head, ict, num_points=500)
    assert pairs.distance.mean() < 2e-4
    assert len(pairs.weights) > 440
    faces = random_faces(open_head)
    forth = HeadConverter(open_head, ict, correspondence=pairs)(faces)
    assert forth.expression_error.mean() < 1.3
    found = HeadConverter(ict, open_head, correspondence=pairs.reversed())(forth.parameters)
    before, after = open_head.arkit(faces), open_head.arkit(found.parameters)
    varied = before.std(0) > 0.01
    varied[ARKIT_NAMES.index("tongueOut")] = False
    pairs = torch.stack([before[:, varied], after[:, varied]])
    centred = pairs - pairs.mean(1, keepdim=True)
    correlation = centred.prod(0).sum(0) / centred.norm(dim=1).prod(0)
    assert correlation.mean() > 0.95
    assert correlation.min() > 0.7


def test_one_release_of_flame_to_another(flame, flame_file):
    """Same mesh, other components: what 2023 Open is to 2020."""
    generator = torch.Generator().manual_seed(2)
    mixed = {
        name: torch.linalg.qr(torch.randn(size, size, generator=generator))[0].numpy()
        for name, size in (("shape", 300), ("expr", 38))
    }
    arrays = dict(flame_file[0])
    for name, mix in mixed.items():
        for basis in (f"{name}_basis", f"joint_{name}_basis"):
            arrays[basis] = np.einsum("ij,jvx->ivx", mix, arrays[basis])
    release = HeadModel(arrays, {"name": "flame2023-open"})
    faces = flame.neutral(6).replace(
        shape=torch.randn(6, 300, generator=generator) * 0.7,
        expression=torch.randn(6, 38, generator=generator) * 0.7,
        jaw=torch.rand(6, 3, generator=generator) * torch.tensor([0.3, 0.05, 0.05]),
        eyelids=torch.rand(6, 2, generator=generator),
    )
    result = convert_parameters(flame, release, faces)
    assert result.expression_error.max() < 0.1
    assert result.surface_error.max() < 0.15
    assert (result.parameters.jaw - faces.jaw).abs().max() < 0.03
    assert (result.parameters.eyelids - faces.eyelids).abs().max() < 0.1


def test_heads_without_common_landmarks_are_refused(open_head):
    head = tiny_head("named")
    with pytest.raises(AssetError, match=r"share \d+ landmarks, too few"):
        convert_parameters(head, open_head, head.neutral())


@pytest.mark.parametrize("kind", ["named", "pca"])
def test_slopes_are_the_derivatives_of_the_points(kind):
    arrays, meta = tiny_head_arrays(kind)
    arrays.pop("joint_expr_basis", None)
    head = HeadModel(arrays, meta)
    # single vertices, where nothing is averaged over a triangle
    bary = np.tile([1.0, 0.0, 0.0], (40, 1))
    points = PointHead(head, head.faces[:40].numpy(), bary)
    rng = np.random.default_rng(0)
    start = head.neutral(2).to_numpy().to(np.float64)
    start = start.replace(
        expression=rng.random(start.expression.shape), jaw=0.1 + 0.3 * rng.random(start.jaw.shape),
        eyes=0.1 * rng.normal(size=start.eyes.shape),
    )  # fmt: skip
    slopes = points.slopes(start, points.points(start))

    def moved(name, component, step):
        values = getattr(start, name).copy()
        values[:, component] += step
        return points.points(start.replace(**{name: values})).reshape(2, -1)

    exact = np.stack(
        [
            (moved(name, component, 1e-5) - moved(name, component, -1e-5)) / 2e-5
            for name in MOVING
            for component in range(getattr(start, name).shape[1])
        ],
        2,
    )
    found = np.concatenate([slopes.linear * slopes.gates[:, None], slopes.jaw], 2)
    assert np.abs(found - exact).max() < 1e-5
    weights, left = rng.random(exact.shape[1]), rng.normal(size=(2, exact.shape[1]))
    wanted = exact.swapaxes(1, 2) @ (exact * weights[:, None])
    assert np.allclose(slopes.curvature(weights), wanted, atol=1e-5)
    wanted = (exact * left[..., None]).sum(1)
    assert np.allclose(slopes.gradient(left), wanted, atol=1e-4)
