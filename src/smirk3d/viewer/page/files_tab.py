"""Files from and to the page: uploads, pictures of a webcam, saving, exporting."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from smirk3d.errors import InputError
from smirk3d.export.arkit_csv import write_arkit_csv
from smirk3d.export.formats import FLAME, FORMATS, PICTURED, write_face
from smirk3d.export.gaps import with_gaps_filled
from smirk3d.faces import Face, Picture
from smirk3d.viewer.page.canvas import Canvas
from smirk3d.viewer.page.status import Status
from smirk3d.viewer.server.uploads import shown_name
from smirk3d.viewer.session.session import Session


class FilesTab:
    """Controls of uploads and downloads."""

    def __init__(self, session: Session | None, canvas: Canvas, status: Status) -> None:
        """Set up; :meth:`build` adds the controls.

        Args:
            session: whose faces are exported; None where nothing is open.
            canvas: opens what is uploaded.
            status: the page's status line.
        """
        self._session = session
        self._canvas = canvas
        self._status = status
        self._guard = canvas.trouble.guard

    def build(self) -> None:
        """Build the controls in the page's current container."""
        gui = self._canvas.server.gui
        self.upload = gui.add_upload_button(
            "Upload photo or video", mime_type="image/*,video/*",
            hint="Reconstructed on this machine. Phones offer their camera here.",
        )  # fmt: skip
        self.upload.on_upload(self._guard("upload", self._on_upload))
        gui.add_html(_webcam(self.upload._impl.uuid))
        session = self._session
        if session is None:
            return
        names = _formats(session)
        self.format = gui.add_dropdown("format", names, initial_value=names[0])
        self.export = gui.add_button("Export face", hint="The chosen face in the shown frame.")
        self.curves = gui.add_button(
            "Curves as CSV", hint="ARKit's 52 weights of all frames, as Live Link Face writes them."
        )
        self.save = gui.add_button("Save", hint="A folder, zipped, that smirk3d view opens again.")
        self.export.on_click(self._send("export", session, self._exported))
        self.curves.on_click(self._send("curves", session, self._csv))
        self.save.on_click(self._send("save", session, self._saved))

    def _on_upload(self, event: Any) -> None:
        file = event.target.value

        def receive() -> None:
            self._canvas.open_upload(file.name, file.content)

        self._status.attempt(shown_name(file.name), receive)

    def _send(
        self, what: str, session: Session, make: Callable[[Session, Path], Path]
    ) -> Callable[[Any], None]:
        """Return a callback that makes a file or folder and sends it to the page that asked."""

        def clicked(event: Any) -> None:
            def act() -> None:
                with tempfile.TemporaryDirectory(prefix="smirk3d-view-") as folder:
                    self._status.say("writing the file ...")
                    made = make(session, Path(folder))
                    name, content = _packed(made)
                event.client.send_file_download(name, content, save_immediately=True)
                self._status.say(f"{name}: {len(content) / 1e6:.1f} MB")

            self._status.attempt(what, act)

        return self._guard(what, clicked)

    def _exported(self, session: Session, folder: Path) -> Path:
        with self._canvas.lock:
            opened, face = session.current, session.chosen.face
            frame = session.frame_of(session.chosen.subject)
            row = opened.subject.faces[face].row(frame)
            parameters = opened.parameters(face)
        if row is None:
            raise InputError("this frame does not show the face: choose another")
        shown = opened.subject.faces[face]
        pictures = opened.subject.pictures
        crop = shown.T_crop_image[row] if shown.T_crop_image is not None else np.eye(3)
        exported = Face(
            parameters=parameters[row],
            head=opened.subject.head,
            T_crop_image=crop,
            picture=Picture(
                path=opened.subject.name,
                size=opened.subject.image_size or (1, 1),
                pixels=pictures.rgb(frame) if pictures is not None else None,
            ),
        )
        stem = folder / f"{shown_name(opened.subject.name)}-face-{face}"
        return write_face(self.format.value, stem, exported)

    def _csv(self, session: Session, folder: Path) -> Path:
        with self._canvas.lock:
            opened, face = session.current, session.chosen.face
            parameters = opened.parameters(face)
        shown = opened.subject.faces[face]
        path = folder / f"{shown_name(opened.subject.name)}-face-{face}.csv"
        head, times = opened.subject.head, opened.subject.timestamps
        everywhere = with_gaps_filled(head, parameters, shown.frames, times)
        write_arkit_csv(path, head, everywhere, timestamps=times.tolist())
        return path

    def _saved(self, session: Session, folder: Path) -> Path:
        with self._canvas.lock:
            opened = session.current
            parameters = [opened.parameters(face) for face in range(len(opened.subject.faces))]
        made = folder / f"{shown_name(opened.subject.name)}-edited"
        made.mkdir()
        opened.subject.save(made, parameters)
        return made


def _formats(session: Session) -> list[str]:
    names = [*FORMATS, *PICTURED]
    if session.current.subject.head.name.startswith(FLAME):
        names.append(FLAME)
    return names


def _packed(path: Path) -> tuple[str, bytes]:
    """Return name and bytes of a file; of a folder, as a zip that unpacks to the folder."""
    if path.is_file():
        return path.name, path.read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path.rglob("*")):
            archive.write(file, file.relative_to(path.parent))
    return f"{path.name}.zip", buffer.getvalue()


def _webcam(upload: str) -> str:
    """Return a button that shows the page's camera and uploads one picture of it.

    It goes the way of an upload, by the same file input; browsers give pages their camera on this
    machine or over HTTPS only.
    """
    start = (
        "const b=this,v=document.getElementById('smirk3d-webcam');"
        "if(v.srcObject){const c=document.createElement('canvas');"
        "c.width=v.videoWidth;c.height=v.videoHeight;"
        "c.getContext('2d').drawImage(v,0,0);"
        "c.toBlob(p=>{const d=new DataTransfer();"
        "d.items.add(new File([p],'webcam.jpg',{type:'image/jpeg'}));"
        f"const i=document.getElementById('file_upload_{upload}');"
        "i.files=d.files;i.dispatchEvent(new Event('change',{bubbles:true}));"
        "v.srcObject.getTracks().forEach(t=>t.stop());v.srcObject=null;v.hidden=true;"
        "b.textContent='Webcam';},'image/jpeg',0.95);return;}"
        "if(!navigator.mediaDevices){b.textContent='No webcam here: open the page on this machine';"
        "return;}"
        "navigator.mediaDevices.getUserMedia({video:{width:{ideal:1280}}}).then(s=>{"
        "v.srcObject=s;v.hidden=false;v.play();b.textContent='Take the picture';})"
        ".catch(e=>{b.textContent='No webcam: '+e.name;});"
    )
    return (
        '<div style="padding:0 1em 0.5em">'
        f'<button type="button" style="width:100%;height:2em;cursor:pointer" onclick="{start}">'
        'Webcam</button><video id="smirk3d-webcam" hidden muted playsinline '
        'style="width:100%;margin-top:0.4em"></video></div>'
    )
