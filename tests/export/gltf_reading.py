"""An independent reader of GLB heads: pygltflib and numpy, nothing of smirk3d's writer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pygltflib

COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
TYPES = {5126: np.float32, 5123: np.uint16, 5125: np.uint32}


@dataclass
class GltfHead:
    model: pygltflib.GLTF2
    blob: bytes

    @classmethod
    def load(cls, path: Path) -> GltfHead:
        model = pygltflib.GLTF2.load(str(path))
        return cls(model, model.binary_blob())

    def _view(self, index: int, dtype: type, count: int) -> np.ndarray:
        view = self.model.bufferViews[index]
        return np.frombuffer(self.blob, dtype, count, view.byteOffset or 0)

    def array(self, index: int) -> np.ndarray:
        accessor = self.model.accessors[index]
        width = COMPONENTS[accessor.type]
        dtype = TYPES[accessor.componentType]
        out = np.zeros((accessor.count, width), dtype)
        if accessor.bufferView is not None:
            out[:] = self._view(accessor.bufferView, dtype, accessor.count * width).reshape(
                -1, width
            )
        if accessor.sparse is not None:
            sparse = accessor.sparse
            kind = TYPES[sparse.indices.componentType]
            rows = self._view(sparse.indices.bufferView, kind, sparse.count)
            values = self._view(sparse.values.bufferView, dtype, sparse.count * width)
            out[rows] = values.reshape(-1, width)
        return out

    def node_matrices(self) -> list[np.ndarray]:
        """Global transforms of all nodes."""
        matrices = [np.eye(4) for _ in self.model.nodes]

        def visit(index: int, above: np.ndarray) -> None:
            node = self.model.nodes[index]
            local = np.eye(4)
            if node.rotation is not None:
                local[:3, :3] = quaternion_matrix(node.rotation)
            if node.translation is not None:
                local[:3, 3] = node.translation
            matrices[index] = above @ local
            for child in node.children or []:
                visit(child, matrices[index])

        for root in self.model.scenes[self.model.scene].nodes:
            visit(root, np.eye(4))
        return matrices

    def posed_primitives(self) -> list[np.ndarray]:
        """Positions of each primitive with the stored morph weights and joints applied."""
        mesh = self.model.meshes[0]
        skin = self.model.skins[0]
        inverse = self.array(skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
        world = self.node_matrices()
        joints = np.stack([world[j] @ inverse[i] for i, j in enumerate(skin.joints)])
        out = []
        for primitive in mesh.primitives:
            position = self.array(primitive.attributes.POSITION).astype(np.float64)
            for weight, target in zip(mesh.weights, primitive.targets, strict=True):
                position = position + weight * self.array(target["POSITION"])
            ids = self.array(primitive.attributes.JOINTS_0).astype(int)
            weights = self.array(primitive.attributes.WEIGHTS_0)
            blended = (joints[ids] * weights[..., None, None]).sum(1)
            moved = blended[:, :3, :3] @ position[..., None]
            out.append(moved[..., 0] + blended[:, :3, 3])
        return out


def quaternion_matrix(q: list[float]) -> np.ndarray:
    x, y, z, w = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
