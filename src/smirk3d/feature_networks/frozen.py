"""Feature networks that never learn."""

from __future__ import annotations

from typing import Any

from torch import nn


class Frozen(nn.Module):
    """Wraps a network so that it stays as it is: no parameter gradients, evaluation mode for good.

    Gradients to its input are kept. Batch-norm statistics do not move, whatever ``train`` is
    called with by a model that contains it.

    Attributes:
        network: the wrapped network.
    """

    def __init__(self, network: nn.Module) -> None:
        """Freeze the network itself, not a copy."""
        super().__init__()
        self.network = network.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Frozen:
        """Stay in evaluation mode."""
        return super().train(False)

    def forward(self, *arguments: Any) -> Any:
        """Return what the network returns."""
        return self.network(*arguments)
