"""A live performance over the Virtual Motion Capture protocol, which avatar programs read.

OSC over UDP, as the protocol's performer: bones, blend shapes, ``Apply``, ``OK`` and ``T`` each
frame (https://protocol.vmc.info). Bones are in Unity's left-handed axes, which mirror head space
at x.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.live.datagrams import FaceSender, FaceValues

PORT = 39539
"""The port on which the protocol's receivers listen by default."""

_LARGEST_DATAGRAM = 1400
"""Bytes that pass common networks unfragmented: below Ethernet's 1500 less headers."""


class VmcSender(FaceSender):
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
        self._messages = importlib.import_module("pythonosc.osc_message_builder")
        self._bundles = importlib.import_module("pythonosc.osc_bundle_builder")
        self._names = [name[0].upper() + name[1:] if capitals else name for name in ARKIT_NAMES]
        self._eye_bones = eye_bones
        self._positions = dict(bone_positions or {})
        super().__init__(host, port)

    def datagrams(self, values: FaceValues, seconds: float) -> Iterator[bytes]:
        """Yield the bundles of a frame; see :meth:`FaceSender.datagrams`."""
        weights, angles = values[: len(ARKIT_NAMES)], values[len(ARKIT_NAMES) :].reshape(3, 3)
        bones = ("Head", "LeftEye", "RightEye")[: 3 if self._eye_bones else 1]
        content: list[tuple[str, list[Any]]] = [
            (
                "/VMC/Ext/Bone/Pos",
                [
                    name,
                    *self._positions.get(name, (0.0, 0.0, 0.0)),
                    *unity_quaternion_xyzw(*turn),
                ],
            )
            for name, turn in zip(bones, angles.tolist(), strict=False)
        ]
        content += [
            ("/VMC/Ext/Blend/Val", [name, weight])
            for name, weight in zip(self._names, weights.tolist(), strict=True)
        ]
        content += [("/VMC/Ext/Blend/Apply", []), ("/VMC/Ext/OK", [1])]
        content.append(("/VMC/Ext/T", [float(seconds)]))
        return self._bundled(content)

    def _bundled(self, content: list[tuple[str, list[Any]]]) -> Iterator[bytes]:
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


def unity_quaternion_xyzw(
    yaw: float, pitch: float, roll: float
) -> tuple[float, float, float, float]:
    """Return Unity's quaternion, real part last and positive, of angles as in :data:`FaceValues`.

    The rotation is ``R_y(-yaw) R_x(pitch) R_z(-roll)`` in head space. Unity's axes are head space
    mirrored at x, which reverses all rotations but those about x.
    """
    y, x, z = -yaw / 2, pitch / 2, -roll / 2
    (sx, cx), (sy, cy), (sz, cz) = ((math.sin(a), math.cos(a)) for a in (x, y, z))
    w = cy * cx * cz + sy * sx * sz
    turned = (
        cy * sx * cz + sy * cx * sz,
        -(sy * cx * cz - cy * sx * sz),
        -(cy * cx * sz - sy * sx * cz),
    )
    sign = -1.0 if w < 0 else 1.0
    return (sign * turned[0], sign * turned[1], sign * turned[2], sign * w)
