"""Errors of the viewer: one line each in the terminal and on the page, and the viewer goes on."""

from __future__ import annotations

import functools
import inspect
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_REPEAT_AFTER = 60.0
"""Seconds in which the same line is not repeated."""
_MOST_LINES = 20
"""Different lines in that time; a page that makes up texts cannot flood the terminal."""


class Seldom:
    """Lets the same text through once in a while, and only so many texts."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with nothing said.

        Args:
            clock: returns seconds.
        """
        self._clock = clock
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def admits(self, text: str) -> bool:
        """Return whether a text may be said now, and count it as said if so."""
        now = self._clock()
        with self._lock:
            self._said = {old: at for old, at in self._said.items() if now - at < _REPEAT_AFTER}
            if text in self._said or len(self._said) >= _MOST_LINES:
                return False
            self._said[text] = now
            return True


class Trouble:
    """Reports errors of all threads and keeps them from ending a thread."""

    def __init__(
        self, line_of: Callable[[object, BaseException], str], complain: Callable[[str], None]
    ) -> None:
        """Report to the terminal alone, until there is a page.

        Args:
            line_of: returns one printable line of where an error was, and the error.
            complain: prints a line.
        """
        self._line_of = line_of
        self._complain = complain
        self._show: Callable[[str], None] = lambda line: None
        self._seldom = Seldom()

    def show_on(self, page: Callable[[str], None]) -> None:
        """Show lines on a page as well."""
        self._show = page

    def report(self, where: str, error: BaseException) -> None:
        """Say where an error was, and what it says."""
        self.say(self._line_of(where, error))

    def say(self, line: str) -> None:
        """Say one line on the page and in the terminal."""
        self.note(line)
        self._show(line)

    def note(self, line: str) -> None:
        """Say one line in the terminal."""
        self._complain(line)

    @contextmanager
    def watched(self, where: str) -> Iterator[None]:
        """Turn an error of the block into a line; the same one is said once a minute."""
        try:
            yield
        except Exception as error:  # whatever it is, the viewer goes on
            line = self._line_of(where, error)
            if self._seldom.admits(line):
                self.say(line)

    def guard(self, where: str, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return a callback of viser's, async where the given one is, that raises nothing."""
        if inspect.iscoroutinefunction(callback):

            @functools.wraps(callback)
            async def later(event: Any) -> None:
                with self.watched(where):
                    await callback(event)

            return later

        @functools.wraps(callback)
        def run(event: Any) -> None:
            with self.watched(where):
                callback(event)

        return run
