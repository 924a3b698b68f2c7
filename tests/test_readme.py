"""The Python blocks of README run as they stand, on a picture of the name that they give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)


def test_readme_has_python_blocks() -> None:
    assert BLOCKS


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pytest.importorskip("skimage.data", reason="needs the extra demo")
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.astronaut()).save("photo.jpg", quality=95)
    (tmp_path / "clip").mkdir()
    for number in range(3):
        Image.fromarray(data.astronaut()).save(f"clip/frame_{number:03d}.png")
    exec(compile(block, str(README), "exec"), {})
