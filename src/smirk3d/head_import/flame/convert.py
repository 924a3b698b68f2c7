"""FLAME (2020, 2023, 2023 without jaw, 2023 Open) to a head file.

Li et al. 2017, "Learning a model of facial shape and expression from 4D scans". The user brings the
file; nothing of it is in this package. Vertices are already in metres and head axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.conventions import IRIS_LEFT, IRIS_RIGHT
from smirk3d.errors import AssetError
from smirk3d.head_import.flame.eyelid_closing import closing_offsets
from smirk3d.head_import.flame.files import FlameCompanions, FlameModel
from smirk3d.head_import.head_regions import region_masks
from smirk3d.head_import.mesh_parts import Floats, Ints, connected_components, fit_sphere
from smirk3d.head_import.plain_texture import plain_texture

Arrays = dict[str, NDArray[Any]]

NUM_EXPRESSION = 50
"""Expression components kept by default: those that SMIRK's networks predict."""

_LANDMARK_SIGMA = 0.002
"""Metres, of landmarks whose places FLAME's own files give: a choice, about what embedding finds of
the open head's (half of them within 1.4 mm)."""
_IRIS_SIGMA = 0.0008
"""Metres, of an iris's centre, as :mod:`~smirk3d.head_import.landmark_embedding` has it."""
_RESEARCH = (
    "FLAME model licence: non-commercial scientific research only, not to be passed on; read "
    "https://flame.is.tue.mpg.de/modellicense.html. The converted file falls under it as well."
)
_OPEN = (
    "FLAME 2023 Open, Max Planck Institute for Intelligent Systems, CC-BY-4.0 "
    "(https://creativecommons.org/licenses/by/4.0/): name the source; converted by smirk3d."
)


@dataclass(frozen=True, kw_only=True)
class FlameRelease:
    """One of FLAME's published files.

    Attributes:
        name: what the head is called here.
        version: FLAME's.
        licence: short name.
        notice: what its user must know.
        has_jaw: whether expressions leave the jaw to its joint.
    """

    name: str
    version: str
    licence: str
    notice: str
    has_jaw: bool = True


_RELEASES = {
    "2023_open": FlameRelease(
        name="flame2023-open", version="2023 Open", licence="CC-BY-4.0", notice=_OPEN
    ),
    "2023_no_jaw": FlameRelease(
        name="flame2023-no-jaw",
        version="2023 without jaw",
        licence="FLAME research licence",
        notice=_RESEARCH,
        has_jaw=False,
    ),
    "2023": FlameRelease(
        name="flame2023", version="2023", licence="FLAME research licence", notice=_RESEARCH
    ),
    "": FlameRelease(
        name="flame", version="2020", licence="FLAME research licence", notice=_RESEARCH
    ),
}


def flame_release(file_name: str) -> FlameRelease:
    """Return the release that a file's name tells; FLAME 2020's is called ``generic_model.pkl``."""
    plain = file_name.lower().replace("-", "_").replace("nojaw", "no_jaw")
    if "2023" in plain and "open" in plain:
        return _RELEASES["2023_open"]
    if "2023" in plain:
        return _RELEASES["2023_no_jaw" if "no_jaw" in plain else "2023"]
    return _RELEASES[""]


def convert_flame(
    model: FlameModel,
    companions: FlameCompanions,
    release: FlameRelease,
    *,
    num_expression: int = NUM_EXPRESSION,
) -> tuple[Arrays, dict[str, Any]]:
    """Return arrays and metadata of a head file.

    Without a companion embedding the MediaPipe landmarks are absent; without published eyelid
    offsets they are built from the eyelids' geometry.

    Args:
        model: the model file's content.
        companions: what lay beside it.
        release: which FLAME it is.
        num_expression: leading expression components kept, 1 to 100.

    Raises:
        AssetError: if the joints are not FLAME's, or the file has fewer components.
    """
    available = len(model.expression_directions)
    if not 1 <= num_expression <= available:
        raise AssetError(
            f"FLAME {release.version} here has {available} expression components, "
            f"not {num_expression}: ask for 1 to {available}"
        )
    names = _joint_names(model, release)
    arrays: Arrays = {"v_template": model.v_template, "faces": model.faces.astype(np.int32)}
    arrays |= _motion(model, num_expression)
    arrays |= _joints(model, num_expression)
    arrays["joint_names"] = np.array(names)
    if not release.has_jaw and "jaw" in names:
        arrays = _without_joint(arrays, names.index("jaw"))
    part = _parts(model, arrays["joint_names"], arrays["lbs_weights"])
    arrays["part"] = part
    arrays |= _landmarks(model, companions, arrays)
    arrays |= _regions(model, companions, arrays)
    arrays |= companions.texture or plain_texture(model.v_template, model.faces, part)
    meta = _meta(release, companions)
    try:
        arrays["eyelid_basis"] = _eyelids(model, companions, arrays)
    except AssetError as error:
        # a head without eyelids is of use; its group then has size zero
        meta["eyelids"] = f"none: {error}"
    return arrays, meta


def _meta(release: FlameRelease, companions: FlameCompanions) -> dict[str, Any]:
    published = companions.eyelids is not None
    meta: dict[str, Any] = {
        "name": release.name,
        "version": release.version,
        "source": f"FLAME {release.version} (https://flame.is.tue.mpg.de); converted by smirk3d",
        "licence": release.licence,
        "notice": release.notice,
        "eyelids": "published" if published else "built from the eyelids' geometry",
        # SMIRK adds its offsets to the posed vertices
        "eyelids_after_pose": published,
    }
    if companions.files:
        meta["companions"] = sorted(companions.files)
    return meta


def _joint_names(model: FlameModel, release: FlameRelease) -> list[str]:
    names = ["root", "neck", "jaw", "eyeL", "eyeR"]
    if len(model.parents) == 4:
        names.remove("jaw")
    at = model.joint_regressor @ model.v_template
    left, right = at[-2:, 0]
    if left < right:
        names[-2:] = reversed(names[-2:])
    of_neck = (model.parents[1:] == [0] + [1] * (len(names) - 2)).all()
    if not of_neck or left * right >= 0:
        raise AssetError(
            f"the joints of this FLAME {release.version} are not root, neck, jaw and two eyes: "
            "it is another model or damaged"
        )
    return names


def _motion(model: FlameModel, num_expression: int) -> Arrays:
    return {
        "shape_basis": model.shape_directions,
        "expr_basis": model.expression_directions[:num_expression],
        "expr_names": np.full(num_expression, "", "<U1"),
        "expr_lo": np.full(num_expression, -np.inf),
        "expr_hi": np.full(num_expression, np.inf),
        "expr_prior_std": np.ones(num_expression),
        "pose_basis": model.pose_directions.reshape(len(model.pose_directions), -1),
    }


def _joints(model: FlameModel, num_expression: int) -> Arrays:
    regressor = model.joint_regressor
    expression = model.expression_directions[:num_expression]
    return {
        "joint_parents": model.parents.astype(np.int32),
        "joints": regressor @ model.v_template,
        "joint_shape_basis": regressor @ model.shape_directions,
        "joint_expr_basis": regressor @ expression,
        "lbs_weights": model.weights,
    }


def _without_joint(arrays: Arrays, joint: int) -> Arrays:
    """Return the arrays without a joint that stays at rest; its parent carries its vertices."""
    parents = arrays["joint_parents"]
    above = parents[joint]
    kept = [j for j in range(len(parents)) if j != joint]
    weights = arrays["lbs_weights"].copy()
    weights[:, above] += weights[:, joint]
    lifted = np.where(parents == joint, above, parents)
    pose = arrays["pose_basis"].reshape(len(parents) - 1, 9, -1)
    return {
        **arrays,
        "joint_names": arrays["joint_names"][kept],
        "joint_parents": (lifted - (lifted > joint))[kept].astype(np.int32),
        "joints": arrays["joints"][kept],
        "joint_shape_basis": arrays["joint_shape_basis"][:, kept],
        "joint_expr_basis": arrays["joint_expr_basis"][:, kept],
        "lbs_weights": weights[:, kept],
        "pose_basis": np.delete(pose, joint - 1, axis=0).reshape(9 * (len(kept) - 1), -1),
    }


def _parts(model: FlameModel, joint_names: NDArray[Any], weights: Floats) -> NDArray[np.uint8]:
    """Return the part of each vertex: pieces of mesh that follow an eye's joint are its ball."""
    piece = connected_components(model.faces, len(model.v_template))
    part = np.zeros(len(piece), np.uint8)
    for label in np.unique(piece):
        rows = piece == label
        fraction = weights[rows].mean(0)
        name = str(joint_names[fraction.argmax()])
        if name in ("eyeL", "eyeR") and fraction.max() > 0.5:
            part[rows] = 1 if name == "eyeL" else 2
    return part


def _landmarks(model: FlameModel, companions: FlameCompanions, arrays: Arrays) -> Arrays:
    found: Arrays = {}
    if companions.mediapipe:
        marks = {f"lmk_mp_{key}": value for key, value in companions.mediapipe.items()}
        marks["lmk_mp_sigma"] = np.full(len(marks["lmk_mp_id"]), _LANDMARK_SIGMA, np.float32)
        found |= _with_irises(marks, model, arrays)
    if companions.static and companions.contour:
        contour = _turned_left(companions.contour, model)
        tri = np.concatenate([contour["tri"][0], companions.static["tri"]])
        bary = np.concatenate([contour["bary"][0], companions.static["bary"]])
        found |= {"lmk68_tri": tri, "lmk68_bary": bary}
        found |= {"lmk68_dyn_tri": contour["tri"], "lmk68_dyn_bary": contour["bary"]}
    return found


def _turned_left(contour: Arrays, model: FlameModel) -> Arrays:
    """Return a contour table whose rows 1 to 39 belong to turns towards the subject's left.

    Readers of these tables disagree about the sign of the turn, so the table itself is asked: on
    the side that turns away from the viewer the outline moves forward, towards the nose.
    """
    rows = len(contour["tri"])
    most = rows // 2
    corners = model.v_template[model.faces[contour["tri"]]]
    depth = (corners * contour["bary"][..., None]).sum(2)[..., 2]
    forward = depth[most] - depth[0]
    left, right = forward[-8:].mean(), forward[:8].mean()
    if left >= right:
        return contour
    swapped = [0, *range(most + 1, rows), *range(1, most + 1)]
    return {key: value[swapped] for key, value in contour.items()}


def _with_irises(marks: Arrays, model: FlameModel, arrays: Arrays) -> Arrays:
    """Return landmarks with the iris centres, where each eye's line of sight leaves its ball."""
    joints = list(arrays["joint_names"])
    columns = {key: [value] for key, value in marks.items()}
    for iris, part, joint in ((IRIS_RIGHT, 2, "eyeR"), (IRIS_LEFT, 1, "eyeL")):
        ball = np.flatnonzero((arrays["part"][model.faces] == part).all(1))
        if iris in marks["lmk_mp_id"] or not len(ball):
            continue
        centre = arrays["joints"][joints.index(joint)]
        triangle, weights = _straight_ahead(model.v_template, model.faces[ball], centre)
        columns["lmk_mp_id"].append(np.array([iris], np.int32))
        columns["lmk_mp_tri"].append(ball[[triangle]].astype(np.int32))
        columns["lmk_mp_bary"].append(weights[None].astype(np.float32))
        columns["lmk_mp_sigma"].append(np.array([_IRIS_SIGMA], np.float32))
    return {key: np.concatenate(column) for key, column in columns.items()}


def _straight_ahead(vertices: Floats, faces: Ints, origin: Floats) -> tuple[int, Floats]:
    """Return triangle and barycentrics where a line from an origin along +z leaves a mesh."""
    corners = vertices[faces]
    a, b, c = (corners[:, k, :2] - origin[:2] for k in range(3))

    def cross(p: Floats, q: Floats) -> Floats:
        area: Floats = p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]
        return area

    areas = np.stack([cross(b, c), cross(c, a), cross(a, b)], 1)
    weights = areas / np.where(abs(areas.sum(1)) < 1e-15, 1, areas.sum(1))[:, None]
    depth = (weights * corners[..., 2]).sum(1)
    hit = (weights >= -1e-9).all(1) & (depth > origin[2]) & (abs(areas.sum(1)) > 1e-15)
    best = int(np.where(hit, depth, -np.inf).argmax())
    return best, weights[best].clip(0) / weights[best].clip(0).sum()


def _regions(model: FlameModel, companions: FlameCompanions, arrays: Arrays) -> Arrays:
    skin = arrays["part"] == 0
    names = list(arrays["joint_names"])
    eyes = arrays["joints"][[names.index("eyeL"), names.index("eyeR")]]
    points = None
    if "lmk68_tri" in arrays:
        corners = model.v_template[model.faces[arrays["lmk68_tri"]]]
        points = (corners * arrays["lmk68_bary"][..., None]).sum(1)
    regions: Arrays = dict(region_masks(model.v_template, skin, eyes, landmarks=points))
    published = {
        "face": ("face",), "lips": ("lips",), "nose": ("nose",), "eyes": ("eye_region",),
        "ears": ("left_ear", "right_ear"), "neck": ("neck",), "scalp": ("scalp",),
    }  # fmt: skip
    for region, keys in published.items() if companions.masks else ():
        mask = np.zeros(len(skin), np.uint8)
        for key in keys:
            mask[companions.masks[key]] = 1
        regions[f"region_{region}"] = mask * skin
    return regions


def _eyelids(model: FlameModel, companions: FlameCompanions, arrays: Arrays) -> Floats:
    """Return the offsets ``[2, V, 3]`` that close the left and the right eye."""
    if companions.eyelids is not None:
        return companions.eyelids
    part = arrays["part"]
    offsets = []
    for label in (1, 2):
        ball = part == label
        if not ball.any():
            raise AssetError("the mesh has no eyeballs around which eyelids could close")
        centre, _ = fit_sphere(model.v_template[ball])
        offsets.append(closing_offsets(model.v_template, model.faces, part == 0, ball, centre))
    return np.stack(offsets)
