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
from smirk3d.training.presets import PRESETS


@dataclass
class Train:
    """Train, or go on with the run in a folder."""

    out: Path
    settings: TrainConfig

    def run(self) -> int:
        """Do it and return the exit code."""
        self.settings.check()
        for head in (self.settings.head, *self.settings.data.batches.rendered_heads):
            check_head(head)
        from smirk3d.training.progress_bar import ProgressBar
        from smirk3d.training.trainer import train

        bar = ProgressBar()
        try:
            weights = train(
                self.settings, self.out, on_progress=bar, on_fit_progress=CountBar("fits")
            )
        finally:
            bar.close()
        say(weights)
        return 0


def _preset(name: str) -> Callable[..., Train]:
    start = PRESETS[name]()

    def parse(
        out: Path = Path("runs") / name,
        settings: Annotated[TrainConfig, tyro.conf.arg(name="")] = start,
    ) -> Train:
        return Train(out, settings)

    purpose = (PRESETS[name].__doc__ or "").strip()
    parse.__doc__ = f"{purpose}\n\nArgs:\n    out: Folder of the run; a run in it goes on."
    return parse


COMMAND = {name: _preset(name) for name in PRESETS}
