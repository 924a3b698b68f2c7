"""The page's controls: what they say, and what they change."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from smirk3d.viewer.page.appearance_tab import AppearanceTab
from smirk3d.viewer.page.curves_tab import CurvesTab
from smirk3d.viewer.page.files_tab import FilesTab
from smirk3d.viewer.page.move_tab import MoveTab
from smirk3d.viewer.page.time_bar import TimeBar

if TYPE_CHECKING:
    from smirk3d.viewer.app import Viewer
    from smirk3d.viewer.scene.cameras import View


class Panel:
    """The controls of a viewer, built anew for each set of subjects."""

    def __init__(self, viewer: Viewer) -> None:
        """Build the page of an empty viewer."""
        self._viewer = viewer
        gui = viewer.server.gui
        self._status = gui.add_html("", order=0)
        self._warning = gui.add_html("", order=0.5)
        self._warnings = 0
        viewer.trouble.show_on(self.warn)
        self._progress = gui.add_progress_bar(0.0, visible=False, order=1, animated=True)
        self.files = FilesTab(self, viewer)
        self._tabs: Any = None
        self.look: AppearanceTab | None = None
        self.move: MoveTab | None = None
        self.curves: CurvesTab | None = None
        self.time: TimeBar | None = None
        self.say(viewer.summary())
        self._add_commands()
        self.rebuild()

    def rebuild(self) -> None:
        """Show the controls that the open subjects have."""
        gui = self._viewer.server.gui
        if self.time is not None:
            self.time.remove()
        if self._tabs is not None:
            self._tabs.remove()
        self.time = self.look = self.move = self.curves = None
        session = self._viewer.session
        if session is not None and session.playback.num_frames > 1:
            self.time = TimeBar(self._viewer)
        self._tabs = gui.add_tab_group(order=10)
        if session is not None:
            with self._tabs.add_tab("Look"):
                self.look = AppearanceTab(self._viewer)
            with self._tabs.add_tab("Move"):
                self.move = MoveTab(self._viewer)
            with self._tabs.add_tab("Curves"):
                self.curves = CurvesTab(self._viewer)
        with self._tabs.add_tab("Files"):
            self.files.build()
        self.follow()

    def say(self, text: str) -> None:
        """Show a sentence at the top of the page; it may hold anything."""
        self._status.content = (
            '<div role="status" style="padding:0 1em 0.5em;font-size:0.85em;'
            f'overflow-wrap:anywhere">{html.escape(text)}</div>'
        )

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

    def calm(self) -> None:
        """Take the warning away."""
        self._warning.content = ""

    def progress(self, text: str, fraction: float) -> None:
        """Show how far something long is; a fraction of 1 or more ends it."""
        self.say(text)
        self._progress.value = 100 * min(max(fraction, 0.0), 1.0)
        self._progress.visible = fraction < 1

    def attempt(self, what: str, act: Callable[[], None]) -> None:
        """Do something, and warn in words where it fails."""
        self.calm()
        try:
            act()
        except Exception as error:  # whatever it is, the page is told and stays
            self._progress.visible = False
            self.say(self._viewer.summary())
            self._viewer.trouble.tell(what, error)

    def follow(self) -> None:
        """Bring time, sliders and curves to what is shown."""
        for part in (self.time, self.move, self.curves):
            if part is not None:
                with self._viewer.trouble.watched("controls"):
                    part.follow()

    def show_view(self, view: View) -> None:
        """Show which view the pages have."""
        if self.look is not None:
            self.look.view.value = view.capitalize()
            self.look.picture.value = self._viewer.appearance.picture

    def _add_commands(self) -> None:
        viewer = self._viewer

        def with_look(act: Callable[[AppearanceTab], None]) -> Callable[[], None]:
            return lambda: act(self.look) if self.look is not None else None

        def with_time(act: Callable[[TimeBar], None]) -> Callable[[], None]:
            return lambda: act(self.time) if self.time is not None else None

        def with_move(act: Callable[[MoveTab], None]) -> Callable[[], None]:
            return lambda: act(self.move) if self.move is not None else None

        for label, hotkey, modifier, act in (
            ("View: camera of the photo", "1", None, lambda: viewer.look_from("photo")),
            ("View: free", "2", None, lambda: viewer.look_from("free")),
            ("Material: clay", "3", None, with_look(lambda look: look.choose("Clay"))),
            ("Material: wireframe", "4", None, with_look(lambda look: look.choose("Wireframe"))),
            ("Material: photo", "5", None, with_look(lambda look: look.choose("Photo"))),
            ("Show or hide the picture", "P", None, with_look(lambda look: look.flip_picture())),
            ("Before or after edits", "B", None, with_look(lambda look: look.flip_before())),
            ("Play or pause", "space", None, with_time(lambda time: time.toggle())),
            ("Frame back", "J", None, with_time(lambda time: time.step(-1))),
            ("Frame forward", "L", None, with_time(lambda time: time.step(1))),
            ("First frame", "home", None, with_time(lambda time: time.seek(0))),
            ("Reset the face", "R", None, with_move(lambda move: move.reset())),
            ("Undo", "Z", "cmd/ctrl", with_move(lambda move: move.undo())),
            ("Redo", "Y", "cmd/ctrl", with_move(lambda move: move.redo())),
        ):
            command = viewer.server.gui.add_command(label, hotkey=hotkey, modifier=modifier)
            command.on_trigger(viewer.trouble.guard(label, _async(act)))


def _async(act: Callable[[], None]) -> Any:
    """Return a callback that viser runs in the order of the page's events."""

    async def run(event: Any) -> None:
        act()

    return run
