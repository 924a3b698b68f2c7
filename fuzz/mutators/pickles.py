"""Changes to the instructions of a pickle."""

from __future__ import annotations

import pickletools
import struct
from random import Random

from fuzz.mutators.raw import NUMBERS, mutate_bytes

_SNIPPETS = (
    b"cos\nsystem\n", b"cnumpy\ndtype\n", b"cnumpy.core.multiarray\n_reconstruct\n",
    b"cnumpy\nndarray\n", b"cscipy.sparse._csc\ncsc_matrix\n", b"c_codecs\nencode\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n", b"cchumpy.ch\nCh\n", b"cchumpy.reordering\nSelect\n",
    b"ccollections\nOrderedDict\n", b"(", b")", b"]", b"}", b"t", b"l", b"d", b"R", b"b", b"o",
    b"0", b"1", b"2", b"a", b"e", b"s", b"u", b"\x81", b"\x85", b"\x86", b"\x87", b"N", b"\x88",
    b"h\x00", b"h\x01", b"q\x00", b"j\xff\xff\xff\x7f", b"\x94", b".", b"I-1\n",
    b"J\xff\xff\xff\x7f",
    b"G\x7f\xf8\0\0\0\0\0\0", b"\x8a\x08" + b"\xff" * 7 + b"\x7f", b"S'x'\n", b"X\x01\0\0\0x",
    b"L" + b"9" * 5000 + b"L\n", b"\x93", b"\x92", b"\x8f", b"\x90", b"\x91",
    b"\x96\x08\0\0\0\0\0\0\0" + b"x" * 8,
    b")" + b"\x85" * 3000, b"2\x86" * 40, b"P1\n", b"Q", b"\x82\x01",
)  # fmt: skip
"""Instructions that read, build, call and refer, some of them without what they need."""

_Step = tuple[str, bytes]


def mutate_pickle(content: bytes, rng: Random) -> bytes:
    """Return a pickle of which one instruction differs.

    Raises:
        ValueError: if the content is no pickle.
    """
    steps = _steps(content)
    place = rng.randrange(len(steps))
    # the few instructions that are not memo and frames decide
    way = rng.random()
    name, text = steps[place]
    if way < 0.5:
        place = rng.choice(_telling(steps))
        name, text = steps[place]
        steps[place] = (name, _other_argument(name, text, rng))
    elif way < 0.65:
        steps.insert(place, ("", rng.choice(_SNIPPETS)))
    elif way < 0.75:
        del steps[place]
    elif way < 0.85:
        steps.insert(place, rng.choice(steps))
    elif way < 0.93:
        steps[place] = ("", rng.choice(_SNIPPETS))
    else:
        other = rng.randrange(len(steps))
        steps[place], steps[other] = steps[other], steps[place]
    return b"".join(text for _, text in steps)


def _steps(content: bytes) -> list[_Step]:
    """Return name and bytes of each instruction; frames are left out, as they only repeat sizes."""
    found: list[_Step] = []
    starts: list[tuple[str, int]] = []
    for opcode, _, place in pickletools.genops(content):
        starts.append((opcode.name, place or 0))
    ends = [place for _, place in starts[1:]] + [len(content)]
    for (name, start), end in zip(starts, ends, strict=True):
        if name != "FRAME":
            found.append((name, content[start:end]))
    return found


def _telling(steps: list[_Step]) -> list[int]:
    numbers = [n for n, (name, _) in enumerate(steps) if name in _REWRITTEN]
    return numbers or list(range(len(steps)))


def _whole(text: bytes, rng: Random) -> bytes:
    value = rng.choice(NUMBERS) * rng.choice((1, 1, -1))
    if rng.random() < 0.6 and -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    return b"I%d\n" % value


def _real(text: bytes, rng: Random) -> bytes:
    value = rng.choice((float("nan"), float("inf"), 1e308, -0.0, 1e-320))
    return b"G" + struct.pack(">d", value)


def _name(text: bytes, rng: Random) -> bytes:
    return rng.choice([s for s in _SNIPPETS if s[:1] == b"c"])


def _text(text: bytes, rng: Random) -> bytes:
    value = rng.choice(
        (b"", b"O", b"O8", b"f8", b"U9999", b"V16", b"i8", b"<", b">", b"|", b"M8", b"\x1b[31m\n",
         b"x" * 70_000, b"../x", b"shapedirs", b"v_template")
    )  # fmt: skip
    return b"X" + struct.pack("<I", len(value)) + value


def _binary(text: bytes, rng: Random) -> bytes:
    body = mutate_bytes(text[5:], (), rng)[: 1 << 20]
    return b"B" + struct.pack("<I", len(body)) + body


_REWRITTEN = {
    "INT": _whole, "BININT": _whole, "BININT1": _whole, "BININT2": _whole, "LONG": _whole,
    "LONG1": _whole, "LONG4": _whole, "BINFLOAT": _real, "FLOAT": _real, "GLOBAL": _name,
    "SHORT_BINUNICODE": _text, "BINUNICODE": _text, "SHORT_BINSTRING": _text, "STRING": _text,
    "UNICODE": _text, "BINBYTES": _binary, "BINSTRING": _binary, "SHORT_BINBYTES": _text,
    "NEWTRUE": _whole, "NEWFALSE": _whole, "NONE": _whole,
}  # fmt: skip


def _other_argument(name: str, text: bytes, rng: Random) -> bytes:
    change = _REWRITTEN.get(name)
    return change(text, rng) if change else mutate_bytes(text, (), rng)
