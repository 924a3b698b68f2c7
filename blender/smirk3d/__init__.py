"""Blender add-on: performances of smirk3d, or of Live Link Face, on any face with ARKit's keys.

The panel is in the sidebar of the 3D view (key N), tab smirk3d. Select the head, then import a
recording, or listen to a live one.
"""

from pathlib import Path
from typing import Any, ClassVar

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from .live import PORTS, Receiver
from .performances import Unreadable, read_performance
from .targets import Target, find_target

_STEP = 1 / 60
"""Seconds between looks at what has come live: the rate of common screens."""
_NO_FACE = "Select a mesh with shape keys by ARKit's names (jawOpen, eyeBlinkLeft, ...)"

_live: dict[str, Any] = {"receiver": None, "target": None}


class SMIRK3D_OT_import(bpy.types.Operator):
    """Key a recording onto the selected face: a CSV of Live Link Face, or smirk3d's track.npz."""

    bl_idname = "smirk3d.import_performance"
    bl_label = "Import performance"
    bl_options: ClassVar = {"REGISTER", "UNDO"}

    # Blender reads properties from annotations, which therefore must not be postponed
    filepath: StringProperty(subtype="FILE_PATH")
    filter_glob: StringProperty(default="*.csv;*.npz", options={"HIDDEN"})
    person: IntProperty(name="Person", description="Which person of a track", min=0)
    csv_fps: FloatProperty(
        name="Timecode rate", description="Frames a second that timecodes count", default=60, min=1
    )
    turn_head: BoolProperty(
        name="Turn the head", description="Its bone, or the object without one", default=True
    )

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask for the file."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[str]:
        """Key it."""
        target = _target(context, turn=self.turn_head)
        if target is None:
            self.report({"ERROR"}, _NO_FACE)
            return {"CANCELLED"}
        try:
            found = read_performance(
                Path(bpy.path.abspath(self.filepath)), person=self.person, csv_fps=self.csv_fps
            )
        except (Unreadable, OSError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        target.bake(found.times, found.weights, found.turns)
        seconds = float(found.times[-1])
        self.report({"INFO"}, f"{len(found.times)} frames, {seconds:.1f} s, {target.count} keys")
        return {"FINISHED"}


class SMIRK3D_OT_live(bpy.types.Operator):
    """Move the selected face by what comes live; press again to stop."""

    bl_idname = "smirk3d.live"
    bl_label = "Live"

    protocol: EnumProperty(
        name="Protocol",
        items=[
            ("LIVE_LINK", "Live Link Face", "smirk3d track --livelink, or the app on an iPhone"),
            ("VMC", "VMC", "smirk3d track --vmc, or avatar programs"),
        ],
    )
    port: IntProperty(name="Port", description="0: the usual one", min=0, max=65535)
    anywhere: BoolProperty(
        name="From other machines", description="Else from this machine alone", default=False
    )

    def execute(self, context: Any) -> set[str]:
        """Start, or stop what runs."""
        if stop_live():
            return {"FINISHED"}
        target = _target(context, turn=True)
        if target is None:
            self.report({"ERROR"}, _NO_FACE)
            return {"CANCELLED"}
        port = self.port or PORTS[self.protocol]
        host = "0.0.0.0" if self.anywhere else "127.0.0.1"
        try:
            _live["receiver"] = Receiver(self.protocol, port, host)
        except OSError as error:
            self.report({"ERROR"}, f"Port {port}: {error.strerror}; is another program listening?")
            return {"CANCELLED"}
        _live["target"] = target
        bpy.app.timers.register(step_live, persistent=True)
        self.report({"INFO"}, f"Listening on port {port}")
        return {"FINISHED"}


class SMIRK3D_PT_panel(bpy.types.Panel):
    """The tab of the sidebar."""

    bl_label = "smirk3d"
    bl_idname = "SMIRK3D_PT_panel"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "smirk3d"

    def draw(self, context: Any) -> None:
        """Show what is selected, and the two buttons."""
        layout, target = self.layout, _target(context, turn=True)
        if target is None:
            layout.label(text="Select a face with ARKit's keys", icon="INFO")
        else:
            names = ", ".join(mesh.name for mesh in target.meshes)
            layout.label(text=f"{names}: {target.count} keys", icon="SHAPEKEY_DATA")
        layout.operator(SMIRK3D_OT_import.bl_idname, icon="IMPORT")
        if _live["receiver"] is None:
            layout.operator(SMIRK3D_OT_live.bl_idname, text="Live Link Face", icon="PLAY")
            chosen = layout.operator(SMIRK3D_OT_live.bl_idname, text="VMC", icon="PLAY")
            chosen.protocol = "VMC"
        else:
            layout.operator(SMIRK3D_OT_live.bl_idname, text="Stop", icon="PAUSE")
            layout.label(text=f"{_live['receiver'].received} frames came")


def _target(context: Any, *, turn: bool) -> Target | None:
    active = context.active_object
    return None if active is None else find_target(active, turn=turn)


def step_live() -> float | None:
    """Move the face to the newest moment; return seconds until the next look, None at the end."""
    receiver, target = _live["receiver"], _live["target"]
    if receiver is None:
        return None
    try:
        if receiver.poll():
            target.pose(receiver.moment.weights, receiver.moment.turns)
    except ReferenceError:  # the face was deleted
        stop_live()
        return None
    return _STEP


def stop_live() -> bool:
    """Stop listening and return whether it was running."""
    receiver = _live["receiver"]
    _live.update(receiver=None, target=None)
    if receiver is None:
        return False
    receiver.close()
    return True


_CLASSES = (SMIRK3D_OT_import, SMIRK3D_OT_live, SMIRK3D_PT_panel)


def register() -> None:
    """Add the operators and the panel."""
    for found in _CLASSES:
        bpy.utils.register_class(found)


def unregister() -> None:
    """Stop listening and take them away."""
    stop_live()
    for found in reversed(_CLASSES):
        bpy.utils.unregister_class(found)
