"""Names of protocols and their settings, at hand before anything heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from smirk3d.errors import UsageError

Protocol = Literal[
    "landmarks", "redetection", "retention", "synthetic", "jitter", "emotion", "resynthesis",
    "cycle", "now",
]  # fmt: skip
"""What can be measured; the modules of these names do it."""

REFINED = "+refine"
"""Ending of the name of weights whose answers a fit starts from."""

METHODS = ("none", "mean", "mediapipe")
"""Methods without weights: the fit, the mean face, the head driven by MediaPipe's blend shapes."""

_LEAST = {"limit": 0, "steps": 1, "repeats": 1, "shown": 0, "seed": 0}


def parse_method(name: str) -> tuple[str, str]:
    """Return label and method of ``LABEL=METHOD``; a method without label is its own.

    Labels name files of reports, so they hold no separators and nothing that does not print.

    Raises:
        UsageError: if there is no such label or no method.
    """
    label, equals, text = name.partition("=")
    if not equals:
        label, text = name, name
    if not label or not text:
        raise UsageError(f"no method is called {name!r}: give none, mean, mediapipe or weights")
    if equals and (not label.isprintable() or set(label) & set("/\\") or label.startswith(".")):
        raise UsageError(f"no method can be labelled {label!r}: leave out slashes and dots")
    return label, text


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """How much protocols do, and with which files.

    Attributes:
        faces: folder of annotated faces.
        limit: photos of a protocol, or pictures that it makes; 0 for all photos and 400 pictures.
        truth_head: head of which the synthetic pictures are made; ``ict`` once it is imported.
        renderer: weights of a neural renderer, for the cycle.
        steps: of each renderer's training in the resynthesis.
        repeats: trainings of each method's renderer there, with seeds that follow each other.
        now: folder of the NoW pictures, holding ``imagepathsvalidation.txt`` or a like list.
        shown: faces on each sheet.
        seed: of all that is drawn.
    """

    faces: Path = Path("data/faces")
    limit: int = 0
    truth_head: str = "ict"
    renderer: Path | None = None
    steps: int = 600
    repeats: int = 1
    now: Path | None = None
    shown: int = 8
    seed: int = 0

    def check(self, protocols: tuple[str, ...]) -> None:
        """Refuse settings with which a protocol cannot be run.

        Raises:
            UsageError: if a number is too small, or a protocol lacks the files it needs.
        """
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise UsageError(f"--{name} {getattr(self, name)}: give {least} or more")
        if "cycle" in protocols and self.renderer is None:
            raise UsageError("the cycle needs a neural renderer's weights: give --renderer FILE")
        if "now" in protocols and self.now is None:
            raise UsageError("give the challenge's folder: --now FOLDER")
