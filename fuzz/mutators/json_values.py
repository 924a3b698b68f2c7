"""Changes to the values, names and nesting of JSON."""

from __future__ import annotations

import json
from random import Random
from typing import TypeAlias

_VALUES = (
    "null", "true", "-1", "0", "1e308", "1e999", "-1e999", "NaN", "Infinity", "-Infinity",
    "0.5", "1" + "0" * 30, "1" + "0" * 5000, '""', '"x"', '"\\u0000"', '"\\ud800"',
    '"../../etc/passwd"', '"\\u001b[2J"', "[]", "{}", "[[]]", '{"a": 1}', "[1, 2, 3]",
    "[" * 3000 + "]" * 3000, '{"a":' * 3000 + "1" + "}" * 3000, "[" + "0," * 100_000 + "0]",
    '"' + "9" * 100_000 + '"', "2147483648", "9223372036854775808", "1.5",
)  # fmt: skip
"""Values of every type, too large, not finite, nested too deep, or no text of UTF-8."""

_MARK = "\x1fhere\x1f"

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
_Holder: TypeAlias = dict[str, Json] | list[Json]


def mutate_json(content: bytes, rng: Random) -> bytes:
    """Return JSON with one value replaced, removed, renamed or repeated.

    Raises:
        ValueError: if the content is no JSON.
    """
    return mutate_json_text(content.decode("utf-8"), rng).encode("utf-8", "surrogatepass")


def mutate_json_text(text: str, rng: Random) -> str:
    """Return JSON with one value replaced, removed, renamed or repeated.

    Raises:
        ValueError: if the text is no JSON.
    """
    try:
        tree: Json = json.loads(text)
        holders = _holders(tree)
        if not holders or rng.random() < 0.04:
            return rng.choice(_VALUES)
        # long lists of numbers count no more than the few names that matter
        holder = rng.choice(holders)
        value = _change(holder, rng)
        return json.dumps(tree).replace(json.dumps(_MARK), value)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _holders(tree: Json) -> list[_Holder]:
    """Return all lists and dictionaries that hold something."""
    found: list[_Holder] = []
    waiting: list[Json] = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list) and value:
            found.append(value)
            waiting += value.values() if isinstance(value, dict) else value[:50]
    return found


def _change(holder: _Holder, rng: Random) -> str:
    """Change a holder in place and return the text that stands for the mark in it."""
    way = rng.random()
    if isinstance(holder, list):
        place = rng.randrange(len(holder))
        if way < 0.6:
            holder[place] = _MARK
        elif way < 0.8:
            del holder[place]
        else:
            holder.extend([holder[place]] * rng.choice((1, 2, 1000)))
        return rng.choice(_VALUES)
    name = rng.choice(sorted(holder))
    if way < 0.6:
        holder[name] = _MARK
    elif way < 0.8:
        del holder[name]
    elif way < 0.9:
        holder[rng.choice(("", "x", "__class__", "self", name + " "))] = holder.pop(name)
    else:
        holder[name] = [holder[name]]
    return rng.choice(_VALUES)
