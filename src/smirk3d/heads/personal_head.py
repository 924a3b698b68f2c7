"""The head of one person, for callers that change expressions often and the shape rarely."""

from __future__ import annotations

from dataclasses import replace

from smirk3d.array_interface import Array, as_like, without_gradients
from smirk3d.errors import check_shape
from smirk3d.heads.head_model import HeadModel


@without_gradients
def one_person(head: HeadModel, shape: Array) -> HeadModel:
    """Return a head whose template is a person and whose shape group is empty.

    It evaluates to the same vertices several times as fast, because most of a head's offsets are
    identity. Regions, parts and triangles stay those of the head.

    Args:
        head: the head.
        shape: identity coefficients ``[S]``.

    Raises:
        ShapeError: if the shape's size is not the head's.
    """
    group = head.group("shape")
    check_shape(shape, "S", "shape", S=group.dim)
    shape = as_like(shape, head.v_template)
    person = head.shallow_copy()
    rows = head.basis_rows
    moved = (shape @ head.basis[rows.rows("shape")]).reshape(-1, 3)
    person.keep("v_template", head.v_template + moved)
    own = head.basis[rows.moving]
    scales = head.rules.scales(shape[None])
    person.keep("basis", own if scales is None else own * scales[0, :, None])
    person.basis_rows = replace(rows, shape=0)
    person.keep("action_scale", head.action_scale[:, :0])
    moved_joints = (shape @ head.joint_basis[: group.dim]).reshape(-1, 3)
    person.keep("joints", head.joints + moved_joints)
    person.keep("joint_basis", head.joint_basis[group.dim :])
    none = replace(group, names=(), lo=(), hi=(), prior_std=(), default=())
    person.spec = tuple(none if g is group else g for g in head.spec)
    return person
