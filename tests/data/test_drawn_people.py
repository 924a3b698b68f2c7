from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.data.annotated_faces import AnnotatedFaces
from smirk3d.data.batch_config import AugmentationConfig, BatchConfig
from smirk3d.data.batches import TrainingBatches
from smirk3d.data.drawn_people import STORED_SIZE, DrawnPeople
from smirk3d.errors import InputError, UsageError
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head
from smirk3d.preprocessing.face_crop import face_roll
from smirk3d.synthesis.people import write_labeled_set
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.expressions import PoseOdds
from smirk3d.synthesis.people.sampling import PeopleOdds, PeopleSampler
from smirk3d.training.config import TrainConfig
from smirk3d.training.paths.evidence_losses import same_person_distance
from smirk3d.training.recipes.recipe import with_settings

COUNT, POINTS = 6, 40


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return load_head()


@pytest.fixture(scope="module")
def folder(head: HeadModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return two sets of people, one of them with heads of any roll, far away."""
    parent = tmp_path_factory.mktemp("people")
    renderer = PeopleRenderer(head, size=96)
    odds = PeopleOdds(occluder=0.0, distance=(2.9, 3.0), framing=(2.2, 2.2))
    for number, any_roll in enumerate((0.0, 1.0)):
        poses = PoseOdds(wide=0.0, any_roll=any_roll)
        sampler = PeopleSampler(renderer, odds, poses=poses)
        pictures = sampler.pictures(COUNT // 2, number)
        write_labeled_set(parent / f"set-{number}", pictures, head, renderer.points, complete=False)
    return parent


def photos(count: int) -> AnnotatedFaces:
    return AnnotatedFaces(
        keys=np.array([f"{i:05d}" for i in range(count)]),
        images=torch.zeros(count, 3, 224, 224, dtype=torch.uint8),
        landmarks=torch.rand(count, 478, 2) * 100 + 60,
        blendshapes=torch.zeros(count, 52),
        blendshape_names=tuple(f"b{i}" for i in range(52)),
        sources=np.array(["made"] * count),
        persons=np.full(count, ""),
        oval_inside=torch.ones(count),
    )


def test_people_stand_upright_and_their_parameters_show_them(head: HeadModel, folder: Path) -> None:
    people = DrawnPeople(folder, head, POINTS)
    assert len(people) == COUNT
    assert people.points.shape == (COUNT, POINTS, 2)
    for landmarks in people.landmarks:
        assert abs(face_roll(landmarks.numpy())) < 1e-3
    seen = project(head.landmarks(head(people.targets).vertices), people.targets.camera)
    pixels = ndc_to_pixels(seen[..., :2], STORED_SIZE)
    distance = (pixels - people.landmarks[:, head.landmark_ids]).norm(dim=-1)
    # three metres away perspective leaves about a pixel
    assert distance.mean() < 1.5
    # the points lie where the parameters put them
    vertices = project(head(people.targets).vertices, people.targets.camera)[..., :2]
    corners = vertices[:, people.point_corners]
    surface = ndc_to_pixels((corners * people.point_bary[..., None]).sum(2), STORED_SIZE)
    assert (surface - people.points).norm(dim=-1).median() < 1.5


def test_labels_are_carried_to_the_points_that_an_encoder_has(
    head: HeadModel, folder: Path
) -> None:
    own = DrawnPeople(folder, head, POINTS)
    # what the set labels stays as it is, in another order too
    order = torch.arange(POINTS).flip(0)
    wanted = own.point_corners[order], own.point_bary[order]
    carried = DrawnPeople(folder, head, POINTS, wanted)
    torch.testing.assert_close(carried.points, own.points[:, order], atol=0.01, rtol=0)
    assert torch.equal(carried.points_visible, own.points_visible[:, order])
    # other points of the surface lie where the parameters put them
    others = own.point_corners, torch.full_like(own.point_bary, 1 / 3)
    people = DrawnPeople(folder, head, POINTS, others)
    vertices = project(head(people.targets).vertices, people.targets.camera)[..., :2]
    surface = ndc_to_pixels(vertices[:, others[0]].mean(2), STORED_SIZE)
    assert (surface - people.points).norm(dim=-1).median() < 1.5


def test_batches_mix_people_with_photos(head: HeadModel, folder: Path) -> None:
    people = DrawnPeople(folder, head, POINTS)
    still = AugmentationConfig(crop_scale=(1.5, 1.5), shift=0, rotation=0, occlusion=0, flip=1.0)
    config = BatchConfig(batch_size=8, image_size=64, people=0.75, augmentation=still)
    batches = TrainingBatches(photos(4), head.neutral(4), head, config, people=people)
    batch = batches.batch(0)
    assert batch.is_ground_truth.tolist() == [False] * 2 + [True] * 6
    assert batch.points is not None
    # points of mirrored people have no partners
    assert batch.points.isnan().all()
    seen = project(head.landmarks(head(batch.targets).vertices), batch.targets.camera)[..., :2]
    pixels = ndc_to_pixels(seen, 64)
    assert (pixels - batch.landmarks)[2:].norm(dim=-1).mean() < 1.0
    again = batches.batch(0)
    assert torch.equal(again.images, batch.images)
    assert not torch.equal(batches.batch(1).images, batch.images)


def test_other_heads_and_empty_folders_are_refused(
    head: HeadModel, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="holds no set of labeled pictures"):
        DrawnPeople(tmp_path, head)
    with pytest.raises(InputError, match="shows other heads than 'tiny-named'"):
        DrawnPeople(folder, tiny_head("named"))


def test_sets_of_another_head_teach_its_named_actions(
    head: HeadModel, folder: Path, tmp_path: Path
) -> None:
    sets = tmp_path / "sets"
    shutil.copytree(folder / "set-0", sets / "a-own")
    shutil.copytree(folder / "set-0", sets / "b-other")
    labels = sets / "b-other" / "labels.npz"
    with np.load(labels) as file:
        arrays = dict(file)
    arrays["parameters_shape"] = arrays["parameters_shape"][:, :-1]
    np.savez(labels, **arrays)
    people = DrawnPeople(sets, head, POINTS)
    half = len(people) // 2
    own, other = people.targets[:half], people.targets[half:]
    assert other.shape.isnan().all() and other.camera.isnan().all()
    torch.testing.assert_close(head.arkit(other), head.arkit(own), rtol=0, atol=2e-3)
    assert people.points[half:].isnan().all() and not people.points_visible[half:].any()
    rows = torch.arange(len(people))
    assert torch.equal(
        people.rows(rows[half:], "cpu").images, people.rows(rows[:half], "cpu").images
    )
    # what surface points start from
    assert torch.equal(people.known_points(), people.points[:half])


def test_sets_drawn_while_it_runs_are_taken_up(
    head: HeadModel, folder: Path, tmp_path: Path
) -> None:
    sets = tmp_path / "sets"
    shutil.copytree(folder / "set-0", sets / "first")
    people = DrawnPeople(sets, head, POINTS, most=COUNT)
    alone = people.rows(torch.arange(COUNT // 2), "cpu")
    config = BatchConfig(batch_size=4, image_size=64, people=1.0, people_look=2)
    batches = TrainingBatches(photos(4), head.neutral(4), head, config, people=people)
    # an unfinished set has no labels yet
    shutil.copytree(folder / "set-1", sets / "second", ignore=shutil.ignore_patterns("labels.npz"))
    batches.batch(2)
    assert len(people) == COUNT // 2
    shutil.copy(folder / "set-1" / "labels.npz", sets / "second")
    batches.batch(3)
    assert len(people) == COUNT // 2
    batches.batch(4)
    assert len(people) == COUNT
    assert torch.equal(people.rows(torch.arange(COUNT // 2), "cpu").images, alone.images)
    second = DrawnPeople(sets / "second", head, POINTS).rows(torch.arange(COUNT // 2), "cpu")
    rows = torch.tensor([COUNT - 1, 0, COUNT // 2])
    mixed = people.rows(rows, "cpu")
    expected = torch.stack([second.images[-1], alone.images[0], second.images[0]])
    assert torch.equal(mixed.images, expected)
    torch.testing.assert_close(mixed.landmarks[0], second.landmarks[-1])
    # those read first give way
    shutil.copytree(folder / "set-0", sets / "third")
    assert people.take_up_new_sets() == 1
    assert people.take_up_new_sets() == 0
    assert len(people) == COUNT
    assert torch.equal(people.rows(torch.arange(COUNT // 2), "cpu").images, second.images)
    assert torch.equal(people.rows(torch.arange(COUNT // 2, COUNT), "cpu").images, alone.images)


def test_pairs_stand_in_one_batch_and_are_changed_alike(head: HeadModel, tmp_path: Path) -> None:
    renderer = PeopleRenderer(head, size=96)
    odds = PeopleOdds(occluder=0.0, distance=(2.9, 3.0), framing=(2.2, 2.2))
    sampler = PeopleSampler(renderer, odds, poses=PoseOdds(wide=0.0, any_roll=0.0))
    # of five kinds of pairs the last shows two people
    write_labeled_set(
        tmp_path / "set", sampler.pairs(5, 3), head, renderer.points, complete=False
    )  # fmt: skip
    people = DrawnPeople(tmp_path, head, POINTS)
    assert people.partner.tolist() == [1, 0, 3, 2, 5, 4, 7, 6, -1, -1]
    config = BatchConfig(
        batch_size=16, image_size=64, people=0.75, people_pairs=0.7, warped=0.125, people_turned=0.5
    )
    batch = TrainingBatches(photos(4), head.neutral(4), head, config, people=people).batch(0)
    assert batch.same_person is not None
    # two warps and their photos, and four people
    assert batch.same_person.tolist() == [[0, 2], [1, 3], *([i, i + 4] for i in range(4, 8))]
    rows = batch.same_person
    first, second = rows.T
    assert batch.is_ground_truth.tolist() == [True] * 2 + [False] * 2 + [True] * 12
    shape = batch.targets.shape
    torch.testing.assert_close(shape[first], shape[second])
    assert not torch.equal(batch.images[first[2:]], batch.images[second[2:]])
    everybody = replace(config, people_pairs=1.0, people=0.5, warped=0.0)
    batch = TrainingBatches(photos(8), head.neutral(8), head, everybody, people=people).batch(0)
    assert batch.same_person is not None
    assert batch.same_person.tolist() == [[i, i + 4] for i in range(8, 12)]
    gram = torch.eye(shape.shape[1])
    assert same_person_distance(shape, rows, gram) == 0
    moved = shape.clone()
    moved[second[-1], 0] += 0.006
    # millimetres squared, in the mean of six pairs
    distance = same_person_distance(moved, rows, gram)
    assert distance.item() == pytest.approx(36 / 6, rel=1e-3)
    assert same_person_distance(shape, None, gram) == 0


def test_people_need_a_folder_and_fit_into_a_batch() -> None:
    config = with_settings(TrainConfig(), {"data.batches.people": 1.0, "run.steps": 1})
    with pytest.raises(UsageError, match=r"needs --data\.people"):
        config.check_complete()
    with pytest.raises(UsageError, match="exceed a batch"):
        replace(BatchConfig(), people=0.8, rendered=0.4)
