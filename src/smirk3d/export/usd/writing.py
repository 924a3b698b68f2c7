"""USD with UsdSkel: blend shapes by name, joints, materials; still or animated.

Metres, y up, z out of the face. One mesh a part under a ``SkelRoot``; a mesh lists the blend shapes
that move it. The head pose is the skeleton's uppermost joint.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.assets.atomic import atomic_path
from smirk3d.errors import OutputError
from smirk3d.export.rigs.contact_targets import rig_in_contact
from smirk3d.export.rigs.look import HeadLook
from smirk3d.export.rigs.rig import HeadMotion, Rig
from smirk3d.export.rigs.surface import Primitive, has_closed_skin, primitives, smooth_normals
from smirk3d.export.usd.camera import add_camera
from smirk3d.export.usd.materials import PICTURES, Materials
from smirk3d.export.usd.modules import Pxr, load_pxr, vectors
from smirk3d.export.usd.skeleton import SKELETON, add_motion, add_skeleton, bind_joints, bind_shapes
from smirk3d.export.usd.times import set_times
from smirk3d.heads.action_rules import Gate
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.spec import HAIR_PARTS
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rendering.photo_colours import PhotoLook

ENDINGS = (".usd", ".usda", ".usdc")
PACKAGE = ".usdz"
"""Ending of a package, which alone holds pictures."""
ROOT = "/Head"


def write_usd(
    path: str | Path,
    head: HeadModel,
    parameters: FaceParameters,
    *,
    motion: HeadMotion | None = None,
    photo: PhotoLook | None = None,
) -> None:
    """Write one face's head, with this face's weights and joints, or with a motion.

    Args:
        path: file to write, whole or not at all; ``.usda`` is text, ``.usd`` and ``.usdc`` binary.
            Vertices have colours; in a package, ``.usdz``, parts have pictures.
        head: the head.
        parameters: one face, without batch dimension.
        motion: frames of the same person to animate. Time codes are frames where the rate is
            constant, and fractions of them where it varies.
        photo: what the photo shows of the person, whose colours the skin takes. Plain colours
            without it.

    Raises:
        MissingExtra: if usd-core is not installed.
        OutputError: if the file cannot be written.
    """
    pxr, path = load_pxr(), Path(path)
    rig, still, moving = rig_in_contact(head, parameters, motion)
    look = HeadLook.of(head, rig, photo)
    stage = pxr.Usd.Stage.CreateInMemory()
    root = pxr.UsdSkel.Root.Define(stage, ROOT)
    set_up(pxr, stage, root, custom_data(head, parameters, rig))
    add_skeleton(pxr, stage, rig)
    with tempfile.TemporaryDirectory() as folder:
        packed, closed = path.suffix.lower() == PACKAGE, has_closed_skin(head)
        materials = Materials(pxr, stage, look, Path(folder) if packed else None)
        for primitive in look.pictured_parts() if packed else primitives(head):
            mesh = _add_mesh(pxr, stage, rig, primitive, two_sided=not closed)
            materials.bind(mesh, primitive)
        add_motion(pxr, stage, rig, still, [pxr.Usd.TimeCode.Default()])
        if motion is None or moving is None:
            # Blender reads weights and rotations from time samples alone
            add_motion(pxr, stage, rig, still, [0.0])
        else:
            times = set_times(stage, motion)
            add_motion(pxr, stage, rig, moving, times)
            if motion.camera is not None:
                add_camera(pxr, stage, f"{ROOT}/Camera", motion.camera, times)
        _set_extents(pxr, stage)
        save(pxr, stage, path, Path(folder))


def set_up(pxr: Pxr, stage: Any, root: Any, data: dict[str, Any]) -> None:
    """Give a stage axes, unit and root, and the root what is known of the head."""
    pxr.UsdGeom.SetStageUpAxis(stage, pxr.UsdGeom.Tokens.y)
    pxr.UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetDefaultPrim(root.GetPrim())
    root.GetPrim().SetMetadata("kind", "component")
    root.GetPrim().SetCustomDataByKey("smirk3d", data)


def custom_data(head: HeadModel, parameters: FaceParameters, rig: Rig) -> dict[str, Any]:
    """Return what a file says of its head, the rules that a linear rig lacks among it."""
    return {
        "head": head.name,
        "head_fingerprint": head.fingerprint,
        "head_licence": str(head.meta.get("licence", "")),
        "gates": "; ".join(_in_words(name, gate) for name, gate in rig.gates.items()),
        "opposed": "; ".join(" - ".join(pair) for pair in rig.opposed),
        "correctives": "; ".join(f"{n} by {a} * {b}" for n, (a, b) in rig.correctives.items()),
        "left_out": "; ".join(rig.left_out),
        "parameters": {
            name: " ".join(f"{value:.9g}" for value in tensor.tolist())
            for name, tensor in parameters.items()
        },
    }


def _in_words(name: str, gate: Gate) -> str:
    terms = [f"{slope:+g} {other}" for other, slope in gate.slopes.items()]
    return f"{name} by {gate.base:g} {' '.join(terms)}"


def add_surface(
    pxr: Pxr, stage: Any, primitive: Primitive, points: NDArray[np.floating], *, two_sided: bool
) -> Any:
    """Add a part's mesh at points ``[U, 3]`` and return it; strips of hair have two sides."""
    mesh = pxr.UsdGeom.Mesh.Define(stage, f"{ROOT}/{primitive.part}")
    mesh.CreatePointsAttr(vectors(pxr, points))
    mesh.CreateFaceVertexCountsAttr([3] * len(primitive.faces))
    mesh.CreateFaceVertexIndicesAttr(primitive.faces.reshape(-1).tolist())
    mesh.CreateSubdivisionSchemeAttr(pxr.UsdGeom.Tokens.none)
    mesh.CreateDoubleSidedAttr(two_sided or primitive.part in HAIR_PARTS)
    return mesh


def _add_mesh(pxr: Pxr, stage: Any, rig: Rig, primitive: Primitive, *, two_sided: bool) -> Any:
    ids = primitive.vertex_ids
    mesh = add_surface(pxr, stage, primitive, rig.vertices[ids], two_sided=two_sided)
    mesh.CreateNormalsAttr(vectors(pxr, smooth_normals(primitive, rig.vertices[None])[0]))
    mesh.SetNormalsInterpolation(pxr.UsdGeom.Tokens.vertex)
    binding = pxr.UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([SKELETON])
    bind_joints(pxr, mesh, rig.lbs_weights[ids])
    bind_shapes(pxr, stage, mesh, rig.target_names, rig.offsets[:, ids])
    return mesh


def _set_extents(pxr: Pxr, stage: Any) -> None:
    """Bound each mesh at rest, and the whole with room for every pose."""
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for prim in stage.Traverse():
        if prim.IsA(pxr.UsdGeom.Mesh):
            points = np.array(pxr.UsdGeom.Mesh(prim).GetPointsAttr().Get())
            low, high = np.minimum(low, points.min(0)), np.maximum(high, points.max(0))
            extent = np.stack([points.min(0), points.max(0)]).astype(np.float32)
            pxr.UsdGeom.Mesh(prim).CreateExtentAttr(pxr.Vt.Vec3fArray.FromNumpy(extent))
    # a rotation about the origin keeps every point within its distance from it
    reach = float(np.linalg.norm(np.maximum(np.abs(low), np.abs(high)))) * 1.1
    root = pxr.UsdGeom.Boundable(stage.GetDefaultPrim())
    root.CreateExtentAttr([(-reach,) * 3, (reach,) * 3])


def save(pxr: Pxr, stage: Any, path: Path, folder: Path) -> None:
    """Write a stage, whole or not at all.

    Args:
        pxr: USD's modules.
        stage: the stage.
        path: the file.
        folder: an empty one of the system's, but for the pictures that a package takes along.

    Raises:
        OutputError: if it cannot be written.
    """
    ending = path.suffix.lower()
    packed = ending == PACKAGE
    # USD has error messages of its own, so the bytes are written as those of all other formats
    made = folder / f"head{ending if ending in ENDINGS else '.usdc' if packed else ENDINGS[0]}"
    done = stage.GetRootLayer().Export(str(made))
    if done and packed:
        made = _package(pxr, made, folder)
    if not done:
        raise OutputError(f"{path}: USD cannot write to {folder}: free some space there")
    content = made.read_bytes()
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _package(pxr: Pxr, layer: Path, folder: Path) -> Path:
    """Return the package of a stage, which comes first, and its pictures."""
    made = folder / f"head{PACKAGE}"
    with pxr.Sdf.ZipFileWriter.CreateNew(str(made)) as writer:
        writer.AddFile(str(layer), layer.name)
        for picture in sorted((folder / PICTURES).iterdir()):
            writer.AddFile(str(picture), f"{PICTURES}/{picture.name}")
    return made
