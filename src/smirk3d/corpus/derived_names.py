"""Names of the columns that can be derived; this module imports nothing heavy."""

from __future__ import annotations

from typing import Literal, cast

from smirk3d.errors import UsageError

Derived = Literal["facs", "asymmetry", "blinks", "speech"]

DERIVED: tuple[Derived, ...] = ("facs", "asymmetry", "blinks", "speech")
"""Groups of columns; :mod:`smirk3d.corpus.derived` says what they hold."""


def parse_derived(text: str) -> tuple[Derived, ...]:
    """Return the names of a comma-separated list, each once.

    Raises:
        UsageError: if one is unknown.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in DERIVED]
    if unknown:
        raise UsageError(f"no columns {', '.join(unknown)!r}: there are {', '.join(DERIVED)}")
    return cast("tuple[Derived, ...]", names)
