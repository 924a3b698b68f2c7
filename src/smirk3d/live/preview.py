"""A page on this machine that shows what a camera's tracking sees and sends, as it runs.

OpenCV's windows are missing where it is installed without a GUI, as MediaPipe brings it, so the
preview is a page: motion JPEG, no script. Only this machine reaches it, and only by an address with
a secret in it, since other users of the machine may open its ports too.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from smirk3d.closing import Closing
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.live.datagrams import FaceValues
from smirk3d.tracking.tracker import TrackedFace

_SIDE = 640
"""Longer side of the shown picture in pixels; a choice against time."""
_PANEL = 230
"""Width in pixels of the panel of weights: the longest name and a bar; by eye."""
_ROW = 12
"""Height in pixels of a line of the panel; the smallest that can be read."""
_PAUSE = 1 / 20
"""Seconds between pictures at least: the preview must not take the tracker's time."""
_PATIENCE = 5.0
"""Seconds after which an open page is told that nothing came, so that its end is noticed."""
_QUALITY = 80
"""Of JPEG; by eye."""
_BOUNDARY = "picture"
_DRIVES, _OTHER, _TEXT, _BAR = (94, 214, 134), (150, 150, 150), (235, 235, 235), (94, 160, 255)
"""Colours, RGB; chosen by eye."""

_PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>smirk3d preview</title>
<style>html,body{margin:0;height:100%;background:#17191d}
img{width:100%;height:100%;object-fit:contain}</style>
<img src="stream" alt="The camera's picture with the faces found and the weights sent"></html>"""


@dataclass(frozen=True, eq=False)
class Sight:
    """What a moment shows.

    Attributes:
        image: the camera's picture, uint8 RGB ``[H, W, 3]``.
        faces: all that are found in it.
        driver: number of the face that is sent, None where nobody is.
        values: what is sent ``[61]``, None where nothing is.
        note: a line for the user.
    """

    image: NDArray[np.uint8]
    faces: Sequence[TrackedFace]
    driver: int | None
    values: FaceValues | None
    note: str = ""


def drawn(sight: Sight) -> NDArray[np.uint8]:
    """Return the picture of a moment, uint8 RGB ``[H, W, 3]``: a mirror, since people expect one.

    The landmarks of each face lie over it, and the weights that are sent stand beside it.
    """
    height, width = sight.image.shape[:2]
    scale = min(_SIDE / max(height, width), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    shown = np.asarray(cv2.resize(sight.image, size, interpolation=cv2.INTER_AREA), np.uint8)
    for face in sight.faces:
        colour = _DRIVES if face.id == sight.driver else _OTHER
        for x, y in (face.points * scale).round().astype(int).tolist():
            cv2.circle(shown, (x, y), 1, colour, -1, cv2.LINE_AA)
    shown = np.ascontiguousarray(shown[:, ::-1])
    if sight.note:
        cv2.putText(shown, sight.note, (10, 24), *_font(0.55), (0, 0, 0), 4, cv2.LINE_AA)
        cv2.putText(shown, sight.note, (10, 24), *_font(0.55), _TEXT, 1, cv2.LINE_AA)
    return shown if sight.values is None else _beside(shown, _panel(sight.values))


def _panel(values: FaceValues) -> NDArray[np.uint8]:
    panel = np.full(((len(ARKIT_NAMES) + 4) * _ROW, _PANEL, 3), 30, np.uint8)
    for row, (name, value) in enumerate(zip(ARKIT_NAMES, values.tolist(), strict=False)):
        y = (row + 1) * _ROW
        cv2.putText(panel, name, (6, y), *_font(0.32), _TEXT, 1, cv2.LINE_AA)
        right = 130 + round(94 * min(max(value, 0.0), 1.0))
        cv2.rectangle(panel, (130, y - 7), (224, y - 1), (60, 60, 60), -1)
        cv2.rectangle(panel, (130, y - 7), (right, y - 1), _BAR, -1)
    yaw, pitch, roll = np.degrees(values[len(ARKIT_NAMES) :][:3]).tolist()
    turned = f"head: yaw {yaw:.0f}, pitch {pitch:.0f}, roll {roll:.0f}"
    cv2.putText(panel, turned, (6, 54 * _ROW), *_font(0.36), _TEXT, 1, cv2.LINE_AA)
    return panel


def _font(size: float) -> tuple[int, float]:
    return cv2.FONT_HERSHEY_SIMPLEX, size


def _beside(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height = max(len(left), len(right))
    padded = [np.pad(part, ((0, height - len(part)), (0, 0), (0, 0))) for part in (left, right)]
    return np.concatenate(padded, 1)


class Preview(Closing):
    """Serves the newest moment to whoever has the address; draws nothing while nobody looks.

    Attributes:
        address: of the page.
    """

    def __init__(self) -> None:
        """Serve on a free port of this machine."""
        self._news = threading.Condition()
        self._sight: Sight | None = None
        self._number = 0
        self._ended = False
        secret = secrets.token_urlsafe(12)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.preview, self._server.root = self, f"/{secret}/"
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/{secret}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def show(self, sight: Sight) -> None:
        """Show a moment from here on; it is drawn by those who look."""
        with self._news:
            self._sight, self._number = sight, self._number + 1
            self._news.notify_all()

    def newest(self, after: int) -> tuple[int, bytes] | None:
        """Return number and JPEG of a moment after another, waiting for it; None if none comes."""
        with self._news:
            self._news.wait_for(lambda: self._number > after or self._ended, _PATIENCE)
            sight, number = self._sight, self._number
        if sight is None or number <= after or self._ended:
            return None
        picture = drawn(sight)[..., ::-1]
        _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return number, encoded.tobytes()

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will be shown."""
        return self._ended

    def pause(self) -> None:
        """Wait until the next picture may be drawn."""
        with self._news:
            self._news.wait_for(lambda: self._ended, _PAUSE)

    def close(self) -> None:
        """End the pages' streams and free the port."""
        with self._news:
            self._ended = True
            self._news.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    preview: Preview
    root: str


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer the page and its stream, nothing else."""
        if self.path == self.server.root:
            self._head("text/html; charset=utf-8")
            self.wfile.write(_PAGE)
        elif self.path == self.server.root + "stream":
            self._head(f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
            self._stream()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _head(self, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Frame-Options", "DENY")
        self.end_headers()

    def _stream(self) -> None:
        preview, number = self.server.preview, 0
        try:
            while not preview.has_ended:
                found = preview.newest(number)
                if found is None:
                    continue
                number, jpeg = found
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}"
                self.wfile.write(head.encode() + b"\r\n\r\n" + jpeg + b"\r\n")
                preview.pause()
        except OSError:
            return  # the page was closed

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal shows the tracking."""
