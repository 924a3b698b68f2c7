"""The cameras of the pages: one locked to the photo's, one that orbits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from smirk3d.viewer.scene.placement import Viewpoint
from smirk3d.viewer.server.trouble import Trouble

View = Literal["photo", "free"]

_HOME = (3.0, 3.0, 3.0)
"""Where viser's camera starts. A page that is still loading may go back there after it was placed;
from so near the locked view shows nothing."""
_STRAIGHT = 1 - 1e-7
"""Cosine of the angle to the photo's axis up to which a camera counts as straight."""


class Cameras:
    """Moves the cameras of all pages to a view.

    The locked view may move and zoom, but does not rotate; it is fitted again when the
    window changes.

    Attributes:
        view: the view of all pages.
    """

    def __init__(
        self, server: Any, trouble: Trouble, viewpoint: Callable[[View, float], Viewpoint]
    ) -> None:
        """Watch the pages of a server.

        Args:
            server: viser's.
            trouble: reports errors.
            viewpoint: returns where the camera of a view belongs, for width over height of a
                page's canvas.
        """
        self.view: View = "photo"
        self._server = server
        self._viewpoint = viewpoint
        self._aspects: dict[int, float] = {}
        self._guard = trouble.guard
        server.on_client_connect(self._guard("camera", self._greet))
        server.on_client_disconnect(self._guard("camera", self._forget))

    def show(self, view: View) -> None:
        """Bring every page to a view."""
        self.view = view
        for client in self._server.get_clients().values():
            self._place(client.camera)

    async def _greet(self, client: Any) -> None:
        self._place(client.camera)
        client.camera.on_update(self._guard("camera", self._hold))

    async def _forget(self, client: Any) -> None:
        self._aspects.pop(client.client_id, None)

    async def _hold(self, camera: Any) -> None:
        """Keep a page's camera straight, and fitted to its window, in the locked view."""
        before = self._aspects.get(camera.client.client_id)
        resized = before is not None and abs(camera.aspect / before - 1) > 0.01
        if resized or _is_home(camera):
            self._place(camera)
        elif self.view == "photo":
            sight = camera.look_at - camera.position
            distance = float(np.linalg.norm(sight))
            if -sight[2] < _STRAIGHT * distance or camera.up_direction[1] < _STRAIGHT:
                middle = np.array(camera.look_at)
                self._move(camera, middle + np.array([0.0, 0.0, distance]), middle)

    def _place(self, camera: Any) -> None:
        aspect = float(camera.aspect)
        self._aspects[camera.client.client_id] = aspect
        goal = self._viewpoint(self.view, aspect)
        camera.fov = goal.fov
        camera.near = goal.near
        self._move(camera, np.array(goal.position), np.array(goal.look_at))

    def _move(self, camera: Any, position: Any, look_at: Any) -> None:
        with camera.client.atomic():
            camera.up_direction = (0.0, 1.0, 0.0)
            camera.position = position
            camera.look_at = look_at


def _is_home(camera: Any) -> bool:
    return bool(np.allclose(camera.position, _HOME) and np.allclose(camera.look_at, 0))
