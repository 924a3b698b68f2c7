from __future__ import annotations

import csv
import importlib.util
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError, InputError, UsageError
from smirk3d.export.arkit_csv import HEADER, rotation_angles, timecode, write_arkit_csv
from smirk3d.export.format_names import FACE_FORMATS, parse_formats
from smirk3d.export.formats import (
    FLAME,
    FORMATS,
    PICTURED,
    save_face,
    write_face,
)
from smirk3d.export.mesh_files import write_obj, write_ply
from smirk3d.export.parameter_files import (
    read_parameters,
    write_parameters_json,
    write_parameters_npz,
)
from smirk3d.export.result import ResultRecord, read_result, result_record, write_result
from smirk3d.faces import Face, Picture
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.heads.tiny import tiny_head
from smirk3d.preprocessing.face_detector import DetectedFace
from tests.export.faces import random_faces

HEAD = tiny_head()


def test_obj_keeps_the_vertices_in_order(tmp_path: Path) -> None:
    parameters = random_faces(HEAD, 1)
    write_obj(tmp_path / "face.obj", HEAD, parameters[0])
    mesh = trimesh.load(tmp_path / "face.obj", process=False, maintain_order=True, force="mesh")
    lines = (tmp_path / "face.obj").read_text().splitlines()
    vertices = np.array([line.split()[1:] for line in lines if line.startswith("v ")], float)
    np.testing.assert_allclose(vertices, HEAD(parameters).vertices[0].numpy(), atol=1e-6)
    assert len(mesh.faces) == len(HEAD.faces)
    stored = np.array([line.split()[1:] for line in lines if line.startswith("vn ")], float)
    np.testing.assert_allclose(np.linalg.norm(stored, axis=1), 1, atol=1e-4)
    skin = next(line for line in lines[lines.index("g skin") + 1 :] if line.startswith("f "))
    corners = np.array([corner.split("/") for corner in skin.split()[1:]], int) - 1
    a, b, c = vertices[corners[:, 0]]
    assert (stored[corners[:, 2]] @ np.cross(b - a, c - a) > 0).all()
    groups = [line[2:] for line in lines if line.startswith("g ")]
    assert groups == ["skin", "eyeL", "eyeR", "teethL"]


def test_ply_has_the_posed_mesh_and_unit_normals(tmp_path: Path) -> None:
    parameters = random_faces(HEAD, 1)
    write_ply(tmp_path / "face.ply", HEAD, parameters[0])
    mesh = trimesh.load(tmp_path / "face.ply", process=False)
    np.testing.assert_allclose(mesh.vertices, HEAD(parameters).vertices[0].numpy(), atol=1e-6)
    np.testing.assert_array_equal(mesh.faces, HEAD.faces.numpy())
    np.testing.assert_allclose(np.linalg.norm(mesh.vertex_normals, axis=1), 1, atol=1e-4)


@pytest.mark.parametrize("ending", ["json", "npz"])
def test_parameters_come_back(tmp_path: Path, ending: str) -> None:
    parameters = random_faces(HEAD, 1)[0]
    path = tmp_path / f"face.{ending}"
    (write_parameters_json if ending == "json" else write_parameters_npz)(path, HEAD, parameters)
    again = read_parameters(path, HEAD)
    for (name, a), (_, b) in zip(parameters.items(), again.items(), strict=True):
        torch.testing.assert_close(a, b, msg=name)
    with pytest.raises(AssetError, match="parameters of head 'tiny-named'"):
        read_parameters(path, tiny_head("pca"))


DAMAGED = [
    b"", b"{}", b"[1, 2]", b"\xff\xfe", b'{"parameters": {}}', b'{"parameters": [1]}', b"[" * 9999,
]  # fmt: skip


@pytest.mark.parametrize("content", DAMAGED)
@pytest.mark.parametrize("ending", ["json", "npz"])
def test_damaged_parameters_are_named(tmp_path: Path, content: bytes, ending: str) -> None:
    path = tmp_path / f"face.{ending}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=str(path)):
        read_parameters(path, HEAD)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("jaw", [0.0, 1.0], "jaw has 2 values, not 3"),
        ("camera", [float("nan"), 0.0, 0.0], "holds NaN"),
        ("eyes", [[0.0] * 6], "is no list of numbers"),
        ("shape", ["a"], "is no list of numbers"),
        ("shape", None, "is no list of numbers"),
    ],
)
def test_parameters_that_do_not_fit_are_named(
    tmp_path: Path, name: str, values: object, message: str
) -> None:
    path = tmp_path / "face.json"
    write_parameters_json(path, HEAD, random_faces(HEAD, 1)[0])
    content = json.loads(path.read_text())
    content["parameters"][name] = values
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        read_parameters(path, HEAD)


def test_arrays_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "face.npz"
    write_parameters_npz(path, HEAD, random_faces(HEAD, 2))
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, "eyelids": arrays["eyelids"][:, :1]})
    with pytest.raises(InputError, match="eyelids has 1 values, not 2"):
        read_parameters(path, HEAD)


def test_many_faces_come_back_from_arrays(tmp_path: Path) -> None:
    frames = random_faces(HEAD, 3)
    write_parameters_npz(tmp_path / "take.npz", HEAD, frames)
    torch.testing.assert_close(read_parameters(tmp_path / "take.npz", HEAD).jaw, frames.jaw)
    with np.load(tmp_path / "take.npz") as file:
        np.testing.assert_allclose(file["vertices"], HEAD(frames).vertices.numpy(), atol=1e-7)


def test_csv_has_live_link_faces_columns(tmp_path: Path) -> None:
    frames = random_faces(HEAD, 3)
    write_arkit_csv(tmp_path / "take.csv", HEAD, frames, fps=Fraction(30))
    with (tmp_path / "take.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(HEADER)
    assert len(HEADER) == 63
    assert [row["BlendShapeCount"] for row in rows] == ["61"] * 3
    assert [row["Timecode"] for row in rows] == [
        "00:00:00:00.000", "00:00:00:01.000", "00:00:00:02.000"
    ]  # fmt: skip
    weights = HEAD.arkit(frames)
    for row, expected in zip(rows, weights, strict=True):
        read = [float(row[name[0].upper() + name[1:]]) for name in ARKIT_NAMES]
        np.testing.assert_allclose(read, expected.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("seconds", "fps", "expected"),
    [
        (3661.5, Fraction(60), "01:01:01:30.000"),
        (1001 / 30000, Fraction(30000, 1001), "00:00:00:01.000"),
        (0.99999, Fraction(24), "00:00:00:23.999"),
    ],
)
def test_timecodes(seconds: float, fps: Fraction, expected: str) -> None:
    assert timecode(seconds, fps) == expected


def test_timecodes_follow_given_times(tmp_path: Path) -> None:
    frames = random_faces(HEAD, 3)
    times = [0.0, 0.021, 3600.5]
    write_arkit_csv(tmp_path / "take.csv", HEAD, frames, timestamps=times, fps=Fraction(30))
    rows = list(csv.reader((tmp_path / "take.csv").read_text().splitlines()))
    assert [row[0] for row in rows[1:]] == ["00:00:00:00.000", "00:00:00:00.630", "01:00:00:15.000"]


@pytest.mark.parametrize("times", [[0.0, 0.0], [0.1], [-0.1, 0.0], [0.0, float("nan")]])
def test_times_that_are_none_are_refused(tmp_path: Path, times: list[float]) -> None:
    with pytest.raises(ValueError, match="timestamp"):
        write_arkit_csv(tmp_path / "x.csv", HEAD, random_faces(HEAD, 2), timestamps=times)
    assert not list(tmp_path.iterdir())


def test_angles_by_name() -> None:
    turns = torch.tensor([[0.0, -0.3, 0.0], [0.2, 0.0, 0.0], [0.0, 0.0, -0.1]])
    # -y turns to the subject's right, +x looks down, -z tips the head to the subject's left
    angles = rotation_angles(axis_angle_to_matrix(turns))
    torch.testing.assert_close(angles, torch.eye(3) * torch.tensor([0.3, 0.2, 0.1]))


def test_angles_are_those_of_the_app() -> None:
    # RightEyeYaw, RightEyePitch, RightEyeRoll of a row of Live Link Face with EyeLookInRight 0.44
    # and EyeLookUpRight 0.34; ARKit turns eyes sideways, then up, so that roll tells the order
    yaw, pitch, roll = -0.2067031264, -0.1539416760, 0.0318353213
    x, y, z = -np.sin(yaw) * np.cos(pitch), -np.sin(pitch), np.cos(yaw) * np.cos(pitch)
    turns = torch.tensor([[np.arctan2(-y, z), 0, 0], [0, np.arcsin(x), 0]], dtype=torch.float64)
    up, sideways = axis_angle_to_matrix(turns)
    expected = torch.tensor([[yaw, pitch, roll]], dtype=torch.float64)
    torch.testing.assert_close(rotation_angles((up @ sideways)[None]), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("action", "column", "sign"),
    [
        ("eyeLookDownLeft", "LeftEyePitch", 1),
        ("eyeLookUpRight", "RightEyePitch", -1),
        ("eyeLookOutLeft", "LeftEyeYaw", -1),
        ("eyeLookInLeft", "LeftEyeYaw", 1),
        ("eyeLookInRight", "RightEyeYaw", -1),
    ],
)
def test_eyes_turn_as_their_weights_say(
    tmp_path: Path, action: str, column: str, sign: int
) -> None:
    weights = torch.zeros(1, 52)
    weights[0, ARKIT_NAMES.index(action)] = 0.5
    write_arkit_csv(tmp_path / "x.csv", HEAD, HEAD.from_arkit(weights))
    row = next(csv.DictReader((tmp_path / "x.csv").read_text().splitlines()))
    assert float(row[column]) * sign == pytest.approx(0.26, abs=0.05)


def test_every_format_writes_its_ending(tmp_path: Path) -> None:
    parameters = random_faces(HEAD, 1)[0]
    face = Face(parameters=parameters, head=HEAD, picture=Picture(path="a.jpg", size=(64, 48)))
    for name in FORMATS:
        if name == "usd" and importlib.util.find_spec("pxr") is None:
            continue
        path = write_face(name, tmp_path / "face-0", face)
        assert path.stat().st_size > 100
        again = tmp_path / "again" / f"x{path.suffix}"
        face.save(again)
        assert again.is_file()


def test_names_of_formats_are_those_that_have_writers() -> None:
    assert (*FORMATS, *PICTURED, FLAME) == FACE_FORMATS


def test_unknown_formats_and_endings_are_refused(tmp_path: Path) -> None:
    assert parse_formats("glb, obj,glb") == ("glb", "obj")
    with pytest.raises(UsageError, match="unknown format 'fbx': have glb"):
        parse_formats("glb,fbx")
    with pytest.raises(InputError, match=r"unknown ending '\.fbx'"):
        save_face(tmp_path / "x.fbx", Face(parameters=HEAD.neutral()[0], head=HEAD))


def _record() -> ResultRecord:
    parameters = random_faces(HEAD, 2)
    faces = tuple(
        Face(
            parameters=parameters[i],
            head=HEAD,
            T_crop_image=np.eye(3) * 2,
            detection=DetectedFace(
                box=np.array([1.0, 2.0, 30.5, 40.0], np.float32),
                score=0.9,
                landmarks=np.zeros((478, 3), np.float32),
            ),
            quality=0.5,
        )
        for i in range(2)
    )
    return result_record("a photo.jpg", (640, 480), faces)


def test_standard_deviations_come_back_with_the_confidence(tmp_path: Path) -> None:
    record = _record()
    std = HEAD.neutral().replace(expression=torch.full((1, HEAD.group("expression").dim), 0.05))
    faces = tuple(replace(face, std=std[0]) for face in record.faces)
    write_result(tmp_path, replace(record, faces=faces))
    stored = json.loads((tmp_path / "result.json").read_text("utf-8"))["faces"][0]
    assert 0.9 < stored["confidence"]["expression"] <= 1
    assert 0 <= stored["confidence"]["jawOpen"] <= 1
    again = read_result(tmp_path).faces[0].std
    assert again is not None
    torch.testing.assert_close(again.expression, std[0].expression)


def test_results_come_back(tmp_path: Path) -> None:
    record = _record()
    write_result(tmp_path, record)
    again = read_result(tmp_path)
    assert (again.input, again.image_size, again.head) == ("a photo.jpg", (640, 480), HEAD.name)
    for a, b in zip(record.faces, again.faces, strict=True):
        np.testing.assert_array_equal(a.T_crop_image, b.T_crop_image)
        assert a.detection is not None
        assert b.detection is not None
        np.testing.assert_array_equal(a.detection.box, b.detection.box)
        assert (a.detection.score, a.quality) == (b.detection.score, b.quality)
        torch.testing.assert_close(a.parameters.camera, b.parameters.camera)
        torch.testing.assert_close(a.parameters.expression, b.parameters.expression)
    again.check_head(HEAD)
    with pytest.raises(AssetError, match="another version of head"):
        again.check_head(tiny_head("pca"))
    with pytest.raises(AssetError, match="another version of head"):
        again.faces[0].with_head(tiny_head("pca"))
    assert again.with_head(HEAD).faces[0].arkit() == record.faces[0].arkit()


def test_result_keys_are_the_documented_ones(tmp_path: Path) -> None:
    write_result(tmp_path, _record())
    content = json.loads((tmp_path / "result.json").read_text())
    assert set(content) == {
        "schema", "input", "image_size", "head", "head_fingerprint", "weights", "faces"
    }  # fmt: skip
    assert set(content["faces"][0]) == {
        "box", "score", "quality", "parameters", "arkit", "camera", "T_crop_image"
    }  # fmt: skip


@pytest.mark.parametrize(
    "damage", ["{", "[]", '{"schema": "other/1"}', '{"schema": "smirk3d.result/1"}', "[" * 9999]
)
def test_damaged_results_are_named(tmp_path: Path, damage: str) -> None:
    (tmp_path / "result.json").write_text(damage)
    with pytest.raises(InputError, match=r"result\.json"):
        read_result(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("box", [1, 2, 3]),
        ("box", [1, 2, 3, float("nan")]),
        ("arkit", {"jawOpen": 0.5}),
        ("arkit", [0.5] * 52),
        ("T_crop_image", [1, 2, 3]),
        ("camera", "near"),
        ("parameters", []),
        ("score", None),
    ],
)
def test_damaged_faces_are_named(tmp_path: Path, key: str, value: object) -> None:
    write_result(tmp_path, _record())
    content = json.loads((tmp_path / "result.json").read_text())
    content["faces"][1][key] = value
    (tmp_path / "result.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"result\.json"):
        read_result(tmp_path)


def test_faces_of_another_size_are_refused(tmp_path: Path) -> None:
    write_result(tmp_path, _record())
    content = json.loads((tmp_path / "result.json").read_text())
    content["faces"][0]["parameters"]["expression"].pop()
    (tmp_path / "result.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="expression has 37 values, not 38"):
        read_result(tmp_path).check_head(HEAD)


def test_no_result_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give a result folder"):
        read_result(tmp_path / "nothing")
