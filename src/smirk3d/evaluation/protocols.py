"""The protocols by name, and a run of several into one report."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from smirk3d.errors import InputError
from smirk3d.evaluation import (
    cycle,
    emotion,
    jitter,
    landmarks,
    now,
    resynthesis,
    roundtrip,
    survival,
    synthetic,
)
from smirk3d.evaluation.bench import Bench
from smirk3d.evaluation.report import Section, write_report

PROTOCOLS: dict[str, Callable[[Bench], Section]] = {
    "landmarks": landmarks.run,
    "roundtrip": roundtrip.run,
    "survival": survival.run,
    "synthetic": synthetic.run,
    "jitter": jitter.run,
    "emotion": emotion.run,
    "resynthesis": resynthesis.run,
    "cycle": cycle.run,
    "now": now.run,
}
"""What they measure is in each module's docstring and in the report."""

NEED_ACTIONS = {"roundtrip", "survival", "synthetic"}
"""Protocols for heads with named actions alone."""


def evaluate(bench: Bench, names: Sequence[str]) -> tuple[Path, Path]:
    """Run protocols in order and write one report; return its Markdown and its JSON file.

    The report is written anew after each protocol, so that what is done is kept.

    Raises:
        InputError: if a protocol is unknown, or needs what is not given.
        AssetError: if a file is absent or damaged.
        OutputError: if the report cannot be written.
    """
    unknown = [name for name in names if name not in PROTOCOLS]
    if unknown or not names:
        raise InputError(
            f"no protocol {', '.join(map(repr, unknown))}: choose from {', '.join(PROTOCOLS)}"
        )
    if not bench.methods:
        raise InputError("no method to evaluate: give --methods")
    actionless = NEED_ACTIONS & set(names)
    if actionless and not bench.head.has_named_actions:
        raise InputError(
            f"head {bench.head.name!r} has no named actions, which {', '.join(sorted(actionless))} "
            "compare"
        )
    settings = {
        "head": bench.head.name,
        "methods": " ".join(method.name for method in bench.methods),
        "device": str(bench.device),
        **asdict(bench.config),
    }
    sections: list[Section] = []
    for name in names:
        start = time.perf_counter()
        section = PROTOCOLS[name](bench)
        sections.append(replace(section, seconds=time.perf_counter() - start))
        files = write_report(bench.out, sections, settings)
    return files
