"""Heads reduced to a few points, which evaluate many times faster than the whole."""

from __future__ import annotations

import numpy as np

from smirk3d.array_interface import Array, array_namespace, beside
from smirk3d.heads.head_buffers import HeadT

_VERTEX_BASES = ("basis", "eyelid_basis_", "pose_basis")


def at_landmarks(head: HeadT) -> HeadT:
    """Return a head whose vertices are the landmarks, as :func:`at_points` does."""
    small = at_points(head, head.landmark_corners, head.landmark_bary)
    rows = beside(np.arange(len(head.landmark_ids)), head.faces)
    small.keep("landmark_ids", head.landmark_ids)
    small.keep("landmark_sigma", head.landmark_sigma)
    small.keep("landmark_corners", rows[:, None])
    small.keep(
        "landmark_bary", array_namespace(head.landmark_bary).ones_like(head.landmark_bary[:, :1])
    )
    return small


def at_points(head: HeadT, corners: Array, bary: Array) -> HeadT:
    """Return a head whose vertices are surface points.

    Bases and skinning weights are interpolated over each point's triangle. That is exact where
    the triangle's corners move with the same joints, and within a twentieth of a millimetre on
    FLAME-sized triangles elsewhere. The result has no triangles and landmarks, and its lips may
    overlap.

    Args:
        head: the head.
        corners: vertices of each point's triangle ``[P, 3]``.
        bary: barycentric coordinates within the triangles ``[P, 3]``.
    """
    small = _without_surface(head)
    for name in ("v_template", "lbs_weights"):
        small.keep(name, (getattr(head, name)[corners] * bary[..., None]).sum(1))
    for name in _VERTEX_BASES:
        rows = getattr(head, name)
        basis = rows.reshape(len(rows), head.num_vertices, 3)[:, corners]
        small.keep(name, (basis * bary[..., None]).sum(2).reshape(len(rows), 3 * len(corners)))
    for name, array in head.contact.at_points(corners, bary, head.num_vertices).items():
        small.keep(name, array)
    small.keep("part", head.part[corners[:, 0]])
    for name in head.region_names:
        small.keep(f"region_{name}", getattr(head, f"region_{name}")[corners[:, 0]])
    return small


def at_vertices(head: HeadT, vertex_ids: Array) -> HeadT:
    """Return a head of some vertices alone, without triangles and landmarks.

    Args:
        head: the head.
        vertex_ids: ``[N]``, the vertices kept, in this order.
    """
    small = _without_surface(head)
    kept = ("v_template", "lbs_weights", "part", *map("region_{}".format, head.region_names))
    for name in kept:
        small.keep(name, getattr(head, name)[vertex_ids])
    for name in _VERTEX_BASES:
        rows = getattr(head, name)
        basis = rows.reshape(len(rows), head.num_vertices, 3)
        small.keep(name, basis[:, vertex_ids].reshape(len(rows), 3 * len(vertex_ids)))
    ones = array_namespace(head.v_template).ones_like(head.v_template[vertex_ids, :1])
    reduced = head.contact.at_points(vertex_ids[:, None], ones, head.num_vertices)
    for name, array in reduced.items():
        small.keep(name, array)
    return small


def _without_surface(head: HeadT) -> HeadT:
    small = head.shallow_copy()
    for name in ("landmark_ids", "landmark_corners", "landmark_bary", "landmark_sigma"):
        small.keep(name, getattr(head, name)[:0])
    for name in ("faces", "uv_faces", "hair_faces", "hair_uv_faces"):
        small.keep(name, getattr(head, name)[:0])
    return small
