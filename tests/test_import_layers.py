"""Imports go downwards only and close no circle, so that any part can be read by itself."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import smirk3d

SOURCE = Path(smirk3d.__file__).parent
TESTS = Path(__file__).parent
ARCHITECTURE = TESTS.parent / "docs" / "architecture.md"

LAYERS: tuple[dict[str, str], ...] = (
    {
        "errors": "error types",
        "conventions": "names, sizes and orders that all share",
        "library_choice": "the choice between NumPy and torch",
        "closing": "the base of whatever is closed after use",
        "array_interface": "NumPy arrays and torch tensors by one interface",
        "assets": "where files are; files and folders written whole or not at all",
    },
    {
        "parameters": "parameter groups and the parameters of faces",
        "geometry": "rotations, cameras, meshes",
        "engines": "many jobs on processes that may die, or on a Ray cluster",
    },
    {
        "heads": "the head model, its file, its registry, ARKit's names",
        "encoders": "networks from crops to parameters",
        "rasterization": "triangles to pixels",
        "preprocessing": "pictures and videos to detected faces and crops",
        "feature_networks": "networks behind perceptual and emotion losses",
    },
    {
        "rendering": "grey and lit pictures of heads, contact sheets",
        "neural_renderer": "the U-Net and its inputs",
        "losses": "pure loss functions",
        "fitting": "bounded least squares: landmarks, conversion between heads",
        "faces": "the record of a face in a picture",
    },
    {
        "head_import": "converters of each source of heads, landmark embedding",
        "synthesis": "expressions, rendered people, photo warps, with ground truth",
        "export": "files for other programs",
    },
    {
        "data": "training samples from annotated photos and shards",
        "reconstruction": "photo to faces",
    },
    {
        "tracking": "videos to people over time",
        "training": "both training paths, presets, the loop",
    },
    {
        "corpus": "folders and lists of inputs to tables, each input exactly once",
        "live": "cameras as they run, senders to programs that play along",
        "editing": "another expression in a photo",
        "evaluation": "protocols and reports",
        "viewer": "the browser viewer",
        "web_page": "the built page that runs in the browser, and its server",
    },
    {"cli": "commands, exit codes, the one place that prints"},
)
"""What may import what: a unit imports units of lower layers, and of its own where that closes no
circle. The table in docs/architecture.md is :func:`layer_table`."""

RANK = {name: rank for rank, units in enumerate(LAYERS) for name in units}


def layer_table() -> str:
    """Return the layers as a Markdown table."""
    lines = ["| layer | unit | holds |", "|---|---|---|"]
    for rank, units in enumerate(LAYERS):
        lines += [f"| {rank} | `{name}` | {text} |" for name, text in units.items()]
    return "\n".join(lines)


def modules() -> dict[str, Path]:
    """Return all modules of the package but its front doors, by dotted name."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if parts not in {("__init__",), ("__main__",)}:
            found[".".join(("smirk3d", *parts)).removesuffix(".__init__")] = path
    return found


def imports(path: Path, known: frozenset[str]) -> set[str]:
    """Return the modules of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                deep = f"{node.module}.{alias.name}"
                found.add(deep if deep in known else node.module)
    return {name for name in found if name.startswith("smirk3d.")}


def circles(graph: dict[str, set[str]]) -> Iterator[list[str]]:
    """Yield the strongly connected components of more than one node (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(node: str) -> Iterator[list[str]]:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                yield from visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            members = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(members) > 1:
                yield sorted(members)

    for node in sorted(graph):
        if node not in index:
            yield from visit(node)


def _graph() -> dict[str, set[str]]:
    files = modules()
    known = frozenset(files)
    return {name: imports(path, known) & known for name, path in files.items()}


def _unit(name: str) -> str:
    return name.split(".")[1]


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_go_down(name: str) -> None:
    unit = _unit(name)
    for other in imports(modules()[name], frozenset(modules())):
        assert RANK[_unit(other)] <= RANK[unit], f"{name} must not import {other}"


def test_no_circle_of_files() -> None:
    assert list(circles(_graph())) == []


def test_no_circle_of_units() -> None:
    units: dict[str, set[str]] = {name: set() for name in RANK}
    for name, others in _graph().items():
        units[_unit(name)] |= {_unit(other) for other in others} - {_unit(name)}
    assert list(circles(units)) == []


def test_circles_of_any_length_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}, "e": {"f"}, "f": {"e"}, "g": {"a"}}
    assert list(circles(graph)) == [["b", "c", "d"], ["e", "f"]]


def test_the_walk_sees_imports(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text(
        "from smirk3d.cli import main\nfrom smirk3d import cli\n"
        "def f():\n    import smirk3d.viewer.app\n"
    )
    known = frozenset({"smirk3d.cli", "smirk3d.cli.main", "smirk3d.viewer.app"})
    assert imports(source, known) == {"smirk3d.cli.main", "smirk3d.cli", "smirk3d.viewer.app"}


def test_the_page_on_architecture_has_this_table() -> None:
    assert layer_table() in ARCHITECTURE.read_text(encoding="utf-8")


def oversized(root: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Return lines of Python files of over 400, and files of folders of over 15, below a folder."""
    files = sorted(root.rglob("*.py"))
    lines = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    counts = Counter(str(path.parent) for path in files)
    return (
        {name: count for name, count in lines.items() if count > 400},
        {name: count for name, count in counts.items() if count > 15},
    )


@pytest.mark.parametrize("root", [SOURCE, TESTS])
def test_files_and_folders_stay_small(root: Path) -> None:
    long, full = oversized(root)
    assert not long, "split files of over 400 lines by task"
    assert not full, "a folder of over 15 files wants sub-folders"


def test_what_is_too_large_is_found(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    for number in range(16):
        (tmp_path / "part" / f"{number}.py").write_text("x = 0\n" * (385 + number))
    assert oversized(tmp_path) == ({}, {str(tmp_path / "part"): 16})
    (tmp_path / "part" / "0.py").rename(tmp_path / "0.py")
    (tmp_path / "0.py").write_text("x = 0\n" * 401)
    assert oversized(tmp_path) == ({str(tmp_path / "0.py"): 401}, {})
