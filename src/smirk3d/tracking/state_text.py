"""Nested states of numbers and arrays as text, exactly."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

_ARRAY = "__array__"


def state_to_text(state: Any) -> str:
    """Return a state of dicts, lists, numbers, strings and numpy arrays as JSON.

    Floats keep all their bits: Python writes the shortest text that reads back as the same.
    """
    return json.dumps(state, default=_packed)


def state_from_text(text: str) -> Any:
    """Return the state that :func:`state_to_text` wrote."""
    return json.loads(text, object_hook=_unpacked)


def _packed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {_ARRAY: value.dtype.str, "shape": list(value.shape), "data": data}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"no state holds {type(value).__name__}")


def _unpacked(value: dict[str, Any]) -> Any:
    if _ARRAY not in value:
        return value
    data = np.frombuffer(base64.b64decode(value["data"]), value[_ARRAY])
    return data.reshape(value["shape"]).copy()
