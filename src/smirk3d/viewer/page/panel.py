"""The page's controls: tabs, timeline and keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smirk3d.viewer.page.appearance_tab import AppearanceTab
from smirk3d.viewer.page.canvas import Canvas
from smirk3d.viewer.page.curves_tab import CurvesTab
from smirk3d.viewer.page.files_tab import FilesTab
from smirk3d.viewer.page.move_tab import MoveTab
from smirk3d.viewer.page.status import Status
from smirk3d.viewer.page.time_bar import TimeBar
from smirk3d.viewer.scene.cameras import View
from smirk3d.viewer.session.session import Session


class Panel:
    """The controls of a viewer, built anew for each session.

    Attributes:
        files: uploads and downloads.
        appearance: how the faces are drawn; None without a session, like the next two.
        move: sliders of the parameters.
        curves: charts and tables.
        time: the timeline; None where the session shows photos alone.
    """

    def __init__(self, canvas: Canvas, status: Status) -> None:
        """Build the controls of a viewer in which nothing is open.

        Args:
            canvas: where the faces are drawn.
            status: the page's status line.
        """
        self._canvas = canvas
        self._status = status
        self._tabs: Any = None
        self.appearance: AppearanceTab | None = None
        self.move: MoveTab | None = None
        self.curves: CurvesTab | None = None
        self.time: TimeBar | None = None
        self.files = FilesTab(None, canvas, status)
        self._add_commands()
        self.rebuild(None)

    def rebuild(self, session: Session | None) -> None:
        """Show the controls of a session."""
        canvas = self._canvas
        if self.time is not None:
            self.time.remove()
        if self._tabs is not None:
            self._tabs.remove()
        self.time = self.appearance = self.move = self.curves = None
        if session is not None and session.playback.num_frames > 1:
            self.time = TimeBar(session, canvas)
        self._tabs = canvas.server.gui.add_tab_group(order=10)
        if session is not None:
            with self._tabs.add_tab("Appearance"):
                self.appearance = AppearanceTab(session, canvas)
            with self._tabs.add_tab("Move"):
                self.move = MoveTab(session, canvas)
            with self._tabs.add_tab("Curves"):
                self.curves = CurvesTab(session, canvas)
        self.files = FilesTab(session, canvas, self._status)
        with self._tabs.add_tab("Files"):
            self.files.build()
        self.follow()

    def follow(self) -> None:
        """Bring time, sliders and curves to what is shown."""
        for part in (self.time, self.move, self.curves):
            if part is not None:
                with self._canvas.trouble.watched("controls"):
                    part.follow()

    def show_view(self, view: View) -> None:
        """Show which view the pages have."""
        if self.appearance is not None:
            self.appearance.view.value = view.capitalize()
            self.appearance.picture.value = self._canvas.appearance.picture

    def _add_commands(self) -> None:
        canvas = self._canvas

        def with_tab(act: Callable[[AppearanceTab], None]) -> Callable[[], None]:
            return lambda: act(self.appearance) if self.appearance is not None else None

        def with_time(act: Callable[[TimeBar], None]) -> Callable[[], None]:
            return lambda: act(self.time) if self.time is not None else None

        def with_move(act: Callable[[MoveTab], None]) -> Callable[[], None]:
            return lambda: act(self.move) if self.move is not None else None

        for label, hotkey, modifier, act in (
            ("View: camera of the photo", "1", None, lambda: canvas.show_view("photo")),
            ("View: free", "2", None, lambda: canvas.show_view("free")),
            ("Material: clay", "3", None, with_tab(lambda tab: tab.choose("Clay"))),
            (
                "Material: wireframe",
                "4",
                None,
                with_tab(lambda tab: tab.choose("Wireframe")),
            ),
            ("Material: photo", "5", None, with_tab(lambda tab: tab.choose("Photo"))),
            (
                "Show or hide the picture",
                "P",
                None,
                with_tab(lambda tab: tab.flip_picture()),
            ),
            ("Before or after edits", "B", None, with_tab(lambda tab: tab.flip_before())),
            ("Play or pause", "space", None, with_time(lambda time: time.toggle())),
            ("Frame back", "J", None, with_time(lambda time: time.step(-1))),
            ("Frame forward", "L", None, with_time(lambda time: time.step(1))),
            ("First frame", "home", None, with_time(lambda time: time.seek(0))),
            ("Reset the face", "R", None, with_move(lambda move: move.reset())),
            ("Undo", "Z", "cmd/ctrl", with_move(lambda move: move.undo())),
            ("Redo", "Y", "cmd/ctrl", with_move(lambda move: move.redo())),
        ):
            command = canvas.server.gui.add_command(label, hotkey=hotkey, modifier=modifier)
            command.on_trigger(canvas.trouble.guard(label, _async(act)))


def _async(act: Callable[[], None]) -> Any:
    """Return a callback that viser runs in the order of the page's events."""

    async def run(event: Any) -> None:
        act()

    return run
