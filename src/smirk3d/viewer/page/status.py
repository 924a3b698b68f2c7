"""The page's status line, warning and progress bar."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from smirk3d.viewer.server.trouble import Trouble


class Status:
    """Sentences at the top of the page."""

    def __init__(self, gui: Any, trouble: Trouble, summary: Callable[[], str]) -> None:
        """Show the summary, and every error from now on.

        Args:
            gui: viser's.
            trouble: reports errors.
            summary: returns what is open, in words.
        """
        self._trouble = trouble
        self._summary = summary
        self._line = gui.add_html("", order=0)
        self._warning = gui.add_html("", order=0.5)
        self._warnings = 0
        self._progress = gui.add_progress_bar(0.0, visible=False, order=1, animated=True)
        trouble.show_on(self.warn)
        self.show_summary()

    def say(self, text: str) -> None:
        """Show a sentence; it may hold anything."""
        self._line.content = (
            '<div role="status" style="padding:0 1em 0.5em;font-size:0.85em;'
            f'overflow-wrap:anywhere">{html.escape(text)}</div>'
        )

    def show_summary(self) -> None:
        """Show what is open."""
        self.say(self._summary())

    def warn(self, line: str) -> None:
        """Show what went wrong, until it is closed or something else is tried."""
        self._warnings += 1
        # the number makes the page show again what was closed there
        self._warning.content = (
            f'<div role="alert" data-number="{self._warnings}" style="display:flex;gap:0.5em;'
            "margin:0 1em 0.5em;padding:0.4em 0.6em;border:1px solid #ff8787;border-radius:0.3em;"
            'font-size:0.85em;color:#ff8787"><span style="flex:1;overflow-wrap:anywhere">'
            f'{html.escape(line)}</span><button type="button" aria-label="Close" '
            'style="all:unset;cursor:pointer" onclick="this.parentNode.hidden=true;'
            "this.parentNode.style.display='none'\">&#215;</button></div>"
        )

    def clear_warning(self) -> None:
        """Take the warning away."""
        self._warning.content = ""

    def progress(self, text: str, fraction: float) -> None:
        """Show how far something long is; a fraction of 1 or more ends it."""
        self.say(text)
        self._progress.value = 100 * min(max(fraction, 0.0), 1.0)
        self._progress.visible = fraction < 1

    def attempt(self, what: str, act: Callable[[], None]) -> None:
        """Do something, and warn in words where it fails."""
        self.clear_warning()
        try:
            act()
        except Exception as error:  # whatever it is, the page reports it and stays
            self._progress.visible = False
            self.show_summary()
            self._trouble.report(what, error)
