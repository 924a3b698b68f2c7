"""Nested states of numbers and arrays as text, exactly."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from smirk3d.assets.foreign.json_text import parse_json
from smirk3d.assets.foreign.npy import NpyHeader, array_of, parse_dtype
from smirk3d.assets.foreign.origin import Origin, Unfit

_ARRAY = "__array__"


def state_to_text(state: Any) -> str:
    """Return a state of dicts, lists, numbers, strings and numpy arrays as JSON.

    Floats keep all their bits: Python writes the shortest text that reads back as the same.
    """
    return json.dumps(state, default=_packed)


def state_from_text(text: str, source: str = "state") -> Any:
    """Return the state that :func:`state_to_text` wrote.

    Args:
        text: what it wrote.
        source: of the text, for messages.

    Raises:
        InputError: if the text is damaged.
    """
    origin = Origin(source, "state of a tracker", "track the clip again with --fresh")
    with origin.refusing():
        return _unpacked(parse_json(text, origin))


def _packed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return {_ARRAY: value.dtype.str, "shape": list(value.shape), "data": data}
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"no state holds {type(value).__name__}")


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _ARRAY not in value:
        return {key: _unpacked(item) for key, item in value.items()}
    kind, item, order = parse_dtype(value[_ARRAY])
    header = NpyHeader(tuple(value["shape"]), kind, item, order, column_major=False)
    data = np.frombuffer(base64.b64decode(value["data"]), np.uint8)
    if header.nbytes != len(data):
        raise Unfit(f"an array of shape {header.shape} has {len(data)} bytes")
    return array_of(data, header.dtype(), header.shape, column_major=False).copy()
