"""``smirk3d COMMAND``: finds the command, runs it, and turns errors into one line and a code.

Exit codes: 0 all inputs done; 1 a defect, in one line too, with ``SMIRK3D_TRACEBACK=1`` in full;
2 wrong usage, before anything is read or written; 3 some inputs failed; 130 interrupted.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, Protocol

from smirk3d.cli.support.signals import until_stopped
from smirk3d.cli.support.terminal import (
    Captured,
    accept_every_character,
    complain,
    note,
    reason,
    warnings_on_one_line,
)
from smirk3d.cli.support.usage import FAILED, INTERRUPTED
from smirk3d.errors import Smirk3dError, UsageError

COMMANDS = {
    "demo": "a real photo from a package to an animatable head",
    "reconstruct": "photos to animatable heads",
    "track": "videos or a camera to steady performances",
    "play": "a tracked performance to other programs, in real time",
    "cameras": "the cameras that can be tracked",
    "corpus": "the state of a folder of many results, and its tables",
    "edit": "another expression in a photo, painted into it",
    "view": "results, tracks and uploads in the browser",
    "web": "a page that finds faces in the browser itself",
    "export": "a result to other formats",
    "convert": "FLAME's parameters, ARKit's curves and tracks to each other",
    "heads": "list, show, import or bake head models",
    "weights": "list, show, import or export encoder weights",
    "preprocess": "photos and videos to training shards",
    "people": "pictures of synthetic people with exact labels",
    "train": "train encoders and neural renderer, by preset",
    "evaluate": "compare methods by protocol, in one report",
}
"""Commands and what they do; each is the module of that name, whose ``COMMAND`` parses and runs."""

_RESEARCH = frozenset({"preprocess", "people", "train", "evaluate"})
"""Commands whose modules are in ``cli.research``."""

SHOW_TRACEBACK = "SMIRK3D_TRACEBACK"
"""Environment variable that, if set, shows where an unexpected error comes from."""

DEFECT = 1
WRONG_USAGE = 2

_OBJECTS_TO_COLLECT = 20_000
"""New objects after which Python looks for cycles, 30 times its default of 700. A choice: they take
a few megabytes."""


_SWITCH_INTERVAL = 5e-4
"""Seconds after which a thread hands Python to one that waits, a tenth of the default: what comes
back from a network, dozens of times a photo, would else wait for what is prepared beside it."""


class Runnable(Protocol):
    """A command with its arguments."""

    def run(self) -> int:
        """Do it and return the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    accept_every_character()
    if arguments is None:  # the process is this command's own
        _collect_seldom()
        arguments = sys.argv[1:]
        if arguments[:1] and arguments[0] in _INFERENCE:
            _multiply_in_one_thread()
            sys.setswitchinterval(_SWITCH_INTERVAL)
    arguments = list(arguments)
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(_overview())
        return 0 if arguments else WRONG_USAGE
    if arguments[0] == "--version":
        from smirk3d import __version__

        print(f"smirk3d {__version__}")
        return 0
    if arguments[0] not in COMMANDS:
        complain(f"no command {arguments[0]!r}")
        print(f"\n{_overview()}", file=sys.stderr)
        return WRONG_USAGE
    return until_stopped(lambda: _run(arguments[0], arguments[1:]))


def _collect_seldom() -> None:
    """Let Python look for cycles of objects less often, and not once more at its end.

    Each collection goes through the hundred thousands of objects that libraries make when they are
    imported and keep. What must be closed at the end is closed without the last one.
    """
    gc.set_threshold(_OBJECTS_TO_COLLECT)
    atexit.register(gc.freeze)


def _multiply_in_one_thread() -> None:
    """Have OpenBLAS, unless its user says otherwise, multiply NumPy's matrices in one thread.

    Those of faces are small: OpenBLAS's threads wait for more of them by turning in circles, which
    takes a second of the processors' time for a photo, and they add up in another order. What
    draws and what finds faces has threads of its own. OpenBLAS reads this when NumPy is imported.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


_INFERENCE = {"convert", "demo", "export", "play", "reconstruct", "track", "view"}
"""Commands that run without torch."""


def _package(command: str) -> str:
    return "research." if command in _RESEARCH else ""


def _run(command: str, arguments: list[str]) -> int:
    with warnings_on_one_line():
        try:
            module = importlib.import_module(f"smirk3d.cli.{_package(command)}{command}")
            chosen = _parsed(command, module.COMMAND, arguments)
            with _library(command, chosen):
                return chosen if isinstance(chosen, int) else chosen.run()
        except UsageError as error:
            complain(error)
            return WRONG_USAGE
        except Smirk3dError as error:
            complain(error)
            return FAILED
        except KeyboardInterrupt:
            complain("interrupted; what was finished is kept")
            return INTERRUPTED
        except BrokenPipeError:
            # the reader of our output left, as `| head` does: nothing is wrong
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except Exception as error:
            return _unexpected(error)


def _library(command: str, chosen: object) -> contextlib.AbstractContextManager[None]:
    """Choose NumPy for commands that infer on the CPU, so that they do not wait for torch."""
    if command not in _INFERENCE:
        return contextlib.nullcontext()
    from smirk3d.library_choice import library, library_for

    options = getattr(chosen, "estimation", chosen)
    return library(library_for(getattr(options, "device", "cpu")))


_OF_TRAIN = frozenset({"torch", "safetensors"})
"""Modules that the extra ``train`` brings and that some commands import from the start."""


def _unexpected(error: Exception) -> int:
    """Say in one line what nobody expected, and return the exit code."""
    if isinstance(error, ModuleNotFoundError) and error.name in _OF_TRAIN:
        complain(f"this needs the package {error.name!r}: pip install 'smirk3d[train]'")
        return FAILED
    if isinstance(error, OSError | MemoryError) and not os.environ.get(SHOW_TRACEBACK):
        complain(reason(error))
        return FAILED
    if os.environ.get(SHOW_TRACEBACK):
        for line in "".join(traceback.format_exception(error)).rstrip().split("\n"):
            note(line)
    complain(f"{reason(error)} (a defect, or a file of a new kind; {SHOW_TRACEBACK}=1 shows where)")
    return DEFECT


def _parsed(command: str, choices: Any, arguments: list[str]) -> Runnable | int:
    """Return what a command line asks for, or the exit code where it is wrong or wants help.

    The parser repeats wrong arguments as they are: what it prints is kept and made safe first.
    """
    import tyro

    def parse() -> Runnable:
        if isinstance(choices, dict):
            return tyro.extras.subcommand_cli_from_dict(
                choices, prog=f"smirk3d {command}", description=COMMANDS[command], args=arguments
            )
        parsed: Runnable = tyro.cli(choices, prog=f"smirk3d {command}", args=arguments)
        return parsed

    kept = Captured()
    try:
        with contextlib.redirect_stdout(kept), contextlib.redirect_stderr(kept):
            return parse()
    except SystemExit as stop:
        if stop.code:
            for line in kept.getvalue().rstrip("\n").split("\n"):
                note(line)
            return WRONG_USAGE
    with contextlib.suppress(SystemExit):
        parse()  # once more: help has colours where it goes to a terminal by itself
    return 0


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        ["usage: smirk3d COMMAND [options]", "", *lines, "", "smirk3d COMMAND --help says more."]
    )
