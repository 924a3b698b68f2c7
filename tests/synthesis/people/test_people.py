"""People are what their seeds and labels say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from smirk3d.conventions import ARKIT_NAMES, CROP_SIZE, IRIS_LEFT, IRIS_RIGHT
from smirk3d.errors import AssetError, UsageError
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_crop import transform_points
from smirk3d.synthesis.people import LabeledPicture, Segment
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.recipes import CameraRecipe
from smirk3d.synthesis.people.sampling import PeopleSampler


def plain(
    renderer: PeopleRenderer, sampler: PeopleSampler, *,
    pose: tuple[float, float, float] = (0.0, 0.0, 0.0),
    glasses: str = "", distance: float = 0.75, occluders: int = 0,
) -> LabeledPicture:  # fmt: skip
    """Return a bald person's neutral face."""
    recipe = replace(sampler.person(sampler.nth_seed(0)), hair="", hat="", glasses=glasses)
    face = renderer.head.neutral()[0].replace(head_pose=torch.tensor(pose))
    camera = CameraRecipe(distance=distance)
    scene = replace(sampler.scene(0), face=face, camera=camera, occluders=occluders)
    return renderer.picture(renderer.person(recipe), scene)


def test_equal_seeds_give_equal_pictures(renderer: PeopleRenderer, sampler: PeopleSampler) -> None:
    again = PeopleSampler(renderer, sampler.odds)
    for one, other in zip(sampler.pictures(3, 5), again.pictures(3, 5), strict=True):
        assert np.array_equal(one.picture, other.picture)
        assert np.array_equal(one.labels.segmentation, other.labels.segmentation)
        assert np.array_equal(one.labels.points, other.labels.points)
        assert one.labels.ids == other.labels.ids


def test_other_seeds_give_other_people(sampler: PeopleSampler) -> None:
    pictures = [labeled.picture for labeled in sampler.pictures(4, 6)]
    for index, one in enumerate(pictures):
        for other in pictures[:index]:
            assert np.abs(one.astype(float) - other).mean() > 5


def test_the_perspective_camera_shows_the_labels(
    renderer: PeopleRenderer, sampler: PeopleSampler
) -> None:
    for labeled in sampler.pictures(6, 2):
        labels = labeled.labels
        assert labels.parameters is not None
        mesh = renderer.head(labels.parameters.replace(head_pose=torch.zeros(3))[None])
        points = renderer.head.landmarks(mesh.vertices)[0].numpy()
        seen = points @ labels.T_camera_head[:3, :3].T + labels.T_camera_head[:3, 3]
        pixels = seen @ labels.intrinsics.T
        pixels = pixels[:, :2] / pixels[:, 2:]
        rows = renderer.head.landmark_ids.numpy()
        assert np.abs(pixels - labels.landmarks[rows]).max() < 0.5
        np.testing.assert_allclose(
            labels.rotation, labels.T_camera_head[:3, :3] * [[1], [-1], [-1]], atol=1e-6
        )


def test_the_orthographic_camera_is_the_far_cameras(
    renderer: PeopleRenderer, sampler: PeopleSampler
) -> None:
    labels = plain(renderer, sampler, pose=(0.1, 0.5, -0.2), distance=300.0).labels
    assert labels.parameters is not None
    face = labels.parameters[None]
    points = renderer.head.landmarks(renderer.head(face).vertices)
    crop = ndc_to_pixels(project(points, face.camera), CROP_SIZE)[0, :, :2].numpy()
    rows = renderer.head.landmark_ids.numpy()
    wanted = transform_points(labels.T_crop_image, labels.landmarks[rows])
    assert np.abs(crop - wanted).max() < 0.5
    low, high = wanted.min(0), wanted.max(0)
    np.testing.assert_allclose((low + high) / 2, CROP_SIZE / 2, atol=0.01)


def test_gaze_goes_where_the_eyes_look(renderer: PeopleRenderer, sampler: PeopleSampler) -> None:
    labels = plain(renderer, sampler, pose=(0.0, 0.6, 0.0)).labels
    np.testing.assert_allclose(labels.gaze, [[np.sin(0.6), 0, np.cos(0.6)]] * 2, atol=1e-5)


def test_what_is_hidden_is_labeled_hidden(renderer: PeopleRenderer, sampler: PeopleSampler) -> None:
    front = plain(renderer, sampler).labels
    side = plain(renderer, sampler, pose=(0.0, np.pi / 2, 0.0)).labels
    corners = renderer.resources.surface.point_corners
    x = renderer.resources.surface.template[corners].mean(1)[:, 0]
    z = renderer.resources.surface.template[corners].mean(1)[:, 2]
    assert not front.points_visible[z < -0.05].any()
    on_front = (z > 0.09) & (np.abs(x) < 0.03)
    assert front.points_visible[on_front].mean() > 0.85
    # the subject's left is turned to the camera's right, away from it
    assert not side.points_visible[x > 0.02].any()
    assert side.points_visible[(x < -0.03) & (z > 0.02)].mean() > 0.8
    assert front.landmarks_visible[[IRIS_LEFT, IRIS_RIGHT]].all()


def test_dark_glasses_hide_the_eyes(renderer: PeopleRenderer, sampler: PeopleSampler) -> None:
    labels = plain(renderer, sampler, glasses="sun-square").labels
    assert not labels.landmarks_visible[[IRIS_LEFT, IRIS_RIGHT]].any()
    assert (labels.segmentation == Segment.GLASSES).mean() > 0.03


def test_occluders_hide_points(renderer: PeopleRenderer, sampler: PeopleSampler) -> None:
    labels = plain(renderer, sampler, occluders=6).labels
    cells = np.floor(labels.landmarks).astype(int).clip(0, 95)
    hidden = labels.segmentation[cells[:, 1], cells[:, 0]] == Segment.OCCLUDER
    assert hidden.any()
    assert not (hidden & labels.landmarks_visible).any()


def test_segments_are_where_the_landmarks_are(
    renderer: PeopleRenderer, sampler: PeopleSampler
) -> None:
    labels = plain(renderer, sampler).labels
    for landmark, segment in ((IRIS_LEFT, Segment.EYE_LEFT), (IRIS_RIGHT, Segment.EYE_RIGHT)):
        x, y = np.floor(labels.landmarks[landmark]).astype(int)
        assert labels.segmentation[y, x] == segment
    assert (labels.segmentation == Segment.LIPS).any()


@pytest.mark.parametrize("relation", ["pose", "expression", "light", "camera", "person"])
def test_pairs_differ_in_one_thing(sampler: PeopleSampler, relation: str) -> None:
    (one, first), (two, second) = sampler.pair(3, relation)
    assert (one.seed == two.seed) == (relation != "person")

    def same(names: tuple[str, ...]) -> bool:
        a, b = first.face, second.face
        return all(torch.equal(getattr(a, name), getattr(b, name)) for name in names)

    expression = ("expression", "jaw", "eyelids")
    assert same(expression) == (relation != "expression")
    assert same(("head_pose",)) == (relation not in {"pose", "person"})
    assert (first.light == second.light) == (relation not in {"light", "person"})
    assert (first.camera == second.camera) == (relation not in {"camera", "person"})


def test_faces_stay_in_range_and_a_third_is_nearly_neutral(sampler: PeopleSampler) -> None:
    rng = np.random.default_rng(0)
    head = sampler.renderer.head
    faces = [sampler.faces.face(rng) for _ in range(400)]
    for name in ("expression", "jaw", "eyelids", "eyes"):
        values = torch.stack([getattr(face, name) for face in faces])
        assert torch.allclose(head.group(name).clamp(values), values, atol=1e-5)
    rows = torch.stack([head.arkit(face[None])[0] for face in faces])
    names = [n for n in range(52) if not 0 <= n < 14]
    strongest = rows[:, names].amax(1)
    assert 0.25 < float((strongest < 0.16).float().mean()) < 0.5
    pose = FaceParameters.cat([face[None] for face in faces]).head_pose.norm(dim=1)
    assert float(pose.max()) > 1.3


def test_every_labeled_action_shows(sampler: PeopleSampler) -> None:
    rng = np.random.default_rng(1)
    weights = np.stack([sampler.faces.weights(rng) for _ in range(800)])
    jaw, tongue, close, wide, blink = (
        weights[:, ARKIT_NAMES.index(name)]
        for name in ("jawOpen", "tongueOut", "mouthClose", "eyeWideLeft", "eyeBlinkLeft")
    )
    out, closed = tongue > 0.1, close > 0.1
    assert out.sum() > 10 and closed.sum() > 10
    assert (jaw[out] >= 0.4 * tongue[out]).all() and (close[out] == 0).all()
    assert (jaw[closed] >= 0.15).all()
    assert (wide + blink <= 1 + 1e-6).all()


def test_a_person_of_the_other_side_is_refused(sampler: PeopleSampler) -> None:
    other = PeopleSampler(sampler.renderer, held_out=None)
    seed = next(s for s in range(200) if s not in {sampler.nth_seed(0)} and _refused(sampler, s))
    assert other.person(seed).seed == seed


def _refused(sampler: PeopleSampler, seed: int) -> bool:
    try:
        sampler.person(seed)
    except UsageError:
        return True
    return False


def test_unknown_assets_are_named(renderer: PeopleRenderer, sampler: PeopleSampler) -> None:
    recipe = replace(sampler.person(sampler.nth_seed(0)), hair="mohawk")
    with pytest.raises(AssetError, match="mohawk"):
        renderer.person(recipe)
    with pytest.raises(AssetError, match="flame"):
        renderer.person(replace(recipe, head="flame"))
