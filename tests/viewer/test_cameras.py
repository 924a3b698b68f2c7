"""The cameras of pages, as the pages report them."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any

import numpy as np

from smirk3d.cli.support.terminal import failure
from smirk3d.viewer.scene.cameras import Cameras, View
from smirk3d.viewer.scene.placement import PHOTO_FOV, Viewpoint
from smirk3d.viewer.server.trouble import Trouble

GOAL = Viewpoint((0.4, 0.0, 240.0), (0.4, 0.0, 0.0), PHOTO_FOV)


class Page:
    """One page of a server, with its camera."""

    def __init__(self) -> None:
        self.client = SimpleNamespace(client_id=0, atomic=contextlib.nullcontext, camera=self)
        self.aspect = 1.0
        self.reports: Any = None
        self.connects: Any = None
        self.at((3.0, 3.0, 3.0), (0.0, 0.0, 0.0))
        server = SimpleNamespace(
            on_client_connect=lambda callback: setattr(self, "connects", callback),
            on_client_disconnect=lambda callback: None,
            get_clients=lambda: {0: self.client},
        )
        self.cameras = Cameras(server, Trouble(failure, print), self._viewpoint)
        asyncio.run(self.connects(self.client))

    def _viewpoint(self, view: View, aspect: float) -> Viewpoint:
        return GOAL

    def on_update(self, callback: Any) -> None:
        self.reports = callback

    def at(self, position: Any, look_at: Any, up: Any = (0.0, 1.0, 0.0)) -> None:
        self.position, self.look_at = np.array(position), np.array(look_at)
        self.up_direction = np.array(up)

    def report(self, position: Any, look_at: Any) -> None:
        self.at(position, look_at)
        asyncio.run(self.reports(self))


def test_a_page_that_goes_back_to_visers_start_is_placed_again() -> None:
    page = Page()
    assert tuple(page.position) == GOAL.position
    page.report(GOAL.position, GOAL.look_at)
    page.report((3.0, 3.0, 3.0), (0.0, 0.0, 0.0))
    assert tuple(page.position) == GOAL.position
    assert tuple(page.look_at) == GOAL.look_at


def test_the_locked_view_moves_and_zooms_but_turns_back() -> None:
    page = Page()
    page.report((1.0, 0.2, 100.0), (1.0, 0.2, 0.0))
    assert tuple(page.position) == (1.0, 0.2, 100.0)
    page.report((60.0, 0.0, 80.0), (0.0, 0.0, 0.0))
    assert np.allclose(page.position, (0.0, 0.0, 100.0))
    page.cameras.show("free")
    page.report((60.0, 0.0, 80.0), (0.0, 0.0, 0.0))
    assert tuple(page.position) == (60.0, 0.0, 80.0)
