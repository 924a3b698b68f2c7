"""``smirk3d evaluate``: how good answers are, by protocol, in one report."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from smirk3d.cli.common_options import Device
from smirk3d.evaluation.bench import EvaluationConfig

Protocol = Literal[
    "landmarks", "roundtrip", "survival", "synthetic", "jitter", "emotion", "resynthesis", "cycle",
    "now",
]  # fmt: skip


@dataclass
class Evaluate:
    """Compare methods by one or more protocols; writes OUT/report.md, report.json and pictures.

    Methods: name or file of weights; none (fit); WEIGHTS+refine; mediapipe (the head driven by its
    blend shapes); mean (the mean face). LABEL=METHOD names it in the tables.
    """

    protocols: Annotated[tuple[Protocol, ...], tyro.conf.Positional]
    """What to measure; docs/evaluation.md explains each."""
    methods: tuple[str, ...] = ("default", "none", "mediapipe", "mean")
    """What to compare, in the order of the tables."""
    out: Path = Path("smirk3d-evaluation")
    """Folder of the report."""
    head: str = "open"
    """Name or file of the head that methods answer for."""
    device: Device = "auto"
    """Where encoders and renderers compute."""
    config: tyro.conf.OmitArgPrefixes[EvaluationConfig] = field(default_factory=EvaluationConfig)

    def run(self) -> int:
        """Do it and return the exit code."""
        from smirk3d.evaluation.bench import Bench
        from smirk3d.evaluation.methods import make_methods
        from smirk3d.evaluation.protocols import evaluate
        from smirk3d.heads.registry import load_head
        from smirk3d.pipeline import choose_device

        head = load_head(self.head)
        device = choose_device(self.device)
        methods = make_methods(self.methods, head, device=device)
        bench = Bench(
            head, methods, self.config, out=self.out, device=device,
            tick=lambda line: print(line, file=sys.stderr, flush=True),
        )  # fmt: skip
        report, _ = evaluate(bench, self.protocols)
        print(report.read_text())
        print(report)
        return 0


COMMAND = Evaluate
