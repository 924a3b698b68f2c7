"""How the faces are drawn: view, material, picture, before or after edits."""

from __future__ import annotations

from typing import Any

from smirk3d.viewer.page.canvas import Canvas
from smirk3d.viewer.scene.scene import Material
from smirk3d.viewer.session.session import Session

_MATERIALS: dict[str, Material] = {"Clay": "clay", "Wireframe": "wireframe", "Photo": "photo"}


class AppearanceTab:
    """Controls of how the faces are drawn."""

    def __init__(self, session: Session, canvas: Canvas) -> None:
        """Build the controls in the page's current container.

        Args:
            session: what they show and change.
            canvas: where the faces are drawn.
        """
        self._session = session
        self._canvas = canvas
        gui, drawn = canvas.server.gui, canvas.appearance
        names = {material: name for name, material in _MATERIALS.items()}
        self.view = gui.add_dropdown(
            "view", ["Photo", "Free"], initial_value="Photo",
            hint="Photo: locked to the photo's camera. Free: drag to orbit. Keys 1 and 2.",
        )  # fmt: skip
        self.material = gui.add_dropdown(
            "material", list(_MATERIALS), initial_value=names[drawn.material],
            hint="Keys 3, 4 and 5.",
        )  # fmt: skip
        self.opacity = gui.add_slider(
            "opacity", min=0.0, max=1.0, step=0.02, initial_value=drawn.opacity,
            hint="Below 1 the picture shines through.",
        )  # fmt: skip
        self.picture = gui.add_checkbox("picture", initial_value=drawn.picture, hint="Key P.")
        self.meshes = gui.add_checkbox("meshes", initial_value=drawn.meshes)
        self.before = gui.add_checkbox(
            "before edits", initial_value=not session.edited, hint="Key B: before or after."
        )
        guard = canvas.trouble.guard
        self.view.on_update(guard("view", self._on_view))
        for handle in (self.material, self.opacity, self.picture, self.meshes, self.before):
            handle.on_update(guard("appearance", self._on_appearance))

    async def _on_view(self, event: Any) -> None:
        if event.client is not None:
            self._canvas.show_view("free" if self.view.value == "Free" else "photo")

    async def _on_appearance(self, event: Any) -> None:
        self._apply()

    def _apply(self) -> None:
        drawn = self._canvas.appearance
        with self._canvas.lock:
            drawn.material = _MATERIALS.get(self.material.value, "clay")
            drawn.opacity = min(max(float(self.opacity.value), 0.0), 1.0)
            drawn.picture = self.picture.value
            drawn.meshes = self.meshes.value
            self._session.edited = not self.before.value
        self._canvas.refresh()

    def choose(self, material: str) -> None:
        """Draw with a material by its name on the page."""
        self.material.value = material
        self._apply()

    def flip_picture(self) -> None:
        """Show or hide the picture."""
        self.picture.value = not self.picture.value
        self._apply()

    def flip_before(self) -> None:
        """Show the faces before or after edits."""
        self.before.value = not self.before.value
        self._apply()
