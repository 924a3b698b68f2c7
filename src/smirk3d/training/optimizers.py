"""Adam for encoders and renderer, the course of their learning rates, and averaged weights."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from smirk3d.encoders.output_layers import GroupOutputs
from smirk3d.encoders.point_outputs import PointOutputs
from smirk3d.training.network_config import ENCODER_PARTS
from smirk3d.training.networks import Networks
from smirk3d.training.optimizer_config import OptimizerConfig

RENDERER_PARTS = ("renderer",)


def rate_factor(step: int, fraction: float, samples: int, config: OptimizerConfig) -> float:
    """Return the fraction of the highest learning rate at which a step learns.

    A linear rise, and a cosine to ``last_rate``.

    Args:
        step: number of the step.
        fraction: fraction of the run that is over, in [0, 1].
        samples: number of photos seen so far.
        config: course of the rates.
    """
    if config.cycle_samples:
        fraction = samples % config.cycle_samples / config.cycle_samples
    cosine = 0.5 * (1 + math.cos(math.pi * min(fraction, 1.0)))
    factor = config.last_rate + (1 - config.last_rate) * cosine
    return factor * min(1.0, (step + 1) / max(config.warmup_steps, 1))


class Optimizers:
    """One optimizer for the encoders and one for the renderer."""

    def __init__(self, networks: Networks, config: OptimizerConfig) -> None:
        """Build them over all parameters; those that are frozen get no gradient and stay."""
        parts = networks.parts()
        self._rates = {"encoder": config.encoder_rate, "renderer": config.renderer_rate}
        names = {"encoder": ENCODER_PARTS, "renderer": RENDERER_PARTS}
        self.by_name = {
            key: _adam([parts[name] for name in names[key] if name in parts], rate, config)
            for key, rate in self._rates.items()
        }

    def set_rates(self, factor: float) -> None:
        """Set the learning rates to a fraction of the highest."""
        for key, optimizer in self.by_name.items():
            for group in optimizer.param_groups:
                group["lr"] = self._rates[key] * group["fraction"] * factor

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for optimizer in self.by_name.values():
            optimizer.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Move all parameters that have gradients."""
        for optimizer in self.by_name.values():
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """Return the state of both optimizers."""
        return {key: optimizer.state_dict() for key, optimizer in self.by_name.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state."""
        for key, optimizer in self.by_name.items():
            optimizer.load_state_dict(state[key])


def _adam(parts: Iterable[nn.Module], rate: float, config: OptimizerConfig) -> torch.optim.AdamW:
    parts = list(parts)
    outputs = {
        id(parameter)
        for part in parts
        for module in part.modules()
        if isinstance(module, (GroupOutputs, PointOutputs))
        for parameter in module.parameters()
    }
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in (p for part in parts for p in part.parameters()):
        decay = config.weight_decay if parameter.ndim > 1 else 0.0
        fraction = config.output_rate_factor if id(parameter) in outputs else 1.0
        groups.setdefault((decay, fraction), []).append(parameter)
    described = [
        {"params": parameters, "weight_decay": decay, "fraction": fraction}
        for (decay, fraction), parameters in groups.items()
    ]
    return torch.optim.AdamW(described, lr=rate, betas=config.betas)


class AveragedState:
    """Running average of a module's state, which jitters less than the state itself."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        """Start from the module's state."""
        self.decay = decay
        self.state = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards the module's state; the first steps are far away and move it faster."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, value in module.state_dict().items():
            mean = self.state[name]
            if mean.is_floating_point():
                mean.lerp_(value, weight)
            else:
                mean.copy_(value)


def clip_gradients(parameters: Iterable[nn.Parameter], largest: float) -> Tensor | None:
    """Scale gradients to a norm of at most ``largest`` and return the norm; None at 0."""
    if not largest:
        return None
    return torch.nn.utils.clip_grad_norm_(parameters, largest)
