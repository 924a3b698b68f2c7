"""Inputs: a few files by name, made from seeds by mutation, or read from a folder."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

from fuzz.mutators import mutate

Files = dict[str, bytes]
"""The files of one input by their path inside its folder."""

_MOST_BYTES = 8 << 20
_MANY_MUTATIONS = 0.3


def write_files(folder: Path, files: Files) -> None:
    """Write the files of an input into a folder that holds nothing else afterwards."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_files(path: Path) -> Files:
    """Return the input that a folder, or a single file, holds."""
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


def mutated(
    seeds: Sequence[Files], target: str, seed: int, index: int, found: Sequence[Files] = ()
) -> Files:
    """Return an input that depends on the arguments alone.

    The first inputs are the seeds themselves, which shows that they are read.

    Args:
        seeds: inputs to mutate, at least one.
        target: name of the target.
        seed: seed of the run.
        index: number of the input in the run.
        found: more files to start from, which earlier inputs became.
    """
    if index < len(seeds):
        return dict(seeds[index])
    rng = random.Random(f"{seed}/{target}/{index}")
    seeds = [*seeds, *found]
    files = dict(rng.choice(seeds))
    count = 1 if rng.random() > _MANY_MUTATIONS else rng.randint(2, 5)
    for _ in range(count):
        name = rng.choice(sorted(files))
        others = [other[name] for other in seeds if name in other]
        others += list(rng.choice(seeds).values())
        files[name] = mutate(name, files[name], others, rng)[:_MOST_BYTES]
        if len(files) > 1 and rng.random() < 0.04:
            del files[rng.choice(sorted(files))]
    return files
