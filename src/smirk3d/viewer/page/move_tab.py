"""The sliders: every parameter of the chosen face, by name."""

from __future__ import annotations

import math
from typing import Any

from smirk3d.viewer.page.canvas import Canvas
from smirk3d.viewer.session.parameter_layout import Control
from smirk3d.viewer.session.session import FaceChoice, Session

_OPEN_AT_FIRST = ("Jaw", "Mouth", "Expression")
_DIGITS = 3
"""Decimals of a slider's value; set by eye."""


class MoveTab:
    """Sliders derived from the chosen face's head, with reset, undo and redo."""

    def __init__(self, session: Session, canvas: Canvas) -> None:
        """Build the controls in the page's current container.

        Args:
            session: what they show and change.
            canvas: where the faces are drawn.
        """
        self._session = session
        self._canvas = canvas
        gui = canvas.server.gui
        self._choices = session.choices()
        names = list(self._choices)
        self.face = gui.add_dropdown("face", names, initial_value=names[0], visible=len(names) > 1)
        self.face.on_update(canvas.trouble.guard("face", self._on_face))
        self.undo_button = gui.add_button("Undo", hint="Ctrl+Z", disabled=True)
        self.redo_button = gui.add_button("Redo", hint="Ctrl+Y", disabled=True)
        self.reset_button = gui.add_button("Reset face", hint="R")
        for button, act in (
            (self.undo_button, self.undo),
            (self.redo_button, self.redo),
            (self.reset_button, self.reset),
        ):
            button.on_click(canvas.trouble.guard("edits", _clicked(act)))
        self._box: Any = None
        self.sliders: list[tuple[Control, Any]] = []
        self._head: Any = None
        self._build()

    def _build(self) -> None:
        """Build the sliders of the chosen face's head."""
        session = self._session
        if self._box is not None:
            self._box.remove()
        gui, layout = self._canvas.server.gui, session.current.layout
        self.sliders, self._head = [], session.current.subject.head
        self._box = gui.add_folder("Sliders")
        folders: dict[str, list[Control]] = {}
        for control in layout.controls:
            folders.setdefault(control.folder, []).append(control)
        with self._box:
            for name, controls in folders.items():
                with gui.add_folder(name, expand_by_default=name in _OPEN_AT_FIRST):
                    for control in controls:
                        self.sliders.append((control, self._add(control)))

    def _add(self, control: Control) -> Any:
        session = self._session
        slider = self._canvas.server.gui.add_slider(
            control.label,
            min=_rounded(control.lo),
            max=_rounded(control.hi),
            step=_rounded(control.step),
            initial_value=round(session.value(control), _DIGITS),
        )

        async def moved(event: Any) -> None:
            if event.client is not None:
                with self._canvas.lock:
                    self._session.set_value(control, float(event.target.value))
                self._canvas.refresh()

        slider.on_update(self._canvas.trouble.guard(control.label, moved))
        return slider

    async def _on_face(self, event: Any) -> None:
        session = self._session
        with self._canvas.lock:
            session.chosen = self._choices.get(self.face.value, FaceChoice(0, 0))
        if session.current.subject.head is not self._head:
            self._build()
        self._canvas.refresh()

    def undo(self) -> None:
        """Undo the last change."""
        self._change("undo")

    def redo(self) -> None:
        """Redo the change that was undone last."""
        self._change("redo")

    def reset(self) -> None:
        """Remove all changes of the chosen face."""
        self._change("reset")

    def _change(self, what: str) -> None:
        session = self._session
        with self._canvas.lock:
            if what == "reset":
                session.reset()
            elif what == "undo":
                session.current.edits.undo()
            else:
                session.current.edits.redo()
        self._canvas.refresh()

    def follow(self) -> None:
        """Show the chosen face's values, while nothing plays."""
        session = self._session
        if session.playback.playing:
            return
        for control, slider in self.sliders:
            value = session.value(control)
            # a slider that the user holds has the step's precision, not the vector's
            if not math.isclose(slider.value, value, abs_tol=0.51 * control.step):
                slider.value = round(value, _DIGITS)
        self.undo_button.disabled = not session.current.edits.can_undo
        self.redo_button.disabled = not session.current.edits.can_redo


def _rounded(value: float) -> float:
    """Return a number with four digits after the point, as the page shows it."""
    return float(f"{value:.4f}")


def _clicked(act: Any) -> Any:
    async def run(event: Any) -> None:
        act()

    return run
