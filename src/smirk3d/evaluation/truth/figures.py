"""Figures with their counts and standard errors, and tables of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.evaluation.report import Cell, Table

Rows = NDArray[np.int64]

ROUNDS = 200
"""Draws of the bootstrap; the error of the error is then 5 %."""


@dataclass(frozen=True)
class Figure:
    """One figure of one method.

    Attributes:
        name: what it is, with its unit.
        value: the figure; nan where it is not defined.
        error: its standard error over people; nan with fewer than two people.
        count: pictures, or pairs of pictures, that it is made of.
        people: of these.
    """

    name: str
    value: float
    error: float
    count: int
    people: int


def figure(name: str, person: NDArray[np.integer], statistic: Callable[[Rows], float]) -> Figure:
    """Return a figure with its standard error by the bootstrap over people (Efron 1979).

    People are drawn with replacement, each with all of his or her pictures.

    Args:
        name: of the figure.
        person: the person of each item ``[K]``.
        statistic: returns the figure for items, some of which are there more than once.
    """
    people = np.unique(person)
    rows = np.arange(len(person))
    if not len(rows):
        return Figure(name, float("nan"), float("nan"), 0, 0)
    value = statistic(rows)
    if len(people) < 2 or not np.isfinite(value):
        return Figure(name, value, float("nan"), len(rows), len(people))
    own = [np.flatnonzero(person == one) for one in people]
    rng = np.random.default_rng(0)
    drawn = [
        statistic(np.concatenate([own[i] for i in rng.integers(0, len(own), len(own))]))
        for _ in range(ROUNDS)
    ]
    return Figure(name, value, float(np.nanstd(drawn, ddof=1)), len(rows), len(people))


def mean_figure(name: str, person: NDArray[np.integer], values: NDArray[np.floating]) -> Figure:
    """Return the mean of values ``[K]`` with its standard error; NaN are left out."""
    known = np.isfinite(values)
    kept = values[known]
    return figure(name, person[known], lambda rows: float(kept[rows].mean()))


def figure_table(title: str, by_method: Mapping[str, Sequence[Figure]]) -> Table | None:
    """Return a table with a row for each figure and two columns for each method.

    Args:
        title: sentence above the table.
        by_method: figures of each method; names that only some have are rows too.

    Returns:
        The table, None if there is no figure.
    """
    names = list(dict.fromkeys(f.name for figures in by_method.values() for f in figures))
    if not names:
        return None
    found = {method: {f.name: f for f in figures} for method, figures in by_method.items()}
    rows: list[list[Cell]] = []
    for name in names:
        each = [figures.get(name) for figures in found.values()]
        first = next(f for f in each if f is not None)
        row: list[Cell] = [name, f"{first.count} / {first.people}"]
        for one in each:
            row += [None, None] if one is None else [one.value, one.error]
        rows.append(row)
    columns = ["figure", "count / people"]
    for method in found:
        columns += [method, f"± {method}"]
    return Table(title, columns, rows)
