"""The protocols by name, and the evaluation that writes one report of several."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from smirk3d.errors import InputError, UsageError, reason
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.protocols import (
    cycle,
    emotion,
    footage,
    invention,
    jitter,
    landmarks,
    now,
    redetection,
    resynthesis,
    retention,
    synthetic,
    truth,
)
from smirk3d.evaluation.report import Section, check_report_folder, write_report

PROTOCOLS: dict[str, Callable[[EvaluationContext], Section]] = {
    "truth": truth.run,
    "footage": footage.run,
    "landmarks": landmarks.run,
    "redetection": redetection.run,
    "invention": invention.run,
    "retention": retention.run,
    "synthetic": synthetic.run,
    "jitter": jitter.run,
    "emotion": emotion.run,
    "resynthesis": resynthesis.run,
    "cycle": cycle.run,
    "now": now.run,
}
"""The function of each protocol; module docstrings and reports explain them."""

NEED_ACTIONS = {"redetection", "invention", "retention", "synthetic"}
"""Protocols that need a head with named actions."""


@dataclass(frozen=True)
class Evaluated:
    """Files and failures of an evaluation.

    Attributes:
        report: path of the report in Markdown.
        data: path of the report in JSON.
        failed: reason by name of each protocol and method that failed.
    """

    report: Path
    data: Path
    failed: Mapping[str, str]


def evaluate(
    context: EvaluationContext,
    names: Sequence[str],
    *,
    failed: Mapping[str, str] | None = None,
    on_failure: Callable[[str, Exception], None] | None = None,
) -> Evaluated:
    """Run protocols in order and write one report.

    A protocol that fails is named in the report with the reason, and the others are done. The
    report is written anew after each protocol, so that what is done is kept.

    Args:
        context: head, methods and photos.
        names: names of the protocols.
        failed: reason by name of each method that could not be made, for the report.
        on_failure: called with the name of each protocol that failed and the error.

    Raises:
        UsageError: if a protocol is unknown or lacks a setting, or there is no method.
        OutputError: if the report cannot be written.
    """
    unknown = [name for name in names if name not in PROTOCOLS]
    if unknown or not names:
        raise UsageError(
            f"no protocol {', '.join(map(repr, unknown))}: choose from {', '.join(PROTOCOLS)}"
        )
    if not context.methods:
        raise UsageError("no method to evaluate: give --methods")
    context.config.check(tuple(names))
    check_report_folder(context.out)
    settings = {
        "head": context.head.name,
        "methods": " ".join(method.name for method in context.methods),
        "device": str(context.device),
        **asdict(context.config),
    }
    sections: list[Section] = []
    reasons = dict(failed or {})
    for name in dict.fromkeys(names):
        start = time.perf_counter()
        try:
            section = _run(name, context)
        except Exception as error:
            reasons[name] = reason(error)
            if on_failure is not None:
                on_failure(name, error)
        else:
            sections.append(replace(section, seconds=time.perf_counter() - start))
        report, data = write_report(context.out, sections, settings, reasons)
    return Evaluated(report, data, reasons)


def _run(name: str, context: EvaluationContext) -> Section:
    if name in NEED_ACTIONS and not context.head.has_named_actions:
        raise InputError(f"head {context.head.name!r} has no named actions, which {name} compares")
    return PROTOCOLS[name](context)
