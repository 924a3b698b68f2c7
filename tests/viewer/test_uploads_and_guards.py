from __future__ import annotations

import io
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smirk3d.cli.support.terminal import failure
from smirk3d.errors import InputError
from smirk3d.viewer.app import Viewer
from smirk3d.viewer.server.guarded_server import UploadGuard, start_server
from smirk3d.viewer.server.trouble import Trouble
from smirk3d.viewer.server.uploads import LARGEST_UPLOAD, Estimator, Uploads, kind_of, shown_name
from tests.viewer.made_subjects import photo

PART = 512 * 1024


def _jpeg(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0rest", "photo"),
        (b"\x89PNG\r\n\x1a\nrest", "photo"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "photo"),
        (b"\0\0\0\x18ftypheic", "photo"),
        (b"\0\0\0\x18ftypisom", "video"),
        (b"\0\0\0\x18ftypqt  ", "video"),
        (b"\x1a\x45\xdf\xa3\x01", "video"),
        (b"RIFF\0\0\0\0AVI LIST", "video"),
    ],
)
def test_files_are_told_by_their_content(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind


@pytest.mark.parametrize(
    "content",
    [b"", b"#EXTM3U\n", b"ffconcat version 1.0\nfile /x", b"<svg/>", b"%!PS", b"PK\3\4", b"\0" * 9],
)
def test_playlists_scripts_and_others_reach_no_decoder(content: bytes) -> None:
    with pytest.raises(InputError, match="no photo"):
        kind_of(content)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("me.jpg", "me"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a b.png", "a b"),
        ("<img src=x onerror=alert(1)>.jpg", "_img src_x onerror_alert_1__"),
        ("...", "upload"),
        ("x" * 500 + ".mp4", "x" * 60),
    ],
)
def test_names_are_shown_without_what_could_act(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def _bomb(side: int) -> bytes:
    """A PNG of few bytes that claims many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="module")
def uploads() -> Uploads:
    return Uploads(Estimator(weights="none", device="cpu"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello", "no photo"),
        (b"\xff\xd8\xff" + b"junk" * 50, "me"),
        (_bomb(12_000), "pixels"),
        (_bomb(60_000), "pixels"),
        (_jpeg(np.zeros((80, 80, 3), np.uint8)), "no face found"),
        (b"\0\0\0\x18ftypisom" + b"junk" * 50, "no readable video"),
    ],
)
def test_bad_uploads_are_refused_in_words_and_leave_the_next_alone(
    uploads: Uploads, content: bytes, reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        uploads.receive("me.jpg", content, lambda what, fraction: None)
    assert "/tmp" not in str(caught.value)
    assert "smirk3d-view" not in str(caught.value)


def test_a_photo_and_a_video_become_faces(uploads: Uploads, clip: Path) -> None:
    fractions: list[float] = []
    subject = uploads.receive(
        "me.jpg", _jpeg(photo()), lambda what, fraction: fractions.append(fraction)
    )
    assert (subject.name, len(subject.faces)) == ("me", 1)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert subject.pictures is not None
    film = uploads.receive("film.mp4", clip.read_bytes(), lambda what, fraction: None)
    assert film.name == "film"
    assert len(film.timestamps) == 13
    assert film.pictures is not None
    film.pictures.close()


def test_too_large_uploads_are_refused(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smirk3d.viewer.server.uploads.LARGEST_UPLOAD", 10)
    with pytest.raises(InputError, match="larger than"):
        uploads.receive("me.jpg", _jpeg(photo()), lambda what, fraction: None)


def test_one_upload_at_a_time(uploads: Uploads) -> None:
    inner: list[str] = []

    def on_progress(what: str, fraction: float) -> None:
        with pytest.raises(InputError, match="another upload"):
            uploads.receive("you.jpg", _jpeg(photo()), lambda *_: None)
        inner.append(what)

    uploads.receive("me.jpg", _jpeg(photo()), on_progress)
    assert inner


def test_uploads_are_admitted_up_to_their_announced_size() -> None:
    guard = UploadGuard(3 * PART)
    assert guard.refusal(1, "huge", 3 * PART + 1, 7) == "larger than 1 MB: reduce it first"
    assert guard.refusal(1, "odd", 2 * PART, 99_999) is not None
    assert guard.refusal(1, "none", 0, 0) == "the file is empty"
    assert guard.refusal(1, "negative", -1, 0) is not None
    assert guard.refusal(1, "a", PART + 10, 2) is None
    assert guard.refusal(1, "a", PART, 1) is not None
    assert guard.admits_part(1, "a", PART)
    assert not guard.admits_part(2, "a", 10)
    assert not guard.admits_part(1, "a", 11)
    assert not guard.admits_part(1, "a", 1)
    assert guard.refusal(1, "b", PART, 1) is None
    assert guard.refusal(1, "c", PART, 1) is None
    assert "2 uploads" in str(guard.refusal(1, "d", PART, 1))
    guard.forget(1)
    assert guard.refusal(1, "d", PART, 1) is None
    assert not guard.admits_part(1, "d", PART + 1)


def test_no_page_can_open_a_tunnel_or_fill_the_memory(viewer: Viewer) -> None:
    messages = pytest.importorskip("viser._messages")
    sockets = viewer.server._websock_server
    handlers = sockets._incoming_handlers
    assert messages.ShareUrlRequest not in handlers
    gui = viewer.server.gui
    for kind in (messages.FileTransferStartUpload, messages.FileTransferPart):
        assert len(handlers[kind]) == 1
        assert handlers[kind][0].__module__ == "smirk3d.viewer.server.guarded_server"
    (start,) = handlers[messages.FileTransferStartUpload]
    start(
        0,
        messages.FileTransferStartUpload(
            source_component_uuid=viewer.panel.files.upload._impl.uuid,
            transfer_uuid="t",
            filename="x",
            mime_type="image/jpeg",
            part_count=1 << 30,
            size_bytes=LARGEST_UPLOAD + 1,
        ),
    )
    assert "t" not in gui._current_file_upload_states
    assert "x: larger than 64 MB" in viewer.status._warning.content


def test_it_listens_on_one_address_alone(viewer: Viewer) -> None:
    port = viewer.server.get_port()
    socket.create_connection(("127.0.0.1", port), timeout=20).close()
    # a server on all addresses would answer here too
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", port), timeout=20)


def test_addresses_of_others_are_refused() -> None:
    with pytest.raises(InputError, match="--host"):
        start_server("203.0.113.7", 0, largest_upload=1, trouble=Trouble(failure, print))
    with pytest.raises(InputError, match="--host"):
        start_server("no such host", 0, largest_upload=1, trouble=Trouble(failure, print))
