"""Time a frame of the page in headless Chromium, beside MediaPipe's own landmarker page.

Both see the same made camera in the same browser, one after the other, several rounds in turn.
MediaPipe's page does what its demo does: ``detectForVideo`` with blend shapes on the CPU, and its
landmarks drawn over the video. Processor time is that of all processes of the browser, with what
they do between frames. Needs the page built by ``make web``, ``web/node_modules``, and Linux.

``python benchmarks/web_page.py --seconds 20 --rounds 3``
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from common import write_results

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.viewer.browser import FLAGS, chromium
from tests.web.media import write_camera

from smirk3d.web_page.server import package_files, page_folder, page_server

PACKAGE = Path(__file__).parents[1] / "web" / "node_modules" / "@mediapipe" / "tasks-vision"
PARTS = ("detector", "encoder", "solve", "drawing")
ALLOWED = 1.8
"""Times MediaPipe's page that a frame may take."""

LANDMARKER = Path(__file__).with_name("landmarker_page.html")


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the page, and MediaPipe's beside it, at a free port, as ``smirk3d web`` does."""
    shutil.copytree(page_folder(), folder, dirs_exist_ok=True)
    shutil.copytree(PACKAGE / "wasm", folder / "wasm")
    shutil.copy(PACKAGE / "vision_bundle.mjs", folder)
    shutil.copy(LANDMARKER, folder)
    task = folder / "assets" / "face_landmarker.task"
    task.write_bytes(gzip.decompress(task.with_name(f"{task.name}.gz").read_bytes()))
    with page_server("127.0.0.1", 0, folder=folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def processor_seconds() -> float:
    """Return the processor time so far of all processes that came from this one."""
    parents, spent = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:  # it ended meanwhile
            continue
        fields = text[text.rindex(")") + 2 :].split()
        number = int(stat.parent.name)
        parents[number], spent[number] = int(fields[1]), int(fields[11]) + int(fields[12])
    mine = {os.getpid()}
    while more := {number for number, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return sum(spent[number] for number in mine - {os.getpid()}) / os.sysconf("SC_CLK_TCK")


def ours(browser: Browser, address: str, seconds: float) -> dict[str, float]:
    """Return milliseconds a frame by part, frames a second, and seconds to the first face."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, service_workers="block")
    page.set_default_timeout(300_000)
    begin = time.monotonic()
    page.goto(address)
    page.wait_for_selector("#camera:not([disabled])")
    ready = time.monotonic() - begin
    page.click("#camera")
    # the page's policy forbids to evaluate a condition
    page.locator("#speed").filter(has_text="frames/s").wait_for()
    first = time.monotonic() - begin
    time.sleep(3)
    texts = []
    counted, spent = _frames(page), processor_seconds()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(1)
        texts.append(page.inner_text("#speed"))
    spent = processor_seconds() - spent
    counted = _frames(page) - counted
    page.close()
    found: dict[str, float] = {"ready_s": ready, "first_face_s": first}
    rows = [dict(re.findall(r"(\w+) ([\d.]+) ms", text)) for text in texts]
    for part in PARTS:
        found[part] = statistics.median(float(row[part]) for row in rows)
    rates = [float(text.split()[0]) for text in texts if "frames/s" in text]
    found["frames_per_s"] = statistics.median(rates)
    found["frame"] = sum(found[part] for part in PARTS)
    found["cpu"] = 1000 * spent / counted
    return found


def _frames(page: Page) -> int:
    return int(page.locator("#speed").get_attribute("data-frames") or 0)


def mediapipes(browser: Browser, address: str, seconds: float) -> dict[str, float]:
    """Return milliseconds a frame and frames a second of MediaPipe's page."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, service_workers="block")
    page.set_default_timeout(300_000)
    page.goto(address + LANDMARKER.name)
    page.wait_for_function("window.frames_ && window.frames_.length > 5")
    time.sleep(3)
    count = page.evaluate("window.frames_.length")
    spent = processor_seconds()
    time.sleep(seconds)
    spent = processor_seconds() - spent
    rows: list[dict[str, Any]] = page.evaluate(f"window.frames_.slice({count})")
    page.close()
    if not all(row["faces"] for row in rows):
        raise SystemExit("MediaPipe's page lost the face: the two did not do the same")
    span = (rows[-1]["at"] - rows[0]["at"]) / 1000
    took = statistics.median(row["took"] for row in rows)
    return {
        "frame": took,
        "frames_per_s": (len(rows) - 1) / span,
        "cpu": 1000 * spent / len(rows),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20, help="of each page in each round")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    about = json.loads((page_folder() / "assets" / "about.json").read_text("utf-8"))
    pages: dict[str, list[dict[str, float]]] = {"ours": [], "MediaPipe's": []}
    with tempfile.TemporaryDirectory() as made:
        camera = write_camera(Path(made) / "camera.mjpeg", 2)
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
        with served(Path(made) / "page") as address, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium(), args=flags)
            for number in range(chosen.rounds):
                pages["ours"].append(ours(browser, address, chosen.seconds))
                pages["MediaPipe's"].append(mediapipes(browser, address, chosen.seconds))
                print(f"round {number + 1} of {chosen.rounds} done", file=sys.stderr)
            browser.close()
    size = sum(path.stat().st_size for path in page_folder().rglob("*") if path.is_file())
    # compressed as `make web` does for other hosts
    more = package_files(page_folder()).values()
    size += sum(len(gzip.compress(path.read_bytes())) for path in more)
    medians = {
        name: {key: round(statistics.median(one[key] for one in rounds), 3) for key in rounds[0]}
        for name, rounds in pages.items()
    }
    first, peer = medians["ours"], medians["MediaPipe's"]
    ratio = first["frame"] / peer["frame"]
    rates = peer["frames_per_s"] / first["frames_per_s"]
    lines = [
        f"Head {about['head']}, weights {about['weights']}; a visitor loads {size / 1e6:.1f} MB.\n",
        "| page | ms a frame | processor ms a frame | frames/s | "
        + " | ".join(f"{part} ms" for part in PARTS)
        + " |",
        "|---|---|---|---|" + "---|" * len(PARTS),
    ]
    for name, row in medians.items():
        parts = [f"{row[part]:.1f}" if part in row else "" for part in PARTS]
        lines.append(
            f"| {name} | {row['frame']:.1f} | {row['cpu']:.1f} | {row['frames_per_s']:.1f} | "
            + " | ".join(parts)
            + " |"
        )
    lines += [
        f"\nReady after {first['ready_s']:.1f} s, first face of the camera after "
        f"{first['first_face_s']:.1f} s. Ours over MediaPipe's: {ratio:.2f} in the page's own time "
        f"(at most {ALLOWED}), {first['cpu'] / peer['cpu']:.2f} in processor time of the whole "
        f"browser, {rates:.2f} in frames a second. "
        f"Medians of {chosen.rounds} rounds of {chosen.seconds:g} s, in turn; WebGL in software.",
    ]
    table = "\n".join(lines)
    print(table)
    rows = [{"page": name, **row} for name, row in medians.items()]
    write_results("web_page", [*rows, {"megabytes": size / 1e6, "ratio": ratio}], table)
    return 0 if ratio <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
