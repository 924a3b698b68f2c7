"""A number that a module fixes says where it is from: measured, published, or chosen by eye."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "smirk3d"

NOT_YET: frozenset[str] = frozenset(
    (
        "assets/foreign/archives.py",
        "assets/foreign/npy.py",
        "assets/foreign/origin.py",
        "assets/foreign/tensors.py",
        "assets/mediapipe_model.py",
        "assets/weight_files.py",
        "cli/main.py",
        "cli/reconstruct.py",
        "cli/support/signals.py",
        "cli/track.py",
        "data/annotated_faces.py",
        "data/given_shapes.py",
        "export/pictures/figure.py",
        "export/pictures/turntable.py",
        "export/result.py",
        "export/rigs/appearance.py",
        "feature_networks/emotion.py",
        "feature_networks/mini_xception.py",
        "feature_networks/vgg.py",
        "head_import/anny/actions.py",
        "head_import/anny/bake.py",
        "head_import/anny/eyeballs.py",
        "head_import/anny/face_modes.py",
        "head_import/anny/fittings/dentition.py",
        "head_import/anny/fittings/hair.py",
        "head_import/anny/fittings/patch.py",
        "head_import/anny/identity.py",
        "head_import/anny/interplay.py",
        "head_import/anny/regions.py",
        "head_import/anny/repairs/action_shapes.py",
        "head_import/anny/repairs/eyelids.py",
        "head_import/anny/repairs/face_points.py",
        "head_import/anny/repairs/lip_seal.py",
        "head_import/anny/sources.py",
        "head_import/flame/convert.py",
        "head_import/flame/eyelid_closing.py",
        "head_import/flame/files.py",
        "head_import/head_regions.py",
        "head_import/ict/convert.py",
        "head_import/ict/layout.py",
        "head_import/landmark_embedding.py",
        "head_import/landmark_renderer.py",
        "head_import/mesh_parts.py",
        "head_import/plain_texture.py",
        "head_import/reading/array_pickle.py",
        "head_import/reading/obj_mesh.py",
        "head_import/reading/pickled_arrays.py",
        "head_import/reading/source_files.py",
        "head_import/recognition.py",
        "neural_renderer/smirk_checkpoint.py",
        "preprocessing/face_quality.py",
        "preprocessing/media/pixel_formats.py",
        "rendering/complexion.py",
        "rendering/contact_sheet.py",
        "rendering/hair_pictures.py",
        "rendering/layers.py",
        "rendering/materials.py",
        "rendering/picture_surface.py",
        "rendering/pictures.py",
        "synthesis/photo_warps.py",
        "synthesis/procedural_heads.py",
        "synthesis/warped_photos.py",
        "tracking/overlay/video.py",
        "tracking/track_file.py",
        "tracking/track_store.py",
        "tracking/track_video.py",
        "training/fitted_targets.py",
        "training/photo_reading.py",
        "viewer/page/curves_tab.py",
        "viewer/page/move_tab.py",
        "viewer/scene/drawn_head.py",
        "viewer/scene/photo_skin.py",
        "viewer/scene/photo_texture.py",
        "viewer/scene/placement.py",
        "viewer/server/uploads.py",
        "viewer/session/analysis.py",
        "viewer/session/edits.py",
        "viewer/session/parameter_layout.py",
        "viewer/session/source_pictures.py",
    )
)
"""Files, relative to the package, whose constants have no reasons yet. This list only shrinks."""

_EXEMPT = {0, 1, 2, -1}
_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*")


def _number(node: ast.expr) -> complex | None:
    """Return the number that an expression of literals stands for, None for any other."""
    if isinstance(node, ast.Constant):
        is_number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
        return node.value if is_number else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp):
        left, right = _number(node.left), _number(node.right)
        # the value does not matter, only that nothing but numbers makes it
        return None if left is None or right is None else 0.5
    return None


def _is_number(node: ast.expr | None) -> bool:
    """Whether a value is a number, or a tuple of numbers, that asks for a reason."""
    if isinstance(node, ast.Tuple):
        numbers = [_number(item) for item in node.elts]
        return bool(numbers) and None not in numbers and not set(numbers) <= _EXEMPT
    number = None if node is None else _number(node)
    return number is not None and number not in _EXEMPT


def _targets(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    names = [
        item
        for target in targets
        for item in (target.elts if isinstance(target, ast.Tuple) else [target])
    ]
    return [item.id for item in names if isinstance(item, ast.Name) and _NAME.fullmatch(item.id)]


def unexplained(text: str) -> list[str]:
    """Return the numeric constants of a module that have neither docstring nor comment.

    The reason is a string literal right after the assignment, or a comment on its lines or on the
    line above.
    """
    lines = text.splitlines()
    body = ast.parse(text).body
    found: list[str] = []
    for index, node in enumerate(body):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not _is_number(node.value):
            continue
        names = _targets(node)
        above = lines[node.lineno - 2].strip() if node.lineno > 1 else ""
        own = lines[node.lineno - 1 : node.end_lineno]
        commented = above.startswith("#") or any(
            "#" in line.replace("# fmt: skip", "").replace("# noqa", "") for line in own
        )
        if names and not commented and not _explained_after(body, index):
            found += names
    return found


def _explained_after(body: list[ast.stmt], index: int) -> bool:
    if index + 1 == len(body):
        return False
    following = body[index + 1]
    return (
        isinstance(following, ast.Expr)
        and isinstance(following.value, ast.Constant)
        and isinstance(following.value.value, str)
    )


FILES = sorted(str(path.relative_to(SOURCE).as_posix()) for path in SOURCE.rglob("*.py"))


@pytest.mark.parametrize("name", [name for name in FILES if name not in NOT_YET])
def test_constants_say_where_they_are_from(name: str) -> None:
    found = unexplained((SOURCE / name).read_text(encoding="utf-8"))
    assert not found, f"{name}: say after {', '.join(found)} what was measured, or by whom"


def test_the_list_shrinks() -> None:
    done = {
        name
        for name in NOT_YET
        if name not in FILES or not unexplained((SOURCE / name).read_text(encoding="utf-8"))
    }
    assert not done, "take these off NOT_YET"


def test_constants_without_reason_are_found() -> None:
    text = '''
A = 0.3
B = 0.4
"""Measured."""
# from the paper
C = 5
D = (1, 0)
E, F = 0.1, 7
_G: float = -0.2  # by eye
H = len("names")
I = 64 << 20
lower = 3.0
'''
    assert unexplained(text) == ["A", "E", "F", "I"]
