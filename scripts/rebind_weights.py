"""Bind an encoder's weights to another bake of their head, whose parameters mean the same.

    python scripts/rebind_weights.py WEIGHTS HEAD OUT.safetensors

The tensors stay as they are, byte for byte: the file's header names the fingerprint of HEAD (a name
or a file) instead of the one it had. Right only where order and meaning of all parameters are the
same in both bakes; where they are not, carry_weights.py maps what it can.
"""

from __future__ import annotations

import sys
from pathlib import Path

from smirk3d.assets.atomic import atomic_path
from smirk3d.encoders.face_encoder import FaceEncoder, read_header
from smirk3d.heads.registry import load_head


def rebound(weights: bytes, before: str, after: str) -> bytes:
    """Return a safetensors file with one fingerprint in its header replaced by another.

    Raises:
        SystemExit: if the header does not name the first exactly once, or their lengths differ.
    """
    end = 8 + int.from_bytes(weights[:8], "little")
    header = weights[8:end]
    if header.count(before.encode()) != 1 or len(before) != len(after):
        raise SystemExit(f"the header does not name {before!r} once: carry the weights instead")
    return weights[:8] + header.replace(before.encode(), after.encode()) + weights[end:]


def main(weights: str, head_name: str, out: str) -> None:
    head = load_head(head_name)
    before = read_header(weights)["head_fingerprint"]
    with atomic_path(out) as draft:
        draft.write_bytes(rebound(Path(weights).read_bytes(), before, head.fingerprint))
        FaceEncoder.from_file(draft, head)
    print(f"{out}: {before[:8]} -> {head.fingerprint[:8]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
