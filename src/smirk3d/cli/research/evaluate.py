"""``smirk3d evaluate``: compare methods by evaluation protocols, in one report."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, get_args

import tyro

from smirk3d.assets import DEFAULT_HEAD
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

    protocols: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Protocols to run; docs/evaluation.md explains each. After footage, its folder of clips."""
    methods: tuple[str, ...] = ("default", "none", "mediapipe", "mean")
    """Methods to compare, in the order of the tables."""
    out: Path = Path("smirk3d-evaluation")
    """Folder of the report."""
    head: str = DEFAULT_HEAD
    """Name or file of the head whose parameters methods estimate."""
    device: Device = "auto"
    """Device of encoders and neural renderers."""
    config: tyro.conf.OmitArgPrefixes[EvaluationConfig] = field(default_factory=EvaluationConfig)

    def run(self) -> int:
        """Run the protocols and return the exit code."""
        protocols, config = self._checked()
        from smirk3d.evaluation.run import evaluate

        done = evaluate(
            protocols,
            self.out,
            methods=self.methods,
            head=self.head,
            device=self.device,
            config=config,
            on_progress=note,
            on_failure=lambda name, error: complain(failure(name, error)),
        )
        say_lines(done.report.read_text(encoding="utf-8").rstrip("\n"))
        say(done.report)
        return FAILED if done.failed else 0

    def _checked(self) -> tuple[tuple[Protocol, ...], EvaluationConfig]:
        """Return the protocols, and the settings with the folder of clips.

        Raises:
            UsageError: if the options do not go together.
        """
        known = get_args(Protocol)
        protocols: tuple[Protocol, ...] = tuple(n for n in known if n in self.protocols)
        others = [name for name in self.protocols if name not in known]
        config = self.config
        if "footage" in protocols and others and config.footage is None:
            config = replace(config, footage=Path(others.pop()))
        if others:
            raise UsageError(f"no protocol {others[0]!r}: choose from {', '.join(known)}")
        if not protocols:
            raise UsageError("no protocol given: smirk3d evaluate truth landmarks")
        if not self.methods:
            raise UsageError("no method to evaluate: give --methods")
        check_head(self.head)
        config.check(protocols)
        for name in self.methods:
            _, text = parse_method(name)
            if text not in METHODS:
                check_weights(text.removesuffix(REFINED))
        return protocols, config


COMMAND = Evaluate
