"""Write MP4 files, whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

from smirk3d.assets.atomic import atomic_path
from smirk3d.errors import OutputError
from smirk3d.preprocessing.media.video_container import reason


@contextlib.contextmanager
def mp4_output(path: Path) -> Iterator[Any]:
    """Give a PyAV container to fill, whose file becomes ``path`` when the block ends well.

    Raises:
        OutputError: if it cannot be encoded or written.
    """
    with atomic_path(path) as temporary:
        try:
            with av.open(f"file:{temporary.absolute()}", "w", format="mp4") as output:
                yield output
        except (av.FFmpegError, OverflowError) as error:
            raise OutputError(
                f"{path} cannot be written ({reason(error)}): check the folder and its file system"
            ) from error
