"""The viewer driven in a headless Chromium, as its users drive it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from smirk3d.viewer.app import Viewer
from smirk3d.viewer.server.uploads import LARGEST_UPLOAD
from smirk3d.viewer.session.parameter_layout import Control
from smirk3d.viewer.session.session import FaceChoice
from smirk3d.viewer.session.subjects import open_subject
from tests.export.gltf_reading import GltfHead
from tests.viewer.browser import CANVAS, FLAGS, Page, chromium, until
from tests.viewer.made_subjects import FRAMES, photo

pytestmark = pytest.mark.slow
FACE = FaceChoice(0, 0)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    program = chromium()
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the dev extra")
    webcam = tmp_path_factory.mktemp("webcam") / "camera.mjpeg"
    Image.fromarray(photo()).save(webcam, "JPEG", quality=92)
    flags = [*FLAGS, f"--use-file-for-fake-video-capture={webcam}"]
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=flags)
        yield running
        running.close()


@pytest.fixture
def page(browser: Any, viewer: Viewer) -> Iterator[Page]:
    tab = browser.new_page(viewport={"width": 760, "height": 520})
    opened = Page(tab, f"http://127.0.0.1:{viewer.server.get_port()}")
    yield opened
    tab.close()
    assert opened.errors == []


def _vertices(viewer: Viewer) -> np.ndarray:
    found = viewer.world_vertices(FACE)
    assert found is not None
    return found


def _pixels_of_curve(page: Page, colour: tuple[int, int, int]) -> int:
    """How many pixels of the chart have about a colour."""
    return int(
        page.page.evaluate(
            """colour => {
                const c = document.querySelector('.uplot canvas');
                const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
                let n = 0;
                for (let i = 0; i < d.length; i += 4)
                    if (d[i + 3] > 128 && colour.every((v, k) => Math.abs(d[i + k] - v) < 24)) n++;
                return n;
            }""",
            list(colour),
        )
    )


def _sliders(viewer: Viewer) -> dict[str, tuple[Control, Any]]:
    """The first slider of each folder that moves something by itself, in an order that shows it."""
    assert viewer.panel.move is not None
    first: dict[str, tuple[Control, Any]] = {}
    for control, slider in viewer.panel.move.sliders:
        if control.label != "mouthClose":  # acts with an open jaw only
            first.setdefault(control.folder, (control, slider))
    # the tongue comes out of an open mouth only, and a closed eyelid hides the gaze
    return {"Jaw": first.pop("Jaw"), "Gaze": first.pop("Gaze"), **first}


def _changed(page: Page, picture: np.ndarray) -> list[np.ndarray]:
    """What the page shows now, in a list, or none while it is what it showed."""
    now = page.canvas()
    return [now] if np.abs(now - picture).max() > 20 else []


def test_every_group_of_sliders_moves_the_mesh_in_the_page(
    viewer: Viewer, page: Page, result: Path, tmp_path: Path
) -> None:
    viewer.open([open_subject(result)])
    page.tab("Move")
    page.shot(tmp_path / "desktop.png")
    picture = page.canvas()
    for folder, (control, slider) in _sliders(viewer).items():
        if folder not in {"Jaw", "Mouth"}:  # these are open at first
            page.page.get_by_text(folder, exact=True).first.click()
        at_end = slider.value > (control.lo + control.hi) / 2
        before = _vertices(viewer)
        page.press_slider(slider, "Home" if at_end else "End")
        until(
            lambda before=before: np.abs(_vertices(viewer) - before).max() > 1e-3,
            f"vertices to follow {control.label}",
        )
        picture = until(
            lambda picture=picture: _changed(page, picture),
            f"the page to show {control.label}",
        )[0]
        page.page.get_by_text(folder, exact=True).first.click()
    page.shot(tmp_path / "moved.png")


def test_undo_redo_reset_and_before_go_by_keys(viewer: Viewer, page: Page, result: Path) -> None:
    viewer.open([open_subject(result)])
    session = viewer.session
    assert session is not None
    own = _vertices(viewer)
    page.tab("Move")
    page.settled_canvas()  # a key that comes while the page is built is lost
    _, jaw = _sliders(viewer)["Jaw"]
    page.press_slider(jaw, "End")
    until(lambda: np.abs(_vertices(viewer) - own).max() > 1e-3, "the jaw to open")
    page.leave_controls()
    for key, moved in (
        ("Control+z", False),
        ("Control+y", True),
        ("b", False),
        ("b", True),
        ("r", False),
    ):
        page.page.keyboard.press(key)
        until(
            lambda moved=moved: (np.abs(_vertices(viewer) - own).max() > 1e-3) == moved,
            f"{key} to show the face {'moved' if moved else 'as it was'}",
        )
    assert not session.current.edits.offsets.any()


def test_a_track_is_scrubbed_played_and_shown_over_its_frames(
    viewer: Viewer, page: Page, track: Path, clip: Path, tmp_path: Path
) -> None:
    subject = open_subject(track, source=clip)
    viewer.open([subject])
    assert viewer.panel.time is not None and viewer.session is not None
    playback = viewer.session.playback
    until(lambda: subject.pictures.jpeg(FRAMES - 1), "the video's frames")
    first, bright = _vertices(viewer), page.canvas()
    page.press_slider(viewer.panel.time.frame, "End")
    until(lambda: playback.frame == FRAMES, "the end, which shows nobody")
    assert viewer.world_vertices(FACE) is None
    page.press_slider(viewer.panel.time.frame, "ArrowLeft")
    until(lambda: playback.frame == FRAMES - 1, "the last frame")
    until(lambda: np.abs(_vertices(viewer) - first).max() > 5e-3, "the jaw to open")
    until(lambda: page.canvas().mean() < bright.mean() - 5, "the darker frame behind it")
    page.tab("Curves")
    page.page.wait_for_selector(".uplot canvas")
    until(lambda: _pixels_of_curve(page, (0xFF, 0x92, 0x2B)) > 50, "a curve")
    until(lambda: f"frame {FRAMES - 1}" in page.page.inner_text("body"), "the frame's numbers")
    page.shot(tmp_path / "curves.png")
    page.page.get_by_text("Play", exact=True).click()
    seen = set()
    until(lambda: seen.add(playback.frame) or len(seen) > 3, "frames to go by")
    page.page.keyboard.press("l")
    until(lambda: not playback.playing, "a step to pause")


def test_photo_colours_and_wireframe_change_the_picture(
    viewer: Viewer, page: Page, result: Path, tmp_path: Path
) -> None:
    viewer.open([open_subject(result)])
    page.leave_controls()
    until(lambda: not viewer._scenes[0].needs_texture, "the projection")
    textured = page.settled_canvas()
    page.page.keyboard.press("3")
    until(lambda: np.abs(page.canvas() - textured).mean() > 1, "clay")
    clay = page.settled_canvas()
    page.page.keyboard.press("5")
    until(lambda: np.abs(page.canvas() - clay).mean() > 1, "the photo's colours")
    page.shot(tmp_path / "photo.png")
    page.page.keyboard.press("4")
    until(lambda: np.abs(page.canvas() - textured).mean() > 1, "the wireframe")
    page.shot(tmp_path / "wireframe.png")
    page.page.keyboard.press("3")
    # the page lowers its resolution when it falls behind, so edges need not come back exactly
    skin = np.abs(textured - clay).max(2) > 20
    assert skin.mean() > 0.005
    way = np.abs(textured - clay)[skin].mean()
    until(lambda: np.abs(page.canvas() - clay)[skin].mean() < way / 4, "clay again")


def test_what_the_page_exports_and_saves_reads_back(
    viewer: Viewer, page: Page, result: Path, tmp_path: Path
) -> None:
    viewer.open([open_subject(result)])
    session = viewer.session
    assert session is not None
    control = next(c for c in session.current.layout.controls if c.label == "jawOpen")
    session.set_value(control, 0.75)
    page.tab("Files")
    with page.page.expect_download() as waiting:
        page.page.get_by_text("Export face", exact=True).click()
    waiting.value.save_as(tmp_path / "face.glb")
    assert set(viewer.panel.files.format.options) >= {"glb", "obj", "arkit-csv", "html", "figure"}
    model = GltfHead.load(tmp_path / "face.glb").model
    assert model.extras["parameters"]["jaw"][0] == pytest.approx(0.75, abs=1e-5)
    with page.page.expect_download() as waiting:
        page.page.get_by_text("Save", exact=True).click()
    waiting.value.save_as(tmp_path / "saved.zip")
    with zipfile.ZipFile(tmp_path / "saved.zip") as archive:
        archive.extractall(tmp_path)
    again = open_subject(tmp_path / "portrait-edited")
    assert again.pictures is not None
    assert float(again.faces[0].parameters.jaw[0, 0]) == pytest.approx(0.75, abs=1e-5)
    with page.page.expect_download() as waiting:
        page.page.get_by_text("Curves as CSV", exact=True).click()
    waiting.value.save_as(tmp_path / "curves.csv")
    assert (tmp_path / "curves.csv").read_text().startswith("Timecode,BlendShapeCount,")


def test_an_uploaded_photo_is_reconstructed_and_a_bad_one_told_in_words(
    viewer: Viewer, page: Page, result: Path, tmp_path: Path
) -> None:
    viewer.open([open_subject(result)])
    page.tab("Files")
    field = f'[id="file_upload_{viewer.panel.files.upload._impl.uuid}"]'
    bad = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    bad.write_bytes(b"#EXTM3U\nfile:///etc/passwd\n")
    page.page.set_input_files(field, str(bad))
    until(lambda: "no photo" in page.warning(), "the reason in words")
    torn = tmp_path / "torn.jpg"
    good = tmp_path / "someone.jpg"
    Image.fromarray(photo()).save(good, quality=92)
    torn.write_bytes(good.read_bytes()[:3000])
    page.page.set_input_files(field, str(torn))
    until(lambda: "torn" in page.warning(), "the damaged file's name")
    assert viewer.session is not None
    assert viewer.session.current.subject.name == "portrait"
    page.page.set_input_files(field, str(good))
    until(lambda: page.status() == "someone: 1 face", "the uploaded face")
    assert viewer.session.current.subject.name == "someone"
    assert np.isfinite(_vertices(viewer)).all()


def test_empty_and_giant_files_are_refused_in_words_and_the_next_is_taken(
    viewer: Viewer, page: Page, result: Path, tmp_path: Path
) -> None:
    viewer.open([open_subject(result)])
    page.tab("Files")
    field = f'[id="file_upload_{viewer.panel.files.upload._impl.uuid}"]'
    giant = tmp_path / "giant.mp4"
    with giant.open("wb") as file:
        file.truncate(LARGEST_UPLOAD + 1)
    page.page.set_input_files(field, str(giant))
    bubble = page.page.wait_for_selector(".smirk3d-bubble[role=alert]")
    assert bubble.inner_text() == "giant.mp4: larger than 64 MB: reduce it first"
    assert not viewer.server.gui._current_file_upload_states
    empty = tmp_path / "empty.jpg"
    empty.write_bytes(b"")
    page.page.set_input_files(field, str(empty))
    until(lambda: page.warning() == "empty: the file is empty", "the reason in words")
    page.page.click("[role=alert][data-number] button")
    until(lambda: page.warning() == "", "the warning to close")
    good = tmp_path / "someone.jpg"
    Image.fromarray(photo()).save(good, quality=92)
    page.page.set_input_files(field, str(good))
    until(lambda: page.status() == "someone: 1 face", "the uploaded face")


def test_the_page_has_its_own_title_and_hints_how_to_move_the_face(
    viewer: Viewer, page: Page, result: Path, tmp_path: Path
) -> None:
    viewer.open([open_subject(result)])
    page.page.reload()
    hint = page.page.wait_for_selector(".smirk3d-bubble[role=note]")
    assert "drag to turn the face" in hint.inner_text()
    assert page.page.title() == "smirk3d \N{EM DASH} portrait"
    box = page.page.locator(CANVAS).bounding_box()
    assert box is not None
    across, down = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.page.mouse.move(across, down)
    page.page.mouse.down()
    page.page.mouse.move(across + 40, down, steps=4)
    page.page.mouse.up()
    until(lambda: page.page.locator(".smirk3d-bubble").count() == 0, "the hint to go")
    # viser's notice that there is no GPU is away from the face, and goes by itself
    notice = page.page.locator(".mantine-Notification-root")
    lies = notice.first.bounding_box() if notice.count() else None
    assert lies is None or lies["y"] > down
    until(lambda: notice.count() == 0, "the notice to go")
    viewer.open([open_subject(result)])
    until(lambda: page.status() == "portrait: 1 face", "the face again")
    assert page.page.locator(".smirk3d-bubble").count() == 0, "a page is told once"


def test_the_webcam_gives_a_picture_on_a_phone(
    viewer: Viewer, page: Page, result: Path, tmp_path: Path
) -> None:
    viewer.open([open_subject(result)])
    page.page.set_viewport_size({"width": 390, "height": 844})
    page.tab("Files")
    width = page.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    page.shot(tmp_path / "phone.png")
    page.page.get_by_text("Webcam", exact=True).click()
    page.page.get_by_text("Take the picture", exact=True).click()
    until(lambda: page.status() == "webcam: 1 face", "the face of the webcam")
    page.tab("Appearance")
    page.shot(tmp_path / "phone-appearance.png")


def test_two_results_stand_side_by_side(
    viewer: Viewer, page: Page, result: Path, tmp_path: Path
) -> None:
    viewer.open([open_subject(result), open_subject(result)])
    assert viewer.session is not None
    left, right = viewer.world_vertices(FACE), viewer.world_vertices(FaceChoice(1, 0))
    assert left is not None and right is not None
    assert np.abs(left - right).max() < 1e-6
    page.tab("Curves")
    until(lambda: "First against second" in page.page.inner_text("body"), "the comparison")
    page.shot(tmp_path / "compare.png")


def test_other_files_of_the_machine_are_not_served(viewer: Viewer, result: Path) -> None:
    import http.client

    for path in (
        "/../../../../../../../etc/passwd",
        "/..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        f"/{result / 'result.json'}",
        "//etc/passwd",
    ):
        connection = http.client.HTTPConnection("127.0.0.1", viewer.server.get_port(), timeout=60)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == 404, path
        assert b"root:" not in body
        assert json.dumps("schema").encode() not in body
