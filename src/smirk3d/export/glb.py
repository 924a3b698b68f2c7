"""Binary glTF 2.0: an animatable head with named morph targets, joints and plain materials.

Head space has glTF's axes and unit, so positions are written as they are. Texture coordinates have
v upwards in head files and downwards in glTF: the flip is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pygltflib as gltf
import torch
from numpy.typing import NDArray
from torch import Tensor

from smirk3d.assets.atomic import atomic_path
from smirk3d.export.eye_texture import eye_texture, unit_square
from smirk3d.export.rig import Rig, rig_of, rig_weights
from smirk3d.export.surface import Primitive, primitives, smooth_normals
from smirk3d.face_parameters import FaceParameters
from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_quaternion_wxyz
from smirk3d.heads.head_model import HeadModel

_MATERIALS = {
    "skin": ((0.76, 0.57, 0.48), 0.6),
    "eyeL": ((1.0, 1.0, 1.0), 0.15),
    "eyeR": ((1.0, 1.0, 1.0), 0.15),
    "teethU": ((0.90, 0.86, 0.78), 0.3),
    "teethL": ((0.90, 0.86, 0.78), 0.3),
    "tongue": ((0.62, 0.27, 0.27), 0.5),
    "cavity": ((0.36, 0.12, 0.12), 0.7),
    "lashes": ((0.08, 0.06, 0.05), 0.8),
}
_STILL = 1e-7


@dataclass
class _Buffer:
    """Collects arrays as buffer views and accessors of one glTF."""

    model: gltf.GLTF2
    data: bytearray = field(default_factory=bytearray)

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

    def sparse_offsets(self, offsets: NDArray[np.float32]) -> int:
        """Add a VEC3 accessor ``[U, 3]`` that stores only the vertices that move."""
        moved = np.flatnonzero(np.abs(offsets).max(1) > _STILL)
        if not len(moved):
            moved = np.zeros(1, np.int64)
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


@dataclass(frozen=True, kw_only=True)
class HeadMotion:
    """Frames of one person's head for an animated file.

    Attributes:
        parameters: of T frames; the shape of the first is the person's.
        timestamps: seconds ``[T]``, increasing.
    """

    parameters: FaceParameters
    timestamps: Sequence[float]


def write_glb(
    path: str | Path,
    head: HeadModel,
    parameters: FaceParameters,
    *,
    extras: Mapping[str, Any] | None = None,
    motion: HeadMotion | None = None,
) -> None:
    """Write one face's head.

    The mesh is the person without expression; every action is a morph target by name, and the
    weights are this face's. ``mouthClose`` acts in proportion to ``jawOpen``, which glTF cannot
    say: the stored weight is the product, and ``mesh.extras.gates`` names the pair.

    Args:
        path: file to write, whole or not at all.
        head: the head.
        parameters: one face, without batch dimension.
        extras: more entries for the asset's extras.
        motion: frames to animate; the weights are then the first frame's.

    Raises:
        OutputError: if the file cannot be written.
        ValueError: if timestamps do not increase or do not fit the frames.
    """
    rig = rig_of(head, parameters)
    model = gltf.GLTF2()
    model.asset = gltf.Asset(version="2.0", generator="smirk3d")
    buffer = _Buffer(model)
    skeleton = _add_joints(model, buffer, rig)
    _add_mesh(model, buffer, head, rig)
    mesh_node = len(model.nodes)
    model.nodes.append(gltf.Node(name=f"{head.name} head", mesh=0, skin=0))
    model.scenes = [gltf.Scene(nodes=[mesh_node, skeleton])]
    model.scene = 0
    model.extras = {
        "head": head.name,
        "head_fingerprint": head.fingerprint,
        "head_licence": str(head.meta.get("licence", "")),
        "parameters": {name: tensor.tolist() for name, tensor in parameters.items()},
        "left_out": list(rig.left_out),
        **(extras or {}),
    }
    if motion is not None:
        _add_animation(model, buffer, head, motion, mesh_node=mesh_node, skeleton=skeleton)
    model.buffers = [gltf.Buffer(byteLength=len(buffer.data))]
    model.set_binary_blob(bytes(buffer.data))
    with atomic_path(path) as temporary:
        model.save_binary(str(temporary))


def _add_joints(model: gltf.GLTF2, buffer: _Buffer, rig: Rig) -> int:
    """Add the joint nodes under one that carries the head pose, and return that one."""
    pose = _quaternion_xyzw(axis_angle_to_matrix(rig.head_pose[None]))[0]
    model.nodes.append(gltf.Node(name="head_pose", rotation=pose, children=[]))
    first = len(model.nodes)
    for j, name in enumerate(rig.joint_names):
        parent = rig.parents[j]
        above = rig.joints[parent] if parent >= 0 else torch.zeros(3)
        model.nodes.append(
            gltf.Node(
                name=name,
                translation=(rig.joints[j].cpu() - above.cpu()).tolist(),
                rotation=_quaternion_xyzw(rig.rotations[j : j + 1])[0],
            )
        )
        owner = model.nodes[first + parent if parent >= 0 else 0]
        owner.children = [*(owner.children or []), first + j]
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(rig.joints), 1, 1))
    inverse[:, :3, 3] = -rig.joints.cpu().numpy()
    # glTF stores matrices by columns
    matrices = buffer.accessor(inverse.transpose(0, 2, 1).reshape(-1, 16), gltf.MAT4)
    joints = list(range(first, first + len(rig.joints)))
    model.skins = [gltf.Skin(joints=joints, inverseBindMatrices=matrices, skeleton=0)]
    return 0


def _add_mesh(model: gltf.GLTF2, buffer: _Buffer, head: HeadModel, rig: Rig) -> None:
    normals = smooth_normals(head, rig.vertices)
    joints, weights = _strongest(rig.lbs_weights)
    parts = []
    for primitive in primitives(head):
        ids = primitive.vertex_ids
        material, uv = _add_material(model, buffer, primitive, rig)
        index_type = np.uint16 if len(ids) <= 0xFFFF else np.uint32
        attributes = gltf.Attributes(
            POSITION=_vertex_accessor(buffer, rig.vertices[ids], gltf.VEC3, bounds=True),
            NORMAL=_vertex_accessor(buffer, normals[primitive.part][ids], gltf.VEC3),
            TEXCOORD_0=_vertex_accessor(buffer, uv * uv.new_tensor([1, -1]) + uv.new_tensor([0, 1]),
                                        gltf.VEC2),
            JOINTS_0=buffer.accessor(
                joints[ids.cpu()].astype(np.uint16), gltf.VEC4, target=gltf.ARRAY_BUFFER
            ),
            WEIGHTS_0=_vertex_accessor(buffer, weights[ids.cpu()], gltf.VEC4),
        )  # fmt: skip
        triangles = primitive.faces.cpu().numpy().astype(index_type).reshape(-1)
        offsets = rig.offsets[:, ids].cpu().numpy().astype(np.float32)
        parts.append(
            gltf.Primitive(
                attributes=attributes,
                indices=buffer.accessor(triangles, gltf.SCALAR, target=gltf.ELEMENT_ARRAY_BUFFER),
                material=material,
                targets=[{"POSITION": buffer.sparse_offsets(o)} for o in offsets],
            )
        )
    extras = {"targetNames": list(rig.target_names), "gates": rig.gates}
    model.meshes = [
        gltf.Mesh(name=head.name, primitives=parts, weights=rig.weights.tolist(), extras=extras)
    ]


def _vertex_accessor(
    buffer: _Buffer, values: Tensor | NDArray[Any], kind: str, *, bounds: bool = False
) -> int:
    array = values.cpu().numpy() if isinstance(values, Tensor) else values
    return buffer.accessor(array.astype(np.float32), kind, target=gltf.ARRAY_BUFFER, bounds=bounds)


def _strongest(lbs_weights: Tensor) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return joints and weights ``[V, 4]`` of the four strongest joints, weights summing to 1."""
    count = min(4, lbs_weights.shape[1])
    weights, joints = lbs_weights.cpu().topk(count, dim=1)
    weights = torch.nn.functional.pad(weights, (0, 4 - count))
    joints = torch.nn.functional.pad(joints, (0, 4 - count))
    weights = weights / weights.sum(1, keepdim=True)
    joints = joints.masked_fill(weights == 0, 0)
    return joints.numpy(), weights.numpy()


def _add_material(
    model: gltf.GLTF2, buffer: _Buffer, primitive: Primitive, rig: Rig
) -> tuple[int, Tensor]:
    colour, roughness = _MATERIALS[primitive.part]
    surface = gltf.PbrMetallicRoughness(
        baseColorFactor=[*colour, 1.0], metallicFactor=0.0, roughnessFactor=roughness
    )
    uv = primitive.uv
    if primitive.part in rig.joint_names:
        uv = unit_square(uv)
        centre = rig.joints[rig.joint_names.index(primitive.part)]
        outward = rig.vertices[primitive.vertex_ids] - centre
        png = eye_texture(outward.cpu(), uv.cpu(), primitive.faces.cpu())
        model.images.append(gltf.Image(mimeType="image/png", bufferView=buffer.view(png)))
        if not model.samplers:
            model.samplers.append(gltf.Sampler(magFilter=gltf.LINEAR, minFilter=gltf.LINEAR))
        model.textures.append(gltf.Texture(source=len(model.images) - 1, sampler=0))
        surface.baseColorTexture = gltf.TextureInfo(index=len(model.textures) - 1)
    model.materials.append(
        gltf.Material(name=primitive.part, pbrMetallicRoughness=surface, doubleSided=True)
    )
    return len(model.materials) - 1, uv


def _add_animation(
    model: gltf.GLTF2,
    buffer: _Buffer,
    head: HeadModel,
    motion: HeadMotion,
    *,
    mesh_node: int,
    skeleton: int,
) -> None:
    times = np.asarray(motion.timestamps, np.float32)
    frames = motion.parameters
    if len(times) != len(frames) or (np.diff(times) <= 0).any():
        raise ValueError("timestamps must increase strictly, one a frame")
    with torch.no_grad():
        weights = rig_weights(head, frames).cpu().numpy().astype(np.float32)
        rotations = head.joint_rotations(frames).cpu()
    clock = buffer.accessor(times, gltf.SCALAR, bounds=True)
    animation = gltf.Animation(name="performance")

    def channel(node: int, path: str, output: int) -> None:
        animation.samplers.append(
            gltf.AnimationSampler(input=clock, output=output, interpolation="LINEAR")
        )
        target = gltf.AnimationChannelTarget(node=node, path=path)
        animation.channels.append(
            gltf.AnimationChannel(sampler=len(animation.samplers) - 1, target=target)
        )

    channel(mesh_node, "weights", buffer.accessor(weights.reshape(-1), gltf.SCALAR))
    if "root" not in head.joint_names:
        pose = axis_angle_to_matrix(frames.head_pose.cpu())
        turns = np.array(_continuous(_quaternion_xyzw(pose)), np.float32)
        channel(skeleton, "rotation", buffer.accessor(turns, gltf.VEC4))
    for j in range(len(head.joint_names)):
        turns = np.array(_continuous(_quaternion_xyzw(rotations[:, j])), np.float32)
        if np.ptp(turns, axis=0).max() > 0:
            node = model.skins[0].joints[j]
            channel(node, "rotation", buffer.accessor(turns, gltf.VEC4))
    model.animations = [animation]


def _quaternion_xyzw(matrices: Tensor) -> list[list[float]]:
    """Return glTF's quaternions (x, y, z, w) of rotation matrices ``[N, 3, 3]``."""
    wxyz = matrix_to_quaternion_wxyz(matrices.cpu().double())
    rows: list[list[float]] = wxyz[:, [1, 2, 3, 0]].tolist()
    return rows


def _continuous(quaternions: list[list[float]]) -> NDArray[np.float64]:
    """Return quaternions ``[T, 4]`` with signs such that neighbours are interpolated shortly."""
    turns = np.array(quaternions)
    for t in range(1, len(turns)):
        if np.dot(turns[t], turns[t - 1]) < 0:
            turns[t] *= -1
    return turns
