"""Changes to a file that its reader may meet: by the file's own structure, or to its bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from fuzz.mutators.boxes import mutate_ebml, mutate_iso_boxes
from fuzz.mutators.json_values import mutate_json
from fuzz.mutators.npy import mutate_npy
from fuzz.mutators.pickles import mutate_pickle
from fuzz.mutators.pictures import mutate_jpeg, mutate_png, mutate_riff, mutate_tiff
from fuzz.mutators.raw import mutate_bytes
from fuzz.mutators.tars import mutate_tar
from fuzz.mutators.tensors import mutate_glb, mutate_safetensors
from fuzz.mutators.text import mutate_text
from fuzz.mutators.zips import mutate_zip

_RAW_SHARE = 0.25
"""Of changes to the bytes of a file whose structure is known."""


def mutate(name: str, content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """Return a file's content changed once.

    Args:
        name: name of the file; where the content does not say what it is, the ending does.
        content: bytes of the file.
        others: contents to take parts from.
        rng: generator of all random choices.
    """
    if rng.random() < _RAW_SHARE:
        return mutate_bytes(content, others, rng)
    try:
        return _structured(name, content, others, rng)
    except Exception:  # an earlier change broke the structure; its readers say so in many ways
        return mutate_bytes(content, others, rng)


def _structured(name: str, content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    ending = name.rpartition(".")[2].lower()
    change = _BY_ENDING.get(ending) or next(
        (change for start, place, change in _BY_START if content.startswith(start, place)), None
    )
    if change is not None:
        return change(content, rng)

    def inside(member: str, data: bytes) -> bytes:
        return mutate(member, data, others, rng)

    if content.startswith(b"PK\x03\x04"):
        return mutate_zip(content, inside, rng)
    if content[257:262] == b"ustar" or ending == "tar":
        return mutate_tar(content, inside, rng)
    return mutate_bytes(content, others, rng)


_Change = Callable[[bytes, Random], bytes]

_BY_ENDING: dict[str, _Change] = {
    "safetensors": mutate_safetensors,
    "pkl": mutate_pickle,
    "obj": mutate_text,
}
_BY_START: tuple[tuple[bytes, int, _Change], ...] = (
    (b"\x93NUMPY", 0, mutate_npy),
    (b"{", 0, mutate_json),
    (b"[", 0, mutate_json),
    (b"glTF", 0, mutate_glb),
    (b"\x89PNG", 0, mutate_png),
    (b"\xff\xd8", 0, mutate_jpeg),
    (b"II*\x00", 0, mutate_tiff),
    (b"MM\x00*", 0, mutate_tiff),
    (b"RIFF", 0, mutate_riff),
    (b"ftyp", 4, mutate_iso_boxes),
    (b"moov", 4, mutate_iso_boxes),
    (b"wide", 4, mutate_iso_boxes),
    (b"jP  ", 4, mutate_iso_boxes),
    (b"\x1aE\xdf\xa3", 0, mutate_ebml),
)
"""What a file begins with, at which place, and what changes it."""
