"""Binary glTF 2.0: an animatable head with named morph targets, joints and plain materials.

Head space has glTF's axes and unit, so positions are written as they are. Texture coordinates have
v upwards in head files and downwards in glTF: the flip is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pygltflib as gltf
from numpy.typing import NDArray

from smirk3d.array_interface import Array
from smirk3d.assets.atomic import atomic_path
from smirk3d.export.rigs.appearance import ROUGHNESS
from smirk3d.export.rigs.contact_targets import rig_in_contact
from smirk3d.export.rigs.look import HeadLook, PartLook
from smirk3d.export.rigs.rig import HeadMotion, Rig, RigFrames
from smirk3d.export.rigs.surface import smooth_normals, tangents
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rendering.folds import mean_slopes

_STILL = 1e-7
"""Metres below which a vertex of a morph target counts as resting."""
_SAME_NORMAL = 0.01
"""Change of a unit normal below which it counts as unchanged."""
_POSE_NODE = 0
"""Number of the node with the head pose."""


@dataclass
class _Buffer:
    """Collects arrays as buffer views and accessors of one glTF."""

    model: gltf.GLTF2
    data: bytearray = field(default_factory=bytearray)
    resting: dict[int, int] = field(default_factory=dict)

    def view(self, payload: bytes, target: int | None = None) -> int:
        self.data.extend(b"\0" * (-len(self.data) % 4))
        self.model.bufferViews.append(
            gltf.BufferView(
                buffer=0, byteOffset=len(self.data), byteLength=len(payload), target=target
            )
        )
        self.data.extend(payload)
        return len(self.model.bufferViews) - 1

    def accessor(
        self, array: NDArray[Any], kind: str, *, target: int | None = None, bounds: bool = False
    ) -> int:
        array = np.ascontiguousarray(array)
        component = {"f": gltf.FLOAT, "u2": gltf.UNSIGNED_SHORT, "u4": gltf.UNSIGNED_INT}
        code = "f" if array.dtype.kind == "f" else f"u{array.dtype.itemsize}"
        self.model.accessors.append(
            gltf.Accessor(
                bufferView=self.view(array.tobytes(), target),
                componentType=component[code],
                count=len(array),
                type=kind,
                min=array.reshape(len(array), -1).min(0).tolist() if bounds else None,
                max=array.reshape(len(array), -1).max(0).tolist() if bounds else None,
            )
        )
        return len(self.model.accessors) - 1

    def sparse_offsets(self, offsets: NDArray[np.float32], still: float) -> int:
        """Add a VEC3 accessor ``[U, 3]`` that stores only offsets above a length.

        All targets without motion use one accessor.
        """
        moved = np.flatnonzero(np.abs(offsets).max(1) > still)
        if len(moved):
            return self._sparse(offsets, moved)
        if len(offsets) not in self.resting:
            nothing = np.zeros_like(offsets)
            self.resting[len(offsets)] = self._sparse(nothing, np.zeros(1, np.int64))
        return self.resting[len(offsets)]

    def _sparse(self, offsets: NDArray[np.float32], moved: NDArray[np.intp]) -> int:
        kept = np.zeros_like(offsets)
        kept[moved] = offsets[moved]
        index_type = np.uint16 if len(offsets) <= 0xFFFF else np.uint32
        indices = self.view(moved.astype(index_type).tobytes())
        values = self.view(offsets[moved].tobytes())
        code = gltf.UNSIGNED_SHORT if index_type is np.uint16 else gltf.UNSIGNED_INT
        self.model.accessors.append(
            gltf.Accessor(
                byteOffset=None,  # the library's 0 would ask for a buffer view
                componentType=gltf.FLOAT,
                count=len(offsets),
                type=gltf.VEC3,
                min=kept.min(0).tolist(),
                max=kept.max(0).tolist(),
                sparse=gltf.Sparse(
                    count=len(moved),
                    indices=gltf.AccessorSparseIndices(bufferView=indices, componentType=code),
                    values=gltf.AccessorSparseValues(bufferView=values),
                ),
            )
        )
        return len(self.model.accessors) - 1


def write_glb(
    path: str | Path,
    head: HeadModel,
    parameters: FaceParameters,
    *,
    extras: Mapping[str, Any] | None = None,
    motion: HeadMotion | None = None,
    crop: Array | None = None,
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
        crop: the photo's square ``[3, N, N]`` in [0, 1], whose colours the skin takes; brows are
            then the photo's. Plain colours without it.

    Raises:
        OutputError: if the file cannot be written.
    """
    rig, pose, moving = rig_in_contact(head, parameters, motion)
    model = gltf.GLTF2()
    model.asset = gltf.Asset(version="2.0", generator="smirk3d")
    buffer = _Buffer(model)
    _add_joints(model, buffer, rig, pose)
    slopes = mean_slopes(head, parameters[None] if motion is None else motion.parameters)
    _add_mesh(model, buffer, HeadLook.of(head, rig, parameters, crop, slopes))
    model.meshes[0].weights = pose.weights[0].tolist()
    mesh_node = len(model.nodes)
    model.nodes.append(gltf.Node(name=f"{head.name} head", mesh=0, skin=0))
    model.scenes = [gltf.Scene(nodes=[mesh_node, _POSE_NODE])]
    model.scene = 0
    model.extras = {
        "head": head.name,
        "head_fingerprint": head.fingerprint,
        "head_licence": str(head.meta.get("licence", "")),
        "parameters": {name: tensor.tolist() for name, tensor in parameters.items()},
        "left_out": list(rig.left_out),
        **(extras or {}),
    }
    if motion is not None and moving is not None:
        _add_animation(model, buffer, moving, motion, mesh_node)
    model.buffers = [gltf.Buffer(byteLength=len(buffer.data))]
    model.set_binary_blob(bytes(buffer.data))
    with atomic_path(path) as temporary:
        model.save_binary(str(temporary))


def _add_joints(model: gltf.GLTF2, buffer: _Buffer, rig: Rig, pose: RigFrames) -> None:
    """Add the joints' nodes under one that has the head pose."""
    rotation = _xyzw(pose.head_pose_wxyz[0]).tolist()
    model.nodes.append(gltf.Node(name="head_pose", rotation=rotation, children=[]))
    first = len(model.nodes)
    for j, name in enumerate(rig.joint_names):
        parent = rig.parents[j]
        above = rig.joints[parent] if parent >= 0 else np.zeros(3, np.float32)
        model.nodes.append(
            gltf.Node(
                name=name,
                translation=(rig.joints[j] - above).tolist(),
                rotation=_xyzw(pose.joints_wxyz[0, j]).tolist(),
            )
        )
        owner = model.nodes[first + parent if parent >= 0 else _POSE_NODE]
        owner.children = [*(owner.children or []), first + j]
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(rig.joints), 1, 1))
    inverse[:, :3, 3] = -rig.joints
    # glTF stores matrices by columns
    matrices = buffer.accessor(inverse.transpose(0, 2, 1).reshape(-1, 16), gltf.MAT4)
    joints = list(range(first, first + len(rig.joints)))
    model.skins = [gltf.Skin(joints=joints, inverseBindMatrices=matrices, skeleton=_POSE_NODE)]


def _add_mesh(model: gltf.GLTF2, buffer: _Buffer, look: HeadLook) -> None:
    rig = look.rig
    shapes = np.concatenate([rig.vertices[None], rig.vertices + rig.offsets])
    joints, weights = _strongest(rig.lbs_weights)
    parts = []
    for primitive in look.pictured_parts():
        ids = primitive.vertex_ids
        points = rig.vertices[ids]
        normals = smooth_normals(primitive, shapes)
        part = look.part(primitive)
        material, uv = _add_material(model, buffer, part, primitive.part)
        index_type = np.uint16 if len(ids) <= 0xFFFF else np.uint32
        attributes = gltf.Attributes(
            POSITION=_vertex_accessor(buffer, points, gltf.VEC3, bounds=True),
            NORMAL=_vertex_accessor(buffer, normals[0], gltf.VEC3),
            TEXCOORD_0=_vertex_accessor(buffer, uv * [1, -1] + [0, 1],
                                        gltf.VEC2),
            JOINTS_0=buffer.accessor(
                joints[ids].astype(np.uint16), gltf.VEC4, target=gltf.ARRAY_BUFFER
            ),
            WEIGHTS_0=_vertex_accessor(buffer, weights[ids], gltf.VEC4),
        )  # fmt: skip
        if part.light is not None:
            shade = np.repeat(part.light[:, None], 3, axis=1)
            attributes.COLOR_0 = _vertex_accessor(buffer, shade, gltf.VEC3)
        if part.folds is not None:
            along = tangents(primitive, points, normals[0])
            attributes.TANGENT = _vertex_accessor(buffer, along, gltf.VEC4)
        triangles = primitive.faces.astype(index_type).reshape(-1)
        moves = rig.offsets[:, ids]
        bends = normals[1:] - normals[0]
        parts.append(
            gltf.Primitive(
                attributes=attributes,
                indices=buffer.accessor(triangles, gltf.SCALAR, target=gltf.ELEMENT_ARRAY_BUFFER),
                material=material,
                targets=[
                    {
                        "POSITION": buffer.sparse_offsets(move, _STILL),
                        "NORMAL": buffer.sparse_offsets(bend, _SAME_NORMAL),
                    }
                    for move, bend in zip(moves, bends, strict=True)
                ],
            )
        )
    extras = {
        "targetNames": list(rig.target_names),
        "gates": {name: asdict(gate) for name, gate in rig.gates.items()},
        "opposed": [list(pair) for pair in rig.opposed],
        "correctives": {name: list(pair) for name, pair in rig.correctives.items()},
        "contact": list(rig.contact),
        "arkit": {name: list(targets) for name, targets in rig.arkit.items()},
    }
    model.meshes = [gltf.Mesh(name=look.head.name, primitives=parts, extras=extras)]


def _vertex_accessor(
    buffer: _Buffer, values: NDArray[Any], kind: str, *, bounds: bool = False
) -> int:
    array = values.astype(np.float32)
    return buffer.accessor(array, kind, target=gltf.ARRAY_BUFFER, bounds=bounds)


def _strongest(lbs_weights: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return joints and weights ``[V, 4]`` of the four strongest joints, weights summing to 1."""
    padded = np.pad(lbs_weights, ((0, 0), (0, max(0, 4 - lbs_weights.shape[1]))))
    joints = np.argsort(-padded, axis=1, kind="stable")[:, :4]
    weights = np.take_along_axis(padded, joints, axis=1)
    return np.where(weights > 0, joints, 0), weights / weights.sum(1, keepdims=True)


def _add_material(
    model: gltf.GLTF2, buffer: _Buffer, look: PartLook, name: str
) -> tuple[int, NDArray[np.float32]]:
    """Add a part's material and return it with the texture coordinates that suit it."""
    surface = gltf.PbrMetallicRoughness(
        baseColorFactor=[*look.colour, 1.0], metallicFactor=0.0, roughnessFactor=ROUGHNESS[name]
    )
    material = gltf.Material(name=name, pbrMetallicRoughness=surface, doubleSided=True)
    if look.blends:
        material.alphaMode = "BLEND"
    if look.picture is not None:
        mime = {"png": "image/png", "jpg": "image/jpeg"}[look.kind]
        index = _add_texture(model, buffer, look.picture, mime)
        surface.baseColorTexture = gltf.TextureInfo(index=index)
        surface.baseColorFactor = [1.0, 1.0, 1.0, 1.0]
    if look.folds is not None:
        index = _add_texture(model, buffer, look.folds, "image/png")
        material.normalTexture = gltf.NormalMaterialTexture(index=index)
    model.materials.append(material)
    return len(model.materials) - 1, look.uv


def _add_texture(model: gltf.GLTF2, buffer: _Buffer, picture: bytes, mime: str) -> int:
    model.images.append(gltf.Image(mimeType=mime, bufferView=buffer.view(picture)))
    if not model.samplers:
        model.samplers.append(gltf.Sampler(magFilter=gltf.LINEAR, minFilter=gltf.LINEAR))
    model.textures.append(gltf.Texture(source=len(model.images) - 1, sampler=0))
    return len(model.textures) - 1


def _add_animation(
    model: gltf.GLTF2, buffer: _Buffer, frames: RigFrames, motion: HeadMotion, mesh_node: int
) -> None:
    times = np.asarray(motion.timestamps, np.float32)
    if (np.diff(times) <= 0).any():
        raise ValueError("timestamps are too close for glTF's single precision: start at zero")
    clock = buffer.accessor(times, gltf.SCALAR, bounds=True)
    animation = gltf.Animation(name="performance")

    def channel(node: int, path: str, values: NDArray[np.float64], kind: str) -> None:
        output = buffer.accessor(values.astype(np.float32), kind)
        animation.samplers.append(
            gltf.AnimationSampler(input=clock, output=output, interpolation="LINEAR")
        )
        target = gltf.AnimationChannelTarget(node=node, path=path)
        animation.channels.append(
            gltf.AnimationChannel(sampler=len(animation.samplers) - 1, target=target)
        )

    channel(mesh_node, "weights", frames.weights.reshape(-1), gltf.SCALAR)
    rotations = {_POSE_NODE: frames.head_pose_wxyz}
    rotations |= {node: frames.joints_wxyz[:, j] for j, node in enumerate(model.skins[0].joints)}
    for node, rotation in rotations.items():
        resting = _xyzw(rotation[0]).tolist() == model.nodes[node].rotation
        if not resting or np.ptp(rotation, axis=0).max() > 0:
            channel(node, "rotation", _xyzw(rotation), gltf.VEC4)
    model.animations = [animation]


def _xyzw(wxyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quaternions ``[..., 4]`` in glTF's order."""
    return np.roll(wxyz, -1, axis=-1)
