"""A headless Chromium for tests, and what they ask of a page."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CANVAS = "canvas[data-engine]"
PATIENCE = 120.0
"""Seconds: software rendering on a busy machine takes its time."""
FLAGS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


def chromium() -> str:
    """The browser's program; skips the test where there is none."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        pytest.skip("no Chromium here: apt-get install chromium to drive the viewer's page")
    return found


class Page:
    """A page of a viewer in the browser, and all that its console said."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(address)
        page.wait_for_selector("[role=status]")

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def status(self) -> str:
        return str(self.page.inner_text("[role=status]"))

    def warning(self) -> str:
        """What went wrong, as the panel says it; none where nothing did."""
        shown = self.page.locator("[role=alert][data-number]:visible span")
        return str(shown.first.inner_text()) if shown.count() else ""

    def canvas(self) -> np.ndarray:
        """The picture ``[H, W, 3]`` of the 3D view."""
        png = self.page.locator(CANVAS).screenshot(timeout=PATIENCE * 1000)
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(np.int16)

    def settled_canvas(self) -> np.ndarray:
        """The same once it has stopped changing: meshes arrive one after the other."""
        pictures = [self.canvas()]

        def still() -> bool:
            time.sleep(0.5)
            pictures.append(self.canvas())
            return bool(np.abs(pictures[-1] - pictures[-2]).mean() < 0.01)

        until(still, "the view to settle")
        return pictures[-1]

    def shot(self, path: Path) -> None:
        self.page.screenshot(path=str(path), timeout=PATIENCE * 1000)

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).click()

    def leave_controls(self) -> None:
        """Put the focus where keys mean the viewer, not a control."""
        self.page.locator(CANVAS).click(position={"x": 20, "y": 420})

    def press_slider(self, slider: Any, key: str) -> None:
        """Move a slider by a key, as one without a mouse does."""
        thumb = self.page.locator(f'[id="{slider._impl.uuid}"] [role=slider]')
        thumb.scroll_into_view_if_needed()
        thumb.focus()
        self.page.keyboard.press(key)


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for something that becomes true, and return it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"waited {PATIENCE:.0f} s for {what}")
