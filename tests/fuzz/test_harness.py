"""The fuzzer tells every kind of failure from a refusal, goes on after it, and can repeat it."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from random import Random

import pytest
from tests.fuzz.fake_targets import WAYS

from fuzz.inputs import mutated, read_files, write_files
from fuzz.mutators import mutate
from fuzz.outcomes import innermost_frame
from fuzz.report import Report
from fuzz.supervisor import Supervisor

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the fuzzer reads Linux's /proc"
)

EXPECTED = {
    "done": ("done", ""),
    "refuse": ("refused", "InputError: a.bin: damaged"),
    "raise": ("traceback", "ShapeError: array must have shape"),
    "thread": ("traceback", "ShapeError: array must have shape"),
    "sleep": ("over 20 s", "1 s"),
    "allocate": ("over 2 GiB", ""),
    "virtual": ("over 2 GiB", "MemoryError"),
    "segfault": ("signal", "SIGSEGV"),
    "exit": ("signal", "exit 3"),
}


@pytest.fixture(scope="module")
def supervisor(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "seeds"
    with Supervisor(
        folder,
        registry="tests.fuzz.fake_targets",
        longest_seconds=1,
        largest_bytes=32 << 20,
    ) as made:
        yield made


@pytest.mark.parametrize("way", WAYS)
def test_each_kind_of_end_is_told_from_the_others(supervisor, way):
    outcome = supervisor.make("fake", WAYS.index(way))
    kind, message = EXPECTED[way]
    assert outcome.kind == kind
    assert outcome.message.startswith(message)
    assert supervisor.last_input("fake") == {"a.bin": way.encode()}
    # the next input has a worker again
    assert supervisor.make("fake", 0).kind == "done"


def test_the_place_of_an_error_is_the_innermost_of_ours(supervisor):
    outcome = supervisor.make("fake", WAYS.index("raise"))
    assert outcome.where.startswith("smirk3d/errors.py:")
    assert outcome.where.endswith(" check_shape")
    assert "fake_targets" in outcome.stack


def test_a_kept_input_fails_again_and_like_failures_count_as_one(supervisor, tmp_path):
    report = Report(tmp_path)
    for way in ("raise", "refuse", "raise", "segfault"):
        outcome = supervisor.make("fake", WAYS.index(way))
        if report.add("fake", outcome):
            report.keep("fake", outcome, supervisor.last_input("fake"))
    assert report.failed
    assert [failure.count for failure in report.failures.values()] == [2, 1]
    folders = [failure.folder for failure in report.failures.values()]
    assert [supervisor.read("fake", folder).kind for folder in folders] == ["traceback", "signal"]
    report.write()
    assert "| fake | 4 | 0 | 1 | 2 | 0 | 0 | 1 |" in (tmp_path / "report.md").read_text()


def test_refusals_alone_are_no_failure(supervisor, tmp_path):
    report = Report(tmp_path)
    report.add("fake", supervisor.make("fake", WAYS.index("refuse")))
    assert not report.failed


def test_frames_of_other_code_are_passed_over():
    stack = (
        'File "/home/me/smirk3d/.venv/lib/python3.12/site-packages/numpy/a.py", line 3, in load\n'
        'File "/home/me/smirk3d/src/smirk3d/heads/head_file.py", line 12, in read\n'
        'File "/home/me/smirk3d/src/smirk3d/errors.py", line 7, in check\n'
        'File "/usr/lib/python3.12/json/__init__.py", line 3, in loads\n'
    )
    assert innermost_frame(stack) == "smirk3d/errors.py:7 check"
    assert innermost_frame(stack, newest_first=True) == "smirk3d/heads/head_file.py:12 read"
    assert not innermost_frame("nothing of ours")


def test_an_input_depends_on_seed_and_number_alone(tmp_path: Path):
    seeds = [{"a.json": b'{"a": [1, 2, {"b": "text"}]}', "b.bin": bytes(range(64))}]
    inputs = [mutated(seeds, "fake", 7, index) for index in range(200)]
    assert inputs == [mutated(seeds, "fake", 7, index) for index in range(200)]
    assert inputs[0] == seeds[0]
    others = sum(files != seeds[0] for files in inputs)
    assert others > 180
    assert inputs != [mutated(seeds, "fake", 8, index) for index in range(200)]
    write_files(tmp_path / "input", inputs[50])
    assert read_files(tmp_path / "input") == inputs[50]


def test_every_kind_of_file_is_changed_by_its_structure():
    from fuzz.seeds.heads import array_seeds, pickle_seeds
    from fuzz.seeds.pictures import picture_seeds

    for files in (*array_seeds(), *pickle_seeds(), *picture_seeds()):
        ((name, content),) = files.items()
        if len(content) < 32:
            continue  # too little to change
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile says that a member is there twice
            changed = {mutate(name, content, [content], Random(number)) for number in range(40)}
        assert len(changed - {content}) > 20, name
