"""Inputs of training: shards of photos, shapes given for them, weights and checkpoints."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from fuzz.inputs import Files, read_files
from fuzz.seeds.heads import npz
from fuzz.seeds.pictures import jpeg
from smirk3d.conventions import ARKIT_NAMES, CROP_SIZE
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.heads.tiny import tiny_head
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.neural_renderer.renderer_config import NeuralRendererConfig
from smirk3d.parameters.groups import VIEW_SPEC
from smirk3d.training.checkpoints import save_checkpoint

_KEYS = ("000000001", "000000002", "000000029")
_IDENTITIES = 6
"""Shape components of the tiny head."""

RUN_HEAD = "0" * 64
"""Fingerprint of the head that the made run trains."""

RUN_SETTINGS: dict[str, object] = {"head": "tiny", "optimizer": {"rate": 1e-3, "steps": 4}}

_SMALL = EncoderConfig(
    expression_backbone="mobilenetv3_small_minimal",
    shape_backbone="mobilenetv3_small_minimal",
    input_size=32,
    shared=True,
)


def shard_seeds() -> list[Files]:
    """Return a folder as `preprocess` writes it."""
    count = len(_KEYS)
    rng = np.random.default_rng(0)
    annotations = npz(
        key=np.array(_KEYS),
        source=np.array(["made"] * count),
        person=np.array(["a", "b", ""]),
        label=np.array([""] * count),
        origin=np.array(["a.jpg"] * count),
        sharpness=np.ones(count, np.float32),
        quality=np.ones(count, np.float32),
        oval_inside=np.ones(count, np.float32),
        landmarks_xy=rng.integers(0, 7000, (count, 478, 2)).astype(np.int16),
        landmarks_z=np.zeros((count, 478), np.float16),
        blendshapes=np.zeros((count, len(ARKIT_NAMES)), np.float16),
        blendshape_names=np.array(ARKIT_NAMES),
    )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for key in _KEYS:
            known = json.dumps({"key": key, "source": "made"}).encode()
            for ending, content in (("jpg", jpeg(CROP_SIZE, CROP_SIZE)), ("json", known)):
                info = tarfile.TarInfo(f"{key}.{ending}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return [{"annotations.npz": annotations, "faces-00000.tar": buffer.getvalue()}]


def shape_seeds() -> list[Files]:
    """Return shapes that another method gives for photos."""
    return [{"shapes.npz": npz(key=np.array(_KEYS), shape=np.zeros((3, _IDENTITIES), np.float32))}]


def _written(name: str, write: Callable[[Path], object]) -> Files:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        return {name: path.read_bytes()}


def weight_seeds() -> list[Files]:
    """Return weights of an encoder and of a neural renderer, both small."""
    encoder = FaceEncoder(tiny_head(), _SMALL)
    renderer = NeuralRenderer(NeuralRendererConfig(features=(4, 6, 8), blocks=1))
    return [
        _written("encoder.safetensors", lambda path: encoder.save(path, half=True)),
        _written("renderer.safetensors", lambda path: renderer.save(path, half=True)),
    ]


def checkpoint_seeds() -> list[Files]:
    """Return state dicts by ``torch.save``, as others publish them."""
    state = {
        "smirk_encoder.pose_encoder.a": torch.zeros(2, 3),
        "smirk_generator.b": torch.zeros(4, dtype=torch.float16),
    }
    contents: tuple[object, ...] = (state, {"state_dict": state, "epoch": 3}, torch.zeros(3))
    seeds = [_written("a.pt", lambda path, c=c: torch.save(c, path)) for c in contents]  # type: ignore[misc]
    old = _written(
        "a.pt", lambda path: torch.save(state, path, _use_new_zipfile_serialization=False)
    )
    return [*seeds, old]


def run_seeds() -> list[Files]:
    """Return the folder of a run of training with one checkpoint."""
    state: dict[str, object] = {
        "head_fingerprint": RUN_HEAD,
        "settings": RUN_SETTINGS,
        "networks": {"encoder.weight": torch.zeros(2, 3)},
        "generator": torch.zeros(16, dtype=torch.uint8),
    }
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(Path(folder), state, 3)
        return [read_files(Path(folder))]


def onnx_seeds() -> list[Files]:
    """Return a model with the header of an encoder, and one of somebody else."""
    from onnx import TensorProto, helper

    from smirk3d.encoders.head_description import ONNX_HEADER_KEY, ONNX_INPUT

    head = tiny_head()
    groups = {group.name: list(group.names) for group in (*head.spec, *VIEW_SPEC)}
    rest = (name for name in groups if name != "shape")
    unseen: dict[str, list[float]] = {name: [0.0] * len(groups[name]) for name in rest}
    header: dict[str, object] = {
        "format": 1, "kind": "encoder", "head": head.name, "head_fingerprint": head.fingerprint,
        "groups": groups, "provenance": {}, "unseen": unseen,
    }  # fmt: skip
    size: list[str | int | None] = ["batch", 3, CROP_SIZE, CROP_SIZE]
    images = helper.make_tensor_value_info(ONNX_INPUT, TensorProto.FLOAT, size)
    answer = helper.make_tensor_value_info("shape", TensorProto.FLOAT, ["batch", 3])
    node = helper.make_node("ReduceMean", [ONNX_INPUT], ["shape"], axes=[2, 3], keepdims=0)
    graph = helper.make_graph([node], "made", [images], [answer])
    opset = [helper.make_opsetid("", 17)]
    seeds: list[Files] = []
    wrong: list[dict[str, object]] = [{}, {"unseen": None}, {"format": 99}, {"groups": []}]
    wrong.append({"provenance": 3})
    for changes in wrong:
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        entry = model.metadata_props.add()
        entry.key, entry.value = ONNX_HEADER_KEY, json.dumps(header | changes)
        seeds.append({"a.onnx": model.SerializeToString()})
    return [*seeds, {"a.onnx": seeds[0]["a.onnx"].replace(ONNX_HEADER_KEY.encode(), b"x" * 7)}]
