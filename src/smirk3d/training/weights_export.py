"""Weights that a run leaves to users."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.training.checkpoints import ENCODER_FILE, RENDERER_FILE, run_settings
from smirk3d.training.trainer import Trainer


def export_weights(trainer: Trainer, folder: Path) -> None:
    """Write ``encoder.safetensors`` and ``renderer.safetensors``, each where it has learnt.

    Raises:
        OutputError: if they cannot be written.
    """
    config, renderer = trainer.config, trainer.networks.renderer
    provenance: dict[str, Any] = {
        "trained_by": "smirk3d",
        "settings": run_settings(config),
        "steps": trainer.step,
        "photos_seen": trainer.samples,
        "minutes": round(trainer.seconds / 60, 2),
    }
    if trainer.started_from:
        provenance["started_from"] = trainer.started_from
    if config.encoders_learn:
        encoder = _encoder_to_export(trainer)
        encoder.provenance = provenance
        encoder.save(folder / ENCODER_FILE, half=config.run.half)
    if "renderer" in config.networks.learning and config.losses.photometric:
        renderer.provenance = provenance
        renderer.save(folder / RENDERER_FILE, half=config.run.half)


def _encoder_to_export(trainer: Trainer) -> FaceEncoder:
    """Return the encoder, with averaged weights where there are some."""
    encoder = trainer.networks.encoder
    if trainer.average is None:
        return encoder
    averaged = FaceEncoder(trainer.head, replace(encoder.config, pretrained=False))
    averaged.load_state_dict(trainer.average.state)
    averaged.config = encoder.config
    return averaged
