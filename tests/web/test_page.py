"""The built page in a browser, end to end; ``make web`` builds it."""

from __future__ import annotations

import csv
import gzip
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from smirk3d import FaceReconstructor
from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import AssetError
from smirk3d.web_page.server import package_files, page_folder, page_server
from tests.export.gltf_reading import GltfHead
from tests.viewer.browser import FLAGS, PATIENCE, chromium
from tests.web.media import write_camera, write_clip

LARGEST_VISIT = 30e6
"""Bytes that a visitor may load."""


class Visit:
    """A page in a browser, all that it asked for and all that it complained of."""

    def __init__(self, driver: Any, address: str, camera: Path) -> None:
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
        self.browser = driver.chromium.launch(executable_path=chromium(), args=flags)
        self.page = self.browser.new_page(viewport={"width": 1280, "height": 900})
        self.page.set_default_timeout(PATIENCE * 1000)
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.loaded = 0
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.context.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)
        self.ready()

    def _heard(self, said: Any) -> None:
        # TensorFlow Lite writes what it tells to the stream of errors
        if said.type == "error" and not said.text.startswith("INFO:"):
            self.errors.append(said.text)

    def ready(self) -> None:
        self.page.wait_for_selector("#file:not([disabled])", state="attached")

    def status(self) -> str:
        return str(self.page.inner_text("#status"))

    def says(self, element: str, text: str) -> None:
        """Wait until an element holds a text; the page's policy forbids to evaluate conditions."""
        self.page.locator(f"#{element}").filter(has_text=text).wait_for(state="attached")

    def open(self, file: Path) -> None:
        self.page.set_input_files("#file", str(file))
        self.page.wait_for_selector("#csv:not([disabled])")
        self.ready()

    def download(self, button: str, path: Path) -> Path:
        with self.page.expect_download() as download:
            self.page.click(f"#{button}")
        download.value.save_as(path)
        return path


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    try:
        page_folder()
    except AssetError as error:
        pytest.skip(str(error))
    with page_server("127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def visit(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    sync_api = pytest.importorskip("playwright.sync_api")
    camera = write_camera(tmp_path_factory.mktemp("camera") / "camera.mjpeg", 2)
    with sync_api.sync_playwright() as driver:
        yield (visit := Visit(driver, address(server), camera))
        visit.browser.close()


def address(server: Any) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    data = pytest.importorskip("skimage.data")
    path = tmp_path / "photo.png"
    Image.fromarray(data.astronaut()).save(path)
    return path


def weights_of(path: Path) -> np.ndarray:
    with path.open(encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    names = [name[0].upper() + name[1:] for name in ARKIT_NAMES]
    return np.array([[float(row[name]) for name in names] for row in rows])


def test_what_a_visitor_loads(server: Any) -> None:
    files = [path for path in page_folder().rglob("*") if path.is_file()]
    # compressed as `make web` does for other hosts
    more = [gzip.compress(path.read_bytes()) for path in package_files(page_folder()).values()]
    total = sum(path.stat().st_size for path in files) + sum(map(len, more))
    assert total < LARGEST_VISIT


def test_a_photo_gives_pythons_weights(visit: Visit, photo: Path, tmp_path: Path) -> None:
    visit.open(photo)
    assert visit.status() == "1 face."
    (found,) = weights_of(visit.download("csv", tmp_path / "face.csv"))
    about = json.loads((page_folder() / "assets" / "about.json").read_text("utf-8"))
    reconstruct = FaceReconstructor(about["head"], weights=about["weights"], device="cpu")
    (face,) = reconstruct(photo)
    wanted = np.asarray(reconstruct.head.arkit(face.parameters[None]))[0]
    assert np.abs(found - wanted).max() < 0.05
    glb = GltfHead.load(visit.download("glb", tmp_path / "face.glb"))
    assert len(glb.posed_primitives()) == 1


def test_a_clip_of_two_people(visit: Visit, tmp_path: Path) -> None:
    visit.open(write_clip(tmp_path / "clip.webm", 0.6, people=2))
    frames = 9  # all, however busy the machine is
    assert visit.status() == f"{frames} frames: 2 people."
    options = visit.page.locator("#person option").all_inner_texts()
    assert options == ["Person 1", "Person 2"]
    shown = []
    for person in "01":
        visit.page.select_option("#person", person)
        weights = weights_of(visit.download("csv", tmp_path / f"{person}.csv"))
        assert weights.shape == (frames, 52)
        shown.append(weights)
    smile = ARKIT_NAMES.index("mouthSmileLeft")
    assert min(np.median(weights[:, smile]) for weights in shown) > 0.3
    assert (
        len(json.loads(visit.download("vmc", tmp_path / "v.json").read_text())["frames"]) == frames
    )


def test_the_camera_is_recorded(visit: Visit, tmp_path: Path) -> None:
    visit.page.click("#camera")
    visit.page.wait_for_selector("#record:not([hidden])")
    visit.says("speed", "frames/s")
    visit.page.click("#record")
    time.sleep(4)
    visit.page.click("#record")
    visit.page.click("#stop")
    visit.ready()
    assert visit.status().startswith("Recorded")
    file = GltfHead.load(visit.download("glb", tmp_path / "camera.glb"))
    assert file.model.animations[0].name == "performance"


def test_a_file_that_is_no_picture_is_named(visit: Visit, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.png"
    wrong.write_bytes(b"no picture")
    visit.page.set_input_files("#file", str(wrong))
    visit.says("status", "wrong")
    assert "save it as JPEG or PNG" in visit.status()


def test_nothing_left_the_origin_and_nothing_complained(visit: Visit, server: Any) -> None:
    assert visit.asked
    assert not [url for url in visit.asked if not url.startswith((address(server), "blob:"))]
    assert not visit.errors


def test_it_works_offline_after_the_first_load(visit: Visit, server: Any, photo: Path) -> None:
    server.shutdown()
    server.server_close()
    visit.page.reload()
    visit.ready()
    visit.open(photo)
    assert visit.status() == "1 face."
    assert visit.page.evaluate("crossOriginIsolated")
    assert not visit.errors
