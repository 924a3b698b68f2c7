"""Binary glTF 2.0: an animatable head with named morph targets, joints and plain materials.

Head space has glTF's axes and unit, so positions are written as they are. Texture coordinates have
v upwards in head files and downwards in glTF: the flip is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_path
from smirk3d.export.gltf_document import (
    ARRAY_BUFFER,
    ELEMENT_ARRAY_BUFFER,
    LINEAR,
    LINEAR_MIPMAP_LINEAR,
    GltfDocument,
    Object,
)
from smirk3d.export.rigs.appearance import ROUGHNESS
from smirk3d.export.rigs.contact_targets import rig_in_contact
from smirk3d.export.rigs.look import HeadLook, PartLook
from smirk3d.export.rigs.rig import HeadMotion, Rig, RigFrames
from smirk3d.export.rigs.surface import has_closed_skin, smooth_normals, tangents
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rendering.folds import mean_slopes
from smirk3d.rendering.photo_colours import PhotoLook

_STILL = 1e-7
"""Metres below which a vertex of a morph target counts as resting."""
_SAME_NORMAL = 0.01
"""Change of a unit normal below which it counts as unchanged."""
_POSE_NODE = 0
"""Number of the node with the head pose."""


def write_glb(
    path: str | Path,
    head: HeadModel,
    parameters: FaceParameters,
    *,
    extras: Mapping[str, Any] | None = None,
    motion: HeadMotion | None = None,
    photo: PhotoLook | None = None,
) -> None:
    """Write one face's head.

    The mesh is the person without expression; every action is a morph target by name, and the
    weights are this face's. glTF has no way to say how actions interact (``mouthClose`` acts in
    proportion to ``jawOpen``): the stored weights are those in effect, correctives are targets of
    their own, named after the two whose product is their weight, and ``mesh.extras`` has the rules
    (``gates``, ``opposed``, ``correctives``). Contact of eyelids and lips is in targets of its own
    (``contact``), right for the faces of the file. The skin's folds are a normal map: those of the
    face, or their mean over the frames of a motion.

    Args:
        path: file to write, whole or not at all.
        head: the head.
        parameters: one face, without batch dimension.
        extras: more entries for the file's extras.
        motion: frames of the same person to animate.
        photo: what the photo shows of the person, whose colours the skin takes; brows are then
            the photo's. Plain colours without it.

    Raises:
        OutputError: if the file cannot be written.
    """
    rig, pose, moving = rig_in_contact(head, parameters, motion)
    document = GltfDocument()
    _add_joints(document, rig, pose)
    slopes = mean_slopes(head, parameters[None] if motion is None else motion.parameters)
    mesh = _add_mesh(document, HeadLook.of(head, rig, photo, slopes))
    mesh["weights"] = pose.weights[0].tolist()
    mesh_node = document.add("nodes", {"name": f"{head.name} head", "mesh": 0, "skin": 0})
    document.content |= {"scenes": [{"nodes": [mesh_node, _POSE_NODE]}], "scene": 0}
    document.content["extras"] = {
        "head": head.name,
        "head_fingerprint": head.fingerprint,
        "head_licence": str(head.meta.get("licence", "")),
        "parameters": {name: tensor.tolist() for name, tensor in parameters.items()},
        "left_out": list(rig.left_out),
        **(extras or {}),
    }
    if motion is not None and moving is not None:
        _add_animation(document, moving, motion, mesh_node)
    with atomic_path(path) as temporary:
        document.save(temporary)


def _add_joints(document: GltfDocument, rig: Rig, pose: RigFrames) -> None:
    """Add the joints' nodes under one that has the head pose."""
    rotation = _xyzw(pose.head_pose_wxyz[0]).tolist()
    document.add("nodes", {"name": "head_pose", "rotation": rotation})
    nodes = document.content["nodes"]
    first = len(nodes)
    for j, name in enumerate(rig.joint_names):
        parent = rig.parents[j]
        above = rig.joints[parent] if parent >= 0 else np.zeros(3, np.float32)
        node = {
            "name": name,
            "translation": (rig.joints[j] - above).tolist(),
            "rotation": _xyzw(pose.joints_wxyz[0, j]).tolist(),
        }
        owner = nodes[first + parent if parent >= 0 else _POSE_NODE]
        owner.setdefault("children", []).append(document.add("nodes", node))
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(rig.joints), 1, 1))
    inverse[:, :3, 3] = -rig.joints
    # glTF stores matrices by columns
    matrices = document.accessor(inverse.transpose(0, 2, 1).reshape(-1, 16), "MAT4")
    joints = list(range(first, first + len(rig.joints)))
    document.add(
        "skins", {"joints": joints, "inverseBindMatrices": matrices, "skeleton": _POSE_NODE}
    )


def _add_mesh(document: GltfDocument, look: HeadLook) -> Object:
    rig = look.rig
    shapes = np.concatenate([rig.vertices[None], rig.vertices + rig.offsets])
    joints, weights = _strongest(rig.lbs_weights)
    parts = []
    closed = has_closed_skin(look.head)
    for primitive in look.pictured_parts():
        ids = primitive.vertex_ids
        points = rig.vertices[ids]
        normals = smooth_normals(primitive, shapes)
        part = look.part(primitive)
        material, uv = _add_material(document, part, primitive.part, not closed)
        index_type = np.uint16 if len(ids) <= 0xFFFF else np.uint32
        flipped = np.stack([uv[:, 0], 1 - uv[:, 1]], 1)
        attributes = {
            "POSITION": _vertex_accessor(document, points, "VEC3", bounds=True),
            "NORMAL": _vertex_accessor(document, normals[0], "VEC3"),
            "TEXCOORD_0": _vertex_accessor(document, flipped, "VEC2"),
            "JOINTS_0": document.accessor(
                joints[ids].astype(np.uint16), "VEC4", target=ARRAY_BUFFER
            ),
            "WEIGHTS_0": _vertex_accessor(document, weights[ids], "VEC4"),
        }
        if part.light is not None:
            shade = np.repeat(part.light[:, None], 3, axis=1)
            attributes["COLOR_0"] = _vertex_accessor(document, shade, "VEC3")
        if part.folds is not None:
            along = tangents(primitive, points, normals[0])
            attributes["TANGENT"] = _vertex_accessor(document, along, "VEC4")
        triangles = primitive.faces.astype(index_type).reshape(-1)
        parts.append(
            {
                "attributes": attributes,
                "indices": document.accessor(triangles, "SCALAR", target=ELEMENT_ARRAY_BUFFER),
                "material": material,
                "targets": _targets(document, rig.offsets[:, ids], normals[1:] - normals[0]),
            }
        )
    extras = {
        "targetNames": list(rig.target_names),
        "gates": {
            name: {key: value for key, value in asdict(gate).items() if value is not None}
            for name, gate in rig.gates.items()
        },
        "opposed": [list(pair) for pair in rig.opposed],
        "correctives": {name: list(pair) for name, pair in rig.correctives.items()},
        "contact": list(rig.contact),
        "arkit": {name: list(targets) for name, targets in rig.arkit.items()},
    }
    mesh = {"name": look.head.name, "primitives": parts, "extras": extras}
    document.add("meshes", mesh)
    return mesh


def _targets(
    document: GltfDocument, moves: NDArray[np.float32], bends: NDArray[np.float32]
) -> list[Object]:
    """Add the morph targets of a part: moves ``[M, U, 3]`` and changes of its normals."""
    return [
        {
            "POSITION": document.sparse_offsets(move, moved),
            "NORMAL": document.sparse_offsets(bend, bent),
        }
        for move, moved, bend, bent in zip(
            moves, _longer(moves, _STILL), bends, _longer(bends, _SAME_NORMAL), strict=True
        )
    ]


def _longer(offsets: NDArray[np.float32], least: float) -> list[NDArray[np.intp]]:
    """Return which of the offsets ``[M, U, 3]`` are longer than a length along some axis."""
    x, y, z = (np.abs(offsets[..., axis]) > least for axis in range(3))
    target, vertex = np.nonzero(x | y | z)
    return np.split(vertex, np.searchsorted(target, np.arange(1, len(offsets))))


def _vertex_accessor(
    document: GltfDocument, values: NDArray[Any], kind: str, *, bounds: bool = False
) -> int:
    array = values.astype(np.float32)
    return document.accessor(array, kind, target=ARRAY_BUFFER, bounds=bounds)


def _strongest(lbs_weights: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return joints and weights ``[V, 4]`` of the four strongest joints, weights summing to 1."""
    padded = np.pad(lbs_weights, ((0, 0), (0, max(0, 4 - lbs_weights.shape[1]))))
    joints = np.argsort(-padded, axis=1, kind="stable")[:, :4]
    weights = np.take_along_axis(padded, joints, axis=1)
    return np.where(weights > 0, joints, 0), weights / weights.sum(1, keepdims=True)


def _add_material(
    document: GltfDocument, look: PartLook, name: str, two_sided: bool
) -> tuple[int, NDArray[np.float32]]:
    """Add a part's material and return it with the texture coordinates that suit it.

    Strips of hair are drawn from both sides, all else if it is ``two_sided``.
    """
    surface: Object = {
        "baseColorFactor": [*look.colour, 1.0],
        "metallicFactor": 0.0,
        "roughnessFactor": ROUGHNESS[name],
    }
    material: Object = {
        "name": name,
        "pbrMetallicRoughness": surface,
        "doubleSided": two_sided or look.blends,
    }
    if look.blends:
        material["alphaMode"] = "BLEND"
    if look.picture is not None:
        mime = {"png": "image/png", "jpg": "image/jpeg"}[look.kind]
        surface["baseColorTexture"] = {"index": _add_texture(document, look.picture, mime)}
        surface["baseColorFactor"] = [1.0, 1.0, 1.0, 1.0]
    if look.folds is not None:
        index = _add_texture(document, look.folds, "image/png")
        material["normalTexture"] = {"index": index}
    return document.add("materials", material), look.uv


def _add_texture(document: GltfDocument, picture: bytes, mime: str) -> int:
    source = document.add("images", {"mimeType": mime, "bufferView": document.view(picture)})
    # without smaller copies lashes are black dots at a distance
    sampler = {"magFilter": LINEAR, "minFilter": LINEAR_MIPMAP_LINEAR}
    document.content.setdefault("samplers", [sampler])
    return document.add("textures", {"source": source, "sampler": 0})


def _add_animation(
    document: GltfDocument, frames: RigFrames, motion: HeadMotion, mesh_node: int
) -> None:
    times = np.asarray(motion.timestamps, np.float32)
    if (np.diff(times) <= 0).any():
        raise ValueError("timestamps are too close for glTF's single precision: start at zero")
    clock = document.accessor(times, "SCALAR", bounds=True)
    samplers: list[Object] = []
    channels: list[Object] = []

    def channel(node: int, path: str, values: NDArray[np.float64], kind: str) -> None:
        output = document.accessor(values.astype(np.float32), kind)
        target = {"node": node, "path": path}
        channels.append({"sampler": len(samplers), "target": target})
        samplers.append({"input": clock, "output": output, "interpolation": "LINEAR"})

    channel(mesh_node, "weights", frames.weights.reshape(-1), "SCALAR")
    joints = document.content["skins"][0]["joints"]
    rotations = {_POSE_NODE: frames.head_pose_wxyz}
    rotations |= {node: frames.joints_wxyz[:, j] for j, node in enumerate(joints)}
    for node, rotation in rotations.items():
        resting = _xyzw(rotation[0]).tolist() == document.content["nodes"][node]["rotation"]
        if not resting or np.ptp(rotation, axis=0).max() > 0:
            channel(node, "rotation", _xyzw(rotation), "VEC4")
    document.add("animations", {"name": "performance", "samplers": samplers, "channels": channels})


def _xyzw(wxyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quaternions ``[..., 4]`` in glTF's order."""
    return np.roll(wxyz, -1, axis=-1)
