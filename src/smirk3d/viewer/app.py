"""The viewer: a session, its scenes and its page, kept in step sixty times a second."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from smirk3d.errors import InputError
from smirk3d.viewer.page.page_frame import PageFrame
from smirk3d.viewer.page.panel import Panel
from smirk3d.viewer.page.status import Status
from smirk3d.viewer.scene.cameras import Cameras, View
from smirk3d.viewer.scene.placement import FREE_FOV, PHOTO_FOV, Viewpoint, fitting_view
from smirk3d.viewer.scene.scene import Appearance, SubjectScene
from smirk3d.viewer.server.trouble import Trouble
from smirk3d.viewer.server.uploads import LARGEST_UPLOAD, Uploads
from smirk3d.viewer.session.session import FaceChoice, Session
from smirk3d.viewer.session.subjects import Subject

RATE = 60
"""Updates a second while something moves: the rate of common screens."""
_SHOWN = 1.25
"""Side of the free view as a multiple of the head's, so that hair and chin keep a margin."""
_GAP = 0.04
"""Metres between two subjects."""
_LONE_WIDTH = 0.32
"""Metres that a subject without a picture takes: a head and some air on both sides."""
_PANEL_EVERY = 0.12
"""Seconds between updates of sliders and charts, which cost the page more than a mesh."""
_IDLE = 0.5
"""Seconds between looks at what changed, while nothing moves and nobody calls ``refresh``."""
_PHOTO_HINT = (
    "Appearance, view Free (key 2): drag to turn the face. Move: sliders for all it can do."
)
_FREE_HINT = "Drag to turn the face, scroll to zoom. Move: sliders for all it can do."
_EMPTY_VIEW = Viewpoint((0.0, 0.0, 1.0), (0.0, 0.0, 0.0), FREE_FOV)


class Viewer:
    """Shows subjects on a viser server until it is closed.

    It is the :class:`smirk3d.viewer.page.canvas.Canvas` of its own controls.

    Attributes:
        server: viser's server.
        uploads: reconstructs the files that pages upload.
        trouble: reports errors of all threads.
        lock: held while session, appearance or cameras are read or changed.
        session: the open subjects; None before the first ones.
        appearance: how they are drawn.
        cameras: the cameras of the pages.
        frame: title, hints and notices of the pages.
        status: the page's status line.
        panel: the controls.
    """

    def __init__(self, server: Any, uploads: Uploads, trouble: Trouble) -> None:
        """Build the page on a server; nothing is open yet.

        Args:
            server: the server that ``guarded_server.start_server`` returned; closed with the
                viewer.
            uploads: reconstructs the files that pages upload; closed with the viewer.
            trouble: the server's; shown on the page from now on.
        """
        self.server = server
        self.uploads = uploads
        self.trouble = trouble
        self.lock = threading.RLock()
        self.session: Session | None = None
        self.appearance = Appearance()
        self._opened = 0
        self._scenes: list[SubjectScene] = []
        self._stale = True
        self._panel_due = 0.0
        self._texturing = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        _furnish(server)
        self.cameras = Cameras(server, trouble, self._viewpoint)
        self.frame = PageFrame(server, trouble, LARGEST_UPLOAD)
        self.status = Status(server.gui, trouble, self.summary)
        self.panel = Panel(self, self.status)
        self._thread = threading.Thread(target=self._run, name="viewer", daemon=True)
        self._thread.start()

    def open(self, subjects: Sequence[Subject]) -> None:
        """Show subjects side by side in place of what was open."""
        session = Session(subjects)
        with self.lock:
            scenes = self._built(session)
            for scene in self._scenes:
                scene.remove()
            self.session, self._scenes = session, scenes
            self._stale = True
            with_picture = any(scene.stage is not None for scene in scenes)
            self.status.clear_warning()
            self.panel.rebuild(session)
        self.status.show_summary()
        self.show_view("photo" if with_picture else "free")
        name = ", ".join(subject.name for subject in subjects)
        self.frame.show(name, _PHOTO_HINT if with_picture else _FREE_HINT)
        self.refresh()

    def open_upload(self, name: str, content: bytes) -> None:
        """Reconstruct an uploaded file and show it in place of what was open.

        Args:
            name: of the file; only shown.
            content: its bytes.

        Raises:
            InputError: if it cannot be read or shows no face.
        """
        self.open([self.uploads.receive(name, content, self.status.progress)])

    def _built(self, session: Session) -> list[SubjectScene]:
        """Return the scenes of subjects, side by side; all or, where one fails, none."""
        scenes: list[SubjectScene] = []
        self._opened += 1
        start = 0.0
        try:
            for number, opened in enumerate(session.opened):
                name = f"/subject{self._opened}-{number}"
                scenes.append(SubjectScene(self.server, name, opened))
                stage = scenes[-1].stage
                width = stage.extent[0] if stage else _LONE_WIDTH
                scenes[-1].place(start + width / 2)
                start += width + _GAP
        except BaseException:
            for scene in scenes:
                scene.remove()
            raise
        return scenes

    def summary(self) -> str:
        """Return what is open, in words, or what to do where nothing is."""
        if self.session is None:
            return "Upload a photo or a short video, or take a picture."
        return ", ".join(_described(opened.subject) for opened in self.session.opened)

    def close(self) -> None:
        """Stop drawing and reading pictures, and end the server."""
        self._stop.set()
        self._wake.set()
        self._thread.join()
        with self.lock:
            for scene in self._scenes:
                scene.remove()
            self._scenes = []
        # viser says good-bye on standard output, which belongs to the command line
        with contextlib.redirect_stdout(io.StringIO()):
            self.server.stop()
        self.uploads.close()

    def refresh(self) -> None:
        """Draw again soon, because something has changed."""
        self._stale = True
        self._wake.set()

    def show_view(self, view: View) -> None:
        """Bring all pages to a view; only the photo's view shows the picture."""
        with self.lock:
            self.appearance.picture = view == "photo"
        self.refresh()
        self.cameras.show(view)
        self.panel.show_view(view)

    def world_vertices(self, choice: FaceChoice) -> np.ndarray | None:
        """Return the vertices ``[V, 3]`` of a face as drawn now, None where the frame lacks it."""
        with self.lock:
            if self.session is None:
                return None
            vector = self.session.vector(choice.subject, choice.face)
            if vector is None:
                return None
            frame = self.session.frame_of(choice.subject)
            return self._scenes[choice.subject].world_vertices(choice.face, frame, vector)

    def _run(self) -> None:
        last = time.perf_counter()
        due = last
        while not self._stop.is_set():
            now = time.perf_counter()
            passed, last = now - last, now
            moving = False
            with self.trouble.watched("drawing"), self.lock:
                moving = self._advance(passed)
            if moving:
                due = max(due + 1 / RATE, now)
                self._stop.wait(max(due - time.perf_counter(), 0.0))
            else:
                self._wake.wait(_IDLE)
                self._wake.clear()
                last = due = time.perf_counter()

    def _advance(self, seconds: float) -> bool:
        """Draw whatever has changed and return whether more will change by itself."""
        if self.session is None:
            return False
        changed = self.session.advance(seconds)
        if changed or self._stale or not self._settled():
            self._stale = False
            if not self.draw():
                self._stale = True  # tried again, while the clip goes on
            now = time.perf_counter()
            if now >= self._panel_due or not self.session.is_moving:
                self._panel_due = now + _PANEL_EVERY
                self.panel.follow()
        for opened in self.session.opened:
            pictures = opened.subject.pictures
            if pictures is not None and pictures.problem is not None:
                with self.trouble.watched(opened.subject.name):
                    raise InputError(pictures.problem)
        return self.session.is_moving or not self._settled()

    def _settled(self) -> bool:
        return all(scene.is_settled for scene in self._scenes)

    def draw(self) -> bool:
        """Send the meshes and pictures to the pages, and return whether all were sent."""
        session = self.session
        if session is None:
            return True
        self._add_textures()
        drawn = 0
        with self.server.atomic():
            for number, scene in enumerate(self._scenes):
                with self.trouble.watched(f"drawing {session.opened[number].subject.name}"):
                    self._draw_subject(session, number, scene)
                    drawn += 1
        return drawn == len(self._scenes)

    def _draw_subject(self, session: Session, number: int, scene: SubjectScene) -> None:
        frame = session.frame_of(number)
        scene.show_picture(frame, self.appearance)
        for face in range(len(session.opened[number].subject.faces)):
            scene.draw(face, frame, session.vector(number, face), self.appearance)

    def _add_textures(self) -> None:
        """Start projecting the pictures onto the skins, once, where they are to be drawn so."""
        wanted = [scene for scene in self._scenes if scene.needs_texture]
        if self.appearance.material != "photo" or not wanted:
            return
        if not self._texturing.acquire(blocking=False):
            return

        def work() -> None:
            try:
                self.status.say("projecting the picture onto the skin ...")
                for scene in wanted:
                    scene.project_texture()
                self.status.show_summary()
            except Exception as error:  # whatever it is, the faces stay in clay
                for scene in wanted:
                    scene.give_up_texture()
                self.status.show_summary()
                self.trouble.report("the picture's colours", error)
            finally:
                self._texturing.release()
            self.refresh()

        threading.Thread(target=work, name="texturing", daemon=True).start()

    def _viewpoint(self, view: View, aspect: float) -> Viewpoint:
        with self.lock:
            session = self.session
            if session is None or not self._scenes:
                return _EMPTY_VIEW
            if view == "photo":
                widths = [s.stage.extent if s.stage else (_LONE_WIDTH,) * 2 for s in self._scenes]
                total = sum(width for width, _ in widths) + _GAP * (len(widths) - 1)
                height = max(height for _, height in widths)
                return fitting_view(np.array([total / 2, 0, 0]), (total, height), aspect, PHOTO_FOV)
            boxes = self._boxes(session)
            low, high = boxes[:, 0].min(0), boxes[:, 1].max(0)
            width, height, _ = (high - low) * _SHOWN
            return fitting_view((low + high) / 2, (width, height), aspect, FREE_FOV)

    def _boxes(self, session: Session) -> np.ndarray:
        """Return corners ``[N, 2, 3]`` of the chosen face of each subject, or of its first."""
        boxes = []
        for number, scene in enumerate(self._scenes):
            chosen = session.chosen
            face = chosen.face if chosen.subject == number else 0
            frame = session.frame_of(number)
            vector = session.vector(number, face)
            if vector is None:
                shown = session.opened[number].subject.faces[face]
                frame = int(shown.frames[0])
                vector = session.opened[number].own(face, frame)
            assert vector is not None
            boxes.append(scene.bounds(face, frame, vector))
        return np.stack(boxes)


def _described(subject: Subject) -> str:
    faces, frames = len(subject.faces), len(subject.timestamps)
    text = f"{subject.name}: {faces} face{'s' if faces > 1 else ''}"
    if frames > 1:
        text += f", {frames} frames"
    if subject.image_size is not None and subject.pictures is None:
        text += " (give --source to see what it was made from)"
    return text


def _furnish(server: Any) -> None:
    """Set up light and axes, once for all subjects."""
    server.scene.set_up_direction("+y")
    server.scene.configure_default_lights(False)
    server.scene.configure_environment_map(None)
    server.scene.add_light_ambient("/light/around", intensity=0.7)
    server.scene.add_light_directional(
        "/light/key", color=(255, 246, 232), intensity=2.4, position=(-0.5, 0.62, 0.72)
    )
    server.scene.add_light_directional(
        "/light/fill", color=(214, 228, 255), intensity=0.8, position=(0.85, 0.05, 0.55)
    )
    server.gui.configure_theme(dark_mode=True, show_logo=False, show_share_button=False)
    server.gui.main_panel.dock_right()
    server.gui.main_panel.set_width(380)
    server.gui.set_panel_label("smirk3d")
    start = fitting_view(np.zeros(3), (0.4, 0.4), 1.5, PHOTO_FOV)
    server.initial_camera.fov = start.fov
    server.initial_camera.position = start.position
    server.initial_camera.look_at = start.look_at
