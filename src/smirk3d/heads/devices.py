"""Devices by name, and heads on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smirk3d.array_interface import is_torch
from smirk3d.assets.optional import require
from smirk3d.errors import InputError
from smirk3d.heads.head_model import HeadModel

if TYPE_CHECKING:
    import torch


def on_device(head: HeadModel, device: torch.device | str) -> HeadModel:
    """Return the head on a device; a copy if it lies elsewhere, since the caller keeps it there.

    A head of NumPy stays what it is on the CPU, and becomes one of torch for other devices.
    """
    if not is_torch(head.v_template):
        return head if str(device) == "cpu" else head.to_torch().to(device)
    here = head.v_template.device
    wanted = here.__class__(device)
    same = here.type == wanted.type and wanted.index in {None, here.index}
    return head if same else head.to(wanted)


def choose_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` is CUDA, else Apple's MPS, else the CPU.

    Raises:
        InputError: if the device is not there.
        MissingExtra: if torch is not installed.
    """
    torch = require("torch", extra="train")
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


def in_double(head: HeadModel) -> HeadModel:
    """Return a head in double precision, or as it is on Apple's GPUs, which have none."""
    on_apple = str(getattr(head.v_template, "device", "")).startswith("mps")
    return head if on_apple else head.double()
