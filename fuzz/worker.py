"""The process that reads inputs: one that dies with it is replaced by the next.

Started by :mod:`fuzz.supervisor`, which sends lines ``prepare TARGET``, ``make TARGET INDEX`` or
``read TARGET PATH`` and gets lines of JSON: one when a target is ready; one when an input is about
to be read, and one with its outcome.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import resource
import shutil
import signal
import sys
import threading
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TextIO

from fuzz.coverage import Coverage
from fuzz.inputs import Files, mutated, read_files, write_files
from fuzz.outcomes import Outcome, outcome_of
from fuzz.target import Read, Target

_ADDRESS_BYTES = 4 << 30
"""Beyond what a waiting worker has mapped, so that no input harms the machine."""


class _Prepared:
    """A target whose seeds are made and whose decoder is imported.

    Attributes:
        target: the target.
        seeds: whole inputs.
        found: inputs that reached new lines.
        input: folder of the input at hand.
        corpus: folder of ``found``, None where none are kept.
        read: reads the input.
    """

    def __init__(self, target: Target, arguments: Namespace) -> None:
        self.target = target
        self.seeds = _seeds(target, arguments.seeds / target.name)
        self.corpus: Path | None = arguments.corpus and arguments.corpus / target.name
        self.found = _corpus(self.corpus) if self.corpus is not None else []
        self.input = arguments.folder / target.name / "input"
        scratch = arguments.folder / target.name / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        self.read: Read = target.reader(scratch)

    def made(self, seed: int, index: int) -> Files:
        """Return the run's input of this number."""
        return mutated(self.seeds, self.target.name, seed, index, self.found)

    def keep(self, name: str, files: Files) -> None:
        """Keep an input that reached new lines, for others to start from."""
        assert self.corpus is not None
        self.found.append(files)
        write_files(self.corpus / name, files)


class Worker:
    """Reads inputs of the targets that it is told to prepare."""

    def __init__(self, arguments: Namespace, answers: TextIO) -> None:
        """Set up; no decoder is imported yet."""
        self._arguments, self._answers = arguments, answers
        self._known: dict[str, Target] = import_module(arguments.registry).TARGETS
        self._targets: dict[str, _Prepared] = {}
        self._failures: list[BaseException] = []
        threading.excepthook = lambda failed: self._note(failed.exc_value)
        self._coverage = Coverage() if arguments.corpus else None
        self._baseline = 0

    def _note(self, error: BaseException | None) -> None:
        if error is not None:
            self._failures.append(error)

    def serve(self, commands: TextIO) -> None:
        """Answer commands until there are no more."""
        for line in commands:
            word, name, *rest = line.rstrip("\n").split(" ", 2)
            if word == "prepare":
                self._say({"seeds": self._prepare(name)})
                continue
            target = self._targets[name]
            made = word == "make"
            files = (
                target.made(self._arguments.seed, int(*rest)) if made else read_files(Path(*rest))
            )
            write_files(target.input, files)
            self._say({"reading": rest})
            outcome = self._outcome(target)
            if outcome.fresh and not outcome.failed and made:
                target.keep(f"{self._arguments.seed}-{rest[0]}", files)
            self._say(outcome.to_json())

    def _prepare(self, name: str) -> int:
        """Make a target ready and return how many seeds it has."""
        _limit_address_space(None)
        prepared = self._targets[name] = _Prepared(self._known[name], self._arguments)
        # what is imported and allocated with the first input is no input's doing
        write_files(prepared.input, prepared.seeds[0])
        self._error(prepared)
        self._baseline = _resident()
        _limit_address_space(_resident("VmSize") + _ADDRESS_BYTES)
        return len(prepared.seeds)

    def _say(self, content: object) -> None:
        self._answers.write(json.dumps(content) + "\n")
        self._answers.flush()

    def _outcome(self, target: _Prepared) -> Outcome:
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        if self._coverage is not None:
            self._coverage.start()
        error = self._error(target)
        fresh = self._coverage.stop() if self._coverage is not None else 0
        outcome = outcome_of(error)
        peak = _resident("VmHWM") - self._baseline
        if peak > self._arguments.largest and not outcome.failed:
            seen = f"{peak / 2**30:.1f} GiB; then {outcome.kind} {outcome.message}"
            outcome = replace(outcome, kind="over 2 GiB", message=seen)
        return replace(outcome, peak=peak, fresh=fresh)

    def _error(self, target: _Prepared) -> BaseException | None:
        self._failures.clear()
        try:
            target.read(target.input)
        except BaseException as error:  # extension modules panic with errors of that kind
            return error
        return self._failures[0] if self._failures else None


def _seeds(target: Target, folder: Path) -> list[Files]:
    """Return the seeds, made once a run."""
    if not folder.is_dir():
        made = folder.with_name(f"{folder.name}.{os.getpid()}")
        for number, files in enumerate(target.seeds()):
            write_files(made / f"{number:03d}", files)
        with contextlib.suppress(OSError):
            made.rename(folder)
        shutil.rmtree(made, ignore_errors=True)
    return [read_files(child) for child in sorted(folder.iterdir())]


def _corpus(folder: Path) -> list[Files]:
    folder.mkdir(parents=True, exist_ok=True)
    return [read_files(child) for child in sorted(folder.iterdir())]


def _resident(field: str = "VmRSS") -> int:
    """Return a line of this process's status in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}")


def _limit_address_space(most: int | None) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard if most is None else most, hard))


@contextlib.contextmanager
def _own_output() -> Iterator[TextIO]:
    """Keep the pipe to the supervisor; whatever else is printed goes where errors go."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        yield answers


def main() -> None:
    """Serve the supervisor that started this process."""
    parser = ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seeds", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--registry", required=True)
    parser.add_argument("--largest", type=int, required=True)
    arguments = parser.parse_args()
    stacks = (arguments.folder / "stacks").open("w")
    faulthandler.enable(stacks)
    faulthandler.register(signal.SIGUSR1, stacks)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with _own_output() as answers:
        Worker(arguments, answers).serve(sys.stdin)


if __name__ == "__main__":
    main()
