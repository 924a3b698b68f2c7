"""Names from outside as parts of paths: one folder name of any text, and any path as text."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from pathlib import Path

MAX_BYTES = 200
"""Longest component in UTF-8: file systems allow 255, and temporary names beside it are longer."""

_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{device}{digit}" for device in ("com", "lpt") for digit in "0123456789¹²³"}
)
"""Names that Windows keeps for devices, whatever their ending."""


def safe_component(name: str) -> str:
    r"""Return a name that is one folder of its parent on every system, whatever a file is called.

    Separators, control characters and bytes that are not UTF-8 are escaped (``_x0a``); leading
    dots and what Windows does not allow (``CON``, a dot at the end) are changed; what is longer
    than :data:`MAX_BYTES` is cut and made unique by a hash. Other names stay as they are.
    """
    plain = name.isprintable() and "/" not in name and "\\" not in name
    stem = (name if plain else "".join(map(_kept, name))).rstrip(". ").lstrip(" ") or "unnamed"
    if stem.startswith("."):
        stem = "_" + stem.lstrip(".")
    if stem.partition(".")[0].rstrip().casefold() in _RESERVED:
        stem = f"_{stem}"
    encoded = stem.encode()
    if len(encoded) > MAX_BYTES:
        mark = f"-{short_hash(name)}"
        stem = encoded[: MAX_BYTES - len(mark)].decode(errors="ignore").rstrip(". ") + mark
    return stem


def short_hash(text: str) -> str:
    """Return eight hexadecimal digits of a text that may hold bytes of a name (PEP 383)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def path_text(path: str | os.PathLike[str]) -> str:
    r"""Return a path as text that is valid UTF-8; bytes that are not are escaped (``\xe7``)."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def same_name_key(name: str) -> str:
    """Return what is equal for two names that some file system takes for one."""
    if name.isascii():  # the same, a tenth of the time
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def real(path: str | os.PathLike[str]) -> Path:
    """Return a path without links, absolute; what is not there yet is taken as named."""
    return Path(os.path.realpath(path))


def _kept(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that os.fsdecode could not read (PEP 383)
        return f"_x{code - 0xDC00:02x}"
    if character in "/\\" or not character.isprintable():
        return f"_x{code:02x}"
    return character
