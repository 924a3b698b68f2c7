"""Errors in every thread of the viewer: a line on the page and in the terminal, and it goes on."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import websockets.asyncio.client

from smirk3d.cli.support.terminal import complain, failure
from smirk3d.viewer.app import Viewer
from smirk3d.viewer.page.move_tab import MoveTab
from smirk3d.viewer.scene.scene import SubjectScene
from smirk3d.viewer.server.trouble import Seldom, Trouble
from smirk3d.viewer.session.source_pictures import VideoFrames
from smirk3d.viewer.session.subjects import open_subject
from tests.viewer.browser import until
from tests.viewer.made_subjects import photo


@pytest.fixture
def terminal(viewer: Viewer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that the viewer prints from now on."""
    lines: list[str] = []
    monkeypatch.setattr(viewer.trouble, "_complain", lines.append)
    monkeypatch.setattr(viewer.trouble, "_seldom", Seldom())
    return lines


def warning(viewer: Viewer) -> str:
    """The words of the warning on the page."""
    found = re.search(r"<span[^>]*>(.*)</span>", viewer.status._warning.content)
    return found[1] if found else ""


def broken(*args: Any, **named: Any) -> Any:
    raise ValueError("boom\n\x1b[31m<b>")


LINE = r"ValueError: boom\n\x1b[31m<b>"
ESCAPED = r"ValueError: boom\n\x1b[31m&lt;b&gt;"


def test_one_error_in_drawing_is_said_and_drawn_again(
    viewer: Viewer, result: Path, terminal: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer.open([open_subject(result)])
    whole, calls = SubjectScene.draw, []

    def once(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 1:
            broken()
        whole(*args)

    monkeypatch.setattr(SubjectScene, "draw", once)
    viewer.refresh()
    until(lambda: len(calls) >= 2, "the face to be drawn again")
    assert terminal == [f"drawing portrait: {LINE}"]
    assert warning(viewer) == f"drawing portrait: {ESCAPED}"
    before = viewer.world_vertices(next(iter(viewer.session.choices().values())))
    assert np.isfinite(before).all()
    viewer.open([open_subject(result)])
    assert warning(viewer) == ""


def test_a_face_that_cannot_be_drawn_stops_neither_the_clip_nor_the_controls(
    viewer: Viewer, track: Path, terminal: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer.open([open_subject(track)])
    session, followed = viewer.session, []
    assert session is not None
    monkeypatch.setattr(SubjectScene, "draw", broken)
    monkeypatch.setattr(MoveTab, "follow", lambda tab: followed.append(tab) or broken())
    viewer.panel.time.toggle()
    seen: set[int] = set()
    until(lambda: seen.add(session.playback.frame) or len(seen) > 3, "frames to go by")
    until(lambda: followed, "the controls to follow")
    session.playback.playing = False
    until(lambda: len(terminal) == 2, "both lines")
    assert set(terminal) == {f"drawing clip: {LINE}", f"controls: {LINE}"}


def test_a_picture_that_cannot_be_projected_is_said_once(
    viewer: Viewer, result: Path, terminal: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SubjectScene, "project_texture", broken)
    viewer.open([open_subject(result)])
    viewer.panel.appearance.choose("Photo")
    until(lambda: terminal, "the line")
    for _ in range(3):
        viewer.refresh()
        until(lambda: not viewer._stale, "another drawing")
    viewer.panel.appearance.choose("Clay")
    assert terminal == [f"the picture's colours: {LINE}"]
    assert "portrait: 1 face" in viewer.status._line.content


def test_frames_that_cannot_be_read_are_said(
    viewer: Viewer, track: Path, clip: Path, terminal: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smirk3d.viewer.session.source_pictures.to_jpeg", broken)
    viewer.open([open_subject(track, source=clip)])
    until(lambda: terminal, "the line")
    assert terminal[0].startswith("clip: frames from 0 on cannot be read: ValueError")
    assert isinstance(viewer.session.current.subject.pictures, VideoFrames)


def test_an_upload_that_breaks_the_program_is_said_and_the_next_one_works(
    viewer: Viewer, result: Path, terminal: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer.open([open_subject(result)])
    terminal.clear()  # what was open before may have been drawn once more
    with monkeypatch.context() as patched:
        patched.setattr("smirk3d.viewer.server.uploads.read_image", broken)
        viewer.status.attempt("me", lambda: viewer.open([_received(viewer)]))
    assert terminal == [f"me: {LINE}"]
    assert warning(viewer) == f"me: {ESCAPED}"
    assert "portrait: 1 face" in viewer.status._line.content
    assert not viewer.status._progress.visible
    viewer.status.attempt("me", lambda: viewer.open([_received(viewer)]))
    assert viewer.session.current.subject.name == "me"
    assert warning(viewer) == ""


def _received(viewer: Viewer) -> Any:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(photo()).save(buffer, "JPEG")
    return viewer.uploads.receive("me.jpg", buffer.getvalue(), viewer.status.progress)


def test_a_result_that_cannot_be_shown_leaves_the_one_before(
    viewer: Viewer, result: Path, track: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer.open([open_subject(result)])
    session = viewer.session
    with monkeypatch.context() as patched:
        patched.setattr(SubjectScene, "place", broken)
        with pytest.raises(ValueError, match="boom"):
            viewer.open([open_subject(track)])
    assert viewer.session is session
    assert viewer.world_vertices(next(iter(session.choices().values()))) is not None


def test_every_callback_of_the_page_is_guarded(viewer: Viewer, track: Path) -> None:
    viewer.open([open_subject(track)])
    gui = viewer.server.gui
    callbacks = [cb for h in gui._gui_input_handle_from_uuid.values() for cb in h._impl.update_cb]
    callbacks += [cb for h in gui._command_handle_from_uuid.values() for cb in h._impl.trigger_cb]
    callbacks += viewer.server._client_connect_cb + viewer.server._client_disconnect_cb
    assert len(callbacks) > 50
    bare = [cb for cb in callbacks if not hasattr(cb, "__wrapped__")]
    assert bare == []


@pytest.mark.parametrize("kind", ["text", "no message", "no such control"])
def test_nonsense_from_a_page_is_one_line(
    viewer: Viewer, terminal: list[str], capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    viser = pytest.importorskip("viser")
    pack = pytest.importorskip("msgspec.msgpack").encode
    sent = {
        "text": "hello",
        "no message": b"\xc1junk",
        "no such control": pack(
            {
                "type": "GuiUpdateMessage",
                "uuid": viewer.panel.files.upload._impl.uuid,
                "updates": {"nothing": 1},
            }
        ),
    }[kind]

    async def visit() -> None:
        async with websockets.asyncio.client.connect(
            f"ws://127.0.0.1:{viewer.server.get_port()}",
            subprotocols=[f"viser-v{viser.__version__}"],
            max_size=None,
        ) as connection:
            await connection.recv()
            await connection.send(sent)
            while not terminal:
                await asyncio.sleep(0.05)

    asyncio.run(asyncio.wait_for(visit(), 60))
    assert len(terminal) == 1
    assert re.match(r"a page's (connection|message): \w+", terminal[0])
    assert "Traceback" not in capfd.readouterr().err


def test_a_guarded_callback_of_viser_raises_nothing_and_stays_what_it_was() -> None:
    lines: list[str] = []
    trouble = Trouble(failure, lines.append)

    async def later(event: Any) -> None:
        broken()

    guarded = trouble.guard("later", later)
    assert asyncio.iscoroutinefunction(guarded)
    asyncio.run(guarded(None))
    trouble.guard("now", broken)(None)
    trouble.guard("now", broken)(None)
    assert lines == [f"later: {LINE}", f"now: {LINE}"]


def test_lines_come_once_a_minute_and_never_as_a_flood() -> None:
    now = [0.0]
    seldom = Seldom(clock=lambda: now[0])
    assert seldom.admits("a")
    assert not seldom.admits("a")
    assert sum(seldom.admits(str(n)) for n in range(1000)) < 30
    now[0] = 61.0
    assert seldom.admits("a")


def test_the_terminal_gets_printable_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Trouble(failure, complain).note("a page of http://\x1b[31m")
    assert capsys.readouterr().err == "smirk3d: a page of http://\\x1b[31m\n"
