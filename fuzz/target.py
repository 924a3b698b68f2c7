"""Targets: decoders, the inputs that they are given, and checks of their answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fuzz.inputs import Files

Read = Callable[[Path], None]
"""Reads the input in a folder."""


@dataclass(frozen=True)
class Target:
    """A decoder and the inputs that it is given.

    Attributes:
        name: name of the decoder, on the command line and in the table.
        seeds: makes whole inputs.
        reader: imports the decoder and returns what reads an input, given a folder to write to.
        slowness: divisor of the number of inputs, where that is given.
    """

    name: str
    seeds: Callable[[], list[Files]]
    reader: Callable[[Path], Read]
    slowness: int = 1


class WrongAnswer(AssertionError):
    """A decoder that accepts what it should have refused."""


def require(holds: bool | np.bool_, complaint: str) -> None:
    """Fail unless a decoder's answer is as it documents.

    Raises:
        WrongAnswer: if it is not.
    """
    if not holds:
        raise WrongAnswer(complaint)


def only_file(folder: Path) -> Path:
    """Return the one file of an input."""
    (path,) = (file for file in folder.rglob("*") if file.is_file())
    return path
