"""Damaged and lying files end in an answer or in one line that refuses them, never in a traceback.

A longer run over the same mutants is ``make fuzz``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.errors import Smirk3dError
from smirk3d.export.parameter_files import (
    read_parameters,
    write_parameters_json,
    write_parameters_npz,
)
from smirk3d.export.result import read_result, result_record, write_result
from smirk3d.faces import Face
from smirk3d.heads.head_file import read_head_file, write_head_file
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.tiny import tiny_head, tiny_head_arrays
from smirk3d.live.calibration import Calibration, read_calibration
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.neural_renderer.renderer_config import NeuralRendererConfig
from smirk3d.tracking.track_file import MOVING, SCHEMA, Track, read_track

from .mutants import npz_mutants, other_json_text, safetensors_mutants

_COUNT = 150
HEAD = tiny_head()


def made_track(frames: int = 6) -> Track:
    """Return a track of two people, one of whom is seen in half of the frames."""
    valid = np.ones((2, frames), bool)
    valid[1, ::2] = False
    rows = int(valid.sum())
    neutral = HEAD.neutral(rows)
    moving = {name: getattr(neutral, name).numpy() for name in MOVING}
    return Track(
        meta={
            "schema": SCHEMA, "input": "a.mp4", "image_size": [64, 48], "rate": "30/1",
            "head": HEAD.name, "head_fingerprint": HEAD.fingerprint, "smoothing": "off",
            "weights": {"name": "none", "sha256": None}, "complete": True, "damage": None,
        },
        timestamps=np.arange(frames) / 30,
        ids=np.array([0, 3]),
        valid=valid,
        shape=np.zeros((2, HEAD.neutral(1).shape.shape[1]), np.float32),
        rows={
            **moving,
            "T_crop_image": np.tile(np.eye(3), (rows, 1, 1)),
            "box": np.tile(np.float32([1, 2, 30, 40]), (rows, 1)),
            "score": np.full(rows, 0.9),
            "quality": np.full(rows, 0.5),
        },
    )  # fmt: skip


def _use_track(path: Path) -> None:
    track = read_track(path)
    assert min(track.image_size) > 0
    for person in range(len(track.ids)):
        assert bool(track.parameters(person).camera.isfinite().all())
        assert len(track.frames(person)) == track.rows_of(person).stop - track.rows_of(person).start


def _use_head(path: Path) -> None:
    file = read_head_file(path)
    head = HeadModel(file.arrays, file.meta)
    assert bool(head(head.neutral(1)).vertices.isfinite().all())


def _use_parameters(path: Path) -> None:
    parameters = read_parameters(path, HEAD)
    assert bool(HEAD(parameters if parameters.shape.ndim > 1 else parameters[None]).vertices.any())


def _use_result(path: Path) -> None:
    record = read_result(path.parent)
    record.check_head(HEAD)
    assert all(0 <= (face.quality or 0) <= 1 for face in record.faces)


def _track_file(path: Path) -> Path:
    made_track().save(path / "track.npz")
    return path / "track.npz"


def _head_file(path: Path) -> Path:
    write_head_file(path / "head.npz", *tiny_head_arrays())
    return path / "head.npz"


def _parameter_npz(path: Path) -> Path:
    write_parameters_npz(path / "face.npz", HEAD, HEAD.neutral(2))
    return path / "face.npz"


def _parameter_json(path: Path) -> Path:
    write_parameters_json(path / "face.json", HEAD, HEAD.neutral(1)[0])
    return path / "face.json"


def _result_file(path: Path) -> Path:
    face = Face(parameters=HEAD.neutral(1)[0], head=HEAD, quality=0.4)
    record = replace(result_record("a.png", (64, 48), [face]), video={"rate": "30/1"})
    write_result(path, record)
    return path / "result.json"


def _encoder_file(path: Path) -> Path:
    config = EncoderConfig(
        shared=True, expression_backbone="mobilenetv3_small_minimal", input_size=64
    )
    FaceEncoder(HEAD, config).save(path / "e.safetensors", half=True)
    return path / "e.safetensors"


def _renderer_file(path: Path) -> Path:
    small = NeuralRendererConfig(features=(4, 8), blocks=1, depthwise=True, patch=2)
    NeuralRenderer(small).save(path / "r.safetensors")
    return path / "r.safetensors"


def _calibration_file(path: Path) -> Path:
    made = Calibration.of(np.full((4, 61), 0.1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMIRK3D_HOME", str(path))
        return made.save("me")


def _use_calibration(path: Path) -> None:
    assert bool(np.isfinite(read_calibration(path).applied(np.zeros(61))).all())


def _json_mutants(content: bytes, rng: np.random.Generator, count: int) -> Iterator[bytes]:
    return (other_json_text(content, rng) for _ in range(count))


Mutate = Callable[[bytes, np.random.Generator, int], Iterator[bytes]]
KINDS: dict[str, tuple[Callable[[Path], Path], Mutate, Callable[[Path], object], int]] = {
    "track": (_track_file, npz_mutants, _use_track, 2 * _COUNT),
    "head": (_head_file, npz_mutants, _use_head, 2 * _COUNT),
    "parameters npz": (_parameter_npz, npz_mutants, _use_parameters, _COUNT),
    "parameters json": (_parameter_json, _json_mutants, _use_parameters, _COUNT),
    "calibration": (_calibration_file, _json_mutants, _use_calibration, _COUNT),
    "result": (_result_file, _json_mutants, _use_result, 2 * _COUNT),
    "encoder": (
        _encoder_file, safetensors_mutants, lambda p: FaceEncoder.from_file(p, HEAD), 60),
    "renderer": (_renderer_file, safetensors_mutants, NeuralRenderer.from_file, _COUNT),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_mutants_are_read_or_refused(tmp_path: Path, kind: str) -> None:
    make, mutate, use, count = KINDS[kind]
    path = make(tmp_path)
    use(path)
    refused = 0
    for number, content in enumerate(mutate(path.read_bytes(), np.random.default_rng(7), count)):
        path.write_bytes(content)
        try:
            use(path)
        except Smirk3dError as error:
            refused += 1
            text = str(error)
            assert "\n" not in text and text.isprintable(), f"{number}: {text!r}"
            assert str(tmp_path) in text or (kind == "result" and text[0] != " "), text
    assert refused > count / 3


def test_a_track_survives_writing_and_reading(tmp_path: Path) -> None:
    track = made_track()
    again = read_track(_track_file(tmp_path))
    assert again.meta == track.meta and again.image_size == (64, 48)
    assert np.array_equal(again.valid, track.valid) and again.ids.tolist() == [0, 3]
    for name, rows in track.rows.items():
        assert np.array_equal(again.rows[name], rows)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"timestamps": np.array([0, 1, 2, 3, 5, 4.0])}, "run backwards"),
        ({"timestamps": np.array([0, 1, 2, 3, 4, np.nan])}, "timestamps has a number that is not"),
        ({"ids": np.array([1, 1])}, "names a person twice"),
        ({"ids": np.array([-1, 1])}, "the least possible is 0"),
        ({"valid": np.ones((2, 6), bool)}, "12 true entries"),
        ({"valid": np.ones((2, 5), bool)}, r"shape \[N T\]"),
        ({"shape": np.zeros((3, 4), np.float32)}, r"shape \[N S\]"),
    ],
)
def test_what_is_wrong_with_a_track_is_said(
    tmp_path: Path, changes: dict[str, np.ndarray], reason: str
) -> None:
    track = made_track()
    for name, value in changes.items():
        object.__setattr__(track, name, value)
    track.save(tmp_path / "track.npz")
    with pytest.raises(Smirk3dError, match=reason):
        read_track(tmp_path)


@pytest.mark.parametrize("size", [None, [64], [64, 0], [64, True], ["a", 4], [64, 1 << 40], 1])
def test_a_track_without_a_picture_size_is_refused(tmp_path: Path, size: object) -> None:
    track = made_track()
    track.meta["image_size"] = size
    track.save(tmp_path / "track.npz")
    with pytest.raises(Smirk3dError, match="image_size is"):
        read_track(tmp_path)


def test_weights_that_would_build_a_huge_network_are_refused_first(tmp_path: Path) -> None:
    path = _renderer_file(tmp_path)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    inner = json.loads(header["__metadata__"]["smirk3d"])
    for features in ([4096, 4096, 4096], [10**9, 8], [4, 8, 8]):
        inner["config"]["features"] = features
        header["__metadata__"]["smirk3d"] = json.dumps(inner)
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
        with pytest.raises(Smirk3dError, match=r"do not fit|cannot build"):
            NeuralRenderer.from_file(path)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    network = NeuralRenderer(NeuralRendererConfig(features=(4, 8), blocks=1))
    with torch.no_grad():
        network.output.weight[0, 0] = float("nan")
    network.save(tmp_path / "r.safetensors")
    with pytest.raises(Smirk3dError, match=r"output\.weight has a number that is not finite"):
        NeuralRenderer.from_file(tmp_path / "r.safetensors")
