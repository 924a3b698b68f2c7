"""Encoders as ONNX files, for fast runtimes on a CPU and for programs without torch."""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from smirk3d.assets import user_folder
from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.optional import require
from smirk3d.assets.weight_files import ENCODER, FORMAT
from smirk3d.conventions import CROP_SIZE
from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.encoders.head_description import ONNX_HEADER_KEY, ONNX_INPUT
from smirk3d.encoders.onnx_encoder import OnnxEncoder

_LARGEST_BATCH = 4096
"""Upper bound of the exported batch dimension, which torch.export asks for; far above any use."""


class _OutputsInOrder(nn.Module):
    """An encoder whose result is a tuple of all that depends on the images."""

    def __init__(self, encoder: FaceEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.encoder.predict(images).values())


def onnx_model(
    encoder: FaceEncoder, *, half: bool = False, weights_sha256: str | None = None
) -> bytes:
    """Return an encoder as an ONNX model.

    Its input ``images`` is ``[B, 3, 224, 224]`` in [0, 1] for any B; its outputs are those of
    :meth:`~smirk3d.encoders.face_encoder.FaceEncoder.predict`. The metadata entry ``smirk3d`` is
    the JSON header of weights files, with the constant values of the other groups under ``unseen``,
    their standard deviations under ``unseen_std``, and the vertices and barycentric coordinates of
    surface points under ``points``.

    Args:
        encoder: the encoder.
        half: store matrices and kernels in half precision, which changes nothing for weights that
            were saved so; runtimes compute in single precision.
        weights_sha256: SHA-256 of the file that the encoder was loaded from, for the header.

    Raises:
        MissingExtra: if the packages that write ONNX are not installed (extra ``onnx``).
    """
    for package in ("onnx", "onnxscript"):
        require(package, extra="onnx")
    model = _model(encoder, half=half)
    entry = model.metadata_props.add()
    entry.key, entry.value = ONNX_HEADER_KEY, json.dumps(_header(encoder, weights_sha256))
    return bytes(model.SerializeToString())


def _model(encoder: FaceEncoder, *, half: bool) -> Any:
    """Return the encoder's ONNX model without metadata."""
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
                optimize=not half,
                input_names=[ONNX_INPUT],
                output_names=names,
                dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=_LARGEST_BATCH)},),
            )
    finally:
        encoder.train(training)
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    if half:
        # not all of the optimizer, which multiplies kernels by what normalizes their outputs: to
        # be rounded again. ONNX Runtime does that to kernels in single precision
        optimizer = importlib.import_module("onnxscript.optimizer")
        optimizer.inline(program.model)
        optimizer.fold_constants(program.model)
        optimizer.remove_unused_nodes(program.model)
    model = program.model_proto
    _share_equal(model)
    if half:
        _store_half(model)
    return model


def _header(encoder: FaceEncoder, weights_sha256: str | None) -> dict[str, Any]:
    """Return what an ONNX model says of its encoder."""
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
        "weights_sha256": weights_sha256,
    }
    if encoder.points is not None:
        corners, bary = encoder.points.corners, encoder.points.bary
        header["points"] = {"corners": corners.tolist(), "bary": bary.tolist()}
    return header


def _share_equal(model: Any) -> None:
    """Keep one of several equal arrays of an ONNX model: output layers share means of features."""
    kept: dict[tuple[Any, ...], str] = {}
    instead: dict[str, str] = {}
    for tensor in list(model.graph.initializer):
        content = tensor.data_type, tuple(tensor.dims), tensor.raw_data
        name = kept.setdefault(content, tensor.name) if tensor.raw_data else tensor.name
        if name != tensor.name:
            instead[tensor.name] = name
            model.graph.initializer.remove(tensor)
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = instead.get(name, name)


def _store_half(model: Any) -> None:
    """Replace kernels of an ONNX model by ones in half precision and casts to single."""
    onnx = require("onnx", extra="onnx")
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        name, values = tensor.name, onnx.numpy_helper.to_array(tensor)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(
            onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *model.graph.node]
    del model.graph.value_info[:]
    for node in nodes:
        del node.metadata_props[:]  # where in the source each node comes from
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def export_onnx(
    encoder: FaceEncoder,
    path: str | Path,
    *,
    half: bool = False,
    weights_sha256: str | None = None,
) -> None:
    """Write an encoder to one ONNX file, whole or not at all; see :func:`onnx_model`.

    Raises:
        MissingExtra: if the packages that write ONNX are not installed (extra ``onnx``).
        OutputError: if the file cannot be written.
    """
    model = onnx_model(encoder, half=half, weights_sha256=weights_sha256)
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


def onnx_encoder(encoder: FaceEncoder, *, threads: int = 1) -> OnnxEncoder:
    """Return the same encoder for ONNX Runtime; the first call for given weights takes long.

    Args:
        encoder: encoder to export; its ONNX file is kept in the user's folder.
        threads: number of threads; 0 for the number of cores.

    Raises:
        MissingExtra: if the extra ``onnx`` is not installed on the first call.
        OutputError: if the file cannot be kept.
    """
    return OnnxEncoder.from_file(exported_once(encoder), threads=threads)


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
