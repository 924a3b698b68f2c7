"""``python -m fuzz``: all targets for some time or inputs, or one input again."""

from __future__ import annotations

import shutil
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fuzz.outcomes import Outcome
from fuzz.report import Report
from fuzz.supervisor import Supervisor, WorkerBroken
from fuzz.targets import TARGETS

_OUT = Path(__file__).parent / "out"


def main() -> int:
    """Run and return the exit code: 0 without failures, 1 with some, 2 for wrong usage."""
    arguments = _arguments()
    if arguments.target:
        return _again(arguments)
    names = arguments.targets or list(TARGETS)
    report = Report(arguments.out)
    shutil.rmtree(arguments.out / "failures", ignore_errors=True)
    print(f"seed {arguments.seed}", flush=True)
    broken = False
    end = time.monotonic() + 60 * (arguments.minutes or 0)
    with _supervisor(arguments) as supervisor:
        for number, name in enumerate(names):
            fraction = (end - time.monotonic()) / (len(names) - number)
            inputs = max(1, arguments.inputs // TARGETS[name].slowness)
            limits = _Limits(inputs, fraction if arguments.minutes else None)
            try:
                _fuzz(name, report, supervisor, limits)
            except WorkerBroken as error:
                print(error, file=sys.stderr)
                broken = True
            report.write()
    print(report.to_markdown())
    return int(report.failed or broken)


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument(
        "target", nargs="?", choices=list(TARGETS), help="of the input to run again"
    )
    parser.add_argument("path", nargs="?", type=Path, help="folder or file of that input")
    parser.add_argument("--targets", nargs="+", choices=list(TARGETS), metavar="TARGET")
    parser.add_argument("--inputs", type=int, default=200, help="inputs a target (200)")
    parser.add_argument("--minutes", type=float, help="time for all targets, instead of --inputs")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (0)")
    parser.add_argument(
        "--guided",
        action="store_true",
        help="keep inputs that reach new lines and change them further, in later runs too",
    )
    parser.add_argument("--out", type=Path, default=_OUT, help="folder of the report (fuzz/out)")
    arguments = parser.parse_args()
    if arguments.target and (arguments.path is None or not arguments.path.exists()):
        parser.error("give the folder or file of the input to run again")
    return arguments


def _supervisor(arguments: Namespace) -> Supervisor:
    out = arguments.out.absolute()
    shutil.rmtree(out / "seeds", ignore_errors=True)
    corpus = out / "corpus" if arguments.guided else None
    return Supervisor(out / "seeds", seed=arguments.seed, corpus=corpus)


@dataclass(frozen=True)
class _Limits:
    """How long a target is fuzzed: so many inputs, or so many seconds if given."""

    inputs: int
    seconds: float | None

    def indices(self, least: int) -> Iterator[int]:
        """Yield numbers of inputs, within a time limit at least so many."""
        if self.seconds is None:
            yield from range(self.inputs)
            return
        end, index = time.monotonic() + self.seconds, 0
        while index < least or time.monotonic() < end:
            yield index
            index += 1


def _fuzz(name: str, report: Report, supervisor: Supervisor, limits: _Limits) -> None:
    """Run a target's inputs.

    Raises:
        WorkerBroken: if the target cannot be prepared or reads not one whole input.
    """
    first: Outcome | None = None
    num_seeds = supervisor.num_seeds(name)
    for index in limits.indices(num_seeds):
        outcome = supervisor.make(name, index)
        if report.add(name, outcome):
            report.keep(name, outcome, supervisor.last_input(name))
        first = outcome if first is None else first
        if index == num_seeds - 1 and not report.counts[name]["done"]:
            raise WorkerBroken(f"{name}: not one whole input is read: {first.message}")
    counts = ", ".join(f"{count} {kind}" for kind, count in report.counts[name].items())
    print(f"{name}: {counts}", flush=True)


def _again(arguments: Namespace) -> int:
    """Run one input once more and say what becomes of it."""
    with _supervisor(arguments) as supervisor:
        outcome = supervisor.read(arguments.target, arguments.path)
    print(f"{outcome.kind}: {outcome.message}\n{outcome.stack or outcome.where}")
    print(f"{outcome.peak / 2**20:.0f} MiB above a waiting worker")
    return int(outcome.failed)


if __name__ == "__main__":
    sys.exit(main())
