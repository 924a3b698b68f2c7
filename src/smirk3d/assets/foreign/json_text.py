"""JSON from outside: one value, of bounded size and depth, without what JSON does not have."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeGuard

from smirk3d.assets.foreign.origin import Origin, Unfit

LARGEST_JSON = 32 << 20
"""Bytes. Results of a thousand faces have 6 MB; a value takes up to 24 times its text in memory,
so that this much stays below 1 GiB."""

_DEEPEST = 32
"""Levels; results have 5, settings of a training 7."""
_LONGEST_NUMBER = 40
"""Digits; no count, identifier or float that smirk3d writes has more than 25."""


def read_json_file(origin: Origin, *, largest: int = LARGEST_JSON) -> Any:
    """Return the content of the JSON file that an origin names.

    Args:
        origin: names the path of the file.
        largest: bytes that the file may have.

    Raises:
        Smirk3dError: of the origin's class, if it is absent, too large or no JSON.
    """
    path = origin.require_file()
    with origin.refusing():
        with path.open("rb") as file:
            content = file.read(largest + 1)
        return parse_json(content, origin, largest=largest)


def parse_json(content: str | bytes, origin: Origin, *, largest: int = LARGEST_JSON) -> Any:
    """Return the value of a JSON text whose numbers are finite and whose names are unique.

    Raises:
        Smirk3dError: of the origin's class, if the text is larger than that or no such JSON.
    """
    with origin.refusing():
        if len(content) > largest:
            raise Unfit(f"its JSON has more than {largest >> 10} KiB")
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        try:
            value = json.loads(
                text,
                parse_constant=_no_constant,
                parse_float=_finite,
                parse_int=_short_int,
                object_pairs_hook=_unique,
            )
        except json.JSONDecodeError as error:
            raise Unfit(f"not JSON: {error}") from error
        _check_depth(value)
        return value


def _no_constant(name: str) -> float:
    raise Unfit(f"it holds {name}, which is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Unfit(f"it holds {text[:20]}, which is too large a number")
    return number


def _short_int(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise Unfit(f"it holds a number of {len(text)} digits")
    return int(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise Unfit("it gives a name twice in one object")
    return entries


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(_DEEPEST):
        if not level:
            return
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, dict | list)
        ]
    raise Unfit(f"it is nested deeper than {_DEEPEST} levels")


def require_object(value: Any, name: str = "it") -> dict[str, Any]:
    """Return a JSON value that must be an object.

    Raises:
        Unfit: if it is none.
    """
    if not isinstance(value, dict):
        raise Unfit(f"{name} is no JSON object but {_kind(value)}")
    return value


def require_text(entries: dict[str, Any], key: str, *, empty: bool = True) -> str:
    """Return an entry that must be text.

    Raises:
        Unfit: if it is absent or no text.
    """
    value = entries.get(key)
    if not isinstance(value, str) or not (value or empty):
        raise Unfit(f"{key} is no text but {_kind(value)}")
    return value


def is_number(value: Any) -> TypeGuard[int | float]:
    """Return whether a JSON value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: Any) -> TypeGuard[int]:
    """Return whether a JSON value is a whole number; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    return "absent" if value is None else repr(value)[:40]


def path_origin(
    path: str | Path, what: str, way_out: str, error: type[Any] | None = None
) -> Origin:
    """Return the origin of a file by its path; its errors are ``InputError`` unless given."""
    return Origin(str(path), what, way_out, *([error] if error is not None else []))
