"""A progress bar with losses and the time left."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

from smirk3d.training.run import Progress


class ProgressBar:
    """Shows a run's progress; give it to :func:`~smirk3d.training.run.train`.

    It draws nothing before the first call, so that it can be sent to other processes.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._smooth: dict[str, float] = {}

    def __call__(self, progress: Progress) -> None:
        """Show where the run stands."""
        if self._bar is None:
            layout = "{percentage:5.1f}% |{bar:24}| {desc}{postfix}"
            self._bar = tqdm(total=1.0, bar_format=layout, mininterval=0.5, disable=None)
        for name, value in progress.losses.items():
            self._smooth[name] = 0.95 * self._smooth.get(name, value) + 0.05 * value
        shown = {name: f"{value:.3g}" for name, value in self._smooth.items()}
        self._bar.set_postfix(shown, refresh=False)
        minutes = progress.seconds_left / 60
        left = f"{minutes:.0f} min left" if progress.fraction > 0.002 else "starting"
        self._bar.set_description_str(f"step {progress.step}, {left}", refresh=False)
        self._bar.update(max(progress.fraction - self._bar.n, 0.0))

    def close(self) -> None:
        """Leave the last state on the screen."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
