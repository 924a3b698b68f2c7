"""``smirk3d convert``: performances between files and heads, without any picture."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.assets.placing import placed
from smirk3d.cli.support.terminal import complain, failure, say
from smirk3d.cli.support.usage import FAILED, check_head, check_number
from smirk3d.errors import UsageError
from smirk3d.export.format_names import parse_formats

if TYPE_CHECKING:
    from smirk3d.heads.head_model import HeadModel
    from smirk3d.tracking.performance import Performance

_ENDINGS = {
    "arkit-csv": ".csv", "flame": "-flame.npz", "track": "-track.npz", "glb": ".glb",
    "usd": ".usd", "usd-points": "-points.usd", "npz": ".npz",
}  # fmt: skip
"""Ending of the files of each format."""


@dataclass
class Convert:
    """Convert performances: FLAME's parameters, ARKit's curves, tracks, to each other.

    Reads track.npz or its folder, the CSV of Live Link Face, and FLAME's parameters (an NPZ, a
    folder with one a frame, or a GaussianAvatars data set). Exit code 3 when some inputs failed.
    """

    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Files or folders."""
    to: str = "arkit-csv"
    """Formats, separated by commas: arkit-csv, flame (an NPZ), track (as track.npz), glb, usd,
    usd-points (vertices of each frame), npz."""
    out: Path = Path()
    """Folder for the files, named after the inputs; the folder you are in unless given."""
    flame: str = "flame"
    """Name or file of the FLAME head, as imported, for FLAME's parameters."""
    head: str = DEFAULT_HEAD
    """Name or file of the head with ARKit's actions, for curves."""
    person: int = 0
    """Which person of a track."""
    rate: float = 30.0
    """Frames a second of FLAME's parameters, which have no times."""
    csv_fps: float = 60.0
    """Frames a second that timecodes count."""
    overwrite: bool = False
    """Replace files of other content that are in the way."""

    def run(self) -> int:
        """Do it and return the exit code."""
        if not self.inputs:
            raise UsageError("nothing to convert: smirk3d convert FILE... --to arkit-csv")
        formats = parse_formats(self.to, tuple(_ENDINGS))
        check_number("--person", self.person, 0)
        check_number("--rate", self.rate, 1, 1000)
        check_number("--csv-fps", self.csv_fps, 1, 100)
        check_head(self.head)
        if "flame" in formats:
            check_head(self.flame)
        failed = False
        for path in self.inputs:
            try:
                self._convert(path, formats)
            except Exception as error:
                complain(failure(path, error))
                failed = True
        return FAILED if failed else 0

    def _convert(self, path: Path, formats: tuple[str, ...]) -> None:
        from smirk3d.heads.registry import load_head
        from smirk3d.tracking.performance import read_performance

        rate, fps = (Fraction(n).limit_denominator(1001) for n in (self.rate, self.csv_fps))
        performance = read_performance(
            path, load_head, flame=self.flame, head=self.head,
            person=self.person, rate=rate, csv_fps=fps,
        )  # fmt: skip
        stem = path.resolve().parent.name if path.name == "track.npz" else path.resolve().stem
        written = []
        with placed(self.out, overwrite=self.overwrite) as staged:
            for name in formats:
                target = self._target(name, performance.head)
                shown = performance.on_head(target) if target is not None else performance
                if target is not None:
                    say(f"{path}: {performance.head.name} to {target.name}, {shown.note}")
                _write(name, staged / (stem + _ENDINGS[name]), shown, str(path), fps)
                written.append(self.out / (stem + _ENDINGS[name]))
        for file in written:
            say(file)

    def _target(self, name: str, head: HeadModel) -> HeadModel | None:
        """Return the head that a format needs, None where it takes the performance's own."""
        from smirk3d.export.flame.clip import is_flame
        from smirk3d.heads.registry import load_head

        if name == "arkit-csv" and not head.has_named_actions:
            return load_head(self.head)
        if name == "flame" and not is_flame(head):
            return load_head(self.flame)
        return None


def _write(name: str, path: Path, performance: Performance, source: str, fps: Fraction) -> None:
    from smirk3d.export.arkit_csv import write_arkit_csv
    from smirk3d.export.flame.parameter_files import write_flame_parameters
    from smirk3d.export.glb import write_glb
    from smirk3d.export.parameter_files import write_parameters_npz
    from smirk3d.export.rigs.rig import HeadMotion
    from smirk3d.export.usd.point_cache import write_point_cache
    from smirk3d.export.usd.writing import write_usd

    head, parameters, times = performance.head, performance.parameters, performance.times.tolist()
    if name == "arkit-csv":
        write_arkit_csv(path, head, parameters, timestamps=times, fps=fps)
    elif name == "flame":
        write_flame_parameters(path, head, parameters)
    elif name == "npz":
        write_parameters_npz(path, head, parameters)
    elif name == "track":
        performance.as_track(source).save(path, head)
    elif name == "usd-points":
        write_point_cache(path, head, HeadMotion(parameters=parameters, timestamps=times))
    else:
        still = head.neutral().replace(shape=parameters.shape[:1])[0]
        motion = HeadMotion(parameters=parameters, timestamps=times)
        (write_glb if name == "glb" else write_usd)(path, head, still, motion=motion)


COMMAND = Convert
