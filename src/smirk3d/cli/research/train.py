"""``smirk3d train``: encoders and neural renderer, by preset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from smirk3d.cli.support.common_options import CountBar
from smirk3d.cli.support.terminal import say
from smirk3d.cli.support.usage import check_head
from smirk3d.training.config import TrainConfig
from smirk3d.training.recipes import PRESETS, Recipe
from smirk3d.training.recipes.recipe import differing


@dataclass
class Train:
    """Train, or go on with the run in a folder."""

    recipe: Recipe
    out: Path
    settings: TrainConfig
    show: bool = False

    def run(self) -> int:
        """Do it and return the exit code."""
        if self.show:
            for line in shown(self.recipe, self.settings):
                say(line)
            return 0
        self.settings.check_complete()
        for head in (self.settings.head, *self.settings.data.batches.rendered_heads):
            check_head(head)
        from smirk3d.training.records.progress_bar import ProgressBar
        from smirk3d.training.run import train

        bar = ProgressBar()
        try:
            weights = train(
                self.settings, self.out, on_progress=bar, on_target_progress=CountBar("fits")
            )
        finally:
            bar.close()
        say(weights)
        return 0


def shown(recipe: Recipe, settings: TrainConfig) -> list[str]:
    """Return a table of the settings that differ from the preset's parent, one line each.

    Args:
        recipe: the preset.
        settings: the preset's settings, with those of the command line.
    """
    parent = "the defaults" if recipe.parent is None else recipe.parent.name
    found = differing(settings, recipe.start())
    width = max(map(len, found), default=0)
    lines = [f"{recipe.name}: {recipe.purpose}", f"{len(found)} settings differ from {parent}:"]
    return lines + [
        f"  {name:<{width}}  {ours}  ({parent}: {theirs})" for name, (ours, theirs) in found.items()
    ]


def _preset(recipe: Recipe) -> Callable[..., Train]:
    start = recipe.config()

    def parse(
        out: Path = Path("runs") / recipe.name,
        show: bool = False,
        settings: Annotated[TrainConfig, tyro.conf.arg(name="")] = start,
    ) -> Train:
        return Train(recipe, out, settings, show)

    parse.__doc__ = (
        f"{recipe.purpose}\n\nArgs:\n    out: Folder of the run; a run in it goes on.\n"
        "    show: Print the settings that differ from the preset's parent, and train nothing."
    )
    return parse


COMMAND = {name: _preset(recipe) for name, recipe in PRESETS.items()}
