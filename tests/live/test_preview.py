"""The preview's page: what it shows, to whom, and that it ends."""

from __future__ import annotations

import http.client
import io
import urllib.error
import urllib.request
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.heads.tiny import tiny_head
from smirk3d.live.preview import Preview, Sight, drawn
from smirk3d.preprocessing.face_detector import DetectedFace
from smirk3d.tracking.tracker import TrackedFace

JAW = ARKIT_NAMES.index("jawOpen")


def sight(jaw: float = 0.0, driver: int | None = 3) -> Sight:
    face = TrackedFace(
        id=3,
        parameters=tiny_head().neutral()[0],
        T_crop_image=np.eye(3),
        head=tiny_head(),
        detection=DetectedFace(
            box=np.array([100, 100, 200, 200], np.float32),
            score=1.0,
            landmarks=np.empty((0, 3), np.float32),
        ),
        points=np.array([[100.0, 120.0], [200.0, 160.0]]),
        quality=1.0,
    )
    values = np.zeros(61)
    values[JAW] = jaw
    return Sight(np.full((720, 1280, 3), 90, np.uint8), [face], driver, values)


@pytest.fixture
def preview() -> Iterator[Preview]:
    with Preview() as opened:
        yield opened


def parts(preview: Preview) -> Iterator[Image.Image]:
    """The pictures of the stream, as browsers take it apart."""
    with urllib.request.urlopen(preview.address + "stream", timeout=10) as stream:
        assert stream.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=picture"
        while stream.readline() == b"--picture\r\n":
            headers = http.client.parse_headers(stream)
            yield Image.open(io.BytesIO(stream.read(int(headers["Content-Length"]))))
            assert stream.readline() == b"\r\n"


def test_the_picture_is_a_mirror_with_points_and_bars() -> None:
    still, open_mouth = drawn(sight()), drawn(sight(jaw=1.0))
    assert still.shape[1] == 640 + 230
    # 100 of 1280 pixels from the left is 590 of 640 from the left of a mirror
    assert still[60, 589].tolist() == [94, 214, 134]
    assert drawn(sight(driver=None))[60, 589].tolist() == [150, 150, 150]
    changed = np.argwhere((still != open_mouth).any(2))
    assert (changed.min(0)[1], changed.max(0)[1]) == (640 + 131, 640 + 224)
    assert np.ptp(changed[:, 0]) <= 6


def test_pages_see_what_comes(preview: Preview) -> None:
    page = urllib.request.urlopen(preview.address, timeout=10).read()
    assert b'src="stream"' in page
    preview.show(sight())
    pictures = parts(preview)
    first = np.asarray(next(pictures), int)
    preview.show(sight(jaw=1.0))
    second = np.asarray(next(pictures), int)
    assert first.shape == second.shape
    assert np.abs(first - second)[:, 640:].max() > 80
    pictures.close()


def test_only_the_address_opens_it(preview: Preview) -> None:
    host = preview.address.rsplit("/", 2)[0]
    assert host.startswith("http://127.0.0.1:")
    for path in ("/", "/stream", "/wrong/stream"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(host + path, timeout=10)


def test_an_open_page_keeps_nothing_alive() -> None:
    preview = Preview()
    preview.show(sight())
    pictures = parts(preview)
    next(pictures)
    preview.close()
    assert list(pictures) == []
