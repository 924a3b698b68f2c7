"""The timeline: play, pause, scrub, loop, speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smirk3d.viewer.app import Viewer

_SPEEDS = {"1/4": 0.25, "1/2": 0.5, "1": 1.0, "2": 2.0}


class TimeBar:
    """The controls of a clip's time."""

    def __init__(self, viewer: Viewer) -> None:
        """Build them in the page's current container."""
        self._viewer = viewer
        gui, guard = viewer.server.gui, viewer.trouble.guard
        session = viewer.session
        assert session is not None
        self._folder = gui.add_folder("Time", order=5)
        with self._folder:
            self.play = gui.add_button("Play", hint="Space; J and L step")
            self.frame = gui.add_slider(
                "frame", min=0, max=session.playback.num_frames - 1, step=1, initial_value=0
            )
            self.speed = gui.add_dropdown("speed", list(_SPEEDS), initial_value="1")
            self.loop = gui.add_checkbox("loop", initial_value=True)
        self.play.on_click(guard("time", self._on_play))
        self.frame.on_update(guard("time", self._on_frame))
        self.speed.on_update(guard("time", self._on_pace))
        self.loop.on_update(guard("time", self._on_pace))

    async def _on_play(self, event: Any) -> None:
        self.toggle()

    async def _on_frame(self, event: Any) -> None:
        if event.client is not None:
            self.seek(int(event.target.value))

    async def _on_pace(self, event: Any) -> None:
        session = self._viewer.session
        if session is not None:
            session.playback.speed = _SPEEDS.get(self.speed.value, 1.0)
            session.playback.loop = self.loop.value

    def toggle(self) -> None:
        """Play or pause."""
        session = self._viewer.session
        if session is not None:
            with self._viewer.lock:
                session.playback.toggle()
            self._viewer.refresh()

    def seek(self, frame: int) -> None:
        """Show a frame and pause."""
        session = self._viewer.session
        if session is not None:
            with self._viewer.lock:
                session.playback.playing = False
                session.playback.seek(frame)
            self._viewer.refresh()

    def step(self, frames: int) -> None:
        """Show a later or earlier frame and pause."""
        session = self._viewer.session
        if session is not None:
            self.seek(session.playback.frame + frames)

    def follow(self) -> None:
        """Show the frame that is drawn."""
        session = self._viewer.session
        if session is not None:
            self.frame.value = session.playback.frame
            self.play.label = "Pause" if session.playback.playing else "Play"

    def remove(self) -> None:
        """Take the controls away."""
        self._folder.remove()
