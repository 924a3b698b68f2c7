"""Collect the files that the page loads into ``web/public/assets``, all from this machine.

Head and encoder are those that ``smirk3d`` takes by default, unless others are named; MediaPipe's
model is the installed one; WebAssembly comes from ``web/node_modules``, where ``npm ci`` puts it.
Weights are stored in half precision, and WebAssembly is compressed, so that any host sends little.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable
from pathlib import Path

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.installed import shipped_files
from smirk3d.assets.mediapipe_model import face_landmarker_path
from smirk3d.encoders.onnx_encoder import OnnxEncoder
from smirk3d.encoders.onnx_export import onnx_model
from smirk3d.encoders.registry import ONNX_SUFFIX, LoadedWeights, find_weights, load_weights
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head

WEB = Path(__file__).parents[1] / "web"
_VISION = "@mediapipe/tasks-vision/wasm/vision_wasm_internal"
_RUNTIME = "onnxruntime-web/dist/ort-wasm-simd-threaded"
_LICENCES = ("onnxruntime-web", "@mediapipe/tasks-vision", "three")


def encoder_model(head: HeadModel, weights: str) -> tuple[bytes, LoadedWeights]:
    """Return weights as an ONNX model in half precision, and what is known of them.

    That is the file beside the weights where there is one, else it is written by torch.
    """
    loaded = load_weights(weights, head, library="numpy")
    if loaded is None:
        raise SystemExit(f"head {head.name!r} has no weights: name some by --weights")
    if isinstance(loaded.encoder, OnnxEncoder):
        path = find_weights(loaded.name) if not Path(weights).is_file() else Path(weights)
        return path.with_suffix(ONNX_SUFFIX).read_bytes(), loaded
    return onnx_model(loaded.encoder, half=True, weights_sha256=loaded.sha256), loaded


def collect(folder: Path, head_name: str, weights: str) -> dict[str, int]:
    """Write all files of the page into a folder and return their sizes in bytes."""
    packages = WEB / "node_modules"
    head = load_head(head_name)
    encoder, loaded = encoder_model(head, weights)
    about = {"head": head.name, "weights": loaded.name, "weights_sha256": loaded.sha256}

    def file(path: Path) -> Callable[[], bytes]:
        return path.read_bytes

    def compressed(path: Path) -> Callable[[], bytes]:
        return lambda: gzip.compress(path.read_bytes(), 9, mtime=0)

    contents: dict[str, Callable[[], bytes]] = {
        "head.npz.gz": compressed(Path(shipped_files("heads")[head_name])),
        "encoder.onnx.gz": lambda: gzip.compress(encoder, 9, mtime=0),
        "face_landmarker.task.gz": compressed(face_landmarker_path()),
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
