"""Encoders as ONNX files, for fast runtimes on a CPU and for programs without torch."""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from smirk3d.assets import user_folder
from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.optional import require
from smirk3d.assets.weight_files import ENCODER, FORMAT
from smirk3d.conventions import CROP_SIZE
from smirk3d.encoders.face_encoder import FaceEncoder

HEADER_KEY = "smirk3d"
"""Entry of the model's metadata that holds head, groups and provenance as JSON."""

INPUT = "images"
"""Name of the model's input."""

_LARGEST_BATCH = 4096
"""Upper bound of the exported batch dimension, which torch.export asks for; far above any use."""


class _OutputsInOrder(nn.Module):
    """An encoder whose result is a tuple of all that depends on the images."""

    def __init__(self, encoder: FaceEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.encoder.predict(images).values())


def onnx_model(encoder: FaceEncoder) -> bytes:
    """Return an encoder as an ONNX model.

    Its input ``images`` is ``[B, 3, 224, 224]`` in [0, 1] for any B; its outputs are those of
    :meth:`~smirk3d.encoders.face_encoder.FaceEncoder.predict`. The metadata entry ``smirk3d`` is
    the JSON header of weights files, with the constant values of the other groups under ``unseen``,
    their standard deviations under ``unseen_std``, and the vertices and barycentric coordinates of
    surface points under ``points``.

    Raises:
        MissingExtra: if the packages that write ONNX are not installed (extra ``onnx``).
    """
    for package in ("onnx", "onnxscript"):
        require(package, extra="onnx")
    device = next(encoder.parameters()).device
    images = torch.zeros(2, 3, CROP_SIZE, CROP_SIZE, device=device)
    training = encoder.training
    encoder.eval()
    try:
        with torch.no_grad(), _quiet():
            names = list(encoder.predict(images))
            program = torch.onnx.export(
                _OutputsInOrder(encoder),
                (images,),
                dynamo=True,
                verbose=False,
                input_names=[INPUT],
                output_names=names,
                dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=_LARGEST_BATCH)},),
            )
    finally:
        encoder.train(training)
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    header: dict[str, Any] = {
        "format": FORMAT,
        "kind": ENCODER,
        "head": encoder.head_name,
        "head_fingerprint": encoder.head_fingerprint,
        "groups": encoder.groups,
        "provenance": encoder.provenance,
        "unseen": {group.name: list(group.default) for group in encoder.unseen_groups},
        "unseen_std": {group.name: list(group.prior_std) for group in encoder.unseen_groups},
        "points": None,
    }
    if encoder.points is not None:
        corners, bary = encoder.points.corners, encoder.points.bary
        header["points"] = {"corners": corners.tolist(), "bary": bary.tolist()}
    model = program.model_proto
    entry = model.metadata_props.add()
    entry.key, entry.value = HEADER_KEY, json.dumps(header)
    return bytes(model.SerializeToString())


def export_onnx(encoder: FaceEncoder, path: str | Path) -> None:
    """Write an encoder to one ONNX file, whole or not at all; see :func:`onnx_model`.

    Raises:
        MissingExtra: if the packages that write ONNX are not installed (extra ``onnx``).
        OutputError: if the file cannot be written.
    """
    model = onnx_model(encoder)
    with atomic_path(path) as temporary:
        temporary.write_bytes(model)


def exported_once(encoder: FaceEncoder) -> Path:
    """Return the encoder's ONNX file in the user's folder, written on the first call.

    An export takes many seconds; the file is named by a hash of weights, config and provenance.

    Raises:
        MissingExtra: if it must be written and the extra ``onnx`` is not installed.
        OutputError: if it cannot be written.
    """
    about = [FORMAT, encoder.config, encoder.head_fingerprint, sorted(encoder.provenance.items())]
    digest = hashlib.sha256(repr(about).encode())
    for name, tensor in encoder.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    path = user_folder("onnx") / f"{digest.hexdigest()[:24]}.onnx"
    if not path.is_file():
        export_onnx(encoder, path)
    return path


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the exporter's warnings about optional packages and its own deprecations."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
