"""What encoders say, with uncertainty where they predict it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from smirk3d.array_interface import Array, array_namespace, as_like, is_torch
from smirk3d.encoders.evidence import Evidence
from smirk3d.parameters.face_parameters import FaceParameters


def gives_uncertainty(encoder: object) -> bool:
    """Return whether an encoder predicts standard deviations."""
    return bool(getattr(encoder, "uncertain", False))


def surface_points(encoder: object) -> tuple[Array, Array] | None:
    """Return corners and barycentric coordinates ``[P, 3]`` of an encoder's points, if any."""
    corners, bary = (getattr(encoder, name, None) for name in ("point_corners", "point_bary"))
    return (corners, bary) if corners is not None and bary is not None and len(corners) else None


def evidence_from(encoder: Any, images: Array) -> Evidence:
    """Return what an encoder says about crops ``[B, 3, 224, 224]`` in [0, 1].

    Args:
        encoder: a function from crops to parameters, perhaps with a method ``evidence``; a network
            of torch, which has a method ``to``, gets tensors.
        images: the crops.
    """
    if hasattr(encoder, "to") and not is_torch(images):
        images = importlib.import_module("torch").from_numpy(images)
    ask = getattr(encoder, "evidence", None)
    if ask is None:
        return Evidence(parameters=encoder(images), std=None)
    said: Evidence = ask(images)
    return said


def joined_evidence(parts: Sequence[Evidence], like: Array) -> Evidence:
    """Join what one encoder says about several batches, in library and device of an array."""

    def joined(name: str) -> Array | None:
        values = [getattr(part, name) for part in parts]
        if values[0] is None:
            return None
        return as_like(array_namespace(*values).concat(values, axis=0), like)

    stds = [part.std for part in parts if part.std is not None]
    return Evidence(
        parameters=FaceParameters.cat([part.parameters for part in parts]).to(like),
        std=FaceParameters.cat(stds).to(like) if stds else None,
        points=joined("points"),
        points_std=joined("points_std"),
        points_visible=joined("points_visible"),
    )
