"""Options that name programs which a performance is sent to."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smirk3d.cli.support.terminal import complain
from smirk3d.errors import UsageError

if TYPE_CHECKING:
    from smirk3d.live.calibration import Calibration
    from smirk3d.live.outlet import FaceSink

_PORTS = {"livelink": 11111, "ifacialmocap": 49983, "vmc": 39539, "osc": 9000}
"""Ports on which the programs of each protocol listen."""


@dataclass(kw_only=True)
class Receivers:
    """Where a performance is sent."""

    livelink: str | None = None
    """HOST[:11111] of Unreal, or another program that receives the app Live Link Face."""
    ifacialmocap: str | None = None
    """HOST[:49983] of a program that receives the app iFacialMocap."""
    vmc: str | None = None
    """HOST[:39539] of an avatar program that receives VMC."""
    osc: str | None = None
    """HOST[:9000] of VRChat, or another program that takes a plain OSC address for each weight."""
    subject: str = "smirk3d"
    """Name of the performance in Live Link."""
    calibrate: bool = False
    """Keep the person's rest pose and gain under the name of --calibration, "default" unless given:
    look straight with a neutral face for the first 3 seconds."""
    calibration: str | None = None
    """Name of the rest pose and gain that the face is sent with; see --calibrate."""

    def addresses(self) -> dict[str, tuple[str, int]]:
        """Return host and port of each receiver, by the option's name.

        Raises:
            UsageError: if one is no address.
        """
        found = {}
        for name, port in _PORTS.items():
            given = getattr(self, name)
            if given is not None:
                found[name] = _address(f"--{name}", given, port)
        return found

    @property
    def calibration_name(self) -> str | None:
        """Name of the calibration that is used or made, None where there is none."""
        return self.calibration or ("default" if self.calibrate else None)

    def known_calibration(self) -> Calibration | None:
        """Return the calibration to send with, None where there is none, or where it is made first.

        Raises:
            UsageError: if its name is none.
            InputError: if there is none of that name.
        """
        from smirk3d.live.calibration import calibration_path, load_calibration

        name = self.calibration_name
        if name is None:
            return None
        calibration_path(name)
        return None if self.calibrate else load_calibration(name)

    def keep(self, calibration: Calibration) -> None:
        """Keep a calibration under the name that was given, and say so."""
        name = self.calibration_name or ""
        complain(f"calibrated: --calibration {name} uses it again ({calibration.save(name)})")

    def open(self, stack: ExitStack) -> list[FaceSink]:
        """Return a sender for each receiver, closed with the stack.

        Raises:
            UsageError: if one is no address.
            InputError: if there is no such host.
        """
        from smirk3d.live.ifacialmocap import IFacialMocapSender
        from smirk3d.live.live_link import LiveLinkSender
        from smirk3d.live.plain_osc import PlainOscSender
        from smirk3d.live.vmc import VmcSender

        sinks: list[FaceSink] = []
        for name, (host, port) in self.addresses().items():
            if name == "livelink":
                sender = LiveLinkSender(host, port, subject=self.subject)
                sinks.append(stack.enter_context(sender))
            elif name == "ifacialmocap":
                sinks.append(stack.enter_context(IFacialMocapSender(host, port)))
            elif name == "vmc":
                sinks.append(stack.enter_context(VmcSender(host, port)))
            else:
                sinks.append(stack.enter_context(PlainOscSender(host, port)))
        return sinks


def _address(option: str, text: str, usual: int) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, str(usual)
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise UsageError(f"{option} must be HOST:PORT or HOST, got {text!r}")
    return host, int(port)
