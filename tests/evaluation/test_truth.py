"""Figures against truth: an oracle is perfect, and known faults have known figures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.cli.main import main
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import InputError, UsageError
from smirk3d.evaluation.config import EvaluationConfig
from smirk3d.evaluation.methods import Crops
from smirk3d.evaluation.truth.actions import action_truth
from smirk3d.evaluation.truth.faces import TruthFaces, found_faces
from smirk3d.evaluation.truth.figures import Figure, figure, figure_table, mean_figure
from smirk3d.evaluation.truth.measure import measured
from smirk3d.evaluation.truth.named_sets import given_set
from smirk3d.evaluation.truth.pose import detection_figures
from smirk3d.evaluation.truth.surfaces import aligned, face_surface
from smirk3d.evaluation.truth.views import angles_between, euler_angles
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.synthesis.people import LabeledSet
from smirk3d.synthesis.people.expressions import euler_rotation

YAWS = (0.0, 20.0, 40.0, 60.0)
SMILE = {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9, "cheekSquintLeft": 0.8,
         "cheekSquintRight": 0.8, "eyeSquintLeft": 0.4, "eyeSquintRight": 0.4}  # fmt: skip


class Said:
    """A method that says what it is told to."""

    def __init__(self, name: str, parameters: FaceParameters) -> None:
        self.name, self._parameters = name, parameters

    def __call__(self, crops: Crops) -> FaceParameters:
        assert len(crops) == len(self._parameters)
        return self._parameters


def some_people(head: HeadModel) -> tuple[TruthFaces, FaceParameters]:
    """Return faces of three people, over yaws, single actions, combinations, and their truth."""
    rng = np.random.default_rng(0)
    weights, poses, person = [], [], []
    singles = [("jawOpen", 1.0), ("jawOpen", 0.5), ("mouthSmileLeft", 1.0), ("mouthSmileLeft", 0.5)]
    mixed = ({name: float(w) for name, w in zip(rng.choice(ARKIT_NAMES[14:], 4, False),
                                                rng.uniform(0.3, 1, 4), strict=True)}
             for _ in range(3))  # fmt: skip
    extra = list(mixed)
    for one in range(3):
        faces = [({}, yaw) for yaw in YAWS] + [({name: w}, 0.0) for name, w in singles]
        for face, yaw in [*faces, (SMILE, 0.0), (extra[one], 0.0)]:
            row = np.zeros(52, np.float32)
            for name, value in face.items():
                row[ARKIT_NAMES.index(name)] = value
            weights.append(row)
            poses.append(euler_rotation(0, yaw, 0))
            person.append(one)
    truth = head.from_arkit(torch.from_numpy(np.stack(weights)))
    shape = torch.randn(3, head.group("shape").dim)[person]
    pose = matrix_to_axis_angle(torch.from_numpy(np.stack(poses))).float()
    truth = truth.replace(shape=shape, head_pose=pose)
    return as_faces(head, truth, np.array(person)), truth


def as_faces(head: HeadModel, truth: FaceParameters, person: np.ndarray) -> TruthFaces:
    """Return parameters as the labels of pictures that are crops."""
    with torch.no_grad():
        mesh = head(truth)
        marks = ndc_to_pixels(project(head.landmarks(mesh.vertices), truth.camera)[..., :2], 224)
        _, first = np.unique(person, return_index=True)
        neutral = head(head.neutral(len(first)).replace(shape=truth.shape[first])).vertices
    landmarks = np.full((len(truth), 478, 2), np.nan, np.float32)
    landmarks[:, head.landmark_ids.numpy()] = marks.numpy()
    rotation = axis_angle_to_matrix(truth.head_pose)
    eyes = axis_angle_to_matrix(truth.eyes.unflatten(1, (2, 3)))
    arrays = {
        "picture": np.array([f"{row}.png" for row in range(len(truth))]),
        "person": person,
        "arkit": head.arkit(truth).numpy(),
        "rotation": rotation.numpy(),
        "gaze": (rotation[:, None] @ eyes)[..., 2].numpy(),
        "landmarks": landmarks,
        "landmarks_visible": np.isfinite(landmarks).all(2),
        "neutral": neutral.numpy(),
        "posed": mesh.vertices.numpy(),
        "faces": head.faces.numpy(),
        "face_region": (head.regions["face"] & (head.part == 0)).numpy(),
    }
    count = len(truth)
    return TruthFaces(
        "made", LabeledSet(Path("made"), {}, arrays), np.arange(count),
        np.zeros((count, 224, 224, 3), np.uint8), landmarks, None, np.stack([np.eye(3)] * count),
    )  # fmt: skip


def by_name(topics: dict[str, list[Figure]]) -> dict[str, Figure]:
    return {one.name: one for figures in topics.values() for one in figures}


def test_an_oracle_is_perfect() -> None:
    head = tiny_head("named")
    faces, truth = some_people(head)
    found = by_name(measured(faces, Said("oracle", truth), head))
    assert found["correlation, all values"].value == pytest.approx(1, abs=1e-4)
    assert found["mean absolute error"].value == pytest.approx(0, abs=1e-6)
    assert found["rise of an action shown alone at 1"].value == pytest.approx(1, abs=1e-5)
    assert found["rise of an action shown alone at 0.5"].value == pytest.approx(0.5, abs=1e-5)
    assert found["the right action rises most, of faces"].value == 1
    assert found["rise of the other side's action"].value == pytest.approx(0, abs=1e-6)
    assert found["error of rotation, degrees"].value < 0.1
    assert found["gain of yaw"].value == pytest.approx(1, abs=1e-3)
    assert found["visible landmarks, px"].value == pytest.approx(0, abs=1e-3)
    assert found["scan to surface, median, mm"].value < 0.05
    assert found["fraction nearer than the mean face"].value == 1
    assert found["posed, rigid: Chamfer, mm"].value < 0.2
    for what in ("20 degrees", "60 degrees", "smile"):
        assert found[f"same person over {what}, mm"].value == 0
        assert found[f"same person over {what}, mm"].people == 3


def test_known_faults_have_known_figures() -> None:
    head = tiny_head("named")
    faces, truth = some_people(head)
    wrong = head.arkit(truth) * 0.5
    wrong[:, ARKIT_NAMES.index("cheekPuff")] = 0.4
    told = head.from_arkit(wrong)
    turned = truth.head_pose * 0.8
    shape = truth.shape + torch.linspace(0, 1, len(truth))[:, None]
    said = truth.replace(
        expression=told.expression, jaw=told.jaw, eyelids=told.eyelids, head_pose=turned,
        shape=shape,
    )  # fmt: skip
    found = by_name(measured(faces, Said("faulty", said), head))
    assert found["gain of yaw"].value == pytest.approx(0.8, abs=1e-3)
    assert found["error of rotation at yaw 50 to 70"].value == pytest.approx(12, abs=0.05)
    assert found["rise of an action shown alone at 1"].value == pytest.approx(0.5, abs=1e-5)
    assert found["channels above 0.3 that are not there"].value > 0.9
    assert found["same person over 40 degrees, mm"].value > 0
    assert found["identity code: largest absolute mean"].count == 3


def test_always_zero_reads_nothing_and_invents_nothing() -> None:
    head = tiny_head("named")
    faces, truth = some_people(head)
    zero = head.neutral(len(truth))
    found = by_name(measured(faces, Said("zero", zero), head, ("actions",)))
    error, reference = (found[f"mean absolute error{end}"] for end in ("", " of always zero"))
    assert error.value == pytest.approx(reference.value)
    assert found["correlation, mean of channels"].value == 0
    assert found["channels above 0.3 that are not there"].value == 0


def test_actions_that_change_as_the_head_rolls_are_told() -> None:
    head = tiny_head("named")
    faces, truth = some_people(head)
    count = len(truth)
    rolls = np.resize([0.0, 50.0, 90.0, 180.0], count)
    pose = torch.zeros(count, 3)
    pose[:, 2] = torch.from_numpy(np.radians(rolls))
    truth = head.neutral(count).replace(head_pose=pose)
    faces.labels.arrays["rotation"] = axis_angle_to_matrix(pose).numpy()
    faces.labels.arrays["arkit"] = np.zeros_like(faces.labels.arrays["arkit"])
    columns = action_truth(faces).columns
    weights = torch.zeros(count, len(ARKIT_NAMES))
    weights[rolls == 90.0, ARKIT_NAMES.index("mouthPucker")] = 0.6
    told = head.from_arkit(weights)
    said = truth.replace(expression=told.expression, jaw=told.jaw, eyelids=told.eyelids)
    found = by_name(measured(faces, Said("faulty", said), head, ("actions",)))
    name = "change of a neutral face's actions"
    assert found[f"{name} at roll 70 to 110"].value == pytest.approx(0.6 / len(columns), rel=1e-4)
    assert found[f"{name} at roll 30 to 70"].value == pytest.approx(0, abs=1e-6)
    assert found[f"{name} at roll 110 to 180"].value == pytest.approx(0, abs=1e-6)
    assert f"{name} at roll 0 to 30" not in found
    assert 0 < found[f"{name}, any roll"].value < 0.6 / len(columns)


def test_other_heads_are_measured_by_names_and_surfaces() -> None:
    faces, truth = some_people(tiny_head("named"))
    other = tiny_head("ruled")
    said = other.from_arkit(tiny_head("named").arkit(truth)).replace(head_pose=truth.head_pose)
    found = by_name(measured(faces, Said("other", said), other))
    assert found["error of rotation, degrees"].value < 0.1
    assert found["rise of an action shown alone at 1"].value > 0.9
    assert np.isfinite(found["scan to surface, median, mm"].value)


def test_labels_that_are_absent_are_not_evaluated() -> None:
    head = tiny_head("named")
    faces, truth = some_people(head)
    for name in ("arkit", "neutral", "gaze"):
        del faces.labels.arrays[name]
    found = by_name(measured(faces, Said("oracle", truth), head))
    assert "error of rotation, degrees" in found
    assert not any("correlation" in name or "scan" in name or "gaze" in name for name in found)


def test_the_bootstrap_gives_the_error_of_a_mean() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0, 2, 400)
    one = mean_figure("mean", np.arange(400), values)
    assert one.error == pytest.approx(2 / 20, rel=0.2)
    assert (one.count, one.people) == (400, 400)
    # ten equal pictures of a person are one person
    repeated = mean_figure("mean", np.repeat(np.arange(400), 10), np.repeat(values, 10))
    assert repeated.error == pytest.approx(one.error, rel=0.2)
    assert np.isnan(mean_figure("none", np.zeros(0, int), np.zeros(0)).value)
    assert np.isnan(figure("one", np.zeros(5, int), lambda rows: 1.0).error)


def test_figures_stand_beside_each_other() -> None:
    one, two = (Figure("f", value, 0.1, 3, 2) for value in (1.0, 2.0))
    table = figure_table("T.", {"a": [one], "b": [two, Figure("g", 5.0, 0.2, 4, 4)]})
    assert table is not None
    assert list(table.columns) == ["figure", "count / people", "a", "± a", "b", "± b"]
    assert table.rows[0] == ["f", "3 / 2", 1.0, 0.1, 2.0, 0.1]
    assert table.rows[1][2:] == [None, None, 5.0, 0.2]
    assert figure_table("T.", {"a": []}) is None


def test_a_similarity_is_undone() -> None:
    head = tiny_head("named")
    vertices, region = head.v_template.numpy(), (head.part == 0).numpy()
    surface = face_surface(vertices, head.faces[(head.part == 0)[head.faces].all(1)], region)
    turn = euler_rotation(4, -5, 3)
    moved = 1.2 * vertices @ turn.T + [0.1, -0.2, 0.3]
    assert aligned(moved, surface, vertices, surface, scaled=True).distance.max() < 1e-4
    assert aligned(moved, surface, vertices, surface, scaled=False).distance.mean() > 0.005


@pytest.mark.parametrize("angles", [(10.0, 50.0, -20.0), (-30.0, 0.0, 170.0)])
def test_angles_are_those_of_the_rotation(angles: tuple[float, float, float]) -> None:
    rotation = euler_rotation(*angles)[None]
    np.testing.assert_allclose(euler_angles(rotation)[0], angles, atol=1e-3)
    assert angles_between(rotation, np.eye(3)[None])[0] > 10


def test_missed_faces_are_counted_by_yaw() -> None:
    head = tiny_head("named")
    faces, _ = some_people(head)
    kept = np.abs(euler_angles(faces.labels["rotation"])[:, 1]) < 50
    some = TruthFaces("made", faces.labels, np.flatnonzero(kept), faces.pictures[kept],
                      faces.landmarks[kept], None, faces.T_crop_image[kept])  # fmt: skip
    found = {one.name: one.value for one in detection_figures(some)}
    assert found["faces found"] == pytest.approx(0.9)
    assert found["faces found at yaw 0 to 15"] == 1
    assert found["faces found at yaw 50 to 70"] == 0


def written(folder: Path, faces: TruthFaces, drop: tuple[str, ...] = ()) -> None:
    import cv2

    folder.mkdir(parents=True)
    for name in faces.labels["picture"]:
        cv2.imwrite(str(folder / name), np.full((224, 224, 3), 90, np.uint8))
    arrays = {k: v for k, v in faces.labels.arrays.items() if k not in drop}
    np.savez(folder / "labels.npz", **arrays)


def test_a_set_of_anyones_is_measured_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = tiny_head("named")
    faces, _ = some_people(head)
    written(tmp_path / "mine" / "first", faces)
    cut = found_faces(given_set(tmp_path / "mine")["first"], "first", "truth")
    assert len(cut) == 30
    known = np.isfinite(cut.landmarks[0]).all(1)
    low, high = cut.landmarks[0][known].min(0), cut.landmarks[0][known].max(0)
    assert (low + high) / 2 == pytest.approx(112, abs=0.1)
    done = main(
        ["evaluate", "truth", "--set", str(tmp_path / "mine"), "--crops", "truth", "--methods",
         "mean", "--shown", "1", "--device", "cpu", "--out", str(tmp_path / "out")]
    )  # fmt: skip
    # the tiny head lacks landmarks that the mean face is laid on
    assert done == 3
    document = json.loads((tmp_path / "out" / "report.json").read_text())
    assert "mine/first lacks landmarks that mean need" in document["failed"]["truth"]


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (EvaluationConfig(set=("nowhere",)), "neither people, ict, scan nor a folder"),
        (EvaluationConfig(set=()), "nothing to measure on"),
        (EvaluationConfig(set=("scan",)), "give --scan"),
        (EvaluationConfig(assets=Path("x")), "needs --wheel"),
    ],
)
def test_sets_that_cannot_be_are_refused(config: EvaluationConfig, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        config.check(("truth",))


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no labeled pictures"):
        given_set(tmp_path)


def test_footage_wants_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "footage"]) == 2
    assert "give a folder of clips" in capsys.readouterr().err
    assert main(["evaluate", "nothing"]) == 2
    assert "no protocol 'nothing'" in capsys.readouterr().err
