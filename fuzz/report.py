"""Counts outcomes by target, keeps failing inputs, and writes the table."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.inputs import Files, write_files
from fuzz.outcomes import FAILURES, KINDS, Outcome


@dataclass
class Failure:
    """Failures that look alike.

    Attributes:
        target: whose they are.
        first: the outcome of the first input that showed it.
        folder: with that input.
        count: how many inputs showed it.
    """

    target: str
    first: Outcome
    folder: Path
    count: int = 0

    def to_markdown(self) -> str:
        """Return a list's item: what it was, where, and how to see it again."""
        place = f" at `{self.first.where}`" if self.first.where else ""
        message = self.first.message.replace("`", "'")[:200]
        return (
            f"- **{self.target}**, {self.first.kind}, {self.count} times{place}: `{message}`\n"
            f"  `python -m fuzz {self.target} {self.folder}`"
        )


@dataclass
class Report:
    """Outcomes of the inputs of a run.

    Attributes:
        folder: folder of the table and of the failing inputs.
        counts: number of outcomes of each kind, by target.
        failures: by target and what they have in common.
        peaks: most memory that an input took in bytes, by target.
    """

    folder: Path
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    failures: dict[tuple[str, str], Failure] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)

    def add(self, target: str, outcome: Outcome) -> bool:
        """Count an outcome and return whether its input should be kept, as a new failure."""
        self.counts.setdefault(target, Counter())[outcome.kind] += 1
        self.peaks[target] = max(self.peaks.get(target, 0), outcome.peak)
        if not outcome.failed:
            return False
        key = (target, outcome.signature)
        new = key not in self.failures
        if new:
            number = sum(name == target for name, _ in self.failures)
            self.failures[key] = Failure(target, outcome, self._folder(target, number))
        self.failures[key].count += 1
        return new

    def _folder(self, target: str, number: int) -> Path:
        return self.folder / "failures" / f"{target}-{number:03d}"

    def keep(self, target: str, outcome: Outcome, files: Files) -> None:
        """Write the input that showed a failure, and beside it what it led to."""
        folder = self.failures[target, outcome.signature].folder
        write_files(folder, files)
        text = f"{outcome.kind} {outcome.message}\n{outcome.where}\n\n{outcome.stack}"
        folder.with_suffix(".txt").write_text(text)

    @property
    def failed(self) -> bool:
        """Whether any input failed."""
        return bool(self.failures)

    def to_markdown(self) -> str:
        """Return the table by target and the list of failures."""
        rows = [
            f"| {name} | {counts.total()} | {' | '.join(str(counts[kind]) for kind in KINDS)} |"
            f" {self.peaks[name] / 2**20:.0f} MiB |"
            for name, counts in self.counts.items()
        ]
        total: Counter[str] = Counter()
        for counts in self.counts.values():
            total.update(counts)
        sums = " | ".join(str(total[kind]) for kind in KINDS)
        lines = [
            f"| target | inputs | {' | '.join(KINDS)} | most memory |",
            f"|---|{'---:|' * (len(KINDS) + 2)}",
            *rows,
            f"| all | {total.total()} | {sums} | |",
        ]
        if self.failures:
            different = f"{len(self.failures)} failures that differ ({', '.join(FAILURES)}):"
            lines += ["", different, ""]
            lines += [failure.to_markdown() for failure in self.failures.values()]
        return "\n".join(lines) + "\n"

    def write(self) -> None:
        """Write ``report.md`` and ``report.json``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "report.md").write_text(self.to_markdown())
        content = {name: dict(counts) for name, counts in self.counts.items()}
        (self.folder / "report.json").write_text(json.dumps(content, indent=1) + "\n")
