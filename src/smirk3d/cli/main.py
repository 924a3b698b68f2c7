"""``smirk3d COMMAND``: finds the command, runs it, and turns errors into one line and a code.

Exit codes: 0 all inputs done, 2 wrong usage, 3 some inputs failed, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from smirk3d.cli.terminal import accept_every_character, complain
from smirk3d.errors import Smirk3dError, UsageError

COMMANDS = {
    "demo": "a real photo from a package to an animatable head",
    "reconstruct": "photos to animatable heads",
    "track": "videos or a camera to steady performances",
    "edit": "another expression in a photo, painted into it",
    "view": "results, tracks and uploads in the browser",
    "export": "a result to other formats",
    "heads": "list, show, import or bake head models",
    "weights": "list, show, import or export encoder weights",
    "preprocess": "photos and videos to training shards",
    "people": "pictures of synthetic people with exact labels",
    "train": "train encoders and neural renderer, by preset",
    "evaluate": "compare methods by protocol, in one report",
}
"""Commands and what they do; each is the module of that name, whose ``COMMAND`` parses and runs."""

WRONG_USAGE = 2
FAILED = 3
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    accept_every_character()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
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
    return _run(arguments[0], arguments[1:])


def _run(command: str, arguments: list[str]) -> int:
    import tyro

    module = importlib.import_module(f"smirk3d.cli.{command}")
    try:
        if isinstance(module.COMMAND, dict):
            chosen = tyro.extras.subcommand_cli_from_dict(
                module.COMMAND, prog=f"smirk3d {command}", description=COMMANDS[command],
                args=arguments,
            )  # fmt: skip
        else:
            chosen = tyro.cli(module.COMMAND, prog=f"smirk3d {command}", args=arguments)
        code: int = chosen.run()
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
    return code


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        ["usage: smirk3d COMMAND [options]", "", *lines, "", "smirk3d COMMAND --help says more."]
    )
