"""The timeline: play, pause, scrub, loop, speed."""

from __future__ import annotations

from typing import Any

from smirk3d.viewer.page.canvas import Canvas
from smirk3d.viewer.session.session import Session

_SPEEDS = {"1/4": 0.25, "1/2": 0.5, "1": 1.0, "2": 2.0}
"""Speeds of playing against the clip's own, by their names on the page."""


class TimeBar:
    """The controls of a clip's time."""

    def __init__(self, session: Session, canvas: Canvas) -> None:
        """Build the controls in the page's current container.

        Args:
            session: what they show and change.
            canvas: where the faces are drawn.
        """
        self._session = session
        self._canvas = canvas
        gui, guard = canvas.server.gui, canvas.trouble.guard
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
        self._session.playback.speed = _SPEEDS.get(self.speed.value, 1.0)
        self._session.playback.loop = self.loop.value

    def toggle(self) -> None:
        """Play or pause."""
        with self._canvas.lock:
            self._session.playback.toggle()
        self._canvas.refresh()

    def seek(self, frame: int) -> None:
        """Show a frame and pause."""
        with self._canvas.lock:
            self._session.playback.playing = False
            self._session.playback.seek(frame)
        self._canvas.refresh()

    def step(self, frames: int) -> None:
        """Show a later or earlier frame and pause."""
        self.seek(self._session.playback.frame + frames)

    def follow(self) -> None:
        """Show the frame that is drawn."""
        playback = self._session.playback
        self.frame.value = playback.frame
        self.play.label = "Pause" if playback.playing else "Play"

    def remove(self) -> None:
        """Take the controls away."""
        self._folder.remove()
