"""Collect the files that the page loads into ``web/public/assets``, all from this machine.

Head and encoder of one head, MediaPipe's model, and MediaPipe's WebAssembly from
``web/node_modules``, where ``npm ci`` puts it.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.installed import shipped_files
from smirk3d.assets.mediapipe_model import face_landmarker_path
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.onnx_export import exported_once
from smirk3d.encoders.registry import find_weights
from smirk3d.heads.registry import load_head

WEB = Path(__file__).parents[1] / "web"
_VISION = ("vision_wasm_internal.js", "vision_wasm_internal.wasm")


def collect(folder: Path, head: str, weights: str) -> None:
    """Copy all files of the page into a folder."""
    packages = WEB / "node_modules"
    encoder = FaceEncoder.from_file(find_weights(weights), load_head(head))
    sources = {
        "head.npz": Path(shipped_files("heads")[head]),
        "encoder.onnx": exported_once(encoder),
        "face_landmarker.task": face_landmarker_path(),
    }
    for name in _VISION:
        sources[f"mediapipe/{name}"] = packages / "@mediapipe" / "tasks-vision" / "wasm" / name
    for name, source in sources.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--head", default=DEFAULT_HEAD)
    parser.add_argument("--weights", default=DEFAULT_HEAD)
    chosen = parser.parse_args()
    collect(WEB / "public" / "assets", chosen.head, chosen.weights)
