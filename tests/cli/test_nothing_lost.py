"""Cases in which files of the user, or results of other inputs, were lost: each stays right."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.cli.main import main
from smirk3d.cli.reconstruct import reconstruct_photos
from smirk3d.export.result import read_result
from smirk3d.faces import Face
from smirk3d.preprocessing.face_detector import FoundFaces
from smirk3d.reconstruction import FaceReconstructor

LATIN_1 = os.fsdecode(b"Fran\xe7ois.png")


class Stub(FaceReconstructor):
    """Answers every picture with the faces of one, so that only files are at work."""

    def __init__(self, faces: FoundFaces, answers: list[Face]) -> None:
        self.faces, self.answers = faces, answers
        self.batches: list[int] = []

    def find(self, image: np.ndarray) -> FoundFaces:
        if image[0, 0].tolist() == [255, 0, 0]:
            raise ZeroDivisionError("a defect of a library")
        return self.faces

    def reconstruct(self, pictures, *, same_person=False, on_progress=None):
        self.batches.append(len(pictures))
        return [self.answers for _ in pictures]


@pytest.fixture(scope="module")
def known() -> tuple[FoundFaces, list[Face]]:
    reconstructor = FaceReconstructor(weights="none", device="cpu")
    found = reconstructor.find(data.astronaut())
    return found, reconstructor.reconstruct([found])[0]


@pytest.fixture
def stub(known, monkeypatch: pytest.MonkeyPatch) -> Stub:
    stub = Stub(*known)
    monkeypatch.setattr("smirk3d.reconstruction.FaceReconstructor", lambda *_, **__: stub)
    monkeypatch.setattr(
        "smirk3d.export.reconstruction_folder.overlay_panel", lambda image, faces: image
    )
    monkeypatch.setattr("smirk3d.assets.atomic.os.fsync", lambda descriptor: None)
    return stub


@pytest.fixture(params=["plain", "linked", "another file system"])
def work(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The folder to work in: as it is, behind a link, and on another file system."""
    folder = tmp_path / "work"
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as far:
        if request.param == "plain":
            folder.mkdir()
        elif request.param == "linked":
            (tmp_path / "real").mkdir()
            folder.symlink_to(tmp_path / "real")
        else:
            folder = Path(far)
        monkeypatch.chdir(folder)
        yield folder


def photo(path: Path | str, colour: tuple[int, int, int] | None = None) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = data.astronaut()[::4, ::4].copy()
    if colour:
        picture[:8, :8] = colour
    Image.fromarray(picture).save(path, format="PNG")
    return path


def all_files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def lost(before: dict[str, bytes], folder: Path) -> list[str]:
    after = all_files(folder)
    return [name for name, content in before.items() if after.get(name) != content]


def run(*arguments: str) -> int:
    return main(["reconstruct", *arguments, "--format", "json"])


@pytest.mark.parametrize(
    ("inputs", "out", "theirs", "results"),
    [
        (["alice.png"], ".", ["alice/notes.txt", "alice/me.png"], ["alice-2"]),
        (["anna/anna.png"], ".", [], ["anna-2"]),
        (["take1/take1.png"], "take1/..", ["take1/more.txt"], ["take1-2"]),
        (["./...png"], "out", ["out/earlier.txt"], ["out/unnamed"]),
        (["./..png"], "out", ["out/earlier.txt"], ["out/unnamed"]),
        (["./.png"], "out", ["out/earlier.txt"], ["out/_png"]),
        (["alice.png"], "other/..", ["alice/notes.txt", "other/x"], ["alice-2"]),
    ],
)  # fmt: skip
def test_no_file_of_the_users_is_removed(
    stub: Stub, work: Path, inputs: list[str], out: str, theirs: list[str], results: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name in inputs:
        photo(name)
    for name in theirs:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("mine")
    before = all_files(work)
    for _ in range(2):
        assert run(*inputs, "--out", out) == 0
        assert not lost(before, work)
        made = {
            str(path.parent) for path in map(Path, all_files(work)) if path.name == "result.json"
        }
        assert made == set(results)
    if any("alice" in name for name in theirs):
        assert "alice holds files that smirk3d did not write" in capsys.readouterr().err


def test_links_lead_no_one_out_of_the_folder(stub: Stub, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "notes.txt").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "alice").symlink_to(home)
    photo(tmp_path / "alice.png")
    before = all_files(tmp_path)
    for _ in range(2):
        assert run(str(tmp_path / "alice.png"), "--out", str(out)) == 0
        assert not lost(before, tmp_path)
        assert (out / "alice").is_symlink()
        assert sorted(path.name for path in out.iterdir()) == ["alice", "alice-2"]


def test_the_order_of_arguments_changes_nothing(stub: Stub, tmp_path: Path) -> None:
    one, two = (str(photo(tmp_path / "in" / side / "a.png")) for side in ("s1", "s2"))
    out = tmp_path / "out"
    assert run(one, two, one, "--out", str(out)) == 0
    first = {path.name: read_result(path).input for path in out.iterdir()}
    assert first == {"s1-a": one, "s2-a": two}
    assert stub.batches == [2]
    assert run(two, one, "--out", str(out)) == 0
    assert {path.name: read_result(path).input for path in out.iterdir()} == first


def test_a_photo_saved_anew_meanwhile_is_refused(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed, calm = photo(tmp_path / "p.png"), photo(tmp_path / "q.png")
    answers = Stub.reconstruct

    def save_anew(self: Stub, pictures, **options):
        Image.new("RGB", (300, 900), (0, 200, 0)).save(changed)
        return answers(self, pictures, **options)

    monkeypatch.setattr(Stub, "reconstruct", save_anew)
    out = tmp_path / "out"
    assert reconstruct_photos(stub, [changed, calm], out, ("json",)) == 3
    assert "p.png was changed while it was worked on" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["q"]


def test_a_defect_in_one_photo_leaves_the_others(
    stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = photo(tmp_path / "bad.png", (255, 0, 0))
    good = [photo(tmp_path / f"{n}.png") for n in range(2)]
    out = tmp_path / "out"
    assert reconstruct_photos(stub, [good[0], bad, good[1]], out, ("json",)) == 3
    said = capsys.readouterr().err.splitlines()
    assert said == [f"smirk3d: {bad}: ZeroDivisionError: a defect of a library"]
    assert sorted(path.name for path in out.iterdir()) == ["0", "1"]


def test_a_batch_that_fails_is_done_one_by_one(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = [photo(tmp_path / f"{n}.png") for n in range(3)]
    calls: list[int] = []

    def some_fail(self: Stub, pictures, *, same_person=False, on_progress=None):
        calls.append(len(pictures))
        if len(pictures) > 1 or len(calls) == 3:
            raise RuntimeError("out of memory\nin 2 lines")
        return [self.answers for _ in pictures]

    monkeypatch.setattr(Stub, "reconstruct", some_fail)
    assert reconstruct_photos(stub, photos, tmp_path / "out", ("json",)) == 3
    assert calls == [3, 1, 1, 1]
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"smirk3d: {photos[1]}: RuntimeError: out of memory\\nin 2 lines"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0", "2"]
    calls[:] = [0]
    assert reconstruct_photos(stub, photos, tmp_path / "o", ("json",), same_person=True) == 3
    assert not (tmp_path / "o").exists()


def test_names_that_are_not_utf8(
    stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange, other = photo(tmp_path / LATIN_1), photo(tmp_path / "other.png")
    out = tmp_path / "out"
    assert main(["reconstruct", str(strange), str(other), "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["Fran_xe7ois", "other"]
    assert "Fran\\xe7ois.png: 1 face" in capsys.readouterr().out
    content = json.loads((out / "Fran_xe7ois" / "result.json").read_text())
    assert content["input"].endswith("Fran\\xe7ois.png")
    assert (out / "Fran_xe7ois" / "face-0.glb").is_file()


def test_names_that_the_output_cannot_hold(tmp_path: Path) -> None:
    bad = tmp_path / "日本語 😀.png"
    bad.write_text("no picture")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "smirk3d", "reconstruct", str(bad), str(tmp_path / "none.png"),
         "--out", str(tmp_path / "out"), "--weights", "none"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "\\u65e5\\u672c\\u8a9e" in done.stderr
    assert "none.png" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["reconstruct"],
        ["reconstruct", "a.png", "--format", "fbx"],
        ["reconstruct", "a.png", "--format", ""],
        ["track"],
        ["track", "a.mp4", "--camera", "0"],
        ["track", "a.mp4", "--format", "fbx"],
        ["track", "--camera", "0", "--vmc", "nowhere:"],
        ["demo", "--weights", "mine"],
    ],
)
def test_wrong_usage_is_known_before_anything_heavy_is_imported(arguments: list[str]) -> None:
    script = f"""
import sys
from smirk3d.cli.main import main
code = main({arguments!r})
heavy = [name for name in ("torch", "mediapipe", "cv2", "numpy") if name in sys.modules]
sys.exit(f"imported {{heavy}}" if heavy else code)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("smirk3d: ")


def test_the_demo_leaves_a_folder_of_the_users(
    stub: Stub, known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stub, "__call__", lambda self, image: self.answers)
    notes = tmp_path / "astronaut" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine")
    for _ in range(2):
        assert main(["demo", "--out", str(tmp_path)]) == 0
        assert sorted(path.name for path in tmp_path.iterdir()) == ["astronaut", "astronaut-2"]
    assert notes.read_text() == "mine"
    shutil.rmtree(notes.parent)
    assert main(["demo", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "astronaut" / "face-0.glb").is_file()


def test_the_demo_needs_no_extra(
    stub: Stub, known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stub, "__call__", lambda self, image: self.answers)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "skimage" else found(name)
    )
    assert main(["demo", "--out", str(tmp_path)]) == 0
    with Image.open(tmp_path / "grace_hopper" / "photo.jpg") as photo:
        assert photo.size == (512, 600)


def test_two_runs_on_one_output(stub: Stub, tmp_path: Path) -> None:
    """Both end, each photo has a whole result, and who came second is told so."""
    path, out = photo(tmp_path / "a.png"), tmp_path / "out"
    codes: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: codes.append(reconstruct_photos(stub, [path], out, ("json",)))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(codes) <= {0, 3} and 0 in codes
    assert read_result(out / "a").head == DEFAULT_HEAD
    assert [path.name for path in out.iterdir()] == ["a"]
