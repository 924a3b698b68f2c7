from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from pythonosc.osc_bundle import OscBundle
from tests.export.faces import random_faces

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import InputError
from smirk3d.export.arkit_csv import rotation_angles
from smirk3d.export.rigs.rig import skull_rotation
from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_quaternion_wxyz
from smirk3d.heads.tiny import tiny_head
from smirk3d.live.datagrams import face_values
from smirk3d.live.vmc import VmcSender, unity_quaternion_xyzw

HEAD = tiny_head()

Message = tuple[str, list[object]]


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(5)
        yield bound


def received_frame(receiver: socket.socket) -> list[Message]:
    """All messages until the one that ends a frame."""
    messages: list[Message] = []
    while not messages or messages[-1][0] != "/VMC/Ext/T":
        datagram = receiver.recv(65536)
        assert len(datagram) <= 1400
        messages += [(m.address, m.params) for m in OscBundle(datagram)]
    return messages


def test_a_frame_arrives_whole(receiver: socket.socket) -> None:
    face = random_faces(HEAD, 1)
    with VmcSender(port=receiver.getsockname()[1]) as sender:
        sender.post(sender.datagrams(face_values(HEAD, face)[0], 1.25))
    messages = received_frame(receiver)
    assert messages[-3:] == [
        ("/VMC/Ext/Blend/Apply", []),
        ("/VMC/Ext/OK", [1]),
        ("/VMC/Ext/T", [1.25]),
    ]
    values = dict(params for address, params in messages if address == "/VMC/Ext/Blend/Val")
    assert list(values) == [name[0].upper() + name[1:] for name in ARKIT_NAMES]
    np.testing.assert_allclose(list(values.values()), HEAD.arkit(face)[0].numpy(), atol=1e-6)
    bones = {params[0]: params[1:] for address, params in messages if address.endswith("/Bone/Pos")}
    assert list(bones) == ["Head", "LeftEye", "RightEye"]
    angles = rotation_angles(skull_rotation(HEAD, face))[0].tolist()
    expected = unity_quaternion_xyzw(*angles)
    np.testing.assert_allclose(bones["Head"], [0, 0, 0, *expected], atol=1e-6)


def test_avatars_choose_names_eyes_and_positions(receiver: socket.socket) -> None:
    sender = VmcSender(
        port=receiver.getsockname()[1],
        capitals=False,
        eye_bones=False,
        bone_positions={"Head": (0.0, 0.1, 0.0)},
    )
    sender.post(sender.datagrams(np.zeros(61), 0.0))
    messages = received_frame(receiver)
    sender.close()
    bones = [params for address, params in messages if address.endswith("/Bone/Pos")]
    assert bones == [["Head", 0.0, pytest.approx(0.1), 0.0, 0.0, 0.0, 0.0, 1.0]]
    names = [params[0] for address, params in messages if address.endswith("/Blend/Val")]
    assert names == list(ARKIT_NAMES)


@pytest.mark.parametrize(
    ("turn", "forward"),
    [
        # in Unity +x is the avatar's right and +y is up: facing +z, it looks to its left at -x
        ([0.0, 0.5, 0.0], [-np.sin(0.5), 0, np.cos(0.5)]),
        ([0.5, 0.0, 0.0], [0, -np.sin(0.5), np.cos(0.5)]),
    ],
)
def test_unitys_quaternions_turn_the_same_way(turn: list[float], forward: list[float]) -> None:
    matrix = axis_angle_to_matrix(torch.tensor([turn], dtype=torch.float64))
    x, y, z, w = unity_quaternion_xyzw(*rotation_angles(matrix)[0].tolist())
    # Unity rotates (0, 0, 1) by its quaternion with the usual formula, in its own axes
    turned = [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)]
    np.testing.assert_allclose(turned, forward, atol=1e-12)


def test_the_skull_turns_with_neck_and_head_pose() -> None:
    face = random_faces(HEAD, 1)
    neck, pose = axis_angle_to_matrix(face.neck), axis_angle_to_matrix(face.head_pose)
    torch.testing.assert_close(skull_rotation(HEAD, face), pose @ neck)
    rooted = tiny_head("pca")
    face = random_faces(rooted, 1)
    neck, pose = axis_angle_to_matrix(face.neck), axis_angle_to_matrix(face.head_pose)
    torch.testing.assert_close(skull_rotation(rooted, face), pose @ neck)


def test_receivers_that_are_none_are_named() -> None:
    with pytest.raises(InputError, match=r"no\.such\.host\.invalid:39539"):
        VmcSender("no.such.host.invalid")


def test_unitys_quaternions_are_those_of_the_matrix() -> None:
    turns = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (50, 3)))
    wxyz = matrix_to_quaternion_wxyz(axis_angle_to_matrix(turns))
    wxyz = wxyz * wxyz[:, :1].sign()
    for turn, (w, x, y, z) in zip(turns, wxyz.tolist(), strict=True):
        angles = rotation_angles(axis_angle_to_matrix(turn[None]))[0].tolist()
        np.testing.assert_allclose(unity_quaternion_xyzw(*angles), [x, -y, -z, w], atol=1e-9)
