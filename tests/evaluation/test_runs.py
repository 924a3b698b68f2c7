"""Protocols from end to end on the tiny head, a folder of synthetic photos and a blind detector."""

from __future__ import annotations

import io
import math
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from tests.training.small_runs import some_faces, some_photos

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.evaluation.config import EvaluationConfig
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.methods import make_methods
from smirk3d.evaluation.photos import Observer, held_out_photos, training_photos
from smirk3d.evaluation.protocols.emotion import EMOTIONS
from smirk3d.evaluation.protocols.registry import PROTOCOLS, resynthesis
from smirk3d.evaluation.report import Cell, Section
from smirk3d.heads.tiny import tiny_head
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.neural_renderer.renderer_config import NeuralRendererConfig
from smirk3d.preprocessing.face_detector import DetectedFace

COUNT = 24
HELD_OUT = range(0, COUNT, 3)


class SameFace:
    """Finds the same face in every picture; how bright that is, it takes for an open jaw."""

    def detect(self, image: NDArray[np.uint8]) -> list[DetectedFace]:
        std = np.random.default_rng(0).uniform(60, 160, (478, 3)).astype(np.float32)
        values = dict.fromkeys(ARKIT_NAMES, 0.0) | {"jawOpen": float(image.mean() / 255)}
        box = np.array([60, 60, 160, 160], np.float32)
        return [DetectedFace(box=box, score=1, landmarks=std, blendshapes=values)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 24 photos, every third of which is held out, labelled by how far the jaw is open."""
    path = tmp_path_factory.mktemp("faces")
    head = tiny_head("named")
    photos = some_photos(head, some_faces(head, COUNT))
    keys = [f"{29 * i if i in HELD_OUT else 29 * i + 1:05d}" for i in range(COUNT)]
    with tarfile.open(path / "faces-000.tar", "w") as tar:
        for key, image in zip(keys, photos.images, strict=True):
            data = io.BytesIO()
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(data, "JPEG")
            member = tarfile.TarInfo(f"{key}.jpg")
            member.size = data.tell()
            data.seek(0)
            tar.addfile(member, data)
    names = np.array(["_neutral", *(name for name in ARKIT_NAMES if name != "tongueOut")])
    blendshapes = np.zeros((COUNT, 52), np.float16)
    blendshapes[:, names.tolist().index("jawOpen")] = np.linspace(0, 1, COUNT)
    np.savez(
        path / "annotations.npz",
        key=np.array(keys),
        source=np.full(COUNT, "made"),
        label=np.array([EMOTIONS[i * 2 // COUNT] for i in range(COUNT)]),
        landmarks_xy=(photos.landmarks.numpy() * 32).astype(np.int16),
        blendshapes=blendshapes,
        blendshape_names=names,
        oval_inside=np.ones(COUNT),
    )
    return path


def _context(folder: Path, out: Path, names: list[str], **changes: object) -> EvaluationContext:
    head = tiny_head("named")
    config = replace(EvaluationConfig(faces=folder, shown=1, steps=2), **changes)
    context = EvaluationContext(head, make_methods(names, head), config, out=out)
    context.observer = Observer(SameFace())
    return context


def _rows(section: Section, number: int = 0) -> dict[Cell, dict[str, Cell]]:
    table = section.tables[number].as_dict()
    return {row["method"]: row for row in table["rows"]}


def test_no_photo_both_trains_and_reports(folder: Path) -> None:
    held_out, training = held_out_photos(folder), training_photos(folder)
    assert held_out.keys.tolist() == [f"{29 * i:05d}" for i in HELD_OUT]
    assert not set(held_out.keys) & set(training.keys)
    assert len(training) == COUNT - len(HELD_OUT)
    few = held_out_photos(folder, 3)
    assert [int(key) // 29 for key in few.keys] == [0, 6, 15]
    column = ARKIT_NAMES.index("jawOpen")
    assert few.crops.blendshapes[:, column].tolist() == pytest.approx(
        [i / (COUNT - 1) for i in (0, 6, 15)], abs=1e-3
    )
    assert not few.crops.blendshapes[:, ARKIT_NAMES.index("tongueOut")].any()


def test_landmarks(folder: Path, tmp_path: Path) -> None:
    rows = _rows(PROTOCOLS["landmarks"](_context(folder, tmp_path, ["none", "mean"])))
    none, mean = rows["none"]["stable px"], rows["mean"]["stable px"]
    assert isinstance(none, float)
    assert isinstance(mean, float)
    assert none < 0.5 * mean


def test_emotion(folder: Path, tmp_path: Path) -> None:
    rows = _rows(PROTOCOLS["emotion"](_context(folder, tmp_path, ["mediapipe", "mean"])))
    assert rows["MediaPipe's 52"]["accuracy"] == rows["mediapipe"]["accuracy"] == 1
    assert rows["mean"]["recall"] == 0.5


def test_jitter(folder: Path, tmp_path: Path) -> None:
    rows = _rows(PROTOCOLS["jitter"](_context(folder, tmp_path, ["none", "mean"], limit=3)))
    # the detector says the same of every version, so the estimates in the crop are the same too
    assert rows["none"]["actions"] == pytest.approx(0, abs=1e-5)
    assert rows["none"]["in the photo px"] > 0.5  # type: ignore[operator]


def test_resynthesis_keeps_renderers_that_the_cycle_takes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Pixels(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
            return [images]

    monkeypatch.setattr(resynthesis, "perceptual_network", Pixels)
    monkeypatch.setattr(resynthesis, "LIGHT", NeuralRendererConfig(features=(4, 6), blocks=0))
    context = _context(folder, tmp_path, ["none", "mean"], limit=4)
    rows = _rows(PROTOCOLS["resynthesis"](context))
    figures = [value for row in rows.values() for value in list(row.values())[1:]]
    assert len(figures) == 6
    assert all(isinstance(value, float) and 0 < value < math.inf for value in figures)
    file = tmp_path / "renderers" / "none.safetensors"
    assert NeuralRenderer.from_file(file).provenance["steps"] == 2
    context = _context(folder, tmp_path / "twice", ["none"], limit=4, repeats=2)
    (twice,) = _rows(PROTOCOLS["resynthesis"](context)).values()
    assert list(twice)[4:] == ["L1 +-", "L1 in the face +-", "perceptual +-"]
    # the first of the two was the training above
    other = 2 * twice["L1"] - rows["none"]["L1"]  # type: ignore[operator]
    std = abs(other - rows["none"]["L1"]) / 2**0.5  # type: ignore[operator]
    assert std > 0 and twice["L1 +-"] == pytest.approx(std)
    context = _context(folder, tmp_path, ["none", "mean"], limit=4, renderer=file)
    section = PROTOCOLS["cycle"](context)
    plain, sparse = (_rows(section, number)["mean"] for number in range(2))
    for mean in (plain, sparse):
        assert mean["expression"] > 0 and mean["all"] < 1  # type: ignore[operator]
        # the mean face reads no action, so an action's error is its strength; added ones are strong
        assert mean["added"] > 0.25 > mean["others"]  # type: ignore[operator]
    assert sparse["others"] < plain["others"]  # type: ignore[operator]
