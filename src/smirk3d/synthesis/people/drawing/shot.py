"""One picture: a person and a scene to pixels and labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.conventions import CROP_SIZE, NUM_MEDIAPIPE_LANDMARKS
from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from smirk3d.preprocessing.face_crop import crop_transform, transform_points
from smirk3d.synthesis.people.drawing.kernels import records
from smirk3d.synthesis.people.drawing.kernels.hair import composite, draw_layers, hair_depth_map
from smirk3d.synthesis.people.drawing.kernels.irradiance import light_points, visible_irradiance
from smirk3d.synthesis.people.drawing.kernels.reflection import lit_points
from smirk3d.synthesis.people.drawing.kernels.shading import shade
from smirk3d.synthesis.people.drawing.kernels.surfaces import gradients, vertex_normals
from smirk3d.synthesis.people.drawing.kernels.triangles import depth_map, draw_ids
from smirk3d.synthesis.people.drawing.lighting import light_frame
from smirk3d.synthesis.people.drawing.person import Person
from smirk3d.synthesis.people.drawing.photography import background, exposed, occlude, photographed
from smirk3d.synthesis.people.drawing.resources import RenderResources
from smirk3d.synthesis.people.labels import LabeledPicture, PictureLabels, Segment
from smirk3d.synthesis.people.parts.accessories import Worn
from smirk3d.synthesis.people.parts.assets import HairAsset
from smirk3d.synthesis.people.recipes import PersonRecipe, SceneRecipe

Array = NDArray[np.float32]
Ids = NDArray[np.int32]

_RAYS = 2
"""Of each pixel and axis, for what is solid; ``shade`` knows of no other number."""
_LAYERS = 5  # of hair that a pixel keeps, chosen by eye
_OCCLUSION_SIZE, _SHADOW_SIZE = 64, 176
"""Sides of the depth maps for light from around and from the lamp, chosen by eye against time."""
_RADIUS = 0.21
"""Metres around the head's origin that throws shadows."""
_HAIR_SLACK = 0.003  # metres behind what is solid up to which hair is drawn, chosen by eye
_VISIBLE_SLACK = 0.003  # metres behind what is seen up to which a point is seen, chosen by eye
_TORSO_SHARE = 0.45
"""Of the head's rotation that the torso follows."""
_HAIR_WRAP = 0.35  # cosine past the terminator up to which the lamp lights hair, chosen by eye
_HAIR_SHINE = 0.05  # fraction of light that hair mirrors along its strands, chosen by eye
_LASH_SHADE = 0.5  # lightness of lashes against the brows, chosen by eye
_GLOSS = np.array(
    [(0.028, 0.44), (0.035, 0.09), (0.035, 0.09), (0.05, 0.22), (0.04, 0.25), (0.035, 0.3),
     (0.03, 0.35), (0.01, 0.9), (0.01, 0.95), (0.05, 0.25)], np.float32,
)  # fmt: skip
"""Reflectance at normal incidence and roughness of each material; chosen by eye."""
_INSIDE = {records.GUMS: (0.45, 0.16, 0.15), records.TONGUE: (0.42, 0.14, 0.13),
           records.CAVITY: (0.16, 0.035, 0.03)}  # fmt: skip
"""Linear RGB of what lies inside the mouth; chosen by eye."""
_LENS = np.zeros((2, 2, 2), np.uint8) + np.array((96, 255), np.uint8)


@dataclass(frozen=True, eq=False)
class _Meshes:
    """All that is solid, in the viewer's frame: points, triangles and what they are of."""

    points: Array
    faces: Ids
    material: NDArray[np.uint8]
    segment: NDArray[np.uint8]
    texels: Array
    masks: Array


class Shot:
    """The steps from a person and a scene to a labeled picture."""

    def __init__(self, resources: RenderResources, person: Person, scene: SceneRecipe) -> None:
        """Pose the person and set up the camera."""
        self.resources, self.person, self.scene = resources, person, scene
        self.rng = np.random.default_rng(scene.seed)
        head = person.head
        face = scene.face.replace(shape=person.parameters.shape[0])
        self.face = face.replace(neck=torch.zeros_like(face.neck))
        mesh = head(self.face[None])
        self.posed: Array = np.ascontiguousarray(mesh.vertices[0].numpy(), np.float32)
        self.rotation: Array = axis_angle_to_matrix(self.face.head_pose[None])[0].numpy()
        turned = self.rotation @ axis_angle_to_matrix(self.face.eyes.view(2, 3)).numpy()
        self.gaze: Array = np.ascontiguousarray(turned[:, :, 2])
        centres = mesh.joints[0, resources.eye_joints].numpy()[:, None]
        self.eyes: Array = np.ascontiguousarray(
            np.concatenate([centres, turned.transpose(0, 2, 1)], 1), np.float32
        )
        self.landmarks: Array = head.landmarks(mesh.vertices)[0].numpy()
        self.focal, self.centre = self._framing()
        self.around = resources.around(scene.light.probe)

    def _framing(self) -> tuple[float, NDArray[np.float64]]:
        """Return focal length and principal point in pixels that frame the landmarks."""
        camera, size = self.scene.camera, self.resources.size
        flat = self.landmarks[:, :2] / (camera.distance - self.landmarks[:, 2:])
        low, high = flat.min(0), flat.max(0)
        focal = size / (camera.framing * float((high - low).mean()))
        middle = (low + high) / 2 * np.array([1, -1]) * focal
        return focal, size * (0.5 + np.array(camera.shift)) - middle

    def screen(self, points: Array, rays: int = 1) -> Array:
        """Return screen points ``[N, 3]``: pixels (of a rays times finer picture), 1 over depth."""
        near = 1 / (self.scene.camera.distance - points[:, 2])
        x = (points[:, 0] * near * self.focal + self.centre[0]) * rays
        y = (self.centre[1] - points[:, 1] * near * self.focal) * rays
        return np.ascontiguousarray(np.stack([x, y, near], 1), np.float32)

    def taken(self) -> LabeledPicture:
        """Return the picture and its labels."""
        meshes = self._meshes()
        normals = np.empty_like(meshes.points)
        vertex_normals(meshes.points, meshes.faces, normals)
        light = self._light(meshes)
        solid = self._drawn(meshes, normals, light)
        layers = self._layers(light, solid)
        size = self.resources.size
        behind = background(self.scene, self.around, size, self.focal, self.rng)
        before, shown = np.empty((size, size), np.float32), np.empty((size, size), np.uint8)
        seen = composite(solid, behind, _HAIR_SLACK, layers, before, shown)
        recipe = self.person.recipe.skin
        skin = self.resources.mean_skin_of(recipe.maps) * np.array(recipe.gain, np.float32)
        on_skin = (shown == Segment.SKIN) | (shown == Segment.LIPS)
        seen = exposed(seen, on_skin, self.scene.camera, float(skin[1]))
        hidden = np.zeros((size, size), np.float32)
        if self.scene.occluders:
            seen, hidden = occlude(seen, self.scene.occluders, skin, self.rng)
            shown = np.where(hidden > 0.5, Segment.OCCLUDER, shown).astype(np.uint8)
        picture = photographed(seen, self.scene.camera, self.rng)
        return LabeledPicture(picture, self._labels(normals, before, hidden, shown))

    def _meshes(self) -> _Meshes:
        surface, person = self.resources.surface, self.person
        points, faces = [self.posed], [surface.faces]
        material, segment = [surface.material], [surface.segment]
        for worn in person.worn:
            faces.append(worn.faces + sum(map(len, points)))
            points.append(self._carried(worn))
            material.append(np.full(len(worn.faces), worn.material, np.uint8))
            segment.append(np.full(len(worn.faces), worn.segment, np.uint8))
        count, added = sum(map(len, points)), sum(map(len, faces)) - len(surface.faces)
        masks = np.zeros((count, 4), np.float32)
        masks[: len(self.posed)] = surface.masks
        texels = np.concatenate([self.resources.texels, np.zeros((added, 3, 2), np.float32)])
        return _Meshes(
            np.concatenate(points), np.concatenate(faces).astype(np.int32),
            np.concatenate(material), np.concatenate(segment), texels, masks,
        )  # fmt: skip

    def _carried(self, worn: Worn) -> Array:
        """Return a worn thing's points ``[N, 3]``, carried by the head or the torso."""
        if not worn.on_torso:
            moved: Array = worn.points @ self.rotation.T
            return moved
        skin = self.resources.surface.part == 0
        base = self.person.neutral[skin][self.person.neutral[skin][:, 1].argmin()] * [0, 1, 1]
        middle = np.array([0, base[1] + 0.01, worn.points[:40, 2].mean()], np.float32)
        vector = matrix_to_axis_angle(torch.from_numpy(self.rotation)[None])
        part = axis_angle_to_matrix(vector * _TORSO_SHARE)[0].numpy()
        carried: Array = (worn.points - middle) @ part.T + self.rotation @ middle
        return carried.astype(np.float32)

    def _light(self, meshes: _Meshes) -> records.Light:
        light, hair = self.scene.light, self.person.hair
        frame = light_frame(np.array(light.key))
        shadow = np.full((_SHADOW_SIZE, _SHADOW_SIZE), -1e9, np.float32)
        screen = np.empty_like(meshes.points)
        light_points(meshes.points, frame, _RADIUS, _SHADOW_SIZE, screen)
        depth_map(screen, meshes.faces, shadow)
        if hair is not None:
            points = np.ascontiguousarray(hair.points(self.person.neutral) @ self.rotation.T)
            screen = np.empty_like(points)
            light_points(points, frame, _RADIUS, _SHADOW_SIZE, screen)
            texture = self.resources.hair_texture(hair)
            hair_depth_map(screen, hair.faces, hair.uv, texture, shadow)
        return records.Light(
            frame[2], np.array(light.key_colour, np.float32), shadow, frame, _RADIUS,
            light.key_softness, self.around.sharp, light.turn, light.ambient,
            self.scene.camera.distance,
        )  # fmt: skip

    def _drawn(self, meshes: _Meshes, normals: Array, light: records.Light) -> records.Solid:
        """Return what is solid in each pixel."""
        resources, recipe = self.resources, self.person.recipe
        shape, rays = (resources.size,) * 2, (resources.size * _RAYS,) * 2
        screen = self.screen(meshes.points, _RAYS)
        ids, fine = np.full(rays, -1, np.int32), np.zeros(rays, np.float32)
        draw_ids(screen, meshes.faces, ids, fine)
        radiance = np.ascontiguousarray(self.around.radiance(light.turn), np.float32)
        arriving, mirrored, fraction = visible_irradiance(
            meshes.points, normals, meshes.faces, self.around.frames, radiance, _RADIUS,
            _OCCLUSION_SIZE, light.distance,
        )  # fmt: skip
        slopes = np.zeros((2, len(meshes.faces), 3), np.float32)
        own = len(resources.surface.faces)
        gradients(meshes.points, meshes.faces[:own], meshes.texels, slopes[0], slopes[1])
        mesh = records.Mesh(
            screen, meshes.points, normals, arriving, mirrored, fraction, meshes.faces,
            meshes.material, meshes.texels, slopes[0], slopes[1], meshes.masks,
        )  # fmt: skip
        first, second = (resources.assets.skins[name] for name in recipe.skin.maps)
        paint = records.Paint(
            first, second, resources.assets.irises[recipe.iris], resources.linear, resources.noise,
            resources.numbers(recipe), self._colours(), _GLOSS, self.eyes,
        )  # fmt: skip
        pixels = records.Pixels(
            np.empty((*shape, 3), np.float32), np.empty(shape, np.float32),
            np.empty(shape, np.float32), np.empty(shape, np.int32),
        )  # fmt: skip
        shade(ids, fine, mesh, paint, light, pixels)
        self.fine_q = fine
        shown = np.where(pixels.seen >= 0, meshes.segment[pixels.seen], Segment.BACKGROUND)
        return records.Solid(pixels.colour, pixels.cover, pixels.q, shown.astype(np.uint8))

    def _colours(self) -> Array:
        recipe = self.person.recipe
        colours = np.zeros((len(_GLOSS), 3), np.float32)
        for material, colour in {
            **_INSIDE, records.TEETH: recipe.teeth, records.CLOTH: recipe.clothes_colour,
            records.HAT: recipe.hat_colour, records.FRAME: recipe.glasses_colour,
        }.items():  # fmt: skip
            colours[material] = colour
        return colours

    def _layers(self, light: records.Light, solid: records.Solid) -> records.Layers:
        """Return the layers of hair, brows, lashes and lenses."""
        shape, recipe = (self.resources.size,) * 2, self.person.recipe
        layers = records.Layers(
            np.empty((*shape, _LAYERS), np.float32), np.empty((*shape, _LAYERS, 4), np.float32),
            np.empty((*shape, _LAYERS), np.uint8), np.zeros(shape, np.uint8),
            np.zeros((*shape, 5), np.float32),
        )  # fmt: skip
        layers.rest[..., 4] = 1
        for cards in self._cards(light, recipe):
            draw_layers(cards, solid, _HAIR_SLACK, layers)
        return layers

    def _cards(self, light: records.Light, recipe: PersonRecipe) -> Iterator[records.Cards]:
        """Yield all that is translucent."""
        brown = np.array(recipe.brow_colour, np.float32)
        lashes = self.resources.surface.lashes
        if lashes is not None:
            tint = self._lit(self.posed, brown * _LASH_SHADE, light, None)
            yield records.Cards(
                self.screen(self.posed), lashes.faces, lashes.uv, tint, self.resources.lash_texture,
                recipe.lash_alpha, int(Segment.LASHES),
            )  # fmt: skip
        for hair, points, colour, segment in self._hairs():
            lit = self._lit(points, np.array(colour, np.float32), light, hair.shade)
            yield records.Cards(
                self.screen(points), hair.faces, hair.uv, lit,
                self.resources.hair_texture(hair), 1.0, int(segment),
            )  # fmt: skip
        lenses = self.person.lenses
        if lenses is not None:
            points = np.ascontiguousarray(lenses.points @ self.rotation.T)
            dark = recipe.glasses.startswith("sun")
            tint = np.full_like(points, 0.01 if dark else 0.5)
            uv = np.full((len(points), 2), 0.5, np.float32)
            yield records.Cards(
                self.screen(points), lenses.faces, uv, tint, _LENS, 0.9 if dark else 0.06,
                int(Segment.GLASSES),
            )  # fmt: skip

    def _hairs(self) -> list[tuple[HairAsset, Array, tuple[float, float, float], Segment]]:
        person, turn = self.person, self.rotation.T
        found = []
        if person.hair is not None:
            points = np.ascontiguousarray(person.hair.points(person.neutral) @ turn)
            found.append((person.hair, points, person.recipe.hair_colour, Segment.HAIR))
        if person.brows is not None:
            points = np.ascontiguousarray(person.brows.points(self.posed @ self.rotation) @ turn)
            found.append((person.brows, points, person.recipe.brow_colour, Segment.BROWS))
        return found

    def _lit(self, points: Array, colour: Array, lamp: records.Light, shade: Array | None) -> Array:
        """Return the light ``[N, 3]`` that hairs of a colour send."""
        light = self.scene.light
        outward = points - self.rotation @ np.array([0, 0.03, -0.02], np.float32)
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        directions = self.around.frames[:, 2]
        cosine = ((outward @ directions.T + 0.3) / 1.3).clip(0, None)
        around = cosine @ self.around.radiance(light.turn) * light.ambient
        toward = ((outward @ lamp.key + _HAIR_WRAP) / (1 + _HAIR_WRAP)).clip(0, None)
        lit = np.ones(len(points), np.float32)
        if shade is not None:
            lit_points(lamp, points, lit)
            around = around * (0.25 + 1.1 * shade[:, None])
            toward = toward * (0.4 + 0.8 * shade)
        sent = colour * (around + (toward * lit)[:, None] * lamp.key_colour)
        along = outward * outward[:, 1:2] - np.array([0, 1, 0], np.float32)
        along /= np.linalg.norm(along, axis=1, keepdims=True).clip(1e-6)
        half = lamp.key + np.array([0, 0, 1], np.float32)
        half /= np.linalg.norm(half)
        shine = (1 - (along @ half) ** 2).clip(0, 1) ** 18 * toward * lit * _HAIR_SHINE
        result: Array = (sent + shine[:, None] * lamp.key_colour).astype(np.float32)
        return np.ascontiguousarray(result)

    def _labels(
        self, normals: Array, before: Array, hidden: Array, shown: NDArray[np.uint8]
    ) -> PictureLabels:
        surface, person, scene = self.resources.surface, self.person, self.scene
        head = surface.head
        pixels = np.full((NUM_MEDIAPIPE_LANDMARKS, 2), np.nan, np.float32)
        seen = np.zeros(NUM_MEDIAPIPE_LANDMARKS, bool)
        rows = head.landmark_ids.numpy()
        on_mesh = head.landmark_corners.numpy(), head.landmark_bary.numpy()
        pixels[rows], seen[rows] = self._seen(*on_mesh, normals, before, hidden)
        points, points_seen = self._seen(
            surface.point_corners, surface.point_bary, normals, before, hidden
        )
        T_crop_image = crop_transform(pixels[rows])
        in_crop = transform_points(T_crop_image, pixels[rows])
        camera = torch.from_numpy(orthographic_camera(in_crop, self.landmarks))
        parameters = self.face.replace(camera=camera)
        to_camera = np.eye(4, dtype=np.float32)
        to_camera[:3, :3] = np.diag([1.0, -1, -1]) @ self.rotation
        to_camera[2, 3] = scene.camera.distance
        intrinsics = np.array(
            [[self.focal, 0, self.centre[0]], [0, self.focal, self.centre[1]], [0, 0, 1]]
        )
        arkit = head.arkit(self.face[None])[0].numpy()
        recipe = person.recipe
        return PictureLabels(
            person=person.number, pair=scene.pair, relation=scene.relation, parameters=parameters,
            arkit=arkit, rotation=self.rotation, gaze=self.gaze, T_camera_head=to_camera,
            intrinsics=intrinsics.astype(np.float32),
            T_crop_image=T_crop_image.astype(np.float32), landmarks=pixels, landmarks_visible=seen,
            points=points, points_visible=points_seen, segmentation=shown, neutral=person.neutral,
            posed=self.posed,
            ids={"skin": recipe.skin.maps[0], "second skin": recipe.skin.maps[1],
                 "hair": recipe.hair, "brows": recipe.brows, "iris": recipe.iris,
                 "glasses": recipe.glasses, "hat": recipe.hat, "clothes": recipe.clothes,
                 "probe": scene.light.probe, "background": scene.background},
        )  # fmt: skip

    def _seen(
        self, corners: NDArray[np.int64], bary: Array, normals: Array, before: Array, hidden: Array
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Return surface points in pixels ``[N, 2]`` and whether nothing hides them ``[N]``."""
        points = np.einsum("nkc,nk->nc", self.posed[corners], bary).astype(np.float32)
        facing = np.einsum("nkc,nk->nc", normals[corners], bary)
        view = np.array([0, 0, self.scene.camera.distance]) - points
        size = self.resources.size
        screen = self.screen(points)
        inside = ((screen[:, :2] >= 0) & (screen[:, :2] < size)).all(1)
        fine = np.floor(screen[:, :2].clip(0, size - 1e-3) * _RAYS).astype(np.int64)
        nearest = np.zeros(len(points), np.float32)
        last = size * _RAYS - 1
        for dx, dy in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
            q = self.fine_q[(fine[:, 1] + dy).clip(0, last), (fine[:, 0] + dx).clip(0, last)]
            nearest = np.maximum(nearest, 1 / np.where(q > 0, q, 1e-3))
        depth = 1 / screen[:, 2]
        coarse = fine // _RAYS
        clear = (before > 0.5) & (hidden < 0.5)
        visible = inside & ((facing * view).sum(1) > 0) & (depth < nearest + _VISIBLE_SLACK)
        visible &= clear[coarse[:, 1], coarse[:, 0]]
        return np.ascontiguousarray(screen[:, :2]), visible


def orthographic_camera(pixels: NDArray[np.float64], points: Array) -> Array:
    """Return the scale and shifts ``[3]`` that show points at crop pixels in least squares.

    Args:
        pixels: ``[L, 2]`` in the 224-pixel crop.
        points: posed ``[L, 3]``, metres.
    """
    ndc = pixels / CROP_SIZE * 2 - 1
    flat = points[:, :2].astype(np.float64) * [1, -1]
    middle, seen = flat.mean(0), ndc.mean(0)
    offset = flat - middle
    scale = (offset * (ndc - seen)).sum() / (offset**2).sum()
    shift = (seen / scale - middle) * [1, -1]
    return np.array([scale, *shift], np.float32)
