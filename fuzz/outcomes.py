"""Outcomes of single inputs, and the key by which failures are counted as equal."""

from __future__ import annotations

import re
import traceback
from dataclasses import asdict, dataclass
from typing import Literal, TypedDict, cast, get_args

Kind = Literal["done", "refused", "traceback", "over 2 GiB", "over 20 s", "signal"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The columns of the table, in order."""

FAILURES: tuple[Kind, ...] = KINDS[2:]
"""Kinds of outcomes that no input may cause."""

LARGEST_BYTES = 2 << 30
"""Most memory that reading one input may take."""

_FRAME = re.compile(
    r'File "[^"\n]*/(?:src|site-packages)/(smirk3d/[^"\n]+)", line (\d+),? in (\S+)'
)
_REFUSALS = "Smirk3dError"


@dataclass(frozen=True)
class Outcome:
    """Outcome of one input.

    Attributes:
        kind: the column it counts in.
        message: one line: the error's class and text, or what was seen.
        where: the innermost frame of smirk3d, ``smirk3d/FILE.py:LINE NAME``; empty if unknown.
        stack: the whole traceback, for the report; empty unless it is a failure.
        peak: most resident memory while the input was read, in bytes above that of a worker
            that waits.
        fresh: lines of smirk3d that no earlier input of this worker reached.
    """

    kind: Kind
    message: str = ""
    where: str = ""
    stack: str = ""
    peak: int = 0
    fresh: int = 0

    @property
    def failed(self) -> bool:
        """Whether this may not happen."""
        return self.kind in FAILURES

    @property
    def signature(self) -> str:
        """Key of equal failures: kind, class of the error, and place or else the message."""
        title = self.message.partition(":")[0]
        return f"{self.kind}|{title}|{self.where or re.sub(r'[0-9]+', 'N', self.message)}"

    def to_json(self) -> dict[str, str | int]:
        """Return the fields by name."""
        return asdict(self)


class _Stored(TypedDict):
    kind: Kind
    message: str
    where: str
    stack: str
    peak: int
    fresh: int


def outcome_from_json(fields: object) -> Outcome:
    """Return the outcome whose fields :meth:`Outcome.to_json` gave."""
    return Outcome(**cast(_Stored, fields))


def innermost_frame(stack: str, *, newest_first: bool = False) -> str:
    """Return the innermost frame of smirk3d in a traceback, empty if it has none.

    Args:
        stack: by :mod:`traceback` (newest call last) or :mod:`faulthandler` (newest call first).
        newest_first: whether it is the latter.
    """
    frames = _FRAME.findall(stack)
    if not frames:
        return ""
    path, line, name = frames[0 if newest_first else -1]
    return f"{path}:{line} {name}"


def outcome_of(error: BaseException | None) -> Outcome:
    """Return the outcome of a call that ended, with an error or without."""
    if error is None:
        return Outcome("done")
    text = " ".join(str(error).split())[:300]
    message = f"{type(error).__name__}: {text}"
    stack = "".join(traceback.format_exception(error))
    where = innermost_frame("".join(traceback.format_tb(error.__traceback__)))
    if any(kind.__name__ == _REFUSALS for kind in type(error).__mro__):
        return Outcome("refused", message, where)
    # memory is refused to a worker that asks for more than it may have
    kind: Kind = "over 2 GiB" if isinstance(error, MemoryError) else "traceback"
    return Outcome(kind, message, where, stack)
