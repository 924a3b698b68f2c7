"""A run's records: lines of JSON, and TensorBoard's files on request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.optional import require
from smirk3d.closing import Closing
from smirk3d.errors import OutputError
from smirk3d.preprocessing.media.image_io import write_png


class RunLog(Closing):
    """Writes scalars to ``log.jsonl`` and pictures to ``panels/``."""

    def __init__(self, folder: Path, *, step: int | None = None, tensorboard: bool = False) -> None:
        """Open the records of a run, to append.

        Lines of later steps than the one that the run goes on from are removed, as is a line that
        was cut off: a killed run wrote them, and they come again.

        Args:
            folder: folder of the run.
            step: step from which the run goes on; None removes nothing.
            tensorboard: write TensorBoard's files too.

        Raises:
            OutputError: if the folder cannot be written.
            MissingExtra: if TensorBoard is asked for and absent.
        """
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if step is not None:
                _truncate(folder / "log.jsonl", step)
            self._file = (folder / "log.jsonl").open("a", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{folder} cannot be written ({error.strerror})") from error
        self._writer: Any = None
        if tensorboard:
            require("tensorboard", extra="train")
            module = require("torch.utils.tensorboard", extra="train")
            self._writer = module.SummaryWriter(folder / "tensorboard")

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Write a step's numbers.

        Raises:
            OutputError: if the disk is full.
        """
        self._line({"step": step} | {k: float(f"{v:.6g}") for k, v in values.items()})
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def event(self, step: int, text: str) -> None:
        """Write a line of text.

        Raises:
            OutputError: if the disk is full.
        """
        self._line({"step": step, "event": text})

    def _line(self, values: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(values) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{self._file.name} cannot be written ({error.strerror})") from error

    def panel(self, step: int, picture: NDArray[np.uint8]) -> None:
        """Write a picture uint8 ``[H, W, 3]``.

        Raises:
            OutputError: if it cannot be written.
        """
        write_png(self.folder / "panels" / f"step-{step:08d}.png", picture)
        if self._writer is not None:
            self._writer.add_image("panel", picture, step, dataformats="HWC")

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._writer is not None:
            self._writer.close()


def _truncate(path: Path, step: int) -> None:
    """Keep a log's whole lines up to a step."""
    if not path.is_file():
        return
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if line.endswith(b"\n") and _step(line) <= step]
    if len(kept) < len(lines):
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"".join(kept))


def _step(line: bytes) -> float:
    """Return the step of a line of the log, 0 where the line is damaged."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, TypeError, KeyError):
        return 0.0
