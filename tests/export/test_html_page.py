from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.export.html_page import write_html
from smirk3d.export.rigs.rig import HeadMotion, rig_of
from smirk3d.faces import Face, Picture
from smirk3d.geometry.meshes import unit
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.heads.spec import PARTS
from smirk3d.heads.tiny import tiny_head
from smirk3d.parameters.face_parameters import FaceParameters
from tests.export.faces import random_faces
from tests.viewer.browser import FLAGS, chromium

HALF_A_MILLIMETRE = 5e-4


def _data(path: Path) -> dict[str, Any]:
    text = re.search(r'application/json">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)
    assert text is not None
    found: dict[str, Any] = json.loads(text[1])
    return found


def _in_photo(head: HeadModel, parameters: FaceParameters, name: str = "me.jpg") -> Face:
    y, x = np.mgrid[0:300, 0:400]
    pixels = np.stack([x % 255, y % 255, (x + y) % 255], 2).astype(np.uint8)
    crop = np.array([[0.8, 0, -40], [0, 0.8, -10], [0, 0, 1]])
    return Face(
        parameters=parameters,
        head=head,
        T_crop_image=crop / [[2], [2], [1]],
        picture=Picture(path=name, size=(800, 600), pixels=pixels),
    )


def _motion(head: HeadModel, count: int = 8) -> HeadMotion:
    frames = random_faces(head, count)
    still = random_faces(head, 1)
    frames = frames.replace(shape=still.shape.expand(count, -1), neck=torch.zeros_like(frames.neck))
    return HeadMotion(parameters=frames, timestamps=[5 + 0.04 * n for n in range(count)])


def test_a_page_holds_its_head_and_asks_for_nothing(tmp_path: Path) -> None:
    head = load_head("open")
    face = random_faces(head, 1)[0]
    path = tmp_path / "face.html"
    write_html(path, _in_photo(head, face, "</script><b>me.jpg"))
    page = re.sub(r">\{.*?</script>", "", path.read_text("utf-8"), count=1, flags=re.DOTALL)
    assert re.findall(r"""(?:https?:)?//[\w.]+|src=|href=|@import|fetch\(""", page) == []
    assert "default-src 'none'" in page
    assert "</script><b>" not in page
    data = _data(path)
    assert {s["name"] for s in data["sliders"]} == {*ARKIT_NAMES, "pitch", "yaw", "roll"}
    asked = dict(zip(ARKIT_NAMES, head.arkit(face[None])[0].tolist(), strict=True))
    for slider in data["sliders"]:
        if slider["name"] in asked:
            assert slider["value"] == pytest.approx(asked[slider["name"]], abs=1e-4)
    assert path.stat().st_size < 2_000_000


def test_heads_without_named_actions_have_sliders_too(tmp_path: Path) -> None:
    head = tiny_head("pca")
    path = tmp_path / "face.html"
    write_html(path, Face(parameters=random_faces(head, 1)[0], head=head))
    groups = {slider["group"] for slider in _data(path)["sliders"]}
    assert {"Expression", "Head"} <= groups
    assert _data(path)["photo"] is None


def test_frames_are_stored_small_and_exactly_enough(tmp_path: Path) -> None:
    head = load_head("open")
    motion = _motion(head)
    path = tmp_path / "clip.html"
    write_html(path, Face(parameters=motion.parameters[0], head=head), motion=motion)
    data = _data(path)
    assert data["motion"]["seconds"] == pytest.approx([0.04 * n for n in range(8)])
    stored = np.frombuffer(base64.b64decode(data["motion"]["values"]["data"]), "<i2") * 1e-4
    stored = stored.reshape(8, len(data["sliders"]))
    column = [s["name"] for s in data["sliders"]].index("jawOpen")
    assert stored[:, column] == pytest.approx(motion.parameters.jaw[:, 0].tolist(), abs=1e-4)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = chromium()
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the dev extra")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


def _opened(browser: Any, path: Path, size: tuple[int, int]) -> tuple[Any, list[str]]:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, offline=True, has_touch=size[0] < 500
    )
    page = context.new_page()
    page.set_default_timeout(120_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda r: said.append(r.url) if r.url.startswith("http") else None)
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-ready]")
    return page, said


def _points(page: Any) -> torch.Tensor:
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return torch.tensor(page.evaluate("Array.from(smirk3d.points)")).view(-1, 3)


def _vertices(head: HeadModel, face: FaceParameters) -> torch.Tensor:
    return head(face[None]).vertices[0]


@pytest.mark.slow
def test_the_page_moves_the_head_as_the_model_does(browser: Any, tmp_path: Path) -> None:
    head = load_head("open")
    motion = _motion(head)
    path = tmp_path / "clip.html"
    write_html(path, _in_photo(head, motion.parameters[0]), motion=motion)
    page, said = _opened(browser, path, (1100, 700))
    for frame in (0, 5, 2):
        page.evaluate(
            f"(t => {{ t.value = {frame}; t.dispatchEvent(new Event('input')); }})"
            "(document.getElementById('time'))"
        )
        expected = _vertices(head, motion.parameters[frame])
        assert (_points(page) - expected).norm(dim=1).max() < HALF_A_MILLIMETRE
    page.click("#neutral")
    rest = head.neutral()[0].replace(shape=motion.parameters.shape[0])
    assert (_points(page) - _vertices(head, rest)).norm(dim=1).max() < HALF_A_MILLIMETRE
    gates = rig_of(head, motion.parameters[0]).gates
    waiting = {name for name, gate in gates.items() if gate.base <= 0}
    for slider in page.query_selector_all("input[data-name]"):
        name = slider.get_attribute("data-name")
        before = _points(page)
        slider.evaluate("s => { s.value = s.max; s.dispatchEvent(new Event('input')); }")
        moved = (_points(page) - before).norm(dim=1).max()
        # mouthClose and tongueOut wait for the jaw
        assert (moved > 2 * HALF_A_MILLIMETRE) == (name not in waiting), name
        slider.evaluate("s => s.dispatchEvent(new Event('dblclick'))")
    page.click("#play")
    page.wait_for_function("document.getElementById('time').value > 0")
    page.click("#play")
    assert said == []


@pytest.mark.slow
def test_eyelids_and_lips_meet_in_the_page_as_in_the_model(browser: Any, tmp_path: Path) -> None:
    head = load_head("open@2")
    asked = torch.zeros(2, len(ARKIT_NAMES))
    strong = (
        ("eyeBlinkLeft", "eyeLookUpLeft", "eyeSquintLeft", "eyeWideRight", "eyeLookDownRight"),
        ("mouthRollLower", "mouthShrugLower", "mouthPressLeft", "eyeLookOutLeft"),
    )
    for row, names in zip(asked, strong, strict=True):
        row[[ARKIT_NAMES.index(name) for name in names]] = 1
    faces = head.from_arkit(asked)
    motion = HeadMotion(parameters=faces, timestamps=[0, 1])
    path = tmp_path / "clip.html"
    write_html(path, Face(parameters=faces[0], head=head), motion=motion)
    page, said = _opened(browser, path, (800, 600))
    for frame in range(2):
        face = faces[frame]
        page.evaluate(
            f"(t => {{ t.value = {frame}; t.dispatchEvent(new Event('input')); }})"
            "(document.getElementById('time'))"
        )
        assert head.contact_offsets(face[None]).norm(dim=2).max() > 2 * HALF_A_MILLIMETRE
        # a fifth of a millimetre: positions are stored in hundredths, weights in 255ths
        assert (_points(page) - _vertices(head, face)).norm(dim=1).max() < 2e-4
    assert said == []


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1200, 800), (390, 844)])
def test_the_page_shows_a_head_and_turns_it(
    browser: Any, tmp_path: Path, size: tuple[int, int]
) -> None:
    head = load_head("open")
    path = tmp_path / "face.html"
    write_html(path, _in_photo(head, head.neutral()[0]))
    page, said = _opened(browser, path, size)

    def shown() -> np.ndarray:
        _points(page)
        picture = tmp_path / "shot.png"
        page.screenshot(path=picture)
        return np.asarray(Image.open(picture).convert("RGB")).astype(int)

    first = shown()
    page.click("#clay")
    clay = shown()
    page.focus("#view")
    page.keyboard.press("ArrowRight")
    turned = shown()
    for one, other in ((first, clay), (clay, turned)):
        assert (np.abs(one - other).max(2) > 12).mean() > 0.02
    # nothing runs out of the window, on a phone either
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert said == []


@pytest.mark.slow
def test_the_page_draws_folds_while_actions_change(browser: Any, tmp_path: Path) -> None:
    head = load_head("open@2")
    raised = torch.zeros(1, len(ARKIT_NAMES))
    raised[0, ARKIT_NAMES.index("browOuterUpRight")] = 1
    with_folds, without = tmp_path / "face.html", tmp_path / "smooth.html"
    write_html(with_folds, Face(parameters=head.from_arkit(raised)[0], head=head))
    data = _data(with_folds)
    assert [len(relief["sides"]) for relief in data["folds"]["reliefs"]] == [2] * 4
    text = with_folds.read_text("utf-8")
    data["folds"] = None
    start = text.index('application/json">') + len('application/json">')
    end = text.index("</script>", start)
    without.write_text(text[:start] + json.dumps(data) + text[end:], encoding="utf-8")
    picture = tmp_path / "shot.png"
    shown = []
    for path in (with_folds, without):
        page, said = _opened(browser, path, (700, 900))
        for _ in range(2):
            _points(page)
            page.screenshot(path=picture)
            shown.append(np.asarray(Image.open(picture).convert("RGB")).astype(int))
            page.click("#neutral")
        assert said == []
    folded, flat, smooth_raised, smooth_flat = shown
    y, x = (np.abs(folded - smooth_raised).max(2) > 8).nonzero()
    assert len(x) > 100
    # the subject's right forehead: upper left of the head's half of the window
    assert x.max() < 360
    assert y.max() < 250
    assert np.abs(flat - smooth_flat).max() <= 2


@pytest.mark.slow
@pytest.mark.parametrize("skin", [(196, 150, 122), (96, 62, 48)])
def test_teeth_and_eyes_are_white_on_a_photos_skin(
    browser: Any, tmp_path: Path, skin: tuple[int, int, int]
) -> None:
    head = load_head("open@2")
    asked = torch.zeros(1, len(ARKIT_NAMES))
    for name in ("mouthSmile", "mouthUpperUp"):
        asked[0, [ARKIT_NAMES.index(f"{name}{side}") for side in ("Left", "Right")]] = 0.6
    asked[0, ARKIT_NAMES.index("jawOpen")] = 0.3
    face = head.from_arkit(asked)[0]
    shown = _in_photo(head, face)
    assert shown.picture is not None
    pixels = np.full((300, 400, 3), skin, np.uint8)
    pixels[:, ::10] = 210  # highlights, which tell how bright the light is
    path = tmp_path / "face.html"
    shown = replace(shown, picture=replace(shown.picture, pixels=pixels))
    write_html(path, shown)
    page, said = _opened(browser, path, (900, 700))
    points = _points(page).numpy()
    picture = tmp_path / "shot.png"
    page.screenshot(path=picture)
    drawn = np.asarray(Image.open(picture).convert("RGB")).astype(float)
    canvas = page.evaluate("[innerWidth - 320, innerHeight]")
    places = _on_canvas(points, np.frombuffer(_rest(path), "<i2").reshape(-1, 3) * 1e-5, canvas)

    def colour(place: np.ndarray) -> np.ndarray:
        x, y = np.round(place).astype(int)
        return np.asarray(drawn[y - 1 : y + 2, x - 1 : x + 2].mean((0, 1)))

    part = head.part.numpy()
    front = part == PARTS.index("teethU")
    front &= (np.abs(points[:, 0]) < 0.008) & (points[:, 2] > points[front, 2].max() - 0.0015)
    low, high = places[front].min(0), places[front].max(0)
    # beside the gap between the two in the middle, and above their edges
    tooth = colour(low + (high - low) * [0.3, 0.8])
    eye = part == PARTS.index("eyeL")
    outer = points[eye] - (points[eye].min(0) + points[eye].max(0)) / 2
    sclera = colour(places[eye][(unit(outer) @ unit(np.array([0.55, -0.1, 0.83]))).argmax()])
    cheek = colour(places[head.regions["cheeks"].numpy() & (points[:, 0] > 0)].mean(0))
    for white in (tooth, sclera):
        assert white.min() > cheek.mean() + 15
        assert white.max() - white.min() < 0.2 * white.max()
    assert said == []


def _rest(path: Path) -> bytes:
    return base64.b64decode(_data(path)["rest"]["data"])


def _on_canvas(points: np.ndarray, rest: np.ndarray, canvas: list[int]) -> np.ndarray:
    """Where the page draws points ``[V, 3]`` from the front, in pixels of its canvas ``[V, 2]``."""
    low, high = rest.min(0), rest.max(0)
    width, height = canvas
    arm = points - (low + high) / 2
    fit = 0.84 * min(1, width / height / 0.8) / ((high - low)[1] / 2)
    seen = arm[:, :2] * fit / (1 - 0.9 * arm[:, 2:])
    return np.asarray([width / 2, height / 2] + seen * [height / 2, -height / 2])
