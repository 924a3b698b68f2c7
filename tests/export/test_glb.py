from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.export.glb import write_glb
from smirk3d.export.rigs.contact_targets import rig_in_contact
from smirk3d.export.rigs.rig import HeadMotion
from smirk3d.export.rigs.surface import primitives, smooth_normals
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import Kind, tiny_head
from smirk3d.rendering.photo_colours import PhotoLook
from tests.export.faces import random_faces
from tests.export.gltf_reading import GltfHead, quaternion_matrix


@pytest.mark.parametrize("kind", ["named", "ruled"])
def test_stored_weights_and_joints_give_the_posed_vertices(tmp_path: Path, kind: Kind) -> None:
    head = tiny_head(kind)
    parameters = random_faces(head, 1)
    write_glb(tmp_path / "face.glb", head, parameters[0])
    expected = head(parameters).vertices[0].numpy()
    read = GltfHead.load(tmp_path / "face.glb").posed_primitives()
    for primitive, positions in zip(primitives(head), read, strict=True):
        np.testing.assert_allclose(positions, expected[primitive.vertex_ids], atol=1e-5)


def test_a_head_with_joints_and_pca_is_exact_but_for_correctives(tmp_path: Path) -> None:
    head = tiny_head("pca")
    parameters = random_faces(head, 1)
    parameters = parameters.replace(expression=torch.zeros_like(parameters.expression))
    # with the joints at rest but the root, no corrective acts
    parameters = parameters.replace(
        jaw=torch.zeros(1, 3), eyes=torch.zeros(1, 6), neck=torch.zeros(1, 3)
    )
    write_glb(tmp_path / "face.glb", head, parameters[0])
    file = GltfHead.load(tmp_path / "face.glb")
    expected = head(parameters).vertices[0].numpy()
    for primitive, positions in zip(primitives(head), file.posed_primitives(), strict=True):
        np.testing.assert_allclose(positions, expected[primitive.vertex_ids], atol=1e-5)
    assert any("correctives" in text for text in file.model.extras["left_out"])


def test_contact_is_in_the_faces_of_the_file(tmp_path: Path) -> None:
    """The still is exact, each frame of a motion within a tenth of a millimetre a coordinate."""
    head = load_head("open@2")
    names = ("eyeBlinkLeft", "eyeBlinkRight", "eyeSquintLeft", "mouthRollUpper", "mouthShrugLower")
    weights = torch.zeros(4, len(ARKIT_NAMES))
    weights[:, [ARKIT_NAMES.index(name) for name in names]] = torch.tensor([[1.0], [0], [0.5], [1]])
    weights[3, ARKIT_NAMES.index("mouthPressLeft")] = 1
    faces = head.from_arkit(weights)
    assert head.contact_offsets(faces)[0].abs().max() > 1e-4
    motion = HeadMotion(parameters=faces, timestamps=[0.0, 0.1, 0.2, 0.3])
    rig, still, moving = rig_in_contact(head, faces[0], motion)
    assert moving is not None
    assert 1 <= len(rig.contact) <= 4
    expected = head.shaped(faces) + head.contact_offsets(faces)
    for frames, faces_of in ((still, expected[:1]), (moving, expected)):
        found = rig.vertices + np.einsum("tk,kvc->tvc", frames.weights, rig.offsets)
        assert np.abs(found - faces_of.numpy()).max() < 1.2e-4
    write_glb(tmp_path / "face.glb", head, faces[0])
    read = GltfHead.load(tmp_path / "face.glb").posed_primitives()
    whole = head(faces[:1]).vertices[0].numpy()
    for primitive, positions in zip(primitives(head), read):  # noqa: B905 - hairs come after
        np.testing.assert_allclose(positions, whole[primitive.vertex_ids], atol=2e-5)


def test_base_mesh_is_the_person_without_expression(tmp_path: Path) -> None:
    head = tiny_head()
    parameters = random_faces(head, 1)
    write_glb(tmp_path / "face.glb", head, parameters[0])
    neutral = head(head.neutral().replace(shape=parameters.shape)).vertices[0].numpy()
    file = GltfHead.load(tmp_path / "face.glb")
    first = file.model.meshes[0].primitives[0]
    ids = primitives(head)[0].vertex_ids
    np.testing.assert_allclose(file.array(first.attributes.POSITION), neutral[ids], atol=1e-6)


def test_every_arkit_name_is_a_target(tmp_path: Path) -> None:
    head = tiny_head()
    parameters = random_faces(head, 1)
    write_glb(tmp_path / "face.glb", head, parameters[0])
    mesh = GltfHead.load(tmp_path / "face.glb").model.meshes[0]
    assert tuple(mesh.extras["targetNames"]) == ARKIT_NAMES
    assert mesh.extras["gates"] == {"mouthClose": {"base": 0.0, "slopes": {"jawOpen": 1.0}}}
    arkit = dict(zip(ARKIT_NAMES, head.arkit(parameters)[0].tolist(), strict=True))
    stored = dict(zip(mesh.extras["targetNames"], mesh.weights, strict=True))
    for name in ARKIT_NAMES:
        gate = arkit["jawOpen"] if name == "mouthClose" else 1.0
        assert stored[name] == pytest.approx(arkit[name] * gate, abs=1e-6), name


def test_axes_left_eye_is_at_positive_x_and_the_nose_in_front(tmp_path: Path) -> None:
    head = tiny_head()
    write_glb(tmp_path / "face.glb", head, head.neutral()[0])
    file = GltfHead.load(tmp_path / "face.glb")
    parts = {file.model.materials[p.material].name: p for p in file.model.meshes[0].primitives}
    left = file.array(parts["eyeL"].attributes.POSITION)
    assert (left[:, 0] > 0).all()
    skin = file.array(parts["skin"].attributes.POSITION)
    assert skin[:, 2].max() == pytest.approx(0.09, abs=0.01)


def test_texture_coordinates_are_flipped(tmp_path: Path) -> None:
    head = tiny_head()
    write_glb(tmp_path / "face.glb", head, head.neutral()[0])
    file = GltfHead.load(tmp_path / "face.glb")
    uv = file.array(file.model.meshes[0].primitives[0].attributes.TEXCOORD_0)
    expected = primitives(head)[0].uv * [1, -1] + [0, 1]
    np.testing.assert_allclose(uv, expected, atol=1e-6)


def test_animation_turns_the_head_and_moves_the_weights(tmp_path: Path) -> None:
    head = tiny_head()
    frames = random_faces(head, 4)
    motion = HeadMotion(parameters=frames, timestamps=[0.0, 0.04, 0.08, 0.15])
    write_glb(tmp_path / "move.glb", head, frames[0], motion=motion)
    file = GltfHead.load(tmp_path / "move.glb")
    animation = file.model.animations[0]
    by_target = {
        (file.model.nodes[c.target.node].name, c.target.path): animation.samplers[c.sampler]
        for c in animation.channels
    }
    pose = file.array(by_target["head_pose", "rotation"].output)
    from smirk3d.geometry.rotations import axis_angle_to_matrix

    for q, matrix in zip(pose, axis_angle_to_matrix(frames.head_pose).numpy(), strict=True):
        np.testing.assert_allclose(quaternion_matrix(q.tolist()), matrix, atol=1e-5)
    weights = file.array(by_target["tiny-named head", "weights"].output).reshape(4, 52)
    index = ARKIT_NAMES.index("jawOpen")
    np.testing.assert_allclose(weights[:, index], frames.jaw[:, 0], atol=1e-6)
    times = file.array(by_target["head_pose", "rotation"].input)[:, 0]
    np.testing.assert_allclose(times, motion.timestamps, atol=1e-6)


def test_the_skin_takes_the_photos_colours(tmp_path: Path) -> None:
    head = load_head("open@2")
    blue = torch.tensor([0.2, 0.3, 0.8])[:, None, None].expand(3, 64, 64)
    look = PhotoLook.of(head, head.neutral()[0], blue)
    write_glb(tmp_path / "face.glb", head, head.neutral()[0], photo=look)
    model = GltfHead.load(tmp_path / "face.glb").model
    names = [material.name for material in model.materials]
    assert "brows" not in names
    texture = model.materials[names.index("skin")].pbrMetallicRoughness.baseColorTexture
    image = model.images[model.textures[texture.index].source]
    view = model.bufferViews[image.bufferView]
    blob = model.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    pixels = np.asarray(Image.open(io.BytesIO(blob)).convert("RGB")).reshape(-1, 3)
    np.testing.assert_allclose(np.median(pixels, 0), [51, 76, 204], atol=4)


def test_times_that_stand_still_are_refused(tmp_path: Path) -> None:
    head = tiny_head()
    frames = random_faces(head, 2)
    with pytest.raises(ValueError, match="increase"):
        write_glb(
            tmp_path / "x.glb",
            head,
            frames[0],
            motion=HeadMotion(parameters=frames, timestamps=[1.0, 1.0]),
        )
    assert not list(tmp_path.iterdir())


def test_normals_follow_the_actions(tmp_path: Path) -> None:
    head = tiny_head()
    write_glb(tmp_path / "face.glb", head, head.neutral()[0])
    file = GltfHead.load(tmp_path / "face.glb")
    skin = file.model.meshes[0].primitives[0]
    faces = file.array(skin.indices).reshape(-1, 3)
    target = skin.targets[ARKIT_NAMES.index("jawOpen")]
    opened = file.array(skin.attributes.POSITION) + file.array(target["POSITION"])
    normals = file.array(skin.attributes.NORMAL) + file.array(target["NORMAL"])
    expected = np.zeros_like(opened)
    corners = opened[faces]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for corner in range(3):
        np.add.at(expected, faces[:, corner], area)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(normals, expected, atol=0.0101)
    assert np.abs(file.array(target["NORMAL"])).max() > 0.05


def test_eyes_have_dark_pupils_where_they_look(tmp_path: Path) -> None:
    head = tiny_head()
    write_glb(tmp_path / "face.glb", head, head.neutral()[0])
    file = GltfHead.load(tmp_path / "face.glb")
    parts = {file.model.materials[p.material].name: p for p in file.model.meshes[0].primitives}
    for name in ("eyeL", "eyeR"):
        material = file.model.materials[parts[name].material].pbrMetallicRoughness
        source = file.model.textures[material.baseColorTexture.index].source
        view = file.model.bufferViews[file.model.images[source].bufferView]
        png = file.blob[view.byteOffset : view.byteOffset + view.byteLength]
        picture = np.asarray(Image.open(io.BytesIO(png)).convert("L"))
        front = file.array(parts[name].attributes.POSITION)[:, 2].argmax()
        u, v = file.array(parts[name].attributes.TEXCOORD_0)[front]
        height, width = picture.shape
        assert picture[int(v * height), int(u * width)] < 60
        assert picture.max() > 200


def test_times_too_fine_for_the_format_are_refused(tmp_path: Path) -> None:
    head = tiny_head()
    frames = random_faces(head, 2)
    motion = HeadMotion(parameters=frames, timestamps=[1e9, 1e9 + 0.04])
    with pytest.raises(ValueError, match="start at zero"):
        write_glb(tmp_path / "x.glb", head, frames[0], motion=motion)
    assert not list(tmp_path.iterdir())


def test_still_targets_share_their_storage(tmp_path: Path) -> None:
    head = tiny_head()
    write_glb(tmp_path / "face.glb", head, head.neutral()[0])
    model = GltfHead.load(tmp_path / "face.glb").model
    eye = next(p for p in model.meshes[0].primitives if model.materials[p.material].name == "eyeL")
    assert len({target["POSITION"] for target in eye.targets}) == 1


@pytest.mark.parametrize(("name", "closed"), [("open", False), ("open@2", True)])
def test_backs_are_drawn_where_they_can_be_seen(tmp_path: Path, name: str, closed: bool) -> None:
    head = load_head(name)
    path = tmp_path / "head.glb"
    write_glb(path, head, head.neutral()[0])
    materials = GltfHead.load(path).model.materials
    two_sided = {material.name for material in materials if material.doubleSided}
    assert "skin" in {material.name for material in materials}
    # strips of hair have two sides on any head, the neck of the first one is open below
    assert two_sided == ({"lashes", "brows"} if closed else {m.name for m in materials})


def test_normals_of_shapes_together_are_those_of_each_alone() -> None:
    head = tiny_head().to_numpy()
    rng = np.random.default_rng(5)
    shapes = np.repeat(head.v_template[None], 3, axis=0)
    shapes[1, 3] += 0.01
    shapes[2] += rng.normal(size=head.v_template.shape).astype(np.float32) * 0.002
    for primitive in primitives(head):
        together = smooth_normals(primitive, shapes)
        alone = np.stack([smooth_normals(primitive, shape[None])[0] for shape in shapes])
        np.testing.assert_allclose(together, alone, atol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(together, axis=2), 1, atol=1e-5)
