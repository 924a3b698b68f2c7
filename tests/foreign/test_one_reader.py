"""Nothing outside ``smirk3d.assets.foreign`` opens a foreign file by a reader without bounds."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import smirk3d

SOURCE = Path(smirk3d.__file__).parent
UNBOUNDED = {
    "np.load", "np.loadtxt", "np.genfromtxt", "np.fromfile", "np.savetxt", "numpy.load",
    "json.load", "json.loads", "pickle.load", "pickle.loads", "pickle.Unpickler",
    "torch.load", "tarfile.open", "tarfile.TarFile", "gzip.open", "gzip.decompress", "bz2.open",
    "lzma.open", "zlib.decompress", "safe_open", "load_file", "safetensors.safe_open",
    "npy_format.read_array", "joblib.load", "yaml.load",
}  # fmt: skip
ALLOWED = {
    # a storage inside a pickle, whose size is checked there, in memory
    ("head_import/reading/pickled_arrays.py", "torch.load"),
    # an error that a process of ours hands over: whether it can be handed over at all
    ("engines/supervisor.py", "pickle.loads"),
    # a line of a run's own log, in which losses that are not finite have their place
    ("training/records/run_log.py", "json.loads"),
}


def _called(tree: ast.AST) -> set[str]:
    names = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "zipfile.ZipFile":
            writes = len(node.args) > 1 and ast.unparse(node.args[1]) in ("'w'", "'x'")
            names |= set() if writes else {"reads zipfile.ZipFile"}
    return names


@pytest.mark.parametrize(
    "path",
    [p for p in sorted(SOURCE.rglob("*.py")) if "assets/foreign" not in p.as_posix()],
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_foreign_files_go_through_the_bounded_readers(path: Path) -> None:
    name = path.relative_to(SOURCE).as_posix()
    found = _called(ast.parse(path.read_text())) & (UNBOUNDED | {"reads zipfile.ZipFile"})
    found -= {call for file, call in ALLOWED if file == name}
    assert not found, f"{name} calls {sorted(found)}: read through smirk3d.assets.foreign"


def test_the_walk_sees_readers() -> None:
    tree = ast.parse("import numpy as np\nwith np.load(x) as f: pass\nzipfile.ZipFile(p)")
    assert _called(tree) == {"np.load", "zipfile.ZipFile", "reads zipfile.ZipFile"}
