"""How fast and how exactly ONNX Runtime runs an encoder, in single precision and in int8.

    python benchmarks/encoder_runtimes.py --weights default [--faces FACES]

Needs the extras fast and onnx. Writes benchmarks/results/encoder_runtimes.{json,md}. Errors are
against torch on held-out photos; the static int8 model is calibrated on other photos.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import tyro
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor

from common import measure, write_results
from smirk3d.encoders.head_description import ONNX_INPUT
from smirk3d.encoders.onnx_encoder import OnnxEncoder
from smirk3d.encoders.onnx_export import export_onnx
from smirk3d.encoders.registry import load_weights
from smirk3d.evaluation.metrics import correlation
from smirk3d.evaluation.photos import held_out_photos, training_photos
from smirk3d.heads.registry import load_head
from smirk3d.parameters.face_parameters import FaceParameters

CALIBRATION = 64


class Photos(CalibrationDataReader):  # type: ignore[misc]
    """Hands photos ``[B, 3, 224, 224]`` to the calibration one by one."""

    def __init__(self, images: Tensor) -> None:
        """Keep them."""
        self._left = iter(images)

    def get_next(self) -> dict[str, Any] | None:
        """Return the next photo, None after the last."""
        image = next(self._left, None)
        return None if image is None else {ONNX_INPUT: image[None].numpy()}


def main(
    weights: str = "default",
    faces: Path = Path("data/faces"),
    limit: int = 128,
    threads: int = 1,
    name: str = "encoder_runtimes",
) -> None:
    torch.set_num_threads(threads)
    head = load_head()
    loaded = load_weights(weights, head)
    if loaded is None:
        raise SystemExit(f"no weights named {weights!r} for this head")
    encoder = loaded.encoder
    images = held_out_photos(faces, limit).crops.images
    others = training_photos(faces, CALIBRATION).crops.images
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        files = {kind: Path(folder) / f"{kind}.onnx" for kind in ("single", "dynamic", "static")}
        export_onnx(encoder, files["single"])
        quantize_dynamic(files["single"], files["dynamic"], weight_type=QuantType.QUInt8)
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(files["single"], prepared)
        quantize_static(
            prepared, files["static"], Photos(others), quant_format=QuantFormat.QDQ,
            per_channel=True, op_types_to_quantize=["Conv"],
        )  # fmt: skip
        sizes = {kind: file.stat().st_size / 1e6 for kind, file in files.items()}
        runs: dict[str, Callable[[Tensor], FaceParameters]] = {"torch": encoder}
        for kind, file in files.items():
            runs[f"ONNX Runtime, {kind}"] = OnnxEncoder.from_file(file, head, threads=threads)
        wanted = torch.cat([encoder(part).expression for part in images.split(32)])
        rows = [_row(run, way, images, wanted) for run, way in runs.items()]
    for row, size in zip(rows, [None, *sizes.values()], strict=True):
        row["megabytes"] = size
    lines = [f"Weights {loaded.name}, {len(images)} photos, {threads} thread(s); "
             f"onnxruntime {onnxruntime.__version__}.", "",
             "| run | file MB | 1 photo, ms | 8 photos, ms | largest error | correlation |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for row in rows:
        size = "" if row["megabytes"] is None else f"{row['megabytes']:.1f}"
        lines.append(
            f"| {row['run']} | {size} | {row['one']} | {row['eight']} "
            f"| {row['largest_error']:.2g} | {row['correlation']:.4f} |"
        )
    lines += ["", "Times: processor / fastest / median (quartiles). Errors are of the expression."]
    write_results(name, rows, "\n".join(lines))
    print("\n".join(lines))


def _row(
    run: str, way: Callable[[Tensor], FaceParameters], images: Tensor, wanted: Tensor
) -> dict[str, Any]:
    found = torch.cat([way(part).expression for part in images.split(32)])
    return {
        "run": run,
        "one": measure(lambda: way(images[:1]), seconds=2),
        "eight": measure(lambda: way(images[:8]), seconds=2),
        "largest_error": float((found - wanted).abs().max()),
        "correlation": correlation(np.asarray(found), np.asarray(wanted)),
    }


if __name__ == "__main__":
    tyro.cli(main)
