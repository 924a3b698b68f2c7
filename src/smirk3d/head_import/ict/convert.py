"""ICT-FaceKit's light model (MIT) to a head file.

Source: a checkout of https://github.com/ICT-VGL/ICT-FaceKit, its folder ``FaceXModel``, or an
archive of either. Li et al. 2020, "Learning Formation of Physically-Based Face Attributes".

Of its 53 expressions two become eyelids, four the jaw, eight eyelids that follow the eyes; 39 stay
expression coefficients. It has no bones: each eye turns about the centre of its sclera's sphere.
There is no ``tongueOut`` and no neck.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import AssetError
from smirk3d.head_import.anny.actions import prior_std
from smirk3d.head_import.head_regions import region_masks
from smirk3d.head_import.ict import layout
from smirk3d.head_import.ict.layout import arkit_spelling
from smirk3d.head_import.mesh_parts import (
    Floats,
    connected_components,
    fit_sphere,
    following_weights,
)
from smirk3d.head_import.reading.obj_mesh import ObjMesh, parse_obj, parse_obj_vertices
from smirk3d.head_import.reading.source_files import read_source_files
from smirk3d.heads.action_names import BLINKS, EXPRESSION_ACTIONS, GAZE_ACTIONS, JAW_ACTIONS
from smirk3d.heads.spec import PARTS

Arrays = dict[str, NDArray[Any]]

_JOINTS = ("head", "eyeL", "eyeR")
_WIDE_TONGUE_METRES = 0.021
"""Half width from which an island that the jaw moves is the gum: of ICT-FaceKit's the tongue's two
reach 19.7 and 19.9 mm, the gum's two 25.7 and 33.1 mm."""
_MOVES_WHOLLY = 0.25
"""Least motion of an island, as a fraction of the largest of all: tongue and gum have 0.40 and
more, the mouth's wall has vertices at rest."""
_IRIS_RADIUS_METRES = 0.0059
"""Rüfer et al. 2005: 11.7 mm across; nearly the same in all people."""
_LARGEST_GAZE = 0.6
"""Radians, set by hand: until its iris reaches the corner, ICT-FaceKit's eye would turn outwards by
0.71, and people's turn by 0.65 before the head follows (the open head's range)."""
_WAY_OUT = "give a checkout of github.com/ICT-VGL/ICT-FaceKit or its folder FaceXModel"


@dataclass(frozen=True, kw_only=True)
class IctSource:
    """What a checkout holds, in metres.

    Attributes:
        mesh: the neutral face, all published vertices.
        identities: offsets ``[S, V, 3]`` of the kept vertices, each of standard deviation 1.
        actions: offsets ``[V, 3]`` by ARKit's spelling with ICT's sides (``browInnerUpLeft``).
        names: ICT's own names of the actions.
        sha256: over names and contents of the files read.
        licence: text of the checkout's licence, or empty.
    """

    mesh: ObjMesh
    identities: Floats
    actions: dict[str, Floats]
    names: dict[str, str]
    sha256: str
    licence: str


def convert_ict(
    path: str | os.PathLike[str], on_progress: Callable[[], None] | None = None
) -> tuple[Arrays, dict[str, Any]]:
    """Return arrays and metadata of a head file, without MediaPipe landmarks.

    Args:
        path: folder or archive.
        on_progress: called after each of its about 90 to 160 files.

    Raises:
        AssetError: if files are missing, or not those of ICT-FaceKit's light model.
        InputError: if the source cannot be read.
    """
    source = read_ict(path, on_progress)
    template = source.mesh.vertices[: layout.NUM_VERTICES]
    parts = _parts(source)
    arrays: Arrays = {
        "v_template": template,
        "part": parts,
        "shape_basis": source.identities,
        **_surface(source.mesh),
        **_motion(source),
        **_joints(template, source.identities),
    }
    eyes = arrays["joints"][1:]
    skin = parts == PARTS.index("skin")
    rows = np.arange(len(template))
    arrays |= region_masks(
        template,
        skin,
        eyes,
        landmarks=template[list(layout.LANDMARKS)],
        face=rows < layout.FACE.stop,
        hairless=rows < layout.WIDE_FACE.stop,
    )
    arrays |= _landmarks(arrays["faces"])
    meta: dict[str, Any] = {
        "name": "ict",
        "version": f"light, {len(source.identities)} identities",
        "source": f"{layout.HOME}, light model; converted by smirk3d",
        "licence": "MIT",
        "notice": source.licence or "Copyright (c) 2020 USC Institute for Creative Technologies",
        "inputs_sha256": {"FaceXModel": source.sha256},
    }
    return arrays, meta


def read_ict(path: str | os.PathLike[str], on_progress: Callable[[], None] | None) -> IctSource:
    """Return the content of a checkout or archive.

    Raises:
        AssetError: if files are missing, or not those of ICT-FaceKit's light model.
        InputError: if the source cannot be read.
    """
    mesh: ObjMesh | None = None
    shapes: dict[str, Floats] = {}
    digests: list[str] = []
    licence = ""
    for name, content in read_source_files(path, _wanted):
        stem = PurePosixPath(name).stem
        if stem == "LICENSE":
            licence = content.decode("utf-8", "replace")
            continue
        digests.append(f"{stem} {hashlib.sha256(content).hexdigest()}")
        if stem == layout.NEUTRAL:
            mesh = parse_obj(content, f"{path}: {name}")
        shapes[stem] = _kept_vertices(content, f"{path}: {name}")
        if on_progress is not None:
            on_progress()
    if mesh is None:
        raise AssetError(f"{path} has no {layout.NEUTRAL}.obj: {_WAY_OUT}")
    neutral = shapes.pop(layout.NEUTRAL)
    identities = sorted(name for name in shapes if name.startswith("identity"))
    if not identities:
        raise AssetError(f"{path} has no identity000.obj: {_WAY_OUT}")
    names = {arkit_spelling(name): name for name in shapes if name not in identities}
    sides = ("browInnerUpLeft", "browInnerUpRight", "cheekPuffLeft", "cheekPuffRight")
    wanted = {*BLINKS, *JAW_ACTIONS, *GAZE_ACTIONS, *EXPRESSION_ACTIONS, *sides}
    missing = sorted(wanted - set(names) - {"browInnerUp", "cheekPuff", "tongueOut"})
    if missing:
        raise AssetError(f"{path} has no {', '.join(missing)}: {_WAY_OUT}")
    return IctSource(
        mesh=_in_metres(mesh),
        identities=np.stack([shapes[name] - neutral for name in identities]),
        actions={arkit: shapes[names[arkit]] - neutral for arkit in sorted(wanted & set(names))},
        names=names,
        sha256=hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest(),
        licence=licence,
    )


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    if path.name == "LICENSE":
        return len(path.parts) <= 2
    return path.suffix == ".obj" and path.parent.name in ("FaceXModel", "")


def _kept_vertices(content: bytes, name: str) -> Floats:
    vertices = parse_obj_vertices(content, name)
    if len(vertices) != layout.NUM_PUBLISHED_VERTICES:
        raise AssetError(
            f"{name} has {len(vertices)} vertices, ICT-FaceKit's light model "
            f"{layout.NUM_PUBLISHED_VERTICES}: {_WAY_OUT}"
        )
    kept: Floats = vertices[: layout.NUM_VERTICES] * layout.METRES_PER_UNIT
    return kept


def _in_metres(mesh: ObjMesh) -> ObjMesh:
    return ObjMesh(
        vertices=mesh.vertices * layout.METRES_PER_UNIT,
        uv=mesh.uv,
        faces=mesh.faces,
        uv_faces=mesh.uv_faces,
        materials=mesh.materials,
    )


def _surface(mesh: ObjMesh) -> Arrays:
    kept = (mesh.faces < layout.NUM_VERTICES).all(1)
    faces, uv_faces, materials = mesh.faces[kept], mesh.uv_faces[kept], mesh.materials[kept]
    used, first, renumbered = np.unique(uv_faces, return_index=True, return_inverse=True)
    placed = layout.atlas_coordinates(mesh.uv[used], np.repeat(materials, 3)[first])
    return {
        "faces": faces.astype(np.int32),
        "uv": placed.astype(np.float32),
        "uv_faces": renumbered.reshape(-1, 3).astype(np.int32),
    }


def _parts(source: IctSource) -> NDArray[np.uint8]:
    part = np.zeros(layout.NUM_VERTICES, np.uint8)
    ranges = {
        "cavity": (layout.MOUTH_SOCKET, layout.EYE_SOCKETS),
        "teethU": (layout.UPPER_TEETH,),
        "teethL": (layout.LOWER_TEETH,),
        "eyeL": (layout.EYE_LEFT,),
        "eyeR": (layout.EYE_RIGHT,),
    }
    for name, slices in ranges.items():
        for rows in slices:
            part[rows] = PARTS.index(name)
    part[layout.GUMS_AND_TONGUE] = _mouth_parts(source)
    return part


def _mouth_parts(source: IctSource) -> NDArray[np.uint8]:
    """Return the parts of gums, palate, tongue and throat, which are one piece of mesh.

    Its texture is cut into islands: those that the jaw leaves alone are the upper gum, those that
    it moves as a whole the lower gum, or the tongue if narrow; the rest is the mouth's wall.
    """
    rows = layout.GUMS_AND_TONGUE
    inside = source.mesh.materials == "M_GumsTongue"
    island_of_uv = connected_components(source.mesh.uv_faces[inside], len(source.mesh.uv))
    island = np.zeros(layout.NUM_VERTICES, np.int64)
    island[source.mesh.faces[inside]] = island_of_uv[source.mesh.uv_faces[inside]]
    motion = np.linalg.norm(source.actions["jawOpen"][rows], axis=1)
    wide = np.abs(source.mesh.vertices[rows, 0])
    parts = np.full(rows.stop - rows.start, PARTS.index("cavity"), np.uint8)
    for label in np.unique(island[rows]):
        members = island[rows] == label
        moved = motion[members]
        if moved.max() < 1e-4:
            parts[members] = PARTS.index("teethU")
        elif moved.min() > _MOVES_WHOLLY * motion.max():
            narrow = wide[members].max() < _WIDE_TONGUE_METRES
            parts[members] = PARTS.index("tongue" if narrow else "teethL")
    return parts


def _motion(source: IctSource) -> Arrays:
    actions = source.actions
    own = [name for name in actions if name not in (*BLINKS, *JAW_ACTIONS, *GAZE_ACTIONS)]
    count = len(own)
    jaw = np.stack([actions["jawOpen"], actions["jawLeft"], actions["jawForward"]])
    still = np.zeros_like(jaw[0])
    mouth_close = own.index("mouthClose")
    return {
        "expr_basis": np.stack([actions[name] for name in own]),
        "expr_names": np.array([source.names[name] for name in own]),
        "expr_lo": np.zeros(count),
        "expr_hi": np.ones(count),
        "expr_prior_std": np.array([prior_std(name) for name in own]),
        "eyelid_basis": np.stack([actions[name] for name in BLINKS]),
        "jaw_basis": jaw,
        "jaw_basis_neg": np.stack([still, actions["jawRight"], still]),
        "gaze_basis": np.stack([actions[name] for name in GAZE_ACTIONS]),
        "gaze_range": np.tile(_gaze_range(source), 2),
        "gate": np.array([[mouth_close, 0]], np.int32),
    }


def _gaze_range(source: IctSource) -> Floats:
    """Return the eyes' rotations in radians at weight 1 looking down, in, out and up ``[4]``.

    The eyeballs do not move in the published actions. An upper eyelid follows the eye's pitch
    almost one to one (Becker and Fuchs 1988), so the eyelid's own rotation about the eye's centre
    gives the pitch. The sideways range ends where the iris reaches the eye's corner.
    """
    vertices = source.mesh.vertices
    centre, radius = fit_sphere(vertices[layout.SCLERA_LEFT])
    marks = list(layout.LANDMARKS[42:48])

    def pitch(points: Floats) -> Floats:
        angle: Floats = np.arctan2(points[:, 1] - centre[1], points[:, 2] - centre[2])
        return angle

    upper = vertices[marks[1:3]]
    down = (pitch(upper) - pitch(upper + source.actions["eyeLookDownLeft"][marks[1:3]])).mean()
    up = (pitch(upper + source.actions["eyeLookUpLeft"][marks[1:3]]) - pitch(upper)).mean()
    iris = np.arcsin(_IRIS_RADIUS_METRES / radius)
    corners = vertices[[marks[0], marks[3]]] - centre
    inner, outer = np.abs(np.arctan2(corners[:, 0], corners[:, 2])) - iris
    return np.array([down, *np.minimum([inner, outer], _LARGEST_GAZE), up])


def _joints(template: Floats, identities: Floats) -> Arrays:
    weights = np.zeros((layout.NUM_VERTICES, len(_JOINTS)))
    places = [np.zeros(3)]
    moves = [np.zeros((len(identities), 3))]
    balls = (layout.SCLERA_LEFT, layout.SCLERA_RIGHT)
    for joint, (ball, whole) in enumerate(
        zip(balls, (layout.EYE_LEFT, layout.EYE_RIGHT), strict=True), start=1
    ):
        centre, _ = fit_sphere(template[ball])
        follow = following_weights(template[ball], centre)
        places.append(centre)
        moves.append(np.einsum("v,svx->sx", follow, identities[:, ball]))
        weights[whole, joint] = 1
    weights[:, 0] = 1 - weights[:, 1:].sum(1)
    return {
        "joint_names": np.array(_JOINTS),
        "joint_parents": np.array([-1, 0, 0], np.int32),
        "joints": np.stack(places),
        "joint_shape_basis": np.stack(moves, 1),
        "lbs_weights": weights,
    }


def _landmarks(faces: NDArray[np.int32]) -> Arrays:
    """Return iBUG's 68 points, each a corner of the first triangle that has its vertex."""
    triangles, corners = [], []
    for vertex in layout.LANDMARKS:
        triangle, corner = np.argwhere(faces == vertex)[0]
        triangles.append(triangle)
        corners.append(np.eye(3)[corner])
    return {
        "lmk68_tri": np.array(triangles, np.int32),
        "lmk68_bary": np.array(corners, np.float32),
    }
