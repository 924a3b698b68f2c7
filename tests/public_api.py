"""All public names with their signatures, as text that a test compares.

``python -m tests.public_api`` writes the reference anew after a change that is meant.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import smirk3d

REFERENCE = Path(__file__).parent / "reference" / "public_api.json"


def public_api() -> dict[str, Any]:
    """Return each name of ``smirk3d.__all__`` with its signature, and its members if a class."""
    return {name: _described(getattr(smirk3d, name)) for name in sorted(smirk3d.__all__)}


def _described(thing: Any) -> Any:
    if not inspect.isclass(thing):
        return _signature(thing) if callable(thing) else type(thing).__name__
    if issubclass(thing, Exception):
        return f"exception {thing.__bases__[0].__name__}"
    members: dict[str, str] = {}
    for owner in reversed(thing.__mro__):
        if not owner.__module__.startswith("smirk3d"):
            continue
        for name, member in vars(owner).items():
            if not name.startswith("_") or name == "__call__":
                members[name] = _member(member)
        fields = inspect.get_annotations(owner)
        members |= {name: str(kind) for name, kind in fields.items() if not name.startswith("_")}
    return {"()": _signature(thing), **dict(sorted(members.items()))}


def _member(member: Any) -> str:
    if isinstance(member, property):
        return f"property {_signature(member.fget)}"
    if isinstance(member, staticmethod | classmethod):
        return f"{type(member).__name__} {_signature(member.__func__)}"
    return _signature(member) if callable(member) else type(member).__name__


def _signature(thing: Any) -> str:
    try:
        return str(inspect.signature(thing))
    except (TypeError, ValueError):
        return "(...)"


if __name__ == "__main__":
    REFERENCE.parent.mkdir(exist_ok=True)
    REFERENCE.write_text(json.dumps(public_api(), indent=1) + "\n", encoding="utf-8")
