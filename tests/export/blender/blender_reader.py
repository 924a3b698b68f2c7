"""Opens a GLB or USD file in Blender and keeps what its meshes look like; run as a program.

``python blender_reader.py FILE OUT.npz FRAME...`` writes, for each frame, the world vertices of
each mesh under ``NAME/FRAME``, in the axes of the file (y up, z out of the face). Blender shares no
process with usd-core.
"""

from __future__ import annotations

import sys

import bpy
import numpy as np


def opened(path: str) -> list[bpy.types.Object]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if path.endswith(".glb"):
        bpy.ops.import_scene.gltf(filepath=path)
        # the importer adds a ball as the shape of bones
        return [o for o in bpy.context.scene.objects if o.type == "MESH" and o.data.shape_keys]
    bpy.ops.wm.usd_import(filepath=path)
    return [o for o in bpy.context.scene.objects if o.type == "MESH"]


def world_vertices(shown: bpy.types.Object) -> np.ndarray:
    evaluated = shown.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    points = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", points)
    matrix = np.array(evaluated.matrix_world)
    world = points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    return world[:, [0, 2, 1]] * [1, 1, -1]


def main(path: str, out: str, frames: list[float]) -> None:
    meshes = opened(path)
    found = {}
    for frame in frames:
        whole = int(np.floor(frame + 1e-6))
        bpy.context.scene.frame_set(whole, subframe=max(frame - whole, 0.0))
        for mesh in meshes:
            found[f"{mesh.name}/{frame:g}"] = world_vertices(mesh)
    np.savez(out, **found)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [float(frame) for frame in sys.argv[3:]])
