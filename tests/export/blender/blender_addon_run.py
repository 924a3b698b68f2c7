"""Runs the add-on in Blender; a program for the tests, which says what the faces look like.

``blender_addon_run.py ADDON_FOLDER OUT.npz import FILE.glb RECORDING FRAME...`` keys a recording;
``... live FILE.glb PROTOCOL PORT`` prints ``ready`` and waits for a face; ``... plain RECORDING``
keys onto a mesh that is made here. Vertices are in the axes of glTF.
"""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from blender_reader import opened, world_vertices

PATIENCE = 60.0


def selected(path: str) -> bpy.types.Object:
    (mesh,) = opened(path)
    bpy.context.view_layer.objects.active = mesh
    return mesh


def imported(recording: str) -> None:
    assert bpy.ops.smirk3d.import_performance(filepath=recording) == {"FINISHED"}


def run_import(path: str, recording: str, *frames: str) -> dict[str, np.ndarray]:
    mesh = selected(path)
    imported(recording)
    found = {}
    for frame in map(float, frames):
        bpy.context.scene.frame_set(int(frame))
        found[f"{frame:g}"] = world_vertices(mesh)
    return found


def run_live(addon, path: str, protocol: str, port: str) -> dict[str, np.ndarray]:
    mesh = selected(path)
    assert bpy.ops.smirk3d.live(protocol=protocol, port=int(port)) == {"FINISHED"}
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    end = time.monotonic() + PATIENCE
    while not addon._live["receiver"].received and time.monotonic() < end:
        addon.step_live()
        time.sleep(0.01)
    bpy.context.view_layer.update()
    found = {"live": world_vertices(mesh)}
    assert bpy.ops.smirk3d.live() == {"FINISHED"}
    assert addon.step_live() is None, "it has stopped"
    return found


def run_plain(recording: str) -> dict[str, np.ndarray]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_cube_add(rotation=(0.0, 0.0, np.pi / 2))
    cube = bpy.context.active_object
    for name in ("Basis", "JawOpen", "mouthSmileLeft", "smirk"):
        cube.shape_key_add(name=name).value = 0.25
    imported(recording)
    imported(recording)  # again changes nothing
    found: dict[str, list] = {"keys": [], "rotation": []}
    for frame in range(1, 4):
        bpy.context.scene.frame_set(frame)
        blocks = cube.data.shape_keys.key_blocks
        found["keys"].append([blocks[n].value for n in ("JawOpen", "mouthSmileLeft", "smirk")])
        found["rotation"].append(np.array(cube.matrix_world.to_3x3()))
    bpy.ops.mesh.primitive_cube_add()
    try:
        bpy.ops.smirk3d.import_performance(filepath=recording)
    except RuntimeError as error:
        found["refusal"] = [str(error)]
    return {name: np.array(values) for name, values in found.items()}


def main(addon_folder: str, out: str, what: str, *arguments: str) -> None:
    sys.path.insert(0, addon_folder)
    addon = importlib.import_module("smirk3d")
    addon.register()
    if what == "import":
        found = run_import(*arguments)
    elif what == "live":
        found = run_live(addon, *arguments)
    else:
        found = run_plain(*arguments)
    addon.unregister()
    np.savez(out, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
