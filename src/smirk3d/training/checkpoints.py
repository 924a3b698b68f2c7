"""Checkpoints, from which a run goes on exactly.

A checkpoint holds networks, averages, optimizers, step and time. Batches and all random numbers of
a step depend on seed and step alone, so that there is no other state.
"""

from __future__ import annotations

import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from smirk3d.assets.atomic import atomic_path
from smirk3d.assets.foreign.json_text import require_object, require_text
from smirk3d.assets.foreign.origin import Origin
from smirk3d.assets.foreign.tensors import LARGEST_CHECKPOINT, load_torch_file, save_torch_file
from smirk3d.assets.weight_files import refuse_other_kinds
from smirk3d.errors import AssetError, OutputError
from smirk3d.training.config import TrainConfig

ENCODER_FILE, RENDERER_FILE = "encoder.safetensors", "renderer.safetensors"
"""Weights that a run exports beside its checkpoints."""

FORMAT = 1
_NAME = re.compile(r"step-(\d+)\.ckpt")
_KEPT = 2


def check_run_folder(folder: Path) -> None:
    """Refuse a folder that holds weights without checkpoints: the next export would replace them.

    Raises:
        OutputError: if it holds some.
    """
    if checkpoints(folder):
        return
    for name in (ENCODER_FILE, RENDERER_FILE):
        if os.path.lexists(folder / name):
            raise OutputError(
                f"{folder / name} is there without a run's checkpoints: choose another folder"
            )


def checkpoint_path(folder: Path, step: int) -> Path:
    """Return the file of a step's checkpoint."""
    return folder / "checkpoints" / f"step-{step:08d}.ckpt"


def checkpoints(folder: Path) -> list[Path]:
    """Return a run's checkpoints, the latest last."""
    found = (folder / "checkpoints").glob("step-*.ckpt")
    return sorted(path for path in found if _NAME.fullmatch(path.name))


def save_checkpoint(folder: Path, state: dict[str, Any], step: int) -> Path:
    """Write a checkpoint, whole or not at all, then remove all but the latest two.

    Raises:
        OutputError: if it cannot be written; the ones before are kept then.
    """
    path = checkpoint_path(folder, step)
    with atomic_path(path) as temporary:
        save_torch_file({"format": FORMAT, "step": step, **state}, temporary)
    for old in checkpoints(folder)[:-_KEPT]:
        old.unlink()
    return path


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return a checkpoint's state, on the CPU.

    Raises:
        AssetError: if it is damaged or of another version.
    """
    refuse_other_kinds(path, "a checkpoint of a run, checkpoints/step-*.ckpt")
    origin = Origin(str(path), "checkpoint", "remove it to go on from the one before", AssetError)
    state = load_torch_file(origin, largest=LARGEST_CHECKPOINT)
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise AssetError(f"{path}: no checkpoint of this version; start another run")
    return state


def latest_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Return the state of a run's latest checkpoint, None if it has none.

    Raises:
        AssetError: if it is damaged.
    """
    found = checkpoints(folder)
    return load_checkpoint(found[-1]) if found else None


def check_checkpoint(
    state: dict[str, Any], folder: Path, fingerprint: str, settings: dict[str, Any]
) -> None:
    """Check that a checkpoint belongs to a run.

    Raises:
        AssetError: if it was made with another head or other settings; the text names the first
            setting that differs. Also if it does not say with which.
    """
    origin = Origin(str(folder), "run of training", "choose another folder", AssetError)
    with origin.refusing():
        require_text(state, "head_fingerprint")
        require_object(state.get("settings"), "settings")
    if state["head_fingerprint"] != fingerprint:
        raise AssetError(
            f"{folder}: this run trains another head or another version of it "
            f"({state['head_fingerprint'][:12]}, not {fingerprint[:12]}); choose another folder"
        )
    different = _first_difference(state["settings"], settings)
    if different:
        raise AssetError(
            f"{folder}: this run has other settings ({different}); choose another folder"
        )


def _first_difference(theirs: Any, ours: Any, name: str = "") -> str:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted({*theirs, *ours}):
            found = _first_difference(theirs.get(key), ours.get(key), f"{name}.{key}".strip("."))
            if found:
                return found
        return ""
    return "" if theirs == ours else f"{name}: {theirs} there, {ours} here"


def run_settings(config: TrainConfig) -> dict[str, Any]:
    """Return the settings that a resumed run must share, as plain values.

    Length, devices, records and the places of data may differ.
    """
    plain: dict[str, Any] = _plain(asdict(config))
    plain["run"] = {"seed": config.run.seed, "precision": config.run.precision}
    for name in ("faces", "fits", "shapes", "fit_processes"):
        plain["data"].pop(name)
    for name in ("on_device", "ahead"):
        plain["data"]["batches"].pop(name)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
