"""Settings of the optimizers, which import nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from smirk3d.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """Settings of Adam and of the course of its learning rates.

    Attributes:
        encoder_rate: highest learning rate of the encoders.
        output_rate_factor: fraction of the encoders' rate at which their output layers learn;
            normalized output layers need less.
        renderer_rate: highest learning rate of the neural renderer.
        betas: Adam's decay rates.
        weight_decay: decay of matrices and kernels.
        warmup_steps: steps over which rates rise to their highest.
        last_rate: fraction of the highest rate at the end of a cosine.
        cycle_samples: samples after which the cosine starts anew; 0 for one cosine over the run.
        encoder_clip: largest norm of the encoders' gradient; 0 for any.
        renderer_cycle_clip: largest norm of the renderer's gradient in the cycle path; 0 for any.
        averaging: decay of the running average of the encoders' weights that is exported; 0
            exports the weights themselves.
    """

    encoder_rate: float = 1e-3
    output_rate_factor: float = 1.0
    renderer_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    warmup_steps: int = 0
    last_rate: float = 0.01
    cycle_samples: int = 0
    encoder_clip: float = 0.0
    renderer_cycle_clip: float = 0.0
    averaging: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        ranges: dict[str, tuple[float, float, float]] = {
            "encoder-rate": (self.encoder_rate, 0, 1),
            "output-rate-factor": (self.output_rate_factor, 0, float("inf")),
            "renderer-rate": (self.renderer_rate, 0, 1),
            "weight-decay": (self.weight_decay, 0, 1),
            "warmup-steps": (self.warmup_steps, 0, float("inf")),
            "last-rate": (self.last_rate, 0, 1),
            "cycle-samples": (self.cycle_samples, 0, float("inf")),
            "encoder-clip": (self.encoder_clip, 0, float("inf")),
            "renderer-cycle-clip": (self.renderer_cycle_clip, 0, float("inf")),
            "averaging": (self.averaging, 0, 1),
        }
        for name, (value, least, most) in ranges.items():
            if not least <= value <= most:
                raise UsageError(f"--optimizer.{name} {value:g}: give {least:g} to {most:g}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise UsageError(f"--optimizer.betas {self.betas}: give two numbers from 0 to below 1")
