"""Small results as a command writes them, and what is in a folder, for tests of result folders."""

from __future__ import annotations

import json
from pathlib import Path

from smirk3d.assets.result_folders import Destination


def write(place: Destination, text: str = "new", digest: str | None = None) -> Path:
    """Write a small result with a folder in it."""
    with place.writing(digest) as draft:
        (draft.path / "sub").mkdir()
        (draft.path / "sub" / "0.obj").write_text(text)
        content = {"schema": "smirk3d.result/1", "input": place.input_text, "text": text}
        (draft.path / "result.json").write_text(json.dumps(content))
    return draft.folder


def text_in(folder: Path) -> str:
    return json.loads((folder / "result.json").read_text())["text"]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def all_files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
