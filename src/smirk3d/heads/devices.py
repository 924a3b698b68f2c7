"""Devices by name, and heads on them."""

from __future__ import annotations

from copy import deepcopy

import torch

from smirk3d.errors import InputError
from smirk3d.heads.head_model import HeadModel


def on_device(head: HeadModel, device: torch.device) -> HeadModel:
    """Return the head on a device; a copy if it lies elsewhere, since the caller keeps it there."""
    here = head.v_template.device
    same = here.type == device.type and device.index in {None, here.index}
    return head if same else deepcopy(head).to(device)


def choose_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` is CUDA, else Apple's MPS, else the CPU.

    Raises:
        InputError: if the device is not there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available()}
    there["mps"] = torch.backends.mps.is_available()
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if there[kind]))
    kind = name.partition(":")[0]
    if kind not in there:
        raise InputError(f"unknown device {name!r}: choose auto, cpu, cuda or mps")
    if not there[kind]:
        raise InputError(f"device {name!r} is not available here: use --device auto or cpu")
    return torch.device(name)
