"""Changes to the JSON at the start of safetensors and GLB files."""

from __future__ import annotations

import json
from random import Random

from fuzz.mutators.json_values import mutate_json
from fuzz.mutators.raw import number_bytes

_DTYPES = ("F64", "F32", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "C64", "x", "")
_METADATA = "__metadata__"


def mutate_safetensors(content: bytes, rng: Random) -> bytes:
    """Return a safetensors file whose header differs, in itself or from what follows.

    Raises:
        ValueError: if its header is no JSON.
    """
    length = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + length], content[8 + length :]
    way = rng.random()
    if way < 0.08:
        return number_bytes(rng, 8, "little") + header + data
    if way < 0.16:
        return content[: 8 + length] + data[: rng.randrange(len(data) + 1)]
    header = mutate_json(header, rng) if way < 0.3 else _other_entry(header, rng)
    return len(header).to_bytes(8, "little") + header + data


def _other_entry(header: bytes, rng: Random) -> bytes:
    """Change the note that smirk3d keeps under ``__metadata__``, or one tensor's entry."""
    table = json.loads(header)
    metadata = table.get(_METADATA)
    if metadata and rng.random() < 0.7:
        name = rng.choice(sorted(metadata))
        changed = mutate_json(str(metadata[name]).encode(), rng)
        metadata[name] = changed.decode("utf-8", "replace")
        return json.dumps(table).encode()
    entry = table[rng.choice(sorted(set(table) - {_METADATA}))]
    field = rng.choice(sorted(entry))
    if field == "dtype":
        entry[field] = rng.choice(_DTYPES)
    else:
        numbers = entry[field] or [0]
        place = rng.randrange(len(numbers))
        numbers[place] = rng.choice((0, 1, -1, 1 << 31, 1 << 63, (1 << 64) - 1, numbers[place] + 1))
        entry[field] = numbers
    return json.dumps(table).encode()


def mutate_glb(content: bytes, rng: Random) -> bytes:
    """Return a binary glTF file whose JSON, or a length, differs.

    Raises:
        ValueError: if its first chunk is no JSON.
    """
    length = int.from_bytes(content[12:16], "little")
    text, rest = content[20 : 20 + length], content[20 + length :]
    if rng.random() < 0.15:
        place = rng.choice((4, 8, 12, 16))
        return content[:place] + number_bytes(rng, 4, "little") + content[place + 4 :]
    tree = json.loads(text)
    if "extras" in tree and rng.random() < 0.8:
        extras = mutate_json(json.dumps(tree.pop("extras")).encode(), rng)
        text = json.dumps(tree).encode()[:-1] + b', "extras": ' + extras + b"}"
    else:
        text = mutate_json(text, rng)
    start = content[:8] + (20 + len(text) + len(rest)).to_bytes(4, "little")
    return start + len(text).to_bytes(4, "little") + b"JSON" + text + rest
