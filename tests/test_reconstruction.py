from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from smirk3d.assets.result_folders import Destination
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.errors import AssetError, InputError, MissingExtra, ShapeError, UsageError
from smirk3d.export.reconstruction_folder import write_reconstruction
from smirk3d.faces import Face, Picture
from smirk3d.geometry.cameras import crop_pixels_to_image, ndc_to_pixels, project
from smirk3d.heads.devices import choose_device, on_device
from smirk3d.heads.tiny import tiny_head
from smirk3d.preprocessing.face_crop import smirk_crop_transform, transform_points
from smirk3d.preprocessing.face_detector import DetectedFace, box_of
from smirk3d.reconstruction import FaceReconstructor

HEAD = tiny_head()
SMALL = EncoderConfig(shared=True, expression_backbone="mobilenetv3_small_minimal", input_size=64)


class PaintedFaces:
    """Finds the tiny head in front view at given places of any picture."""

    def __init__(self, *places: tuple[float, float, float]) -> None:
        self.places = places

    def detect(self, image: NDArray[np.uint8]) -> list[DetectedFace]:
        found = []
        for x, y, pixels_per_metre in self.places:
            points = HEAD.landmarks(HEAD.v_template[None])[0].numpy()
            full = np.tile(points.mean(0), (478, 1)).astype(np.float32)
            full[HEAD.landmark_ids] = points
            full = full * pixels_per_metre * [1, -1, -1] + [x, y, 0]
            full = full.astype(np.float32)
            found.append(DetectedFace(box=box_of(full), score=0.9, landmarks=full))
        return found


PICTURE = np.random.default_rng(0).integers(0, 255, (400, 500, 3), dtype=np.uint8)


def test_fitted_vertices_lie_where_the_landmarks_are() -> None:
    detector = PaintedFaces((260.0, 190.0, 900.0))
    (face,) = FaceReconstructor(HEAD, weights="none", detector=detector)(PICTURE)
    assert face.weights == "none"
    assert face.weights_sha256 is None
    landmarks = HEAD.landmarks(face.vertices()[None])
    crop = ndc_to_pixels(project(landmarks, face.parameters.camera[None]), 224)[..., :2]
    seen = crop_pixels_to_image(crop, torch.tensor(face.T_crop_image)[None].float())[0]
    wanted = torch.tensor(face.detection.landmarks[HEAD.landmark_ids, :2])
    # irises are left out: the fake detector's eyelids are shut
    assert (seen - wanted)[:-2].norm(dim=1).max() < 1.5
    assert face.parameters.head_pose.abs().max() < 0.05


def test_pictures_keep_their_faces_apart() -> None:
    one, two = PaintedFaces((200, 200, 900)), PaintedFaces((150, 150, 500), (350, 200, 450))
    reconstructor = FaceReconstructor(HEAD, weights="none", detector=one)
    first = reconstructor.find(PICTURE)
    reconstructor.detector = two
    second = reconstructor.find(PICTURE)
    answers = reconstructor.reconstruct([first, second])
    assert [len(faces) for faces in answers] == [1, 2]
    reconstructor.detector = PaintedFaces()
    assert reconstructor(PICTURE) == []


def test_one_persons_pictures_share_the_shape() -> None:
    reconstructor = FaceReconstructor(HEAD, weights="none", detector=PaintedFaces((200, 200, 900)))
    found = [reconstructor.find(PICTURE) for _ in range(3)]
    answers = reconstructor.reconstruct(found, same_person=True)
    shapes = torch.stack([faces[0].parameters.shape for faces in answers])
    assert torch.equal(shapes[0], shapes[1])
    assert torch.equal(shapes[0], shapes[2])


def test_refining_and_fast_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="give one"):
        FaceReconstructor(HEAD, weights="none", refine=True, fast=True)


def test_weights_are_used_named_and_refined(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    FaceEncoder(HEAD, SMALL).save(path)
    detector = PaintedFaces((200, 200, 900))
    (face,) = FaceReconstructor(HEAD, weights=path, detector=detector)(PICTURE)
    assert face.weights == "mine"
    assert len(face.weights_sha256 or "") == 64
    (again,) = FaceReconstructor(HEAD, weights=path, detector=detector)(PICTURE)
    assert torch.equal(face.parameters.expression, again.parameters.expression)
    (refined,) = FaceReconstructor(HEAD, weights=path, refine=True, detector=detector)(PICTURE)
    (fitted,) = FaceReconstructor(HEAD, weights="none", detector=detector)(PICTURE)
    apart = (refined.parameters.camera - fitted.parameters.camera).abs().max()
    assert apart < 0.5 * (face.parameters.camera - fitted.parameters.camera).abs().max()
    assert face.std is None
    assert refined.std is not None
    known = refined.confidence()
    assert {"shape", "expression", "head_pose", "jawOpen"} <= set(known)
    assert all(0 <= value <= 1 for value in known.values())
    assert known["head_pose"] > known["shape"]


def test_weights_of_another_head_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    FaceEncoder(tiny_head("pca"), SMALL).save(path)
    with pytest.raises(AssetError, match="tiny-pca"):
        FaceReconstructor(HEAD, weights=path, detector=PaintedFaces())


def test_published_weights_get_their_own_crop(tmp_path: Path) -> None:
    path = tmp_path / "smirk.safetensors"
    encoder = FaceEncoder(HEAD, SMALL)
    encoder.provenance = {"crop": "smirk"}
    encoder.save(path)
    detector = PaintedFaces((200, 200, 900))
    (face,) = FaceReconstructor(HEAD, weights=path, detector=detector)(PICTURE)
    expected = smirk_crop_transform(face.detection.landmarks)
    np.testing.assert_array_equal(face.T_crop_image, expected)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (PICTURE[..., 0], r"got uint8 \[400, 500\]"),
        (PICTURE[..., :2], r"got uint8 \[400, 500, 2\]"),
        (PICTURE[:0], r"got uint8 \[0, 500, 3\]"),
        (PICTURE.astype(np.int64), "got int64"),
        (PICTURE.astype(np.float32), "from 0 to 25[45]: divide by 255"),
        (np.full((64, 64, 3), np.nan), "NaN or infinite"),
        (None, "got NoneType"),
    ],
)
def test_other_pictures_are_refused(picture: Any, message: str) -> None:
    reconstructor = FaceReconstructor(HEAD, weights="none", detector=PaintedFaces())
    with pytest.raises(InputError, match=f"a picture must be a path.*{message}"):
        reconstructor(picture)


def test_paths_pil_images_and_arrays_give_the_same_faces(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    image = Image.fromarray(PICTURE)
    image.save(path)
    detector = PaintedFaces((200, 200, 900))
    reconstructor = FaceReconstructor(HEAD, weights="none", detector=detector)
    sources = [path, str(path), image, PICTURE, PICTURE / 255, (PICTURE / 255).astype(np.float32)]
    answers = reconstructor(sources)
    for (face,) in answers:
        assert face.picture is not None
        np.testing.assert_array_equal(face.picture.pixels, PICTURE)
        assert torch.equal(face.parameters.camera, answers[0][0].parameters.camera)
    assert [answers[row][0].picture.path for row in (0, 2)] == [str(path), "picture"]
    assert reconstructor([]) == []


def test_pil_images_are_turned_upright_and_put_on_grey() -> None:
    picture = Image.new("RGBA", (40, 20), (255, 0, 0, 0))
    picture.getexif()[0x0112] = 6
    taken = Picture.of(picture)
    assert taken.size == (20, 40)
    assert taken.require_pixels()[0, 0].tolist() == [128, 128, 128]


def test_the_callers_head_stays_where_it_is() -> None:
    assert (
        FaceReconstructor(HEAD, weights="none", detector=PaintedFaces(), device="cpu").head is HEAD
    )
    moved = on_device(HEAD, torch.device("meta"))
    assert moved is not HEAD
    assert moved.v_template.device.type == "meta"
    assert HEAD.v_template.device.type == "cpu"


@pytest.mark.parametrize("weights", ["none", "network"])
def test_crops_out_of_range_are_refused_and_none_give_none(weights: str, tmp_path: Path) -> None:
    if weights == "network":
        weights = str(tmp_path / "mine.safetensors")
        FaceEncoder(HEAD, SMALL).save(Path(weights))
    detector = PaintedFaces((200, 200, 900))
    reconstructor = FaceReconstructor(HEAD, weights=weights, detector=detector)
    found = reconstructor.find(PICTURE)
    crops = torch.from_numpy(np.stack(found.crops))
    marks = transform_points(found.transforms[0], found.detections[0].landmarks[:, :2])
    landmarks = torch.from_numpy(marks)[None]
    answer = reconstructor.estimate(crops, landmarks)
    for scaled in (crops.double() / 255, crops.float() / 255):
        again = reconstructor.estimate(scaled, landmarks.double())
        torch.testing.assert_close(again.expression, answer.expression, atol=1e-4, rtol=0)
    assert len(reconstructor.estimate(crops[:0], landmarks[:0])) == 0
    for wrong in (crops.float(), crops / 255 * torch.nan):
        with pytest.raises(InputError, match=r"must lie in \[0, 1\] without NaN"):
            reconstructor.estimate(wrong, landmarks)
    with pytest.raises(InputError, match=r"got torch\.int64"):
        reconstructor.estimate(crops.long(), landmarks)
    with pytest.raises(InputError, match="landmarks must be finite"):
        reconstructor.estimate(crops, landmarks * torch.nan)
    with pytest.raises(ShapeError, match="crops must have shape"):
        reconstructor.estimate(crops.permute(0, 3, 1, 2), landmarks)
    assert reconstructor.reconstruct([]) == []


def test_faces_show_themselves_and_write_what_the_command_writes(tmp_path: Path) -> None:
    reconstructor = FaceReconstructor(
        HEAD, weights="none", detector=PaintedFaces((200, 200, 900)), device="cpu"
    )
    faces = reconstructor(PICTURE)
    assert re.fullmatch(
        r"Face\(head='tiny-named', weights='none', box=\(.*\), quality=\d.\d\d\)", repr(faces[0])
    )
    shown = faces._repr_html_()
    assert shown.startswith('<figure><img src="data:image/jpeg;base64,')
    assert "Face(head=&#x27;tiny-named" in shown
    assert (
        FaceReconstructor(HEAD, weights="none", detector=PaintedFaces())(PICTURE)._repr_html_()
        == "<i>no face</i>"
    )
    place = Destination(tmp_path / "picture", tmp_path / "out")
    folder = write_reconstruction(place, PICTURE, faces, ("html", "glb"))
    named = replace(faces[0], picture=Picture.of(PICTURE, place.input_text))
    for name in ("html", "glb"):
        named.save(tmp_path / f"face-0.{name}")
        mine, commands = tmp_path / f"face-0.{name}", folder / f"face-0.{name}"
        assert mine.read_bytes() == commands.read_bytes()


def test_parameters_of_double_precision_are_taken() -> None:
    face = Face(parameters=HEAD.neutral(1)[0], head=HEAD)
    double = replace(face, parameters=face.parameters.to(torch.float64))
    assert torch.equal(double.vertices(), face.vertices())
    assert double.arkit() == face.arkit()


def test_tables_have_a_row_a_face() -> None:
    pytest.importorskip("pandas", reason="needs the extra tables")
    detector = PaintedFaces((150, 150, 500), (350, 200, 450))
    faces = FaceReconstructor(HEAD, weights="none", detector=detector)(PICTURE)
    table = faces.to_dataframe()
    assert table["face"].tolist() == [0, 1]
    assert table["score"].tolist() == [0.9, 0.9]
    assert table["arkit.jawOpen"].tolist() == [face.arkit()["jawOpen"] for face in faces]
    assert table["camera.0"].tolist() == [float(face.parameters.camera[0]) for face in faces]
    assert faces[1].to_dataframe()["left"].tolist() == [table["left"][1]]


def test_tables_without_pandas_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"smirk3d\[tables\]"):
        Face(parameters=HEAD.neutral(1)[0], head=HEAD).to_dataframe()


def test_devices_by_name() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in {"cpu", "cuda", "mps"}
    with pytest.raises(InputError, match="unknown device 'tpu'"):
        choose_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="not available here"):
            choose_device("cuda")
