"""From ARKit's weights to the shape keys of a mesh, smirk3d's own heads with their rules included.

A mesh of smirk3d says in its custom properties (glTF's extras) how its actions interact: ``gates``
multiply, of ``opposed`` pairs only the difference acts, ``correctives`` are products, ``arkit``
names the keys that share one of ARKit's actions, ``contact`` those of the file's own faces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .conventions import ARKIT_NAMES

Weights = dict[str, NDArray[np.float64]]


def key_values(
    weights: NDArray[np.float64], keys: Iterable[str], rules: Mapping[str, Any]
) -> Weights:
    """Return the values ``[T]`` of shape keys, by name; keys that no action moves are left out.

    Args:
        weights: ARKit's ``[T, 52]``.
        keys: names of the mesh's shape keys, in any case, with or without capitals.
        rules: the custom properties of the mesh; empty for meshes of others.
    """
    values: Weights = dict(zip(ARKIT_NAMES, weights.T, strict=True))
    for name, parts in dict(rules.get("arkit", {})).items():
        values |= {part: values[name] for part in parts if name in values}
    _subtract(values, rules.get("opposed", ()))
    net = dict(values)
    for name, gate in dict(rules.get("gates", {})).items():
        if name in values:
            values[name] = values[name] * _gate(net, gate)
    for name, (first, second) in dict(rules.get("correctives", {})).items():
        if first in values and second in values:
            values[name] = values[first].clip(0) * values[second].clip(0)
    # the contact of lips and lids is of the faces that the file was made for
    values |= {name: np.zeros(len(weights)) for name in rules.get("contact", ())}
    known = {name.lower(): value for name, value in values.items()}
    return {key: known[key.lower()] for key in keys if key.lower() in known}


def _subtract(values: Weights, opposed: Iterable[Iterable[str]]) -> None:
    for first, second in opposed:
        if first in values and second in values:
            shared = np.minimum(values[first], values[second]).clip(0)
            values[first], values[second] = values[first] - shared, values[second] - shared


def _gate(values: Weights, gate: Mapping[str, Any]) -> NDArray[np.float64]:
    factor = np.full(len(next(iter(values.values()))), float(gate["base"]))
    for name, slope in dict(gate["slopes"]).items():
        factor = factor + slope * values[name]
    high = gate.get("high")
    return factor.clip(0, np.inf if high is None else high)
