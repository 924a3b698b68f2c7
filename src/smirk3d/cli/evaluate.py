"""``smirk3d evaluate``: compare methods by evaluation protocols, in one report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from smirk3d.cli.support.common_options import Device
from smirk3d.cli.support.terminal import complain, failure, note, say, say_lines
from smirk3d.cli.support.usage import FAILED, check_head, check_weights
from smirk3d.errors import UsageError
from smirk3d.evaluation.config import (
    METHODS,
    REFINED,
    EvaluationConfig,
    Protocol,
    parse_method,
)


@dataclass
class Evaluate:
    """Compare methods by one or more protocols; writes OUT/report.md, report.json and pictures.

    Methods: name or file of weights; none (fit); WEIGHTS+refine; mediapipe (the head driven by its
    blend shapes); mean (the mean face). LABEL=METHOD names it in the tables.
    """

    protocols: Annotated[tuple[Protocol, ...], tyro.conf.Positional]
    """Protocols to run; docs/evaluation.md explains each."""
    methods: tuple[str, ...] = ("default", "none", "mediapipe", "mean")
    """Methods to compare, in the order of the tables."""
    out: Path = Path("smirk3d-evaluation")
    """Folder of the report."""
    head: str = "open"
    """Name or file of the head whose parameters methods estimate."""
    device: Device = "auto"
    """Device of encoders and neural renderers."""
    config: tyro.conf.OmitArgPrefixes[EvaluationConfig] = field(default_factory=EvaluationConfig)

    def run(self) -> int:
        """Run the protocols and return the exit code."""
        self._check()
        from smirk3d.evaluation.run import evaluate

        done = evaluate(
            self.protocols,
            self.out,
            methods=self.methods,
            head=self.head,
            device=self.device,
            config=self.config,
            on_progress=note,
            on_failure=lambda name, error: complain(failure(name, error)),
        )
        say_lines(done.report.read_text(encoding="utf-8").rstrip("\n"))
        say(done.report)
        return FAILED if done.failed else 0

    def _check(self) -> None:
        if not self.protocols:
            raise UsageError("no protocol given: smirk3d evaluate landmarks redetection")
        if not self.methods:
            raise UsageError("no method to evaluate: give --methods")
        check_head(self.head)
        self.config.check(self.protocols)
        for name in self.methods:
            _, text = parse_method(name)
            if text not in METHODS:
                check_weights(text.removesuffix(REFINED))


COMMAND = Evaluate
