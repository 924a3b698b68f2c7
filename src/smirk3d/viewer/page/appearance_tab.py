"""How the faces are seen: view, material, picture, which face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smirk3d.viewer.scene.scene import Material

if TYPE_CHECKING:
    from smirk3d.viewer.app import Viewer

_MATERIALS: dict[str, Material] = {"Clay": "clay", "Wireframe": "wireframe", "Photo": "photo"}


class AppearanceTab:
    """Controls of what is seen."""

    def __init__(self, viewer: Viewer) -> None:
        """Build them in the page's current container."""
        self._viewer = viewer
        gui, look = viewer.server.gui, viewer.appearance
        session = viewer.session
        assert session is not None
        self._choices = session.choices()
        names = {material: name for name, material in _MATERIALS.items()}
        self.view = gui.add_dropdown(
            "view", ["Photo", "Free"], initial_value="Photo",
            hint="Photo: locked to the photo's camera. Free: drag to orbit. Keys 1 and 2.",
        )  # fmt: skip
        self.material = gui.add_dropdown(
            "material", list(_MATERIALS), initial_value=names[look.material],
            hint="Keys 3, 4 and 5.",
        )  # fmt: skip
        self.opacity = gui.add_slider(
            "opacity", min=0.0, max=1.0, step=0.02, initial_value=look.opacity,
            hint="Below 1 the picture shines through.",
        )  # fmt: skip
        self.picture = gui.add_checkbox("picture", initial_value=look.picture, hint="Key P.")
        self.meshes = gui.add_checkbox("meshes", initial_value=look.meshes)
        self.before = gui.add_checkbox(
            "before edits", initial_value=not session.edited, hint="Key B: before or after."
        )
        guard = viewer.trouble.guard
        self.view.on_update(guard("view", self._on_view))
        for handle in (self.material, self.opacity, self.picture, self.meshes, self.before):
            handle.on_update(guard("look", self._on_look))

    async def _on_view(self, event: Any) -> None:
        if event.client is not None:
            self._viewer.look_from("free" if self.view.value == "Free" else "photo")

    async def _on_look(self, event: Any) -> None:
        self._apply()

    def _apply(self) -> None:
        look, session = self._viewer.appearance, self._viewer.session
        with self._viewer.lock:
            look.material = _MATERIALS.get(self.material.value, "clay")
            look.opacity = min(max(float(self.opacity.value), 0.0), 1.0)
            look.picture = self.picture.value
            look.meshes = self.meshes.value
            if session is not None:
                session.edited = not self.before.value
        self._viewer.refresh()

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
