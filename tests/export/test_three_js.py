"""A GLB as three.js draws it in Chromium: in the photo's colours."""

from __future__ import annotations

import functools
import http.server
import io
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smirk3d import FaceReconstructor
from tests.viewer.browser import FLAGS, PATIENCE, chromium

THREE = Path(__file__).parents[2] / "web" / "node_modules" / "three"
PAGE = Path(__file__).with_name("three_page.html")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_a_head_has_its_photos_colours(tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    data = pytest.importorskip("skimage.data")
    if not THREE.is_dir():
        pytest.skip("three.js is not installed: npm ci in web/")
    photo = data.astronaut()
    (face,) = FaceReconstructor(device="cpu")(photo)
    face.save(tmp_path / "head.glb")
    shutil.copy(PAGE, tmp_path / "index.html")
    (tmp_path / "three").symlink_to(THREE)
    errors: list[str] = []
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_api.sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium(), args=FLAGS)
            page = browser.new_page(viewport={"width": 1000, "height": 500})
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(f"http://127.0.0.1:{server.server_address[1]}/index.html")
            page.wait_for_function("document.title === 'drawn'", timeout=PATIENCE * 1000)
            png = page.screenshot(timeout=PATIENCE * 1000)
            browser.close()
        server.shutdown()
    assert not errors
    drawn = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(float)
    for half in (drawn[:, :500], drawn[:, 500:]):
        head = half[(half != [0, 0, 255]).any(2)]
        assert 0.15 < len(head) / half[..., 0].size < 0.8
        red, green, blue = head.mean(0)
        assert red > 1.1 * green > 1.1 * blue  # skin
        assert (head.min(1) > 235).mean() < 0.02  # hardly anything is white
    # from the front, brighter cheeks than hair and eyes: the photo, not one tone
    assert drawn[100:400, 150:350].std() > 25
