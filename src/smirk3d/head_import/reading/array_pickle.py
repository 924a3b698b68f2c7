"""Pickles read by a machine that can build arrays and nothing else.

Python's own unpickler calls whatever a file names. This one knows no functions at all: it runs the
pickle's instructions on plain values, and where the file names a class or function it keeps the
name, which is accepted only if it is one of the few that stand for an array. FLAME's files need
numpy arrays, scipy's sparse matrices and chumpy's arrays, written by Python 2 or 3; neither scipy
nor chumpy is imported.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection
from typing import Any

from smirk3d.assets.foreign.origin import one_line, reason_of
from smirk3d.errors import AssetError
from smirk3d.head_import.reading.array_budget import LARGEST_PICKLE, ByteBudget, Refused
from smirk3d.head_import.reading.pickled_arrays import (
    CALLS,
    Finisher,
    Pending,
    PickleName,
    begin_object,
    is_known,
)

_MOST_INSTRUCTIONS = 2_000_000
"""Instructions of a pickle: ten for each of the values that may be in it."""
_LONGEST_NUMBER = 40
"""Digits, or bytes: no double or 64-bit integer takes more than 25 characters."""
_MOST_MEMOS = 1 << 32
"""Values are numbered by up to 32 bits (pickle's LONG_BINPUT)."""
_LARGEST_KEY = 1 << 60
"""Larger ones can be chosen to hash alike, and a dictionary of them takes hours to build."""
_MARK = object()
_PLAIN_KEYS = (str, int, bytes)


def read_array_pickle(content: bytes, name: str, wanted: Collection[str] | None = None) -> Any:
    """Return the value of a pickle: numbers, text, lists, dictionaries and numpy arrays of them.

    Sparse matrices come back dense; chumpy's arrays come back as numpy arrays; byte strings of
    Python 2 as text (Latin-1).

    Args:
        content: the pickle, any protocol from 0 to 5.
        name: of the file, for messages.
        wanted: of a dictionary, only these entries are built and returned.

    Raises:
        AssetError: if it names anything that is not part of an array, is truncated or malformed,
            or would build something too large; nothing of it has been run.
    """
    if len(content) > LARGEST_PICKLE:
        raise AssetError(
            f"{name} is not read: it has more than {LARGEST_PICKLE >> 20} MiB, which no head has"
        )
    budget = ByteBudget()
    machine = _Machine(content, budget)
    try:
        value = machine.run()
        if wanted is not None and isinstance(value, dict):
            value = {key: item for key, item in value.items() if key in wanted}
        return Finisher(budget)(value)
    except Refused as error:
        raise AssetError(
            f"{name} is not read: {one_line(error)}: give the file as its authors publish it"
        ) from error
    except (
        ValueError, LookupError, TypeError, ArithmeticError, RecursionError, struct.error,
        MemoryError,
    ) as error:  # fmt: skip
        reason = one_line(reason_of(error), longest=120)
        raise AssetError(
            f"{name} is not a whole pickle ({reason}, at byte {machine.position} of "
            f"{len(content)}): fetch it again"
        ) from error


class _Machine:
    """The stack machine of :mod:`pickletools`, less everything that imports or calls."""

    def __init__(self, content: bytes, budget: ByteBudget) -> None:
        self.content, self.budget = content, budget
        self.position = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Return the value on the stack when the pickle says STOP."""
        for _ in range(_MOST_INSTRUCTIONS):
            code = self.take(1)
            if code == b".":
                return self.pop()
            instruction = _INSTRUCTIONS.get(code)
            if instruction is None:
                raise Refused(f"it has the instruction {code!r}, which no array needs")
            instruction(self)
        raise Refused(f"it has more than {_MOST_INSTRUCTIONS} instructions")

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        if count < 0 or self.position + count > len(self.content):
            raise ValueError("it ends early")
        self.position += count
        return self.content[self.position - count : self.position]

    def line(self) -> bytes:
        """Return the bytes up to the next line feed, which is passed over."""
        end = self.content.find(b"\n", self.position)
        if end < 0:
            raise ValueError("it ends early")
        text = self.content[self.position : end]
        self.position = end + 1
        return text

    def number(self, layout: str) -> Any:
        """Return the next number, packed as :mod:`struct` says."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def since_mark(self) -> list[Any]:
        """Return the values above the last mark, and take them and the mark from the stack."""
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is _MARK:
                values = self.stack[index + 1 :]
                del self.stack[index:]
                return values
        raise ValueError("an instruction lacks its mark")

    def pop(self, kind: type | tuple[type, ...] = object) -> Any:
        """Return the top of the stack, which must be of a kind."""
        value = self.stack.pop()
        if value is _MARK or not isinstance(value, kind):
            raise ValueError("an instruction finds another kind of value than it needs")
        return value

    def top(self, kind: type) -> Any:
        """Return the top of the stack without taking it."""
        value = self.stack[-1]
        if not isinstance(value, kind):
            raise ValueError("an instruction finds another kind of value than it needs")
        return value


def _push(read: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    def instruction(machine: _Machine) -> None:
        machine.stack.append(read(machine))

    return instruction


def _sized(layout: str, convert: Callable[[bytes], Any]) -> Callable[[_Machine], None]:
    return _push(lambda machine: convert(machine.take(machine.number(layout))))


def _latin(data: bytes) -> str:
    return data.decode("latin-1")


def _unicode(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _long(data: bytes) -> int:
    if len(data) > _LONGEST_NUMBER:
        raise Refused("it has a number of more than 40 bytes")
    return int.from_bytes(data, "little", signed=True)


def _quoted(machine: _Machine) -> str:
    text = machine.line().strip()
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in b"\"'":
        raise ValueError("a string is not quoted")
    return text[1:-1].decode("unicode_escape")


def _int_text(machine: _Machine) -> int | bool:
    text = machine.line().strip()
    if text in (b"00", b"01"):
        return text == b"01"
    if len(text) > _LONGEST_NUMBER:
        raise Refused("it has a number of more than 40 digits")
    return int(text.rstrip(b"L"))


def _float_text(machine: _Machine) -> float:
    return float(machine.line()[:40])


def _name(module: str, name: str) -> PickleName:
    full = f"{module}.{name}"
    if not is_known(full):
        raise Refused(f"it asks for {full[:100]}, which is no part of an array; nothing was run")
    return PickleName(full)


def _stacked_name(machine: _Machine) -> PickleName:
    name, module = machine.pop(str), machine.pop(str)
    return _name(module, name)


def _text_name(machine: _Machine) -> PickleName:
    module = _unicode(machine.line())
    return _name(module, _unicode(machine.line()))


def _call(machine: _Machine) -> Any:
    arguments = machine.pop(tuple)
    function = machine.pop(PickleName)
    call = CALLS.get(function.full)
    if call is None:
        raise Refused(f"it calls {function}, which builds no array; nothing was run")
    machine.budget.charge_values(arguments)
    return call(*arguments)


def _new_object(machine: _Machine) -> Pending:
    machine.pop(tuple)
    return begin_object(machine.pop(PickleName))


def _build(machine: _Machine) -> None:
    state = machine.pop()
    machine.top(Pending).set_state(state)


def _set_items(machine: _Machine, items: list[Any]) -> None:
    target = machine.top(dict)
    for key, value in zip(items[::2], items[1::2], strict=True):
        # hashing anything nested could run very deep
        if not isinstance(key, _PLAIN_KEYS):
            raise Refused("it has a dictionary whose keys are not text or numbers")
        if isinstance(key, int) and abs(key) > _LARGEST_KEY:
            raise Refused("it has a dictionary whose keys are huge numbers")
        target[key] = value


def _set_item(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop()
    _set_items(machine, [key, value])


def _make_dict(machine: _Machine) -> None:
    items = machine.since_mark()
    machine.stack.append({})
    _set_items(machine, items)


def _append(machine: _Machine) -> None:
    value = machine.pop()
    machine.top(list).append(value)


def _appends(machine: _Machine) -> None:
    values = machine.since_mark()
    machine.top(list).extend(values)


def _last(count: int) -> Callable[[_Machine], tuple[Any, ...]]:
    def read(machine: _Machine) -> tuple[Any, ...]:
        values = [machine.pop() for _ in range(count)]
        return tuple(reversed(values))

    return read


def _remember(key: Callable[[_Machine], int]) -> Callable[[_Machine], None]:
    def instruction(machine: _Machine) -> None:
        number = key(machine)
        if not 0 <= number < _MOST_MEMOS:
            raise Refused("it numbers its values beyond four thousand millions")
        machine.memo[number] = machine.top(object)

    return instruction


def _skip_frame_length(machine: _Machine) -> None:
    machine.take(8)


def _drop(machine: _Machine) -> None:
    machine.stack.pop()


def _drop_to_mark(machine: _Machine) -> None:
    machine.since_mark()


def _protocol(machine: _Machine) -> None:
    if machine.number("<B") > 5:
        raise Refused("it is of a later protocol than 5")


_INSTRUCTIONS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _protocol,
    b"\x95": _skip_frame_length,
    b"(": lambda machine: machine.stack.append(_MARK),
    b"0": _drop,
    b"1": _drop_to_mark,
    b"2": lambda machine: machine.stack.append(machine.top(object)),
    b"N": _push(lambda machine: None),
    b"\x88": _push(lambda machine: True),
    b"\x89": _push(lambda machine: False),
    b"I": _push(_int_text),
    b"L": _push(_int_text),
    b"J": _push(lambda machine: machine.number("<i")),
    b"K": _push(lambda machine: machine.number("<B")),
    b"M": _push(lambda machine: machine.number("<H")),
    b"\x8a": _sized("<B", _long),
    b"\x8b": _sized("<i", _long),
    b"F": _push(_float_text),
    b"G": _push(lambda machine: machine.number(">d")),
    b"S": _push(_quoted),
    b"T": _sized("<i", _latin),
    b"U": _sized("<B", _latin),
    b"V": _push(lambda machine: machine.line().decode("raw-unicode-escape")),
    b"X": _sized("<I", _unicode),
    b"\x8c": _sized("<B", _unicode),
    b"\x8d": _sized("<Q", _unicode),
    b"B": _sized("<I", bytes),
    b"C": _sized("<B", bytes),
    b"\x8e": _sized("<Q", bytes),
    b"\x96": _sized("<Q", bytes),
    b"]": _push(lambda machine: []),
    b"l": _push(_Machine.since_mark),
    b"a": _append,
    b"e": _appends,
    b"\x8f": _push(lambda machine: []),
    b"\x90": _appends,
    b"\x91": _push(_Machine.since_mark),
    b")": _push(lambda machine: ()),
    b"t": _push(lambda machine: tuple(machine.since_mark())),
    b"\x85": _push(_last(1)),
    b"\x86": _push(_last(2)),
    b"\x87": _push(_last(3)),
    b"}": _push(lambda machine: {}),
    b"d": _make_dict,
    b"s": _set_item,
    b"u": lambda machine: _set_items(machine, machine.since_mark()),
    b"p": _remember(lambda machine: int(machine.line()[:_LONGEST_NUMBER])),
    b"q": _remember(lambda machine: machine.number("<B")),
    b"r": _remember(lambda machine: machine.number("<I")),
    b"\x94": _remember(lambda machine: len(machine.memo)),
    b"g": _push(lambda machine: machine.memo[int(machine.line()[:_LONGEST_NUMBER])]),
    b"h": _push(lambda machine: machine.memo[machine.number("<B")]),
    b"j": _push(lambda machine: machine.memo[machine.number("<I")]),
    b"c": _push(_text_name),
    b"\x93": _push(_stacked_name),
    b"R": _push(_call),
    b"\x81": _push(_new_object),
    b"b": _build,
}
