"""Methods compared by protocols, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.errors import InputError, reason
from smirk3d.evaluation.config import EvaluationConfig, Protocol
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.methods import make_methods
from smirk3d.evaluation.protocols import registry
from smirk3d.heads.devices import choose_device
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head


def evaluate(
    protocols: Sequence[Protocol],
    out: str | Path,
    *,
    methods: Sequence[str] = ("default", "none", "mediapipe", "mean"),
    head: str | Path | HeadModel = DEFAULT_HEAD,
    device: str = "auto",
    config: EvaluationConfig | None = None,
    on_progress: Callable[[str], None] | None = None,
    on_failure: Callable[[str, Exception], None] | None = None,
) -> registry.Evaluated:
    """Compare methods by protocols and write ``report.md``, ``report.json`` and pictures.

    A method or a protocol that fails is named in the report with the reason, and the others are
    done.

    Args:
        protocols: names of the protocols; docs/evaluation.md explains each.
        out: folder of the report.
        methods: names or files of weights; ``none`` (fit), ``WEIGHTS+refine``, ``mediapipe``,
            ``mean``; ``LABEL=METHOD`` names it in the tables.
        head: name or file of the head that methods answer for, or the head itself.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        config: photos and the settings of each protocol.
        on_progress: called with what is being done.
        on_failure: called with the name of each method or protocol that failed and the error.

    Raises:
        InputError: if no method can be made.
        UsageError: if a protocol is unknown or lacks a setting.
        OutputError: if the report cannot be written.
    """
    model = head if isinstance(head, HeadModel) else load_head(head)
    chosen = choose_device(device)
    failed: dict[str, str] = {}

    def fails(name: str, error: Exception) -> None:
        failed[name] = reason(error)
        if on_failure is not None:
            on_failure(name, error)

    made = make_methods(methods, model, device=chosen, on_failure=fails)
    if not made:
        raise InputError("no method is left to evaluate")
    context = EvaluationContext(
        model,
        made,
        config or EvaluationConfig(),
        out=Path(out),
        device=chosen,
        on_progress=on_progress or (lambda line: None),
    )
    return registry.evaluate(context, protocols, failed=dict(failed), on_failure=fails)
