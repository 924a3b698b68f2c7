"""What training never draws, by name: identities, skins, hair, light probes."""

from __future__ import annotations

import hashlib

HELD_OUT = frozenset(
    {
        "skin/middleage_lightskinned_male_diffuse2",
        "skin/old_darkskinned_female_diffuse",
        "skin/young_lightskinned_female_diffuse2",
        "skin/procedural-3",
        "hair/short02",
        "hair/long01",
        "hair/shells-3",
        "probe/city",
        "probe/hall",
        "probe/forest",
        "probe/workshop",
        "probe/procedural-3",
    }
)
"""Assets kept for evaluation: of every kind some, so that both sexes, light and dark are there."""

PHOTO_SKIN = "photo-"
"""How names of skins begin that were taken from photos."""

_HELD_OUT_SHARE = 0.1
"""Of the identities and of photos' skins; fixed for good, or what was held out would come to be
trained on."""


def is_held_out(name: str) -> bool:
    """Tell whether something is kept for evaluation and must not be trained on.

    Args:
        name: ``KIND/NAME``, such as ``skin/...``, ``hair/...``, ``probe/...``, which are listed; or
            ``identity/SEED`` and ``skin/photo-KEY``, of which a tenth is held out, by a hash of the
            name.
    """
    if name.startswith(("identity/", f"skin/{PHOTO_SKIN}")):
        digest = hashlib.sha256(name.encode()).digest()
        return digest[0] < 256 * _HELD_OUT_SHARE
    return name in HELD_OUT
