"""A subject in the page's 3D view: meshes of its faces, and the picture behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import to_numpy
from smirk3d.conventions import CROP_SIZE
from smirk3d.export.rigs.surface import has_closed_skin
from smirk3d.faces import Face, Picture
from smirk3d.rendering.layers import from_uint8
from smirk3d.rendering.photo_colours import photo_complexion
from smirk3d.viewer.scene.drawn_head import PersonSurface, Points, drawn_meshes
from smirk3d.viewer.scene.photo_skin import PhotoSkin, TexturedMesh
from smirk3d.viewer.scene.photo_texture import skin_map, skin_texture
from smirk3d.viewer.scene.placement import Stage, metres_per_pixel
from smirk3d.viewer.session.parameter_layout import Vector
from smirk3d.viewer.session.session import OpenSubject
from smirk3d.viewer.session.source_pictures import to_jpeg

Material = Literal["clay", "wireframe", "photo"]

_FACING = (0.0, 1.0, 0.0, 0.0)
"""Rotates viser's pictures, which face +z with y down, to the viewer."""
_IN_PHOTO = ("skin", "brows")
"""Meshes that a skin in the photo's colours has in it."""
_CROP_SIDE = 768
"""Largest side in pixels of the square whose irises are read, as GLB files take it."""
_BEHIND = 0.16
"""Metres from the middle of the head to the picture."""


@dataclass
class Appearance:
    """How everything is drawn.

    Attributes:
        material: clay, wireframe, or the colours of the photo; clay where there is none.
        opacity: opacity of the meshes; below 1 the picture shines through.
        meshes: whether the meshes are drawn.
        picture: whether the picture is drawn.
    """

    material: Material = "photo"
    opacity: float = 1.0
    meshes: bool = True
    picture: bool = True


class SubjectScene:
    """The nodes of one subject.

    Attributes:
        stage: the plane of its picture; None without one.
        shift: position of its middle along x, in metres.
    """

    def __init__(self, server: Any, name: str, opened: OpenSubject) -> None:
        """Add the nodes under a name."""
        self._server = server
        self._root = server.scene.add_frame(name, show_axes=False)
        self._opened = opened
        self.shift = 0.0
        subject = opened.subject
        self.stage = _stage(opened)
        self._surfaces = [PersonSurface(subject.head, opened.layout) for _ in subject.faces]
        self._meshes = drawn_meshes(subject.head)
        self._two_sided = not has_closed_skin(subject.head)
        self._handles = [
            {
                mesh.name: server.scene.add_mesh_simple(
                    f"{name}/face{face}/{mesh.name}",
                    np.zeros((len(mesh.vertices(_blank(opened))), 3), np.float32),
                    mesh.faces,
                    color=mesh.colour,
                    side="double" if self._two_sided else "front",
                    cast_shadow=False,
                    receive_shadow=False,
                    visible=False,
                )
                for mesh in self._meshes
            }
            for face in range(len(subject.faces))
        ]
        self._skins = [
            PhotoSkin(server, f"{name}/face{n}/photo") for n in range(len(subject.faces))
        ]
        self._drawn_as: dict[int, tuple[bool, bool, Material, float]] = {}
        self._picture = self._add_picture(f"{name}/picture")
        self._jpeg: bytes | None = None
        self._texture_given_up = False
        self._is_removed = False

    def place(self, shift: float) -> None:
        """Move the subject's middle to a position along x, in metres."""
        self.shift = shift
        self._root.position = (shift, 0.0, 0.0)

    def _add_picture(self, name: str) -> Any:
        if self.stage is None or self._opened.subject.pictures is None:
            return None
        width, height = self.stage.extent
        grey = np.full((2, 2, 3), 128, np.uint8)
        return self._server.scene.add_image(
            name,
            grey,
            width,
            height,
            format="jpeg",
            cast_shadow=False,
            receive_shadow=False,
            wxyz=_FACING,
            position=(0.0, 0.0, -_BEHIND),
        )

    def world_vertices(self, face: int, frame: int, vector: Vector) -> Points:
        """Return the vertices ``[V, 3]`` of a face in the subject's frame of the world."""
        return self._placed(self._surfaces[face].vertices(vector), face, frame, vector)

    def _placed(self, vertices: Points, face: int, frame: int, vector: Vector) -> Points:
        shown = self._opened.subject.faces[face]
        row = shown.row(frame)
        if self.stage is None or shown.T_crop_image is None or row is None:
            return vertices
        camera = vector[self._opened.layout.slice("camera")]
        matrix, shift = self.stage.placement(camera, shown.T_crop_image[row])
        return vertices @ matrix.T + shift

    def draw(self, face: int, frame: int, vector: Vector | None, appearance: Appearance) -> None:
        """Show a face as a vector says, or hide it."""
        seen = vector is not None and appearance.meshes
        textured = wanted = seen and appearance.material == "photo"
        handles = self._handles[face]
        if vector is not None and seen:
            vertices = self.world_vertices(face, frame, vector)
            if textured:
                textured = self._skins[face].show(vertices, whole=not appearance.picture)
            for mesh in self._meshes:
                if not (textured and mesh.name in _IN_PHOTO):
                    handles[mesh.name].vertices = mesh.vertices(vertices)
        drawn_as = (seen, textured, appearance.material, appearance.opacity)
        if drawn_as == self._drawn_as.get(face):
            return
        self._drawn_as[face] = drawn_as
        for name, handle in handles.items():
            handle.visible = seen and not (textured and name in _IN_PHOTO)
            handle.wireframe = appearance.material == "wireframe"
            handle.opacity = appearance.opacity if appearance.opacity < 1 else None
        if not wanted:
            self._skins[face].hide()

    @property
    def is_settled(self) -> bool:
        """Whether textured skins are shown as they were drawn last."""
        return all(skin.is_settled for skin in self._skins)

    @property
    def needs_texture(self) -> bool:
        """Whether a skin has no texture yet, and there is a picture to take it from."""
        pictures = self._opened.subject.pictures
        if self.stage is None or pictures is None or self._texture_given_up:
            return False
        untextured = (n for n, skin in enumerate(self._skins) if not skin.is_textured)
        return any(pictures.jpeg(self._frontal(number)) is not None for number in untextured)

    def give_up_texture(self) -> None:
        """Want no texture any more: the picture could not be projected."""
        self._texture_given_up = True

    def _frontal(self, face: int) -> int:
        """Return the frame that shows a face from the front most."""
        shown = self._opened.subject.faces[face]
        turned = np.linalg.norm(to_numpy(shown.parameters.head_pose), axis=1)
        return int(shown.frames[int(turned.argmin())])

    def project_texture(self) -> None:
        """Give each skin the colours of the frame that shows its face from the front most.

        Takes seconds; callers do it in a thread of their own.
        """
        subject, stage = self._opened.subject, self.stage
        if stage is None or subject.pictures is None:
            return
        parts = skin_map(subject.head)
        for number in range(len(subject.faces)):
            frame = self._frontal(number)
            picture, vector = subject.pictures.rgb(frame), self._opened.own(number, frame)
            if picture is None or vector is None:
                continue
            vertices = PersonSurface(subject.head, self._opened.layout).vertices(vector)
            world = self._placed(vertices, number, frame, vector)
            width, height = stage.image_size
            pixels = (world / stage.metres_per_pixel * [1, -1, -1]).astype(np.float32)
            pixels[:, :2] += [width / 2, height / 2]
            # the picture at hand may be smaller than the one that was measured
            pixels *= picture.shape[1] / width
            texture, face = skin_texture(parts, pixels, picture)
            jpeg = to_jpeg(texture, max(texture.shape))
            mesh = TexturedMesh(parts.skin, jpeg, face, two_sided=self._two_sided)
            self._skins[number].set_texture(mesh)
            self._colour_eyes_and_brows(number, frame, picture)

    def _colour_eyes_and_brows(self, number: int, frame: int, picture: NDArray[np.uint8]) -> None:
        """Give a face's irises and brows the colours that a picture of it shows."""
        subject, stage = self._opened.subject, self.stage
        shown = subject.faces[number]
        row = shown.row(frame)
        if stage is None or row is None or shown.T_crop_image is None:
            return
        found = Face(
            parameters=shown.parameters[row],
            head=subject.head,
            T_crop_image=shown.T_crop_image[row],
            picture=Picture(path=subject.name, size=stage.image_size, pixels=picture),
        )
        crop = from_uint8(found.crop(CROP_SIZE, _CROP_SIDE))
        complexion = photo_complexion(subject.head, found.parameters, crop)
        for mesh in drawn_meshes(subject.head, complexion):
            # colours are found in a thread; another file may have been opened meanwhile
            if mesh.name.startswith(("iris", "brows")) and not self._is_removed:
                self._handles[number][mesh.name].color = mesh.colour

    def show_picture(self, frame: int, appearance: Appearance) -> None:
        """Show the picture of a frame; one that is not there leaves the last."""
        pictures = self._opened.subject.pictures
        if self._picture is None or pictures is None:
            return
        self._picture.visible = appearance.picture
        jpeg = pictures.jpeg(frame)
        if appearance.picture and jpeg is not None and jpeg is not self._jpeg:
            self._jpeg = jpeg
            # encoded already: the public setter would encode again, each frame
            self._picture._data = jpeg

    def remove(self) -> None:
        """Take the nodes away and stop reading pictures."""
        self._is_removed = True
        self._root.remove()
        if self._opened.subject.pictures is not None:
            self._opened.subject.pictures.close()

    def bounds(self, face: int, frame: int, vector: Vector) -> NDArray[np.float32]:
        """Return the lowest and highest corner ``[2, 3]`` of a face in the world, in metres."""
        vertices = self.world_vertices(face, frame, vector)
        box = np.stack([vertices.min(0), vertices.max(0)])
        return box + np.array([self.shift, 0, 0], np.float32)


def _blank(opened: OpenSubject) -> Points:
    return np.zeros((opened.subject.head.num_vertices, 3), np.float32)


def _stage(opened: OpenSubject) -> Stage | None:
    """Return the stage on which the subject's nearest face has its natural size."""
    subject = opened.subject
    if subject.image_size is None:
        return None
    sizes = [
        metres_per_pixel(to_numpy(face.parameters.camera[0]), face.T_crop_image[0])
        for face in subject.faces
        if face.T_crop_image is not None
    ]
    return Stage(subject.image_size, min(sizes))
