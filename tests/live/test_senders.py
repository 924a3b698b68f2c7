"""Datagrams of each protocol, read by parsers that know nothing of the senders."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from pythonosc.osc_message import OscMessage
from tests.export.faces import random_faces

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError, InputError, OutputError
from smirk3d.export.arkit_csv import HEADER, arkit_rows
from smirk3d.heads.tiny import tiny_head
from smirk3d.live.datagrams import FaceValues, face_values
from smirk3d.live.ifacialmocap import IFacialMocapSender, short_name
from smirk3d.live.live_link import LiveLinkSender
from smirk3d.live.plain_osc import PlainOscSender
from smirk3d.live.playback import play
from smirk3d.parameters.face_parameters import FaceParameters

HEAD = tiny_head()
JAW = ARKIT_NAMES.index("jawOpen")
SENDERS = (LiveLinkSender, IFacialMocapSender, PlainOscSender)


def sent_values(face: FaceParameters) -> FaceValues:
    return face_values(HEAD, face)[0]


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(5)
        yield bound


def parsed_live_link(packet: bytes) -> tuple[str, str, float, list[float]]:
    """Device, subject, seconds and values of a packet of Live Link Face, by its description."""
    assert packet[0] == 6
    place, texts = 1, []
    for _ in range(2):
        (length,) = struct.unpack_from(">i", packet, place)
        texts.append(packet[place + 4 : place + 4 + length].decode())
        place += 4 + length
    frame, fraction, rate, per = struct.unpack_from(">ifii", packet, place)
    assert 0 <= fraction < 1
    (count,) = struct.unpack_from(">B", packet, place + 16)
    values = struct.unpack_from(f">{count}f", packet, place + 17)
    assert len(packet) == place + 17 + 4 * count
    return texts[0], texts[1], (frame + fraction) * per / rate, list(values)


def test_live_link_packets_hold_the_face(receiver: socket.socket) -> None:
    face = random_faces(HEAD, 1)
    with LiveLinkSender(*receiver.getsockname(), subject="Anna") as sender:
        sender.post(sender.datagrams(sent_values(face), 1.26))
    device, subject, seconds, values = parsed_live_link(receiver.recv(65536))
    assert len(device) == 36
    assert subject == "Anna"
    assert seconds == pytest.approx(1.26, abs=1e-5)
    assert len(values) == 61 == len(HEADER) - 2
    expected = dict(zip(HEADER[2:], arkit_rows(HEAD, face)[0].tolist(), strict=True))
    # Unreal's EARFaceBlendShape has left before right of jaw and mouth; the CSV has not
    names = [*HEADER[2:]]
    names[15:17], names[21:23] = ["JawLeft", "JawRight"], ["MouthLeft", "MouthRight"]
    np.testing.assert_allclose(values, [expected[name] for name in names], atol=1e-6)


def test_pylivelinkface_takes_the_packets(receiver: socket.socket) -> None:
    foreign = pytest.importorskip("pylivelinkface", reason="pylivelinkface is not installed")
    face = random_faces(HEAD, 1)
    with LiveLinkSender(*receiver.getsockname(), subject="Anna") as sender:
        sender.post(sender.datagrams(sent_values(face), 2.5))
    good, read = foreign.PyLiveLinkFace.decode(receiver.recv(65536))
    assert good
    assert read.name == "Anna"
    expected = arkit_rows(HEAD, face)[0].tolist()
    for number, name in enumerate(HEADER[2:]):
        shape = getattr(foreign.FaceBlendShape, name)
        assert read.get_blendshape(shape) == pytest.approx(expected[number], abs=1e-6), name


def test_ifacialmocap_lines_hold_the_face(receiver: socket.socket) -> None:
    face = random_faces(HEAD, 1)
    with IFacialMocapSender(*receiver.getsockname()) as sender:
        sender.post(sender.datagrams(sent_values(face), 0.0))
    shapes, _, rest = receiver.recv(65536).decode().partition("=")
    weights = dict(field.split("-") for field in shapes.strip("|").split("|"))
    assert len(weights) == 52
    assert {"eyeBlink_L", "mouthSmile_R", "mouthLeft", "jawOpen", "tongueOut"} <= set(weights)
    expected = arkit_rows(HEAD, face)[0]
    for name, weight in zip(ARKIT_NAMES, expected.tolist(), strict=False):
        assert int(weights[short_name(name)]) == pytest.approx(100 * weight, abs=0.51)
    parts = dict(field.split("#") for field in rest.strip("|").split("|"))
    assert list(parts) == ["head", "rightEye", "leftEye"]
    x, y, z, *position = map(float, parts["head"].split(","))
    assert position == [0, 0, 0]
    yaw, pitch, roll = np.degrees(expected[52:55].numpy())
    np.testing.assert_allclose([x, y, z], [pitch, -yaw, -roll], atol=1e-3)


def test_plain_osc_has_an_address_for_each_value(receiver: socket.socket) -> None:
    face = random_faces(HEAD, 1)
    with PlainOscSender(*receiver.getsockname()) as sender:
        sender.post(sender.datagrams(sent_values(face), 0.0))
    messages = [OscMessage(receiver.recv(65536)) for _ in range(61)]
    found = {message.address: message.params[0] for message in messages}
    assert "/avatar/parameters/JawOpen" in found
    expected = arkit_rows(HEAD, face)[0].numpy()
    np.testing.assert_allclose(list(found.values()), expected, atol=1e-6)


@pytest.mark.parametrize("kind", SENDERS)
def test_receivers_that_are_none_are_named(kind: type) -> None:
    with pytest.raises(InputError, match=r"no\.such\.host\.invalid"):
        kind("no.such.host.invalid")


def test_heads_without_actions_are_refused() -> None:
    head = tiny_head("pca")
    with pytest.raises(AssetError, match="no named"):
        face_values(head, head.neutral())


class Times:
    """A clock that goes on when it is waited for, and a receiver that is away at first."""

    def __init__(self, stop_after: int, takes: float = 0.004) -> None:
        self.now, self.stop_after, self.takes = 100.0, stop_after, takes
        self.sent: list[tuple[float, float, float]] = []
        self.stop = threading.Event()
        self.stop.wait = self._wait  # type: ignore[method-assign]

    def _wait(self, seconds: float | None = None) -> bool:
        self.now += seconds or 0.0
        return False

    def datagrams(self, values: FaceValues, seconds: float) -> list[bytes]:
        return [struct.pack(">2d", seconds, values[JAW])]

    def post(self, datagrams: Iterable[bytes]) -> None:
        for datagram in datagrams:
            seconds, jaw = struct.unpack(">2d", datagram)
            self.sent.append((seconds, self.now, jaw))
        self.now += self.takes
        if len(self.sent) == self.stop_after:
            self.stop.set()
        if len(self.sent) < 3:
            raise OutputError("10.0.0.1:11111 cannot be reached")


def opening(*jaws: float) -> FaceValues:
    frames = np.zeros((len(jaws), 61))
    frames[:, JAW] = jaws
    return frames


def test_a_performance_keeps_its_times_and_begins_again() -> None:
    frames = opening(0.1, 0.2, 0.3)
    times, lines = Times(stop_after=7), []
    count = play(
        frames, [0.0, 0.04, 0.08], [times],
        loop=True, stop=times.stop, warn=lines.append, clock=lambda: times.now,
    )  # fmt: skip
    assert count == 7
    assert lines == ["10.0.0.1:11111 cannot be reached"]
    seconds, moments, jaws = np.array(times.sent).T
    np.testing.assert_allclose(seconds, 0.04 * np.arange(7))
    np.testing.assert_allclose(moments - 100, seconds, atol=1e-9)
    np.testing.assert_allclose(jaws, [0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.1], atol=1e-6)
    again = Times(stop_after=99)
    assert play(frames, [0.0, 0.04, 0.08], [again], clock=lambda: again.now) == 3


def test_a_slow_machine_leaves_frames_out_rather_than_lag() -> None:
    times = Times(stop_after=99, takes=0.1)
    play(opening(*[0] * 10), [0.04 * n for n in range(10)], [times], clock=lambda: times.now)
    late = [now - 100 - seconds for seconds, now, _ in times.sent]
    assert 3 <= len(times.sent) < 10
    assert max(late) < 0.04 + 1e-9


def test_datagrams_are_made_before_their_time_comes() -> None:
    times, made = Times(stop_after=99), []
    make = times.datagrams

    def noted(values: FaceValues, seconds: float) -> list[bytes]:
        made.append(times.now - 100)
        return make(values, seconds)

    times.datagrams = noted  # type: ignore[method-assign]
    play(opening(0, 0, 0), [0.0, 0.04, 0.08], [times], stop=times.stop, clock=lambda: times.now)
    np.testing.assert_allclose(made, [0, 0.004, 0.044])
