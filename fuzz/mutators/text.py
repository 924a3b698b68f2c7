"""Changes to lines and numbers of text, as in OBJ files."""

from __future__ import annotations

import re
from random import Random

_WORDS = (
    b"nan", b"inf", b"-inf", b"1e999", b"0", b"-1", b"1", b"999999999", b"9" * 400, b"1_0", b"",
    b"x", b"1.5", b"0x10", b"1/", b"/1", b"1//1", b"1/1/1/1", b"-1/-1", b"\xff\xfe", b"\x00",
    b"\xd9\xa1", b"1e-400", b"+1",
)  # fmt: skip
_LINES = (
    b"f 1 2 3", b"f 1", b"f", b"f 1 2", b"f 1/1 2/2 3/3 4/4 5/5", b"v 0 0 0", b"v 0 0", b"v",
    b"v 0 0 0 1 1 1", b"vt 0 0", b"vt 0", b"vn 0 0 1", b"usemtl \xff\xfe", b"usemtl", b"o \x1b[1m",
    b"g", b"#" * 3000, b"mtllib ../../x", b"f " + b"1 " * 20_000, b"v 1 2 3\\", b"l 1 2", b"\x00",
    b"v\t1\t2\t3", b" v 1 2 3", b"s off", b"F 1 2 3",
)  # fmt: skip
_WORD = re.compile(rb"\S+")


def mutate_text(content: bytes, rng: Random) -> bytes:
    """Return text of which a word or some lines differ."""
    way = rng.random()
    if way < 0.45:
        words = list(_WORD.finditer(content))
        if not words:
            return rng.choice(_LINES)
        word = rng.choice(words)
        return content[: word.start()] + rng.choice(_WORDS) + content[word.end() :]
    lines = content.split(b"\n")
    place = rng.randrange(len(lines))
    if way < 0.6:
        del lines[place]
    elif way < 0.75:
        lines.insert(place, rng.choice(_LINES))
    elif way < 0.85:
        lines[place:place] = [rng.choice(lines)] * rng.choice((1, 2, 5000))
    elif way < 0.9:
        return content.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b" ", b"\x0b")))
    elif way < 0.95:
        rng.shuffle(lines)
    else:
        key = rng.choice((b"v ", b"f ", b"vt "))
        lines = [line for line in lines if not line.startswith(key)]
    return b"\n".join(lines)
