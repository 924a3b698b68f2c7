"""Draws a file of smirk3d in Blender, from the front, from between and from the side.

``venv-bpy/bin/python scripts/blender_picture.py FILE OUT.png [FRAME]``, where bpy is. FILE
is a GLB, or a USD of any kind. Cycles draws on the CPU, so that no display is needed.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import bpy
import mathutils
import numpy as np

ANGLES = (0, 40, 90)
SIZE = (300, 380)
SAMPLES = 16


def opened(path: str) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if path.endswith(".glb"):
        bpy.ops.import_scene.gltf(filepath=path)
    else:
        bpy.ops.wm.usd_import(filepath=path, import_textures_mode="IMPORT_PACK")


def box() -> tuple[mathutils.Vector, float]:
    """Return the middle and the height of what is drawn."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    corners = []
    for shown in bpy.context.scene.objects:
        if shown.type == "MESH" and not shown.name.startswith("Icosphere"):
            found = shown.evaluated_get(depsgraph)
            corners += [found.matrix_world @ mathutils.Vector(c) for c in found.bound_box]
    points = np.array([list(corner) for corner in corners])
    low, high = points.min(0), points.max(0)
    return mathutils.Vector((low + high) / 2), float((high - low).max())


def furnish() -> bpy.types.Object:
    """Add light and a camera, and return the camera."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = SAMPLES, True
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("world")
    scene.world.use_nodes = True
    background = scene.world.node_tree.nodes["Background"]
    background.inputs[0].default_value = (0.62, 0.64, 0.67, 1)
    background.inputs[1].default_value = 0.8
    for name, energy, turn in (("key", 1.6, (50, 0, -35)), ("fill", 0.6, (60, 0, 60))):
        lamp = bpy.data.objects.new(name, bpy.data.lights.new(name, "SUN"))
        lamp.data.energy = energy
        lamp.rotation_euler = [math.radians(angle) for angle in turn]
        scene.collection.objects.link(lamp)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.lens = 85
    scene.collection.objects.link(camera)
    scene.camera = camera
    return camera


def main(path: str, out: str, frame: str = "0") -> None:
    opened(path)
    bpy.context.scene.frame_set(int(frame))
    for shown in bpy.context.scene.objects:
        shown.hide_render = shown.name.startswith("Icosphere")
    middle, height = box()
    camera, strips = furnish(), []
    for angle in ANGLES:
        about = mathutils.Matrix.Rotation(math.radians(angle), 3, "Z")
        direction = about @ mathutils.Vector((0, -1, 0.04))
        camera.location = middle + direction * height * 3.0
        camera.rotation_euler = direction.to_track_quat("Z", "Y").to_euler()
        part = Path(out).with_suffix(f".{angle}.png")
        bpy.context.scene.render.filepath = str(part)
        bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(str(part))
        strips.append(np.array(image.pixels[:]).reshape(SIZE[1], SIZE[0], 4))
        part.unlink()
    whole = np.concatenate(strips, 1)
    result = bpy.data.images.new("whole", whole.shape[1], whole.shape[0])
    result.pixels = whole.ravel().tolist()
    result.filepath_raw, result.file_format = out, "PNG"
    result.save()


if __name__ == "__main__":
    main(*sys.argv[1:])
