"""Collect the files that the page loads into ``web/public/assets``, all from this machine.

Head and encoder are those that ``smirk3d`` takes by default, unless others are named; MediaPipe's
model is the installed one; WebAssembly comes from ``web/node_modules``, where ``npm ci`` puts it.
Weights are stored in half precision, and WebAssembly is compressed, so that any host sends little.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.installed import shipped_files
from smirk3d.assets.mediapipe_model import face_landmarker_path
from smirk3d.conventions import CROP_SIZE
from smirk3d.encoders.onnx_export import exported_once
from smirk3d.encoders.registry import load_weights
from smirk3d.heads.registry import load_head

WEB = Path(__file__).parents[1] / "web"
_VISION = "@mediapipe/tasks-vision/wasm/vision_wasm_internal"
_RUNTIME = "onnxruntime-web/dist/ort-wasm-simd-threaded"
_LICENCES = ("onnxruntime-web", "@mediapipe/tasks-vision", "three")
_SMALLEST_HALVED = 256
"""Numbers from which an array is stored in half precision; smaller ones save nothing."""
_SAME = 1e-6
"""Largest relative difference by rounding of single precision."""


def half_encoder(model: onnx.ModelProto, weights: Mapping[str, np.ndarray]) -> onnx.ModelProto:
    """Return an encoder whose weights are stored in half precision.

    Weights files are in half precision, but the exporter multiplies batch normalization into them:
    the weights are stored as they were, and the factors beside them. Both are multiplied when a
    session starts, and all is computed in single precision.

    Args:
        model: the whole encoder.
        weights: the encoder's arrays by the names that the model has too.
    """
    small = onnx.ModelProto()
    small.CopyFrom(model)
    graph = small.graph
    arrays, unpacking = [], []
    for array in graph.initializer:
        values = numpy_helper.to_array(array)
        if values.dtype != np.float32 or values.ndim == 1 or values.size < _SMALLEST_HALVED:
            arrays.append(array)
            continue
        halved, steps = _halved(array.name, values, weights.get(array.name))
        arrays += halved
        unpacking += steps
    for field, entries in {
        "node": [*unpacking, *graph.node], "initializer": arrays,
    }.items():  # fmt: skip
        kept = [copy.deepcopy(entry) for entry in entries]
        graph.ClearField(field)
        getattr(graph, field).extend(kept)
    onnx.checker.check_model(small)
    return small


def _halved(
    name: str, values: np.ndarray, original: np.ndarray | None
) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    """Return the arrays and nodes that give an array, stored in half precision."""
    if original is None or original.shape != values.shape:
        original = values
    rows = original.reshape(len(original), -1).astype(np.float64)
    product = (rows * values.reshape(rows.shape)).sum(1)
    factors = product / np.maximum((rows * rows).sum(1), np.finfo(np.float64).tiny)
    factors = factors.reshape(-1, *[1] * (values.ndim - 1)).astype(np.float32)
    if np.abs(original * factors - values).max() > _SAME * np.abs(values).max():
        original, factors = values, np.ones_like(factors)
    half = original.astype(np.float16)
    if not np.isfinite(half).all():
        raise ValueError(f"{name} does not fit half precision")
    arrays = [
        numpy_helper.from_array(half, f"{name}.half"),
        numpy_helper.from_array(factors, f"{name}.factors"),
    ]
    single = onnx.TensorProto.FLOAT
    nodes = [
        onnx.helper.make_node("Cast", [f"{name}.half"], [f"{name}.single"], to=single),
        onnx.helper.make_node("Mul", [f"{name}.single", f"{name}.factors"], [name]),
    ]
    return arrays, nodes


def largest_error(whole: onnx.ModelProto, small: onnx.ModelProto) -> float:
    """Return the largest difference of a parameter that both encoders find in a grey crop."""
    crop = np.full((1, 3, CROP_SIZE, CROP_SIZE), 0.5, np.float32)
    names = [output.name for output in small.graph.output]
    found = []
    for model in (whole, small):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        found.append(session.run(names, {"images": crop}))
    return max(float(np.abs(a - b).max()) for a, b in zip(*found, strict=True))


def collect(folder: Path, head_name: str, weights: str) -> dict[str, int]:
    """Write all files of the page into a folder and return their sizes in bytes."""
    packages = WEB / "node_modules"
    head = load_head(head_name)
    loaded = load_weights(weights, head)
    if loaded is None:
        raise SystemExit(f"head {head_name!r} has no weights: name some by --weights")
    whole = onnx.load(str(exported_once(loaded.encoder)))
    named = {
        f"encoder.{name}": tensor.numpy() for name, tensor in loaded.encoder.state_dict().items()
    }
    small = half_encoder(whole, named)
    print(f"largest error by half precision: {largest_error(whole, small):.1e}")
    about = {"head": head.name, "weights": loaded.name, "weights_sha256": loaded.sha256}

    def file(path: Path) -> Callable[[], bytes]:
        return path.read_bytes

    def compressed(path: Path) -> Callable[[], bytes]:
        return lambda: gzip.compress(path.read_bytes(), 9, mtime=0)

    contents: dict[str, Callable[[], bytes]] = {
        "head.npz": file(Path(shipped_files("heads")[head_name])),
        "encoder.onnx.gz": lambda: gzip.compress(small.SerializeToString(), 9, mtime=0),
        "face_landmarker.task": file(face_landmarker_path()),
        "mediapipe/vision_wasm_internal.js": file(packages / f"{_VISION}.js"),
        "mediapipe/vision_wasm_internal.wasm.gz": compressed(packages / f"{_VISION}.wasm"),
        "runtime/ort-wasm-simd-threaded.mjs": file(packages / f"{_RUNTIME}.mjs"),
        "runtime/ort-wasm-simd-threaded.wasm.gz": compressed(packages / f"{_RUNTIME}.wasm"),
        "about.json": json.dumps(about).encode,
        "licences.txt": lambda: _licences(packages).encode(),
    }
    sizes = {}
    for name, content in contents.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as temporary:
            sizes[name] = temporary.write_bytes(content())
    return sizes


def _licences(packages: Path) -> str:
    texts = [
        (WEB.parent / "LICENSE").read_text("utf-8"),
        (WEB.parent / "THIRD_PARTY.md").read_text("utf-8"),
    ]
    for name in _LICENCES:
        found = sorted((packages / name).glob("LICENSE*"))
        about = json.loads((packages / name / "package.json").read_text("utf-8"))
        own = found[0].read_text("utf-8") if found else f"Licence: {about['license']}"
        texts.append(f"{name} {about['version']}\n\n{own}")
    return "\n\n---\n\n".join(texts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--head", default=DEFAULT_HEAD)
    parser.add_argument("--weights", default="default")
    chosen = parser.parse_args()
    for written, size in collect(WEB / "public" / "assets", chosen.head, chosen.weights).items():
        print(f"{size / 1e6:7.2f} MB  {written}")
