"""Curves over time with the shown frame, left against right, and differences between faces."""

from __future__ import annotations

from typing import Any

import numpy as np

from smirk3d.viewer.page.canvas import Canvas
from smirk3d.viewer.session.analysis import Chart, Curves, asymmetries, chart, clip_curves
from smirk3d.viewer.session.session import Session

_COLOURS = ("#4dabf7", "#ff922b", "#69db7c", "#f783ac", "#b197fc", "#ffd43b", "#66d9e8", "#ff8787")
_FIRST = 4
"""Curves shown at first, the most varying; more cannot be told apart. Set by eye."""
_ROWS = 8
"""Rows of a table in the tab; set by eye."""
_PADDING = (10, 24, 0, 0)
"""Top, right, bottom, left, in the page's pixels."""


class CurvesTab:
    """Charts and tables of the chosen face."""

    def __init__(self, session: Session, canvas: Canvas) -> None:
        """Build the controls in the page's current container.

        Args:
            session: what they show and change.
            canvas: where the faces are drawn.
        """
        self._session = session
        self._canvas = canvas
        gui = canvas.server.gui
        self._curves = self._compute()
        self._version: Any = None
        self._shown = self._curves.most_varying(_FIRST)
        names = list(self._curves.values)
        many = len(self._curves.seconds) > 1
        self.add = gui.add_dropdown("action", names, initial_value=names[0], visible=many)
        self.add_button = gui.add_button("Add curve", visible=many)
        self.clear_button = gui.add_button("Clear curves", visible=many)
        self.difference = gui.add_checkbox("left minus right", initial_value=False, visible=many)
        self._chart = self._add_chart() if many else None
        self._frame = gui.add_image(
            np.zeros((2, 2, 3), np.uint8), label="source frame", visible=False, format="jpeg"
        )
        self._numbers = gui.add_markdown("")
        self._table = gui.add_markdown("")
        guard = canvas.trouble.guard
        self.add_button.on_click(guard("curves", self._on_add))
        self.clear_button.on_click(guard("curves", self._on_clear))
        self.difference.on_update(guard("curves", self._on_difference))

    def _compute(self) -> Curves:
        session = self._session
        opened, face = session.current, session.chosen.face
        shown = opened.subject.faces[face]
        parameters = opened.parameters(face, edited=session.edited)
        times = opened.subject.timestamps
        return clip_curves(opened.subject.head, parameters, shown.frames, times)

    def _add_chart(self) -> Any:
        drawn = self._drawn()
        return self._canvas.server.gui.add_uplot(
            drawn.columns,
            _series(drawn.labels),
            scales=_scales(drawn),
            aspect=1.4,
            padding=_PADDING,
        )

    def _drawn(self) -> Chart:
        session = self._session
        now = float(session.opened[session.chosen.subject].subject.timestamps[self._now()])
        different = self.difference.value
        return chart(self._curves, self._shown, now, difference=different)

    def _now(self) -> int:
        session = self._session
        return session.frame_of(session.chosen.subject)

    async def _on_add(self, event: Any) -> None:
        name = self.add.value
        if name in self._curves.values and name not in self._shown:
            self._shown = [*self._shown, name][-len(_COLOURS) :]
        self._redraw()

    async def _on_clear(self, event: Any) -> None:
        self._shown = []
        self._redraw()

    async def _on_difference(self, event: Any) -> None:
        self._redraw()

    def _redraw(self) -> None:
        if self._chart is not None:
            drawn = self._drawn()
            with self._canvas.server.atomic():
                self._chart.scales = _scales(drawn)
                self._chart.series = _series(drawn.labels)
                self._chart.data = drawn.columns

    def follow(self) -> None:
        """Bring curves, frame and tables to what is shown."""
        session = self._session
        offsets = session.current.edits.offsets.tobytes()
        version = (session.chosen, session.edited, hash(offsets))
        if version != self._version and not session.playback.playing:
            self._version = version
            self._curves = self._compute()
            self._table.content = self._tables()
        self._redraw()
        if not session.playback.playing:
            self._show_frame()

    def _show_frame(self) -> None:
        session = self._session
        frame, pictures = self._now(), session.current.subject.pictures
        many = self._chart is not None
        picture = pictures.rgb(frame) if many and pictures is not None else None
        self._frame.visible = picture is not None
        if picture is not None:
            step = max(1, max(picture.shape[:2]) // 320)
            self._frame.image = picture[::step, ::step]
        if many:
            values = (f"{n} {self._curves.values[n][frame]:.2f}" for n in self._shown)
            seconds = session.current.subject.timestamps[frame]
            self._numbers.content = f"frame {frame}, {seconds:.2f} s: " + ", ".join(values)

    def _tables(self) -> str:
        rows = [
            "**Left against right**",
            "",
            "| pair | left - right | size | correlation |",
            "|---|---|---|---|",
        ]
        for pair in asymmetries(self._curves)[:_ROWS]:
            together = "" if pair.correlation is None else f"{pair.correlation:.2f}"
            name = pair.left.replace("Left", "")
            rows.append(f"| {name} | {pair.mean:+.3f} | {pair.size:.3f} | {together} |")
        return "\n".join(rows + self._comparison())

    def _comparison(self) -> list[str]:
        """Return the table of what differs most between two subjects of one head."""
        session = self._session
        if len(session.opened) != 2:
            return []
        means = []
        for opened in session.opened:
            shown = opened.subject.faces[0]
            parameters = opened.parameters(0, edited=session.edited)
            times = opened.subject.timestamps
            curves = clip_curves(opened.subject.head, parameters, shown.frames, times)
            means.append({n: float(np.nanmean(v)) for n, v in curves.values.items()})
        common = [name for name in means[0] if name in means[1]]
        common.sort(key=lambda name: -abs(means[0][name] - means[1][name]))
        rows = ["", "**First against second**", "", "| action | first | second |", "|---|---|---|"]
        return rows + [f"| {n} | {means[0][n]:.2f} | {means[1][n]:.2f} |" for n in common[:_ROWS]]


def _series(labels: list[str]) -> tuple[dict[str, Any], ...]:
    drawn = [
        {"label": label, "stroke": colour, "width": 1.5, "spanGaps": False}
        for label, colour in zip(labels[:-1], _COLOURS, strict=False)
    ]
    return ({"label": "s"}, *drawn, {"label": labels[-1], "stroke": "#adb5bd", "width": 1})


def _scales(drawn: Chart) -> dict[str, Any]:
    """Return fixed axes: frames without the face would leave the chart without any."""
    return {"x": {"time": False}, "y": {"range": (drawn.lowest, drawn.highest)}}
