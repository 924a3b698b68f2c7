"""An encoder run by ONNX Runtime, which is faster than torch on a CPU."""

from __future__ import annotations

import importlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import Array, check_images, to_numpy
from smirk3d.assets.foreign.json_text import (
    is_number,
    parse_json,
    require_object,
    require_text,
)
from smirk3d.assets.foreign.origin import Origin, Unfit, one_line
from smirk3d.assets.foreign.tensors import LARGEST_WEIGHTS
from smirk3d.assets.weight_files import ENCODER, FORMAT, refuse_other_kinds
from smirk3d.encoders.evidence import Evidence, evidence_of
from smirk3d.encoders.head_description import ONNX_HEADER_KEY, ONNX_INPUT, HeadDescription
from smirk3d.errors import AssetError, check_shape
from smirk3d.parameters.face_parameters import FaceParameters

_POINT_OUTPUTS = ("points", "points_std", "points_visible")


class OnnxEncoder:
    """Estimates parameters from crops on the CPU, with the interface of ``FaceEncoder``.

    Attributes:
        head_name: name of the head whose parameters are estimated.
        head_fingerprint: fingerprint of that head.
        groups: names of the components of each parameter group.
        provenance: origin of the weights.
        weights_sha256: SHA-256 of the weights file that the ONNX file was made from, if known.
        uncertain: whether standard deviations are predicted.
        point_corners: vertices ``[P, 3]`` of the predicted surface points, None if there are none.
        point_bary: barycentric coordinates ``[P, 3]`` of these points.
    """

    def __init__(self, model: str | bytes, source: str, *, threads: int = 1) -> None:
        """Start a session.

        Args:
            model: path of the file, or its content.
            source: the model's name in errors.
            threads: number of threads; 0 for the number of cores. More of them wait for each
                other longer than a face takes, while finding the next one needs the cores.

        Raises:
            AssetError: if this is no encoder by :mod:`smirk3d.encoders.onnx_export`.
        """
        runtime = importlib.import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session = runtime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no common base
            reason = one_line(str(error).strip().partition("\n")[0])
            raise AssetError(
                f"{source}: damaged, or no ONNX model ({reason}); export it again"
            ) from error
        header = _header(self._session, source)
        self.head_name: str = header["head"]
        self.head_fingerprint: str = header["head_fingerprint"]
        self.groups: dict[str, list[str]] = header["groups"]
        self.provenance: dict[str, Any] = header["provenance"]
        self.weights_sha256: str | None = header.get("weights_sha256")
        self._unseen, self._unseen_std = (
            {name: np.array(row, np.float32) for name, row in header[key].items()}
            for key in ("unseen", "unseen_std")
        )
        self.point_corners, self.point_bary = _surface_points(header.get("points"))
        self._outputs = [output.name for output in self._session.get_outputs()]
        self.uncertain = any(name.startswith("std_") for name in self._outputs)
        groups = {field.name for field in fields(FaceParameters)}
        given = {*self._outputs, *self._unseen}
        known = {*groups, *(f"std_{name}" for name in groups), *_POINT_OUTPUTS}
        if not groups <= given <= known or not {*self._unseen} <= {*self._unseen_std}:
            raise AssetError(f"{source}: does not give the groups of a face; export it again")

    @classmethod
    def from_file(
        cls, path: str | Path, head: HeadDescription | None = None, *, threads: int = 1
    ) -> OnnxEncoder:
        """Return the encoder of a file that ``smirk3d weights export`` wrote.

        Args:
            path: path of the file.
            head: the head that the weights must be for; None admits any.
            threads: number of threads; 0 for the number of cores.

        Raises:
            AssetError: if the file is absent, damaged, of another kind, or for another head.
        """
        if not Path(path).is_file():
            raise AssetError(f"{path}: no such weights file; `smirk3d weights export` writes one")
        refuse_other_kinds(path, "an ONNX file by `smirk3d weights export`")
        if Path(path).stat().st_size > LARGEST_WEIGHTS:
            raise AssetError(f"{path}: larger than 2 GiB, which no encoder is; export it again")
        encoder = cls(str(path), str(path), threads=threads)
        if head is not None and encoder.head_fingerprint != head.fingerprint:
            raise AssetError(
                f"{path}: these weights are for head {encoder.head_name!r}, not {head.name!r}"
            )
        return encoder

    def __call__(self, images: Array) -> FaceParameters:
        """Return the parameters ``[B]`` of crops ``[B, 3, 224, 224]`` in [0, 1], as NumPy arrays.

        Raises:
            ShapeError: if the images have another shape.
            UsageError: if they are no floating-point numbers in [0, 1].
        """
        return self.evidence(images).parameters

    def evidence(self, images: Array) -> Evidence:
        """Return estimates and their uncertainty for crops ``[B, 3, 224, 224]``, as NumPy arrays.

        Raises:
            ShapeError: if the images have another shape.
            UsageError: if they are no floating-point numbers in [0, 1].
        """
        check_shape(images, "B 3 224 224", "images")
        check_images(images)
        found = self._session.run(
            None, {ONNX_INPUT: to_numpy(images).astype(np.float32, copy=False)}
        )
        outputs = dict(zip(self._outputs, found, strict=True))
        return evidence_of(outputs, self._unseen, self._unseen_std)


def _surface_points(
    points: dict[str, Any] | None,
) -> tuple[NDArray[np.int64] | None, NDArray[np.float32] | None]:
    if points is None:
        return None, None
    return np.array(points["corners"], np.int64), np.array(points["bary"], np.float32)


def _header(session: Any, source: str) -> dict[str, Any]:
    origin = Origin(source, "encoder by `smirk3d weights export`", "export it again", AssetError)
    with origin.refusing():
        metadata = session.get_modelmeta().custom_metadata_map  # ValueError unless all is UTF-8
        if ONNX_HEADER_KEY not in metadata:
            raise AssetError(
                f"{source}: holds an ONNX model of others; expected is one by "
                "`smirk3d weights export`"
            )
        header = require_object(parse_json(metadata[ONNX_HEADER_KEY], origin), "its header")
        if header.get("kind") != ENCODER or header.get("format") != FORMAT:
            raise AssetError(
                f"{source}: holds {one_line(header.get('kind'))} in format "
                f"{one_line(header.get('format'))}, this version reads {ENCODER} in format "
                f"{FORMAT}: export it again"
            )
        for key in ("head", "head_fingerprint"):
            require_text(header, key)
        for key in ("groups", "provenance", "unseen"):
            require_object(header.get(key), key)
        # files of smirk3d 0.1 have no standard deviations
        header.setdefault("unseen_std", {name: [] for name in header["unseen"]})
        require_object(header["unseen_std"], "unseen_std")
        if header.get("points") is not None:
            _check_points(require_object(header["points"], "points"))
        for name, row in (*header["unseen"].items(), *header["unseen_std"].items()):
            if not isinstance(row, list) or not all(map(is_number, row)):
                raise Unfit(f"{name} is no list of numbers")
    return header


def _check_points(points: dict[str, Any]) -> None:
    for key in ("corners", "bary"):
        rows = points.get(key)
        if not isinstance(rows, list) or not all(
            isinstance(row, list) and len(row) == 3 and all(map(is_number, row)) for row in rows
        ):
            raise Unfit(f"its points lack {key}, three numbers each")
