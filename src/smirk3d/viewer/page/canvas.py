"""The side of the viewer that its controls see."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from smirk3d.viewer.scene.cameras import View
from smirk3d.viewer.scene.scene import Appearance
from smirk3d.viewer.server.trouble import Trouble


class Canvas(Protocol):
    """Everything that a control may ask for besides its session.

    Attributes:
        server: viser's server, whose page the controls are added to.
        trouble: reports errors of callbacks.
        lock: held while session or appearance is changed.
        appearance: how the faces are drawn.
    """

    server: Any
    trouble: Trouble
    lock: threading.RLock
    appearance: Appearance

    def refresh(self) -> None:
        """Draw again soon."""
        ...

    def show_view(self, view: View) -> None:
        """Bring all pages to a camera view."""
        ...

    def open_upload(self, name: str, content: bytes) -> None:
        """Reconstruct an uploaded file and show it.

        Raises:
            InputError: if it cannot be read or shows no face.
        """
        ...
