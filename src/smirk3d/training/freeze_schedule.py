"""Which networks learn in which step: a pure function of step and settings."""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.training.config import TrainConfig


@dataclass(frozen=True)
class Alternation:
    """The networks that learn in a step.

    Attributes:
        reconstruction: networks that learn in the reconstruction path.
        cycle: networks that learn in the cycle path; None where the path does not run.
    """

    reconstruction: frozenset[str]
    cycle: frozenset[str] | None


def alternation(step: int, config: TrainConfig) -> Alternation:
    """Return which networks learn in a step.

    The cycle path alternates: in even steps the renderer learns from it, in odd ones the encoders.
    """
    learning = frozenset(config.networks.learning)
    if not config.losses.cycle or step < config.cycle.first_step:
        return Alternation(learning, None)
    if not config.cycle.alternate:
        return Alternation(learning, learning)
    renderer = learning & {"renderer"}
    alternating = (renderer, learning - renderer)
    return Alternation(learning, alternating[step % 2] or None)
