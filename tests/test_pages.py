"""Pages lead where they say, and specify what the code reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smirk3d.heads.head_file import _LAYOUTS, JOINT_NAMES, REQUIRED_META
from smirk3d.heads.spec import PARTS

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "fuzz/*.md", "benchmarks/results/*.md")
    for path in ROOT.glob(pattern)
)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_files_lead_somewhere(page: Path) -> None:
    targets = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if ":" not in link]
    assert not [link for link in targets if not (page.parent / link).exists()]


def test_the_specification_names_all_of_a_head_file() -> None:
    text = (ROOT / "docs" / "head-file.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", text))
    assert not ({*_LAYOUTS, *JOINT_NAMES, *REQUIRED_META, "format", "eyelids_after_pose"} - named)
    for number, part in enumerate(PARTS):
        assert re.search(rf"\b{number} \w", text), part


def test_shapes_and_types_of_the_specification_are_the_codes() -> None:
    text = (ROOT / "docs" / "head-file.md").read_text(encoding="utf-8")
    for name in (
        "v_template",
        "uv_faces",
        "shape_basis",
        "gaze_range",
        "action_scale",
        "lbs_weights",
    ):
        layout = _LAYOUTS[name]
        assert re.search(rf"`{name}` \| {layout.shape} \| {layout.kind} \|", text), name
