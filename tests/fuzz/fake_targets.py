"""A decoder that does what its input says, for the fuzzer to catch."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from pathlib import Path

import numpy as np

from fuzz.inputs import Files
from fuzz.target import Read, Target, only_file
from smirk3d.errors import InputError, check_shape

WAYS = ("done", "refuse", "raise", "thread", "sleep", "allocate", "virtual", "segfault", "exit")


def _reader(scratch: Path) -> Read:
    def read(folder: Path) -> None:
        _act(only_file(folder).read_bytes().decode())

    return read


def _act(way: str) -> None:
    if way == "refuse":
        raise InputError("a.bin: damaged")
    if way == "raise":
        check_shape(np.zeros(2), "3", "array")
    if way == "thread":
        thread = threading.Thread(target=check_shape, args=(np.zeros(2), "3", "array"))
        thread.start()
        thread.join()
    if way == "sleep":
        time.sleep(60)
    if way == "allocate":
        np.ones(64 << 20, np.uint8)
    if way == "virtual":
        np.zeros(1 << 40, np.uint8)
    if way == "segfault":
        ctypes.string_at(0)
    if way == "exit":
        os._exit(3)


def _seeds() -> list[Files]:
    return [{"a.bin": way.encode()} for way in WAYS]


TARGETS = {"fake": Target("fake", _seeds, _reader)}
