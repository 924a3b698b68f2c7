"""FLAME clips in all layouts of avatar builders: parameters alone, or data sets with pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_directory
from smirk3d.assets.file_lists import write_list
from smirk3d.export.flame.clip import FlameClip
from smirk3d.export.flame.gaussian_avatars import write_gaussian_avatars
from smirk3d.export.flame.imavatar import write_imavatar, write_imavatar_set
from smirk3d.export.flame.metrical_tracker import (
    write_flash_avatar,
    write_insta,
    write_metrical_tracker,
)

FOLDERS = ("gaussian-avatars", "metrical-tracker", "imavatar")
"""Folders that :func:`write_flame` makes."""

DATA_SETS: dict[str, Callable[[Path, FlameClip, Iterable[NDArray[np.uint8]]], None]] = {
    "gaussian-avatars": write_gaussian_avatars,
    "flash-avatar": write_flash_avatar,
    "insta": write_insta,
    "imavatar": write_imavatar_set,
}
"""Writers of data sets with pictures, by the name of the format."""

PICTURE_NAMES = dict.fromkeys(DATA_SETS, "images/{:05d}_00.png") | {"imavatar": "image/{}.png"}
"""How data sets name the picture of a frame."""

DATA_SET_SIDE = 512
"""Pixels of a data set's pictures: FlashAvatar and INSTA are made for this size."""


def write_flame(folder: Path, clip: FlameClip) -> None:
    """Write a clip's parameters in the layouts of :data:`FOLDERS`, each in a folder of its own.

    Args:
        folder: for the layouts; replaced where it holds an earlier writing and nothing else.
        clip: the clip.

    Raises:
        OutputError: if the folder cannot be written.
    """
    avatars, metrical, imavatar = FOLDERS
    with atomic_directory(folder, overwrite=True) as temporary:
        write_gaussian_avatars(temporary / avatars, clip)
        write_metrical_tracker(temporary / metrical, clip)
        write_imavatar(temporary / imavatar / "flame_params.json", clip)
        write_list(temporary)


def write_data_set(
    name: str, folder: Path, clip: FlameClip, images: Iterable[NDArray[np.uint8]]
) -> None:
    """Write a data set with pictures.

    Args:
        name: one of :data:`DATA_SETS`.
        folder: for the files; replaced where it holds an earlier writing and nothing else.
        clip: the clip, whose images are named by :data:`PICTURE_NAMES`.
        images: uint8 ``[H, W, 3]`` of all frames in order.

    Raises:
        OutputError: if the folder cannot be written.
    """
    with atomic_directory(folder, overwrite=True) as temporary:
        DATA_SETS[name](temporary, clip, images)
        write_list(temporary)
