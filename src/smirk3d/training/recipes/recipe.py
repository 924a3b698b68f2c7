"""A preset is a table of the settings in which it differs from the defaults or another preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

from smirk3d.training.config import TrainConfig

Settings = TypeVar("Settings")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings by name.

    Attributes:
        name: the preset's name on the command line.
        purpose: what the preset is for, one or more sentences.
        differences: values by dotted name, such as ``losses.landmarks``.
        parent: the preset that this one differs from; None for the defaults.
    """

    name: str
    purpose: str
    differences: Mapping[str, object]
    parent: Recipe | None = None

    def config(self) -> TrainConfig:
        """Return all settings.

        Raises:
            KeyError: if a difference names no setting.
        """
        return with_settings(self.start(), self.differences)

    def start(self) -> TrainConfig:
        """Return the settings of the parent, or the defaults."""
        return TrainConfig() if self.parent is None else self.parent.config()


def with_settings(config: Settings, values: Mapping[str, object]) -> Settings:
    """Return settings with some values changed, all at once.

    Args:
        config: a dataclass whose fields may be dataclasses.
        values: values by dotted name.

    Raises:
        KeyError: if there is no setting of a name.
    """
    assert is_dataclass(config) and not isinstance(config, type)
    known = {field.name for field in fields(config)}
    own: dict[str, Any] = {}
    deeper: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        head, _, rest = name.partition(".")
        if head not in known:
            raise KeyError(f"{type(config).__name__} has no setting {head!r}")
        if rest:
            deeper.setdefault(head, {})[rest] = value
        else:
            own[head] = value
    for head, inner in deeper.items():
        own[head] = with_settings(own.get(head, getattr(config, head)), inner)
    return replace(config, **own)


def flattened(config: object, prefix: str = "") -> dict[str, object]:
    """Return all values of settings by dotted name; dictionaries are single values."""
    if not is_dataclass(config) or isinstance(config, type):
        return {prefix: config}
    found: dict[str, object] = {}
    for field in fields(config):
        name = f"{prefix}.{field.name}" if prefix else field.name
        found |= flattened(getattr(config, field.name), name)
    return found


def differing(config: TrainConfig, start: TrainConfig) -> dict[str, tuple[object, object]]:
    """Return the settings that differ, by dotted name, each with the other value after it."""
    ours, theirs = flattened(config), flattened(start)
    return {
        name: (ours.get(name), theirs.get(name))
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    }
