"""Points and fields of the template face that the repairs of actions refer to, left side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.head_import.anny.eyeballs import RADIUS
from smirk3d.head_import.anny.repairs.skin_fields import Field, Mask, SkinGraph, vertex_normals
from smirk3d.head_import.anny.surface import HeadSurface

EYELID_MARGIN = 8
"""Index of the eyelid margin's outer rim among the eye loops."""

LIP_CONTACT = 7
"""Index of the mouth loop along which the lips touch."""

_NOSE_TIP = 5054
"""Vertex of the base mesh on the tip of the nose, in the middle plane."""
_ALA = 11672
"""Vertex of the base mesh on the left wing of the nose, 16 mm from the middle plane."""


@dataclass(frozen=True, kw_only=True)
class FacePoints:
    """The template, its graph and its left-hand anatomy, in metres.

    Attributes:
        template: ``[V, 3]``; normals: ``[V, 3]``.
        graph: the edges of skin and cavity.
        skin: skin and cavity ``[V]``; outer: skin alone.
        eye: centre of the eyeball; radius: its radius.
        inner_canthus, outer_canthus: ends of the eyelid margin.
        mouth_corner, nose_tip, ala: the left ones.
        eye_ring: number of the eye loop of each vertex ``[V]``, -1 off the loops; left eye.
        upper_eyelid: whether a vertex on those loops lies above the line between the canthi.
        upper_lip: 1 on the upper lip and above, 0 on the lower and below, smooth between ``[V]``.
    """

    template: Field
    normals: Field
    graph: SkinGraph
    skin: Mask
    outer: Mask
    eye: Field
    radius: float
    inner_canthus: Field
    outer_canthus: Field
    mouth_corner: Field
    nose_tip: Field
    ala: Field
    eye_ring: NDArray[np.int64]
    upper_eyelid: Mask
    upper_lip: Field


def face_points(surface: HeadSurface, template: Field) -> FacePoints:
    """Return the points of a template ``[V, 3]``."""
    graph = SkinGraph(surface.quads, len(template))
    ball = template[surface.mask("eyeL")]
    margin = surface.eye_loops[EYELID_MARGIN]
    ring = np.full(len(template), -1)
    for number, loop in enumerate(surface.eye_loops):
        ring[loop] = number
    upper_eyelid = np.zeros(len(template), bool)
    for loop in surface.eye_loops:
        upper_eyelid[upper_half(template, loop)] = True
    contact = surface.mouth_loops[LIP_CONTACT]
    at = {int(row): index for index, row in enumerate(surface.rows)}
    return FacePoints(
        template=template,
        normals=vertex_normals(template, surface.faces),
        graph=graph,
        skin=surface.mask("skin", "cavity"),
        outer=surface.mask("skin"),
        eye=ball[-1] + [0, 0, RADIUS],
        radius=RADIUS,
        inner_canthus=template[margin[template[margin, 0].argmin()]],
        outer_canthus=template[margin[template[margin, 0].argmax()]],
        mouth_corner=template[contact[template[contact, 0].argmax()]],
        nose_tip=template[at[_NOSE_TIP]],
        ala=template[at[_ALA]],
        eye_ring=ring,
        upper_eyelid=upper_eyelid,
        upper_lip=_upper_lip(surface, template, graph, template[at[_NOSE_TIP]]),
    )


def upper_half(template: Field, loop: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the vertices of a closed loop from its one end in x to the other, the upper way."""
    x = template[loop, 0]
    rolled = np.roll(loop, -int(x.argmin()))
    end = int(template[rolled, 0].argmax())
    ways = rolled[: end + 1], np.concatenate([rolled[end:], rolled[:1]])
    return max(ways, key=lambda way: float(template[way, 1].mean()))


def _upper_lip(surface: HeadSurface, template: Field, graph: SkinGraph, nose_tip: Field) -> Field:
    values = np.zeros(len(template))
    known = np.zeros(len(template), bool)
    corner = int(template[surface.mouth_loops[LIP_CONTACT], 0].argmax())
    for loop in surface.mouth_loops:
        known[loop] = True
        values[loop[:corner]] = values[loop[1 - corner :]] = 1.0
        values[loop[[corner, -corner]]] = 0.5
    lowest = template[np.concatenate(surface.mouth_loops), 1].min()
    skin = surface.mask("skin")
    far = skin & ((template[:, 1] > nose_tip[1]) | (template[:, 1] < lowest - 0.02))
    values[far] = template[far, 1] > nose_tip[1]
    return graph.fill(known | far, values)
