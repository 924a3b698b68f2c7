from __future__ import annotations

import csv
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError, InputError
from smirk3d.export.arkit_csv import HEADER, head_angles, timecode, write_arkit_csv
from smirk3d.export.formats import FORMATS, parse_formats, save_face, write_face
from smirk3d.export.mesh_files import write_obj, write_ply
from smirk3d.export.parameter_files import (
    read_parameters,
    write_parameters_json,
    write_parameters_npz,
)
from smirk3d.export.result import FaceRecord, ResultRecord, read_result, write_result
from smirk3d.heads.tiny import tiny_head
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


@pytest.mark.parametrize("content", [b"", b"{}", b"[1, 2]", b"\xff\xfe", b'{"parameters": {}}'])
@pytest.mark.parametrize("ending", ["json", "npz"])
def test_damaged_parameters_are_named(tmp_path: Path, content: bytes, ending: str) -> None:
    path = tmp_path / f"face.{ending}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=str(path)):
        read_parameters(path, HEAD)


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


def test_head_angles_by_name() -> None:
    turns = torch.tensor([[0.0, 0.3, 0.0], [-0.2, 0.0, 0.0], [0.0, 0.0, -0.1]])
    # +y turns to the subject's left, -x looks up, -z tips the head to the subject's left
    torch.testing.assert_close(head_angles(turns), torch.tensor(
        [[0.3, 0.0, 0.0], [0.0, 0.2, 0.0], [0.0, 0.0, 0.1]]
    ))  # fmt: skip


def test_every_format_writes_its_ending(tmp_path: Path) -> None:
    parameters = random_faces(HEAD, 1)[0]
    for name in FORMATS:
        path = write_face(name, tmp_path / "face-0", HEAD, parameters)
        assert path.stat().st_size > 100
        again = tmp_path / "again" / f"x{path.suffix}"
        save_face(again, HEAD, parameters)
        assert again.is_file()


def test_unknown_formats_and_endings_are_refused(tmp_path: Path) -> None:
    assert parse_formats("glb, obj,glb") == ("glb", "obj")
    with pytest.raises(InputError, match="unknown format 'fbx': have glb"):
        parse_formats("glb,fbx")
    with pytest.raises(InputError, match=r"unknown ending '\.fbx'"):
        save_face(tmp_path / "x.fbx", HEAD, HEAD.neutral()[0])


def _record() -> ResultRecord:
    parameters = random_faces(HEAD, 2)
    faces = tuple(
        FaceRecord(
            box=np.array([1.0, 2.0, 30.5, 40.0]),
            score=0.9,
            quality=0.5,
            parameters=parameters[i],
            arkit=dict.fromkeys(ARKIT_NAMES, 0.25),
            T_crop_image=np.eye(3) * 2,
        )
        for i in range(2)
    )
    return ResultRecord(
        input="a photo.jpg",
        image_size=(640, 480),
        head=HEAD.name,
        head_fingerprint=HEAD.fingerprint,
        weights="none",
        faces=faces,
    )


def test_results_come_back(tmp_path: Path) -> None:
    record = _record()
    write_result(tmp_path, record)
    again = read_result(tmp_path)
    assert (again.input, again.image_size, again.head) == ("a photo.jpg", (640, 480), HEAD.name)
    for a, b in zip(record.faces, again.faces, strict=True):
        np.testing.assert_array_equal(a.T_crop_image, b.T_crop_image)
        np.testing.assert_array_equal(a.box, b.box)
        torch.testing.assert_close(a.parameters.camera, b.parameters.camera)
        torch.testing.assert_close(a.parameters.expression, b.parameters.expression)
    again.check_head(HEAD)
    with pytest.raises(AssetError, match="another version of head"):
        again.check_head(tiny_head("pca"))


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
    "damage", ["{", "[]", '{"schema": "other/1"}', '{"schema": "smirk3d.result/1"}']
)
def test_damaged_results_are_named(tmp_path: Path, damage: str) -> None:
    (tmp_path / "result.json").write_text(damage)
    with pytest.raises(InputError, match=r"result\.json"):
        read_result(tmp_path)


def test_no_result_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give a result folder"):
        read_result(tmp_path / "nothing")
