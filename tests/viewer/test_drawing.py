"""What is drawn where, without a page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smirk3d.faces import Face
from smirk3d.heads.registry import load_head
from smirk3d.heads.spec import PARTS
from smirk3d.heads.tiny import tiny_head
from smirk3d.rendering.pictures import PosedHead, image_positions
from smirk3d.viewer.scene.drawn_head import PersonSurface, drawn_meshes
from smirk3d.viewer.scene.photo_skin import TexturedMesh
from smirk3d.viewer.scene.photo_texture import FACE_EDGE, skin_map, skin_texture
from smirk3d.viewer.scene.placement import PHOTO_FOV, Stage, fitting_view, metres_per_pixel
from smirk3d.viewer.session.parameter_layout import ParameterLayout
from smirk3d.viewer.session.subjects import open_subject
from tests.export.gltf_reading import GltfHead


def test_the_world_shows_vertices_where_the_picture_does(portrait_face: Face) -> None:
    face = portrait_face
    turn = np.array([[0.8, 0.3, 4.0], [-0.3, 0.8, 7.0], [0, 0, 1]])
    for T_crop_image in (face.T_crop_image, face.T_crop_image @ turn):
        stage = Stage((512, 400), 0.002)
        matrix, shift = stage.placement(face.parameters.camera.numpy(), T_crop_image)
        world = face.vertices().numpy() @ matrix.T + shift
        posed = PosedHead(
            head=face.head,
            vertices=face.vertices(),
            parameters=face.parameters,
            T_crop_image=T_crop_image,
        )
        expected = image_positions(posed)
        assert np.allclose(world[:, 0] / 0.002 + 256, expected[:, 0], atol=1e-2)
        assert np.allclose(200 - world[:, 1] / 0.002, expected[:, 1], atol=1e-2)
        assert np.allclose(-world[:, 2] / 0.002, expected[:, 2], atol=1e-2)


def test_the_nearest_face_has_its_natural_size(portrait_face: Face) -> None:
    camera = portrait_face.parameters.camera.numpy()
    size = metres_per_pixel(camera, portrait_face.T_crop_image)
    matrix, _ = Stage((512, 512), size).placement(camera, portrait_face.T_crop_image)
    assert np.allclose(matrix, np.eye(3), atol=1e-5)


@pytest.mark.parametrize("aspect", [0.4, 1.0, 2.5])
def test_a_view_fits_its_rectangle_into_any_window(aspect: float) -> None:
    view = fitting_view(np.array([1.0, 2.0, 0.0]), (0.8, 0.5), aspect, PHOTO_FOV)
    height = 2 * (view.position[2] - view.look_at[2]) * np.tan(PHOTO_FOV / 2)
    assert height >= 0.5 and height * aspect >= 0.8
    assert min(height / 0.5, height * aspect / 0.8) < 1.1
    assert 0 < view.near < view.position[2]


def test_the_photos_view_is_as_good_as_orthographic() -> None:
    view = fitting_view(np.zeros(3), (0.25, 0.25), 1.0, PHOTO_FOV)
    distance, depth = view.position[2], 0.15
    at_the_edge = 0.125 * distance / (distance - depth)
    assert (at_the_edge - 0.125) / 0.25 < 0.0011


def test_drawn_meshes_cover_the_head_once() -> None:
    head = load_head("open")
    meshes = {mesh.name: mesh for mesh in drawn_meshes(head)}
    whole = sum(len(mesh.faces) for mesh in meshes.values() if mesh.mix is None)
    assert whole == len(head.faces)
    rings = [mesh for mesh in meshes.values() if mesh.mix is not None]
    assert len(rings) >= 3
    assert rings[0].colour < rings[-1].colour  # a dark pupil, a lighter iris


def test_irises_turn_and_grow_with_their_eyes() -> None:
    head = load_head("open")
    layout = ParameterLayout(head)
    surface = PersonSurface(head, layout)
    pupil = next(mesh for mesh in drawn_meshes(head) if mesh.name == "iris 0")
    vector = layout.flatten(head.neutral())[0]
    ahead = pupil.vertices(surface.vertices(vector))
    middle = len(ahead) // 2
    assert ahead[:middle, 0].mean() > 0.02 > -0.02 > ahead[middle:, 0].mean()
    vector[layout.slice("eyes").start] = 0.3  # the left eye looks down
    moved = pupil.vertices(surface.vertices(vector))
    assert moved[:middle, 1].mean() < ahead[:middle, 1].mean() - 0.002
    assert np.allclose(moved[middle:], ahead[middle:], atol=1e-5)
    radius = np.linalg.norm(ahead[:middle] - ahead[:middle].mean(0), axis=1)
    turned = np.linalg.norm(moved[:middle] - moved[:middle].mean(0), axis=1)
    assert np.allclose(radius, turned, atol=1e-5)


@pytest.mark.parametrize("name", ["open", "open@2"])
def test_irises_lie_on_their_eyeballs(name: str) -> None:
    head = load_head(name)
    vertices = head(head.neutral()).vertices[0].numpy()
    meshes = {mesh.name: mesh for mesh in drawn_meshes(head)}
    ball = vertices[(head.part == PARTS.index("eyeL")).numpy()]
    front = ball[ball[:, 2].argmax()]
    pupil = meshes["iris 0"].vertices(vertices)
    mine = pupil[pupil[:, 0] > 0]
    # not hidden in a cornea, and not floating before it
    assert front[2] < mine[:, 2].max() < front[2] + 5e-4


def test_heads_without_eyes_or_mouth_are_drawn_too() -> None:
    for kind in ("named", "pca"):
        head = tiny_head(kind)
        assert sum(len(m.faces) for m in drawn_meshes(head) if m.mix is None) == len(head.faces)


@pytest.fixture(scope="module")
def half_blue() -> np.ndarray:
    """A picture red on its left and blue on its right."""
    picture = np.zeros((256, 256, 3), np.uint8)
    picture[:, :128, 0] = 200
    picture[:, 128:, 2] = 200
    return picture


def _texel(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    side = texture.shape[0]
    column, row = int(uv[0] * side), int((1 - uv[1]) * side)
    return texture[min(row, side - 1), min(column, side - 1)]


def test_seen_skin_takes_the_photos_colours_and_hidden_skin_the_other_sides(
    half_blue: np.ndarray,
) -> None:
    head = load_head("open", library="numpy")
    parts = skin_map(head)

    def colour_at(texture: np.ndarray, vertex: int) -> np.ndarray:
        row = int(np.flatnonzero(parts.skin.vertex_ids == vertex)[0])
        return _texel(texture, parts.skin.uv[row])

    rest = head(head.neutral()).vertices[0]
    skin = parts.skin.vertex_ids
    spot = [0.045, -0.02, 0.075]
    cheek = int(skin[np.linalg.norm(rest[skin] - spot, axis=1).argmin()])
    other = int(parts.mirror[cheek])
    assert np.allclose(rest[cheek] * [-1, 1, 1], rest[other], atol=2e-3)

    def seen_from(yaw: float) -> np.ndarray:
        parameters = head.neutral()
        parameters.head_pose[0, 1] = yaw
        posed = head(parameters).vertices[0]
        pixels = posed * [900, -900, -900] + [128, 128, 0]
        return skin_texture(parts, pixels, half_blue)[0]

    front = seen_from(0.0)
    assert np.allclose(colour_at(front, cheek), [0, 0, 200], atol=30)
    assert np.allclose(colour_at(front, other), [200, 0, 0], atol=30)
    # turned far aside the picture shows the left half alone: the right takes its colours
    aside = seen_from(-1.2)
    assert np.abs(colour_at(aside, cheek).astype(int) - colour_at(aside, other)).max() < 12


def test_what_is_laid_over_the_photo_has_its_colours_up_to_the_edge(half_blue: np.ndarray) -> None:
    head = load_head("open@2", library="numpy")
    parts = skin_map(head)
    ids, uv = parts.skin.vertex_ids, parts.skin.uv
    pixels = head(head.neutral()).vertices[0] * [900, -900, -900] + [128, 128, 0]
    texture, within = skin_texture(parts, pixels, half_blue)
    # at the face's edge the sides lean away from the photo: the outline is drawn inside them
    band = (parts.face[ids] > 0) & (parts.face[ids] < 1)
    assert (within[band] < parts.face[ids][band] - 0.1).any()
    kept = np.flatnonzero(band & (within >= FACE_EDGE) & (np.abs(pixels[ids, 0] - 128) > 8))
    assert len(kept) > 20
    for row in kept:
        shown = half_blue[int(pixels[ids[row], 1]), int(pixels[ids[row], 0])]
        assert np.allclose(_texel(texture, uv[row]), shown, atol=40)
    inside = parts.face[ids] >= 1
    assert (within[inside] >= 1).all()


def test_a_textured_file_reads_back(half_blue: np.ndarray, tmp_path: Path) -> None:
    head = load_head("open")
    skin = skin_map(head).skin
    buffer = io.BytesIO()
    Image.fromarray(half_blue).save(buffer, "JPEG")
    vertices = head(head.neutral()).vertices[0].numpy()
    path = tmp_path / "skin.glb"
    face = np.linspace(0, 1, len(skin.vertex_ids), dtype=np.float32)
    path.write_bytes(
        TexturedMesh(skin, buffer.getvalue(), face, two_sided=True).glb(vertices, whole=False)
    )
    read = GltfHead.load(path)
    primitive = read.model.meshes[0].primitives[0]
    assert np.array_equal(read.array(primitive.attributes.POSITION), vertices[skin.vertex_ids])
    assert np.array_equal(
        read.array(primitive.indices).reshape(-1, 3), skin.faces.astype(np.uint32)
    )
    view = read.model.bufferViews[read.model.images[0].bufferView]
    jpeg = read.blob[view.byteOffset : view.byteOffset + view.byteLength]
    assert np.asarray(Image.open(io.BytesIO(jpeg))).shape == half_blue.shape


def test_one_picture_serves_every_frame(result: Path) -> None:
    pictures = open_subject(result).pictures
    assert pictures is not None
    assert pictures.jpeg(0) is pictures.jpeg(7)


def test_what_is_drawn_from_one_side_faces_outwards() -> None:
    head = load_head("open@2", library="numpy")
    rest = head(head.neutral()).vertices[0]
    flat = [mesh for mesh in drawn_meshes(head) if mesh.name.startswith(("brows", "iris"))]
    assert len(flat) > 3
    for mesh in flat:
        a, b, c = np.moveaxis(mesh.vertices(rest)[mesh.faces], 1, 0)
        assert (np.cross(b - a, c - a)[:, 2] > -1e-9).all(), mesh.name
