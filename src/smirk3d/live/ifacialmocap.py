"""A live performance as the app iFacialMocap sends it: a line of text a frame, over UDP.

``eyeBlink_L-37|...|=head#x,y,z,px,py,pz|rightEye#x,y,z|leftEye#x,y,z|``: weights in whole
hundredths, rotations in degrees about x, y and z, positions in metres. The app documents no sign;
angles here are those of ARKit's axes (x the subject's left, y up, z out of the face).
"""

from __future__ import annotations

import math

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.live.datagrams import FaceSender, FaceValues

PORT = 49983
"""The port on which the app's receivers listen."""

_PLAIN = ("mouthLeft", "mouthRight", "jawLeft", "jawRight")
"""Directions, not sides: these names stay as ARKit has them."""


def short_name(name: str) -> str:
    """Return the app's name of one of ARKit's weights: ``eyeBlink_L`` for ``eyeBlinkLeft``."""
    if name in _PLAIN:
        return name
    for side, letter in (("Left", "_L"), ("Right", "_R")):
        if name.endswith(side):
            return name.removesuffix(side) + letter
    return name


def ifacialmocap_text(values: FaceValues) -> str:
    """Return the text of one frame.

    Args:
        values: ``[61]``.
    """
    count = len(ARKIT_NAMES)
    weights = zip(ARKIT_NAMES, values[:count].tolist(), strict=True)
    fields = [f"{short_name(name)}-{round(100 * max(weight, 0))}" for name, weight in weights]
    # yaw, pitch and roll have the signs of Live Link Face
    head, left, right = (
        ",".join(f"{math.degrees(angle):.6f}" for angle in (pitch, -yaw, -roll))
        for yaw, pitch, roll in values[count:].reshape(3, 3).tolist()
    )
    fields += [f"=head#{head},0,0,0", f"rightEye#{right}", f"leftEye#{left}"]
    return "|".join(fields) + "|"


class IFacialMocapSender(FaceSender):
    """Sends one face as iFacialMocap does, frame by frame."""

    def __init__(self, host: str, port: int = PORT) -> None:
        """Look up the receiver.

        Args:
            host: its name or address.
            port: its port.

        Raises:
            InputError: if there is no such host.
        """
        super().__init__(host, port)

    def datagrams(self, values: FaceValues, seconds: float) -> tuple[bytes]:
        """Return the one datagram of a frame; see :meth:`FaceSender.datagrams`."""
        return (ifacialmocap_text(values).encode("ascii"),)
