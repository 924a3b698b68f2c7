from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.errors import AssetError, InputError
from smirk3d.geometry.cameras import crop_pixels_to_image, ndc_to_pixels, project
from smirk3d.heads.tiny import tiny_head
from smirk3d.preprocessing.face_crop import smirk_crop_transform
from smirk3d.preprocessing.face_detector import DetectedFace, box_of
from smirk3d.reconstruction import FaceReconstructor, choose_device

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
    assert apart < 0.2 < (face.parameters.camera - fitted.parameters.camera).abs().max()


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


def test_only_colour_pictures_are_taken() -> None:
    reconstructor = FaceReconstructor(HEAD, weights="none", detector=PaintedFaces())
    for picture in (PICTURE[..., 0], PICTURE.astype(np.float32), PICTURE[..., :2]):
        with pytest.raises(InputError, match="must be uint8"):
            reconstructor.find(picture)


def test_devices_by_name() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in {"cpu", "cuda", "mps"}
    with pytest.raises(InputError, match="unknown device 'tpu'"):
        choose_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="not available here"):
            choose_device("cuda")
