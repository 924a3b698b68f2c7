"""Options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Device = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(kw_only=True)
class Estimation:
    """How parameters are estimated."""

    head: str = "open"
    """Name or file of the head."""
    weights: str = "default"
    """Name or file of encoder weights; none fits landmarks instead."""
    refine: bool = False
    """Fit landmarks from the network's answer."""
    device: Device = "auto"
    """Where to compute."""
