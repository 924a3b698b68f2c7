"""Compiled loops are kept on disk, and made anew after a change of what they use."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
import pytest

import smirk3d.rasterization.numba_rasterizer
from smirk3d.rasterization.compilation import compiled
from smirk3d.synthesis.people.drawing import kernels

CALLER = """
from loops.helper import FACTOR, added
from smirk3d.rasterization.compilation import compiled

@compiled
def scaled(x):
    return added(x) * FACTOR
"""
HELPER = """
from smirk3d.rasterization.compilation import compiled

FACTOR = {factor}

@compiled
def added(x):
    return x + {added}
"""
RUN = """
from loops.caller import scaled
value = scaled(1)
print(value, sum(scaled.stats.cache_hits.values()))
"""


def _run(folder: Path) -> str:
    """Return what a new process prints: the loop's answer, and how often the disk served."""
    source = Path(smirk3d.__file__).parents[1]
    path = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(source)!r}]\n"
    done = subprocess.run(
        [sys.executable, "-c", path + RUN], capture_output=True, text=True, check=True, timeout=300
    )
    return done.stdout.strip()


def test_a_change_of_what_a_loop_calls_in_another_file_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "loops"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "caller.py").write_text(CALLER)
    (folder / "helper.py").write_text(HELPER.format(factor=1, added=2))
    assert _run(tmp_path) == "3 0"
    assert _run(tmp_path) == "3 1"
    (folder / "helper.py").write_text(HELPER.format(factor=1, added=3))
    assert _run(tmp_path) == "4 0"
    (folder / "helper.py").write_text(HELPER.format(factor=5, added=3))
    assert _run(tmp_path) == "20 0"
    assert _run(tmp_path) == "20 1"


def test_without_a_place_to_keep_them_loops_are_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make = numba.njit

    def refusing(*args: Any, **options: Any) -> Any:
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function: no locator available")
        return make(*args, **options)

    monkeypatch.setattr(numba, "njit", refusing)
    assert compiled(lambda x: x + 1)(1) == 2


def _loops() -> Iterator[Any]:
    """Yield all compiled functions of the package."""
    yield compiled(smirk3d.rasterization.numba_rasterizer._draw_mesh)
    for module in pkgutil.iter_modules(kernels.__path__, f"{kernels.__name__}."):
        for thing in vars(importlib.import_module(module.name)).values():
            if hasattr(thing, "py_func"):
                yield thing


def _owners(code: Any, names: dict[str, Any]) -> Iterator[str]:
    """Yield the modules of the package that define what compiled code names."""
    for name in code.co_names:
        thing = names.get(name)
        owner = getattr(thing, "py_func", thing)
        module = getattr(owner, "__module__", None)
        if isinstance(module, str):
            yield module


def test_loops_use_functions_of_their_own_folder_alone() -> None:
    loops = list(_loops())
    assert len(loops) > 25
    for loop in loops:
        function = loop.py_func
        own = function.__module__.rpartition(".")[0]
        for module in _owners(function.__code__, function.__globals__):
            inside = module.rpartition(".")[0] == own
            assert inside or not module.startswith("smirk3d"), f"{function.__name__} uses {module}"


CONSTANTS = sorted(Path(kernels.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", CONSTANTS, ids=lambda path: path.stem)
def test_files_of_loops_import_from_their_own_folder_alone(path: Path) -> None:
    allowed = (f"from {kernels.__name__}", "from smirk3d.rasterization import compilation")
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "smirk3d" in line]
    imports = [line for line in lines if line.lstrip().startswith(("from ", "import "))]
    assert all(line.startswith(allowed) for line in imports)
