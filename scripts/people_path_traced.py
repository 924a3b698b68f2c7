"""Path-traces the scenes that scripts/people_scene.py wrote, with Cycles on the CPU.

``venv-bpy/bin/python scripts/people_path_traced.py FOLDER [SAMPLES]``, where bpy is. Writes
``NUMBER.traced.npy``: linear light and opacity ``[S, S, 4]``, rows downwards.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import mathutils
import numpy as np

Scene = np.lib.npyio.NpzFile

SKIN, EYE_LEFT, EYE_RIGHT, TEETH = 0, 1, 2, 3
"""Materials, as smirk3d numbers them; the others have plain colours."""
ROUGHNESS = (0.44, 0.09, 0.09, 0.22, 0.25, 0.3, 0.35, 0.9, 0.95, 0.25)
"""Of each material, as smirk3d draws them."""
SCATTERED = 0.25
"""Fraction of skin's light that scatters below the surface, and over how many metres."""
DEPTH = (0.004, 0.0015, 0.0008)


def in_blender(points: np.ndarray) -> np.ndarray:
    """Return points (y up, z to the camera) with z up and the camera at -y."""
    return np.stack([points[:, 0], -points[:, 2], points[:, 1]], 1)


def image(name: str, pixels: np.ndarray, space: str) -> bpy.types.Image:
    """Return a picture of values ``[H, W, 3 or 4]``, rows downwards."""
    rows, columns = pixels.shape[:2]
    whole = np.ones((rows, columns, 4), np.float32)
    whole[..., : pixels.shape[2]] = pixels
    made = bpy.data.images.new(name, columns, rows, alpha=True, float_buffer=True)
    made.colorspace_settings.name = space
    made.pixels.foreach_set(np.ascontiguousarray(whole[::-1]).ravel())
    made.update()
    return made


def mesh(
    name: str, points: np.ndarray, faces: np.ndarray, corner_uv: np.ndarray
) -> bpy.types.Object:
    data = bpy.data.meshes.new(name)
    data.from_pydata(in_blender(points).tolist(), [], faces.tolist())
    data.uv_layers.new(name="uv").data.foreach_set("uv", corner_uv.reshape(-1).astype(np.float32))
    data.shade_smooth()
    made = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(made)
    return made


def material(
    name: str, roughness: float
) -> tuple[bpy.types.Material, bpy.types.NodeTree, bpy.types.Node]:
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = roughness
    return made, made.node_tree, shader


def textured(tree: bpy.types.NodeTree, picture: bpy.types.Image) -> bpy.types.Node:
    node = tree.nodes.new("ShaderNodeTexImage")
    node.image = picture
    return node


def skin_material(scene: Scene) -> bpy.types.Material:
    made, tree, shader = material("skin", ROUGHNESS[SKIN])
    texture = textured(tree, image("skin", scene["skin"], "Non-Color"))
    paint = tree.nodes.new("ShaderNodeVertexColor")
    paint.layer_name = "paint"
    times = tree.nodes.new("ShaderNodeVectorMath")
    times.operation = "MULTIPLY"
    tree.links.new(texture.outputs["Color"], times.inputs[0])
    tree.links.new(paint.outputs["Color"], times.inputs[1])
    mixed = tree.nodes.new("ShaderNodeMix")
    mixed.data_type = "RGBA"
    mixed.inputs["B"].default_value = (0, 0, 0, 1)
    for socket in mixed.inputs:
        if socket.type == "RGBA" and socket.name == "B":
            socket.default_value = (*scene["stubble_colour"].tolist(), 1)
        if socket.type == "RGBA" and socket.name == "A":
            tree.links.new(times.outputs[0], socket)
    tree.links.new(paint.outputs["Alpha"], mixed.inputs["Factor"])
    result = next(s for s in mixed.outputs if s.type == "RGBA")
    tree.links.new(result, shader.inputs["Base Color"])
    bump = tree.nodes.new("ShaderNodeBump")
    bump.inputs["Distance"].default_value = float(scene["bump"])
    tree.links.new(texture.outputs["Color"], bump.inputs["Height"])
    tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    shader.inputs["Specular IOR Level"].default_value = 0.35 * float(scene["gloss"])
    shader.inputs["Subsurface Weight"].default_value = SCATTERED
    shader.inputs["Subsurface Radius"].default_value = DEPTH
    shader.inputs["Subsurface Scale"].default_value = 1.0
    return made


def add_solid(scene: Scene) -> None:
    faces, kinds = scene["faces"], scene["material"]
    made = mesh("solid", scene["points"], faces, scene["uv"])
    colours = made.data.color_attributes.new("paint", "FLOAT_COLOR", "POINT")
    colours.data.foreach_set("color", scene["paint"].ravel())
    eye, tree, shader = material("eye", ROUGHNESS[EYE_LEFT])
    texture = textured(tree, image("eye", scene["eye"], "Non-Color"))
    tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    skin = skin_material(scene)
    for kind in range(len(ROUGHNESS)):
        if kind == SKIN:
            chosen = skin
        elif kind in (EYE_LEFT, EYE_RIGHT):
            chosen = eye
        else:
            chosen, _, shader = material(f"plain{kind}", ROUGHNESS[kind])
            shader.inputs["Base Color"].default_value = (*scene["colours"][kind].tolist(), 1)
        made.data.materials.append(chosen)
    made.data.polygons.foreach_set("material_index", kinds.astype(np.int32))


def add_cards(scene: Scene, name: str, roughness: float) -> None:
    """Add hairs on cards, their lightness times a colour."""
    texture = scene[f"{name}_texture"].astype(np.float32)
    colour = texture[..., :1] / 96 * scene[f"{name}_colour"]
    pixels = np.concatenate([colour, texture[..., 1:] / 255], -1)
    faces, uv = scene[f"{name}_faces"], scene[f"{name}_uv"].copy()
    uv[:, 1] = 1 - uv[:, 1]
    made = mesh(name, scene[f"{name}_points"], faces, uv[faces])
    hair, tree, shader = material(name, roughness)
    picture = image(name, pixels, "Non-Color")
    picture.alpha_mode = "CHANNEL_PACKED"
    node = textured(tree, picture)
    tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
    tree.links.new(node.outputs["Alpha"], shader.inputs["Alpha"])
    made.data.materials.append(hair)


def add_light(scene: Scene) -> None:
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    tree = world.node_tree
    node = tree.nodes.new("ShaderNodeTexEnvironment")
    # rows of the probe go upwards, of image() downwards
    node.image = image("probe", scene["probe"][::-1], "Non-Color")
    shader = tree.nodes["Background"]
    tree.links.new(node.outputs["Color"], shader.inputs["Color"])
    shader.inputs["Strength"].default_value = float(scene["ambient"])
    colour = scene["key_colour"]
    lamp = bpy.data.objects.new("key", bpy.data.lights.new("key", "SUN"))
    strength = float(colour.max())
    lamp.data.energy = np.pi * strength
    lamp.data.color = (colour / strength).tolist()
    # a shadow map's pixel is 2.4 mm, what throws shadows is some 5 cm away
    lamp.data.angle = 0.048 * float(scene["softness"])
    toward = mathutils.Vector(in_blender(scene["key"][None])[0].tolist())
    lamp.rotation_euler = toward.to_track_quat("Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(lamp)


def add_camera(scene: Scene) -> None:
    size, centre = float(scene["size"]), scene["centre"]
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.sensor_width = 36
    camera.data.lens = float(scene["focal"]) / size * 36
    camera.data.shift_x = 0.5 - float(centre[0]) / size
    camera.data.shift_y = float(centre[1]) / size - 0.5
    camera.data.clip_start = 0.01
    camera.location = (0, -float(scene["distance"]), 0)
    camera.rotation_euler = (np.pi / 2, 0, 0)
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.scene.camera = camera


def trace(path: Path, samples: int) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene, shown = np.load(path), bpy.context.scene
    add_solid(scene)
    for name in ("hair0", "hair1", "lash"):
        if f"{name}_points" in scene.files:
            add_cards(scene, name, 0.5)
    add_light(scene)
    add_camera(scene)
    shown.render.engine = "CYCLES"
    shown.cycles.samples, shown.cycles.use_denoising = samples, True
    shown.cycles.transparent_max_bounces = 24
    shown.render.threads_mode, shown.render.threads = "FIXED", 1
    shown.render.film_transparent = True
    side = int(scene["size"])
    shown.render.resolution_x = shown.render.resolution_y = side
    shown.render.image_settings.file_format = "OPEN_EXR"
    shown.render.image_settings.color_mode = "RGBA"
    part = path.with_suffix(".exr")
    shown.render.filepath = str(part)
    bpy.ops.render.render(write_still=True)
    drawn = bpy.data.images.load(str(part))
    pixels = np.array(drawn.pixels[:], np.float32).reshape(side, side, 4)[::-1]
    np.save(path.with_suffix(".traced.npy"), pixels)
    part.unlink()


def main(folder: str, samples: str = "24") -> None:
    for path in sorted(Path(folder).glob("*.npz"), key=lambda path: int(path.stem)):
        trace(path, int(samples))
        print(path.stem, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
