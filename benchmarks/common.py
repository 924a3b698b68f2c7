"""What all benchmarks share: timing, a record of where and when, and writing both down."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from smirk3d.evaluation.environment import environment, environment_line

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Timing:
    """Repeated runs in milliseconds: processor time (median), then wall time.

    Where others use the machine too, processor time and the fastest run say more about the code
    than the median of the wall time. Threads' processor times add up; a GPU's is not counted.
    """

    cpu_ms: float
    best_ms: float
    median_ms: float
    lower_ms: float
    upper_ms: float
    runs: int

    def __str__(self) -> str:
        """Return processor time, fastest run, and the wall time's median and quartiles."""
        median = f"{self.median_ms:.3g} ({self.lower_ms:.3g}-{self.upper_ms:.3g})"
        return f"{self.cpu_ms:.3g} / {self.best_ms:.3g} / {median}"


def measure(run: Callable[[], object], *, seconds: float = 1.5, least: int = 5) -> Timing:
    """Time a function again and again, after one run that does not count.

    Args:
        run: what to time; CUDA work that it starts is waited for.
        seconds: stop after so long,
        least: but not before so many runs.
    """
    run()
    _wait()
    times: list[float] = []
    processor: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        start, spent = time.perf_counter(), time.process_time()
        run()
        _wait()
        times.append((time.perf_counter() - start) * 1e3)
        processor.append((time.process_time() - spent) * 1e3)
    lower, median, upper = statistics.quantiles(times, n=4)
    figures = (statistics.median(processor), min(times), median, lower, upper)
    return Timing(*(round(figure, 4) for figure in figures), runs=len(times))


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def write_results(name: str, rows: list[dict[str, Any]], table: str) -> None:
    """Write ``results/NAME.json`` and ``results/NAME.md``.

    Args:
        name: of the benchmark.
        rows: one a measurement; timings become their fields.
        table: the measurements in Markdown.
    """
    RESULTS.mkdir(exist_ok=True)
    where = environment()
    plain = [{k: asdict(v) if isinstance(v, Timing) else v for k, v in row.items()} for row in rows]
    document = {"benchmark": name, "environment": where, "rows": plain}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    text = f"# {name}\n\n{table}\n\n{environment_line(where)}\n"
    (RESULTS / f"{name}.md").write_text(text)
