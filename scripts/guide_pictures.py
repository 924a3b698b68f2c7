"""Draw the pictures of the README and the guides from today's head and weights.

``python scripts/guide_pictures.py [--blender PYTHON_WITH_BPY] [--out docs/images]``; needs
scikit-image for the photo and Chromium with playwright for the HTML page.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright
from skimage import data

from smirk3d.cli.main import main as smirk3d

ROOT = Path(__file__).parents[1]
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
"""Of Chromium, which then draws without a GPU."""
PAGE = {"width": 387, "height": 427}
"""Size of one of three pictures of the HTML page, its controls below."""
ORBIT = 0.008
"""Radians by which the page turns the head for a pixel."""
YAWS = (0.0, 0.7, 1.5)


def beside(pictures: list[Image.Image]) -> Image.Image:
    """Return pictures of one height side by side."""
    sheet = Image.new("RGB", (sum(p.width for p in pictures), pictures[0].height))
    left = 0
    for picture in pictures:
        sheet.paste(picture.convert("RGB"), (left, 0))
        left += picture.width
    return sheet


def page_pictures(page: Path) -> list[Image.Image]:
    """Return an HTML page's canvas from three sides."""
    pictures = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        opened = browser.new_page(viewport={"width": PAGE["width"], "height": 2 * PAGE["height"]})
        opened.set_default_timeout(120_000)
        opened.goto(page.as_uri())
        canvas = opened.locator("canvas")
        box = canvas.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        turned = 0.0
        for yaw in YAWS:
            opened.mouse.move(x, y)
            opened.mouse.down()
            opened.mouse.move(x + (yaw - turned) / ORBIT, y)
            opened.mouse.up()
            turned = yaw
            opened.wait_for_timeout(2000)
            shown = Image.open(io.BytesIO(opened.screenshot()))
            pictures.append(shown.crop((0, 0, PAGE["width"], round(box["y"] + box["height"]))))
        browser.close()
    return pictures


def blender_picture(python: str, file: Path) -> Image.Image:
    """Return a head's file as Blender draws it from three sides."""
    out = file.with_suffix(".blender.png")
    script = ROOT / "scripts" / "blender_picture.py"
    subprocess.run([python, str(script), str(file), str(out)], check=True, stdout=sys.stderr)
    return Image.open(out).convert("RGB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--blender", help="a Python with bpy, for two more pictures")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "astronaut.png"
        Image.fromarray(data.astronaut()).save(photo)
        formats = "glb,html,usdz" if chosen.blender else "glb,html"
        if smirk3d(["reconstruct", str(photo), "--out", folder, "--format", formats]):
            raise SystemExit("the photo was not reconstructed")
        result = Path(folder) / "astronaut"
        sheets = {
            "demo": Image.open(result / "overlay.png").convert("RGB"),
            "guide-html": beside(page_pictures(result / "face-0.html")),
        }
        if chosen.blender:
            for name, file in (("guide-blender", "face-0.glb"), ("guide-usdz", "face-0.usdz")):
                sheets[name] = blender_picture(chosen.blender, result / file)
        for name, sheet in sheets.items():
            sheet.save(chosen.out / f"{name}.jpg", quality=88)


if __name__ == "__main__":
    main()
