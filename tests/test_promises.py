"""Promises of ``docs/promises.md`` and cases of ``../shared/cases`` have tests that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROMISES = ROOT / "docs" / "promises.md"

CASES: dict[str, tuple[str, ...]] = {
    "audio-no-decoder": (
        "tests/tracking/test_seen_clips.py::test_sound_of_a_later_stream_is_taken",
        "tests/tracking/test_overlay_sound.py::test_the_first_sound_with_a_decoder_is_taken",
    ),
    "csv-rows-and-timebase": ("tests/tracking/test_seen_clips.py::test_a_gap_keeps_its_rows",),
    "dots-name": ("tests/cli/test_nothing_lost.py::test_no_file_of_the_users_is_removed",),
    "head-npz": ("tests/foreign/test_seen_cases.py::test_heads",),
    "input-changes-meanwhile": (
        "tests/cli/test_nothing_lost.py::test_a_photo_saved_anew_meanwhile_is_refused",
    ),
    "live-take-replaced": (
        "tests/tracking/test_going_on.py::test_each_take_has_a_folder_of_its_own",
        "tests/tracking/test_going_on.py::test_a_killed_take_becomes_a_result_and_the_next_another",
    ),
    "name-not-utf8": (
        "tests/cli/test_nothing_lost.py::test_names_that_are_not_utf8",
        "tests/tracking/test_going_on.py::test_names_that_are_not_utf8",
    ),
    "npy-header": ("tests/foreign/test_seen_cases.py::test_array_headers",),
    "output-encoding": ("tests/cli/test_nothing_lost.py::test_names_that_the_output_cannot_hold",),
    "pickle-name-ansi": (
        "tests/foreign/test_seen_cases.py::test_pickles",
        "tests/cli/support/test_terminal_safety.py::test_names_in_pickles_are_printed_safely",
    ),
    "pickle-name-newline": (
        "tests/foreign/test_seen_cases.py::test_pickles",
        "tests/cli/support/test_terminal_safety.py::test_names_in_pickles_are_printed_safely",
    ),
    "pickle-select-bomb-13GB": (
        "tests/head_import/test_pickle_bombs.py::test_the_bombs_that_were_seen_are_refused_within_500_mb",
    ),
    "pickle-tensor-many": (
        "tests/head_import/test_pickle_bombs.py::test_the_bombs_that_were_seen_are_refused_within_500_mb",
    ),
    "replaces-foreign-folder": (
        "tests/cli/test_nothing_lost.py::test_no_file_of_the_users_is_removed",
        "tests/cli/test_nothing_lost.py::test_links_lead_no_one_out_of_the_folder",
        "tests/tracking/test_going_on.py::test_the_video_in_the_results_place_stays",
    ),
    "tiff-179-200MP": (
        "tests/preprocessing/media/test_image_io.py::test_a_tiff_of_196_million_pixels",
        "tests/data/test_preprocess.py::test_no_photo_costs_another_whatever_it_does",
    ),
    "track-npz": ("tests/foreign/test_seen_cases.py::test_tracks",),
    "two-writers-track-store": (
        "tests/tracking/test_going_on.py::test_two_writers_of_one_store",
        "tests/tracking/test_going_on.py::test_a_clip_in_use_fails_alone",
    ),
    "upside-down-video": (
        "tests/tracking/test_seen_clips.py::test_a_face_shown_head_down_is_read_so",
    ),
    "video-external-error": (
        "tests/preprocessing/test_video_container.py::test_external_errors_of_the_cases",
    ),
    "video-no-codec": (
        "tests/preprocessing/test_video_container.py::test_videos_without_a_decoder_of_the_cases",
    ),
    "viewer-behind-proxy": (
        "tests/viewer/test_sites.py::test_a_running_server_lets_in_its_own_pages_and_admitted_ones",
        "tests/viewer/test_sites.py::test_a_running_server_refuses_others_with_one_printable_line",
    ),
    "vmc-silent-when-lost": (
        "tests/tracking/test_stream_driver.py"
        "::test_every_frame_is_sent_and_the_face_is_held_then_rests_and_comes_back",
    ),
}
"""Tests of each case; benchmarks/results/cases.md tells what they show."""


@cache
def _tests_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


def _missing(name: str) -> bool:
    """Return whether a file, or the test that follows it after two colons, does not exist."""
    file, _, test = name.partition("::")
    path = ROOT / file
    return not path.is_file() or (bool(test) and test not in _tests_of(path))


def _promises() -> dict[str, str]:
    """Return the text of each promise by its number."""
    text = PROMISES.read_text(encoding="utf-8")
    parts = re.split(r"^(\d+)\. ", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _named(text: str) -> Iterator[str]:
    """Yield what a promise names: ``tests/x.py``, ``tests/x.py::test_y``, ``benchmarks/x.py``."""
    for name in re.findall(r"`([^`\s]+)`", text):
        if re.match(r"(tests|benchmarks)/[\w/]+\.py", name):
            yield name


@pytest.mark.parametrize("number", _promises())
def test_each_promise_names_tests_that_exist(number: str) -> None:
    text = _promises()[number]
    named = list(_named(text))
    assert any(name.startswith("tests/") for name in named), "no test keeps this promise"
    assert [name for name in named if _missing(name)] == []


def test_promises_are_numbered_in_order() -> None:
    numbers = list(map(int, _promises()))
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 20


def test_whatever_looks_like_a_test_is_named_in_full() -> None:
    words = re.findall(r"`([^`]*test_[^`]*)`", PROMISES.read_text(encoding="utf-8"))
    assert [word for word in words if not word.startswith("tests/")] == []


def test_each_case_has_tests_that_exist() -> None:
    named = [name for names in CASES.values() for name in names]
    assert [name for name in named if _missing(name)] == []


def test_no_case_is_left_out(shared_dir: Path) -> None:
    assert {path.name for path in (shared_dir / "cases").iterdir()} == set(CASES)


def test_a_missing_test_is_seen() -> None:
    assert _missing("tests/absent.py") and _missing("tests/test_promises.py::test_absent")
    assert not _missing("tests/test_promises.py::test_a_missing_test_is_seen")
