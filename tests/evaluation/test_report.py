from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from smirk3d.evaluation.report import Section, Table, write_report


def test_a_report_says_what_was_found_where_and_when(tmp_path: Path) -> None:
    table = Table("Two.", ["method", "px", "lost"], [["a", 1.23456, 0], ["b", float("nan"), None]])
    section = Section("landmarks", "About it.", [table], {"sheet": np.zeros((4, 5, 3), np.uint8)})
    text, data = write_report(tmp_path / "new" / "out", [section], {"limit": 3})
    markdown = text.read_text()
    assert "| method | px | lost |\n| --- | --- | --- |\n| a | 1.235 | 0 |\n| b |  |  |" in markdown
    assert "![sheet](landmarks-sheet.png)" in markdown
    assert "limit 3" in markdown
    assert (tmp_path / "new" / "out" / "landmarks-sheet.png").stat().st_size > 0
    document = json.loads(data.read_text())
    assert document["environment"]["date"] > "2026"
    assert {"commit", "cpu", "torch"} <= set(document["environment"])
    (found,) = document["protocols"]
    assert found["pictures"] == ["landmarks-sheet.png"]
    assert found["tables"][0]["rows"] == [
        {"method": "a", "px": 1.23456, "lost": 0},
        {"method": "b", "px": None, "lost": None},
    ]
