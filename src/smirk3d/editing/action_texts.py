"""Actions as a command line sets them: ``jawOpen=0.6``."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.errors import UsageError


def parse_actions(texts: Sequence[str]) -> dict[str, float]:
    """Return weights by name from texts such as ``jawOpen=0.6``.

    Where a name is given twice, the last weight counts.

    Raises:
        UsageError: if a text has another form, a name is not ARKit's (near ones are named), or a
            weight is not in [0, 1].
    """
    actions: dict[str, float] = {}
    for text in (part for texts_ in texts for part in texts_.split(",")):
        name, equals, value = (piece.strip() for piece in text.partition("="))
        if not equals or not name:
            raise UsageError(f"{text!r} sets nothing: write NAME=VALUE, such as jawOpen=0.6")
        actions[_arkit_name(name)] = _weight(name, value)
    return actions


def _arkit_name(name: str) -> str:
    by_lower = {arkit.lower(): arkit for arkit in ARKIT_NAMES}
    if name.lower() in by_lower:
        return by_lower[name.lower()]
    near = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)
    near += [low for low in by_lower if low.startswith(name.lower()) and low not in near][:2]
    hint = f"did you mean {' or '.join(by_lower[low] for low in near)}?" if near else (
        "`smirk3d heads show open` lists the names"
    )  # fmt: skip
    raise UsageError(f"no action is named {name!r}: {hint}")


def _weight(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"{name}={text!r}: give a number from 0 to 1") from error
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise UsageError(f"{name}={text}: give a number from 0 to 1")
    return value
