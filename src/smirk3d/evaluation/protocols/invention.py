"""Invention protocol: actions that are read in held-out photos where a detector sees none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.report import Cell, Section, Table
from smirk3d.fitting.tongue_gate import TongueGate
from smirk3d.heads.action_names import GAZE_ACTIONS

_NONE, _READ = 0.05, 0.3
"""Weights up to which MediaPipe sees no action, as in ``data/absent_actions.py``, and from which an
answer reports one, as in ``evaluation/truth``."""
_TONGUE_OUT = 0.1
"""Weight from which a tongue shows between the lips; set by eye."""
_AT_REST = {"mouthSmileLeft": 0.2, "mouthSmileRight": 0.2, "jawOpen": 0.05}
"""Weights of MediaPipe below which a face counts as at rest; set by eye."""
_NAMED = 8
"""Channels that are named as the most invented."""

ABOUT = (
    f"What is read in held-out photos where MediaPipe's blend shapes have at most {_NONE:g}: sum, "
    f"and number of channels above {_READ:g}, a photo; the sum of all channels of faces at rest "
    f"(no smile from {_AT_REST['mouthSmileLeft']:g}, jaw below {_AT_REST['jawOpen']:g}); photos "
    "with the tongue out. Gaze does not count. MediaPipe misses actions too (puffed cheeks, sneers "
    "and tongues always), so that this is agreement: a method that reads nothing has 0."
)


def run(context: EvaluationContext) -> Section:
    """Return the protocol's section."""
    columns = [k for k, name in enumerate(ARKIT_NAMES) if name not in GAZE_ACTIONS]
    names = [ARKIT_NAMES[k] for k in columns]
    seen = context.photos.crops.blendshapes.numpy()[:, columns]
    resting = np.all([seen[:, names.index(name)] < most for name, most in _AT_REST.items()], 0)
    gate = TongueGate(context.head)
    summary: list[list[Cell]] = []
    most: list[list[Cell]] = []
    for name, estimates in context.estimates().items():
        read = context.head.arkit(gate(estimates)).numpy()[:, columns]
        there, above, at_rest = invented(read, seen, resting)
        tongue = float((read[:, names.index("tongueOut")] > _TONGUE_OUT).mean())
        summary.append([name, float(there.sum()), above, at_rest, tongue])
        worst = np.argsort(-there)[:_NAMED]
        most.append([name, ", ".join(f"{names[k]} {there[k]:.2f}" for k in worst)])
    tables = [
        Table(
            f"{len(seen)} photos, {resting.sum()} of them at rest.",
            ["method", "sum", f"channels above {_READ:g}", "sum, faces at rest", "tongue out"],
            summary,
        ),
        Table("The channels with the largest part of the sum.", ["method", "channels"], most),
    ]
    return Section("invention", ABOUT, tables)


def invented(
    read: NDArray[np.floating], seen: NDArray[np.floating], resting: NDArray[np.bool_]
) -> tuple[NDArray[np.floating], float, float]:
    """Return what is read where nothing is seen.

    Args:
        read: weights ``[B, C]`` of a method.
        seen: weights ``[B, C]`` of the detector.
        resting: which faces ``[B]`` are at rest.

    Returns:
        For each channel ``[C]`` what is read where nothing is seen, in mean over faces; how many
        channels are read so, a face; and the sum of all channels of faces at rest, NaN without any.
    """
    nothing = seen <= _NONE
    above = float(((read > _READ) & nothing).sum(1).mean())
    at_rest = float(read[resting].sum(1).mean()) if resting.any() else float("nan")
    return (read * nothing).mean(0), above, at_rest
