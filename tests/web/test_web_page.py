"""The built page in a browser: a photo, the head over it, and the weights read back."""

from __future__ import annotations

import csv
import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from smirk3d.conventions import ARKIT_NAMES
from tests.viewer.browser import FLAGS, PATIENCE, chromium

BUILT = Path(__file__).parents[2] / "web" / "dist"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    if not (BUILT / "assets" / "encoder.onnx").is_file():
        pytest.skip("the page is not built: make web")
    handler = functools.partial(_Quiet, directory=str(BUILT))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_a_photo_becomes_a_head_and_its_weights(address: str, tmp_path: Path) -> None:
    program = chromium()
    sync_api = pytest.importorskip("playwright.sync_api")
    data = pytest.importorskip("skimage.data")
    photo = tmp_path / "photo.png"
    Image.fromarray(data.astronaut()).save(photo)
    errors: list[str] = []
    asked: list[str] = []
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.wait_for_selector("#photo:not([disabled])", state="attached")
        page.set_input_files("#photo", str(photo))
        page.wait_for_selector("#csv:not([disabled])")
        assert page.inner_text("[role=status]") == "1 face."
        with page.expect_download() as download:
            page.click("#csv")
        download.value.save_as(tmp_path / "weights.csv")
        browser.close()
    # TensorFlow Lite writes what it tells to the stream of errors
    assert not [error for error in errors if not error.startswith("INFO:")]
    assert not [url for url in asked if not url.startswith((address, "blob:"))]
    with (tmp_path / "weights.csv").open(encoding="ascii") as file:
        (row,) = csv.DictReader(file)
    assert list(row) == ["face", *ARKIT_NAMES]
    assert float(row["mouthSmileLeft"]) > 0.3 > float(row["mouthFrownLeft"])
