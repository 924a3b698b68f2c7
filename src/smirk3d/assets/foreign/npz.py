"""Files of several arrays, each held against a rule and all against a budget of bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from smirk3d.assets.foreign.archives import ZipArchive
from smirk3d.assets.foreign.json_text import parse_json, require_object
from smirk3d.assets.foreign.npy import NpyHeader, Stream, read_npy_header, read_npy_values
from smirk3d.assets.foreign.origin import Origin, Unfit
from smirk3d.assets.foreign.schema import TEXT, ArrayRule
from smirk3d.closing import Closing

_ENDING = ".npy"
_MOST_MEMBERS = 1000
"""A head has about fifty arrays."""


class NpzFile(Closing):
    """An open npz file; what is read of it counts against its budget.

    Attributes:
        names: names of its arrays.
        sizes: sizes of the named dimensions of the arrays read so far.
    """

    def __init__(self, source: Path | bytes, *, budget: int) -> None:
        """Open the file.

        Args:
            source: the file, or what is in it.
            budget: bytes that all arrays that are read may have together.

        Raises:
            Unfit: or another of :data:`~smirk3d.assets.foreign.origin.DAMAGE`, if it is damaged.
        """
        self._archive = ZipArchive(source, most_members=_MOST_MEMBERS)
        self._left = self._budget = budget
        self.names = tuple(
            name.removesuffix(_ENDING) for name in self._archive.names if name.endswith(_ENDING)
        )
        self.sizes: dict[str, int] = {}

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    def read(self, name: str, rule: ArrayRule) -> NDArray[Any]:
        """Return an array that fits its rule; its header is checked before it is unpacked.

        Raises:
            Unfit: or another of :data:`~smirk3d.assets.foreign.origin.DAMAGE`, if it does not.
        """
        with self._archive.open(name + _ENDING) as file:
            try:
                header = read_npy_header(file)
                rule.check_header(header, name, self.sizes)
                self.charge(header)
                array = read_npy_values(file, header)
            except Unfit as error:
                text = str(error)
                raise Unfit(text if text.startswith(name) else f"{name}: {text}") from error
        rule.check_values(array, name)
        return array

    def stream(self, name: str) -> Stream:
        """Open an array's member as it is, for a reader that takes more than plain arrays."""
        return self._archive.open(name + _ENDING)

    def charge(self, header: NpyHeader) -> None:
        """Take an array's bytes off the budget before they are allocated.

        Raises:
            Unfit: if the budget is spent.
        """
        self._left -= header.cost
        if self._left < 0:
            raise Unfit(f"it would unpack to more than {self._budget >> 20} MiB")


def read_npz(
    source: Path | bytes, origin: Origin, rules: Mapping[str, ArrayRule], *, budget: int
) -> dict[str, NDArray[Any]]:
    """Return the arrays that rules name; others in the file are not unpacked.

    Args:
        source: the file, or what is in it.
        origin: named in errors.
        rules: rules by name of the array.
        budget: bytes that the arrays may have together.

    Raises:
        Smirk3dError: of the origin's class, if the file is damaged, lacks an array, or one does
            not fit its rule or the budget.
    """
    with origin.refusing(), NpzFile(source, budget=budget) as file:
        lacking = [
            name for name, rule in rules.items() if not rule.optional and name not in file.names
        ]
        if lacking:
            raise Unfit(f"it lacks {', '.join(lacking)}")
        return {name: file.read(name, rule) for name, rule in rules.items() if name in file.names}


META = ArrayRule("", TEXT)
"""The array of a single text in which smirk3d keeps JSON."""


def meta_of(arrays: dict[str, NDArray[Any]], origin: Origin) -> dict[str, Any]:
    """Take the array ``meta`` from arrays and return the JSON object that it holds.

    Raises:
        Smirk3dError: of the origin's class, if it is none.
    """
    with origin.refusing():
        return require_object(parse_json(str(arrays.pop("meta")), origin), "meta")
