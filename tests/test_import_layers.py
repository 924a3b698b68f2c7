"""Imports go downwards only, so that any part can be read without the parts above it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import smirk3d

SOURCE = Path(smirk3d.__file__).parent

LAYERS = [
    {"conventions", "errors", "closing", "assets"},
    {"face_parameters", "geometry"},
    {"heads", "encoders", "rasterization", "preprocessing", "feature_networks"},
    {"rendering", "neural_renderer", "losses"},
    {"data", "export", "synthesis"},
    {"fitting", "pipeline", "training", "tracking", "editing"},
    {"evaluation", "viewer"},
    {"cli"},
]
WITHIN_A_LAYER = {
    ("assets", "errors"),
    ("geometry", "face_parameters"),
    ("synthesis", "data"),
    ("pipeline", "fitting"),
    ("tracking", "pipeline"),
    ("tracking", "fitting"),
    ("editing", "tracking"),
    ("training", "fitting"),
    ("feature_networks", "encoders"),
}
"""Sideways imports that are wanted; none of them closes a circle."""

RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def _unit(path: Path) -> str:
    parts = path.relative_to(SOURCE).parts
    return parts[0].removesuffix(".py")


def _imported_units(path: Path) -> set[str]:
    units = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names = [node.module]
            if node.module == "smirk3d":
                names = [f"smirk3d.{a.name}" for a in node.names if a.name != "__version__"]
        units |= {name.split(".")[1] for name in names if name.startswith("smirk3d.")}
    return units


SOURCES = [
    path
    for path in sorted(SOURCE.rglob("*.py"))
    if path.parent != SOURCE or path.name not in {"__init__.py", "__main__.py"}
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path: Path) -> None:
    unit = _unit(path)
    for other in _imported_units(path) - {unit}:
        down = RANK[other] < RANK[unit]
        assert down or (unit, other) in WITHIN_A_LAYER, f"{unit} must not import {other}"


def test_sideways_imports_close_no_circle() -> None:
    assert not {(b, a) for a, b in WITHIN_A_LAYER} & WITHIN_A_LAYER


def test_the_walk_sees_imports(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("from smirk3d.cli import main\ndef f():\n    import smirk3d.viewer.app\n")
    assert _imported_units(source) == {"cli", "viewer"}
