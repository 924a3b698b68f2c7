"""A live performance over the Virtual Motion Capture protocol, which avatar programs read.

OSC over UDP, as the protocol's performer: bones, blend shapes, ``Apply``, ``OK`` and ``T`` each
frame (https://protocol.vmc.info). Bones are in Unity's left-handed axes, which mirror head space
at x.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from smirk3d.assets.optional import require
from smirk3d.closing import Closing
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.export.rigs.rig import skull_rotation
from smirk3d.geometry.rotations import axis_angle_to_matrix, matrix_to_quaternion_wxyz
from smirk3d.heads.head_model import HeadModel
from smirk3d.live.datagrams import DatagramSocket
from smirk3d.parameters.face_parameters import FaceParameters

PORT = 39539
"""The port on which the protocol's receivers listen by default."""

_LARGEST_DATAGRAM = 1400
"""Bytes that pass common networks unfragmented: below Ethernet's 1500 less headers."""


class VmcSender(Closing):
    """Sends one face to an avatar program, frame by frame.

    Blend shapes have ARKit's weights as "Perfect Sync" avatars read them, with ``mouthClose`` not
    yet multiplied by ``jawOpen``.

    Args:
        host: the receiver's name or address.
        port: the receiver's.
        capitals: blend shapes start with a capital (``JawOpen``), as VRM's clips do; else as
            ARKit's names do.
        eye_bones: rotate the avatar's eyes as well; off for avatars whose gaze blend shapes do.
        bone_positions: local positions in metres of the avatar's ``Head``, ``LeftEye`` and
            ``RightEye``, for receivers that do not ignore them; zero unless given.

    Raises:
        MissingExtra: if python-osc is not installed.
        InputError: if there is no such host.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = PORT,
        *,
        capitals: bool = True,
        eye_bones: bool = True,
        bone_positions: Mapping[str, tuple[float, float, float]] | None = None,
    ) -> None:
        self._messages = require("pythonosc.osc_message_builder", extra="live")
        self._bundles = require("pythonosc.osc_bundle_builder", extra="live")
        self._names = [name[0].upper() + name[1:] if capitals else name for name in ARKIT_NAMES]
        self._eye_bones = eye_bones
        self._positions = dict(bone_positions or {})
        self._receiver = DatagramSocket(host, port)

    def send(self, head: HeadModel, parameters: FaceParameters, seconds: float) -> None:
        """Send one frame.

        Args:
            head: the head, with named actions.
            parameters: one face, without batch dimension.
            seconds: since the performance began.

        Raises:
            AssetError: if the head has no named actions.
            OutputError: if the receiver cannot be reached. One that does not listen goes unnoticed.
        """
        batch = parameters[None].to(head.v_template)
        with torch.no_grad():
            weights = head.arkit(batch)[0].tolist()
            bones = self._bones(head, batch)
        content: list[tuple[str, list[Any]]] = [
            ("/VMC/Ext/Bone/Pos", [name, *self._positions.get(name, (0.0, 0.0, 0.0)), *rotation])
            for name, rotation in bones.items()
        ]
        content += [
            ("/VMC/Ext/Blend/Val", [name, weight])
            for name, weight in zip(self._names, weights, strict=True)
        ]
        content += [("/VMC/Ext/Blend/Apply", []), ("/VMC/Ext/OK", [1])]
        content.append(("/VMC/Ext/T", [float(seconds)]))
        for datagram in self._datagrams(content):
            self._receiver.send(datagram)

    def _bones(self, head: HeadModel, batch: FaceParameters) -> dict[str, list[float]]:
        bones = {"Head": unity_quaternion_xyzw(skull_rotation(head, batch))[0].tolist()}
        if self._eye_bones and batch.eyes.shape[1]:
            rotations = unity_quaternion_xyzw(axis_angle_to_matrix(batch.eyes[0].view(2, 3)))
            bones |= dict(zip(("LeftEye", "RightEye"), rotations.tolist(), strict=True))
        return bones

    def _datagrams(self, content: list[tuple[str, list[Any]]]) -> Iterator[bytes]:
        """Yield bundles of messages, each small enough to travel in one piece."""
        bundle, size = self._bundles.OscBundleBuilder(self._bundles.IMMEDIATELY), 16
        for address, values in content:
            builder = self._messages.OscMessageBuilder(address)
            for value in values:
                builder.add_arg(value)
            message = builder.build()
            if size + message.size + 4 > _LARGEST_DATAGRAM:
                yield bundle.build().dgram
                bundle, size = self._bundles.OscBundleBuilder(self._bundles.IMMEDIATELY), 16
            bundle.add_content(message)
            size += message.size + 4
        yield bundle.build().dgram

    def close(self) -> None:
        """Release the socket."""
        self._receiver.close()


def unity_quaternion_xyzw(rotations: Tensor) -> Tensor:
    """Return Unity's quaternions ``[B, 4]``, real part last and positive, of ``[B, 3, 3]``.

    Unity's axes are head space mirrored at x, which reverses all rotations but those about x.
    """
    wxyz = matrix_to_quaternion_wxyz(rotations)
    wxyz = torch.where(wxyz[:, :1] < 0, -wxyz, wxyz)
    return wxyz[:, [1, 2, 3, 0]] * wxyz.new_tensor([1.0, -1.0, -1.0, 1.0])
