"""Options that several commands share."""

from __future__ import annotations

import contextlib
import importlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.cli.support.usage import check_head, check_weights
from smirk3d.errors import UsageError

if TYPE_CHECKING:
    from smirk3d.heads.head_model import HeadModel
    from smirk3d.preprocessing.face_detector import FaceDetector
    from smirk3d.reconstruction import FaceReconstructor

Device = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(kw_only=True)
class Estimation:
    """How parameters are estimated."""

    head: str = DEFAULT_HEAD
    """Name or file of the head."""
    weights: str = "default"
    """Name or file of encoder weights; none fits landmarks instead."""
    refine: bool = False
    """Estimate jointly from the network's answer and the landmarks: of weights that give standard
    deviations the default on photos, in clips only where asked for."""
    fast: bool = False
    """Take the network's answer alone, as in clips."""
    device: Device = "auto"
    """Device to compute on."""

    def check(self) -> None:
        """Refuse names of what is not installed.

        Raises:
            UsageError: if head or weights are given by a name that there is not, or options exclude
                each other.
        """
        if self.fast and self.refine:
            raise UsageError("--fast takes the network alone and --refine does not: give one")
        check_head(self.head)
        check_weights(self.weights)

    def reconstructor(
        self, head: HeadModel | None = None, detector: FaceDetector | None = None
    ) -> FaceReconstructor:
        """Load head and weights.

        Args:
            head: the head that is asked for, where it is loaded already.
            detector: finds faces; MediaPipe's landmarker unless given.

        Raises:
            AssetError: if head or weights are absent, damaged, or do not fit each other.
        """
        from smirk3d.reconstruction import FaceReconstructor

        return FaceReconstructor(
            head or self.head,
            weights=self.weights,
            refine=self.refine,
            fast=self.fast,
            detector=detector,
            device=self.device,
        )

    def prepared(self) -> FaceReconstructor:
        """Load head and weights in a process that will soon find faces and write their files.

        What finds faces and what draws them is prepared in threads: networks are opened without
        Python's lock. A command that ends before waits for them: a process that Python leaves in
        the middle of native code aborts.

        Raises:
            AssetError: if head or weights are absent, damaged, or do not fit each other.
        """
        from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector
        from smirk3d.rasterization.numba_rasterizer import load_in_background

        load_in_background()
        detector = MediaPipeFaceDetector()
        with detector.opening():
            from smirk3d.heads.registry import load_head

            # imported first: weights are opened without Python's lock, which drawing takes then
            importlib.import_module("smirk3d.reconstruction")
            head = load_head(self.head)
            threading.Thread(target=_prepare_drawing, args=(head,)).start()
            return self.reconstructor(head, detector)


def _prepare_drawing(head: HeadModel) -> None:
    """Prepare what pictures and files of a head take; what goes wrong is told where it is used."""
    with contextlib.suppress(Exception):
        from smirk3d.export.reconstruction_folder import prepare

        prepare(head)


class CountBar:
    """A progress bar of counted work, shown on a terminal while there is some."""

    def __init__(self, unit: str) -> None:
        """Draw nothing yet."""
        self._unit = unit
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        """Show how much of the work is done."""
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(total=total, unit=f" {self._unit}", disable=None)
        self._bar.update(done - self._bar.n)
        if done >= total:
            self._bar.close()
