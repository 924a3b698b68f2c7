"""Contact sheets of faces with the methods' estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from smirk3d.evaluation.photos import as_pictures
from smirk3d.evaluation.report import Picture
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rendering.contact_sheet import contact_sheet
from smirk3d.rendering.layers import Style
from smirk3d.rendering.photo_colours import photo_complexion
from smirk3d.rendering.pictures import PosedHead, overlay

_BACKGROUND = 228
"""Grey level behind a head that is drawn alone; chosen by eye."""

_STYLE = Style(shadows=24, supersample=2, refinements=0)


def estimate_sheet(
    head: HeadModel,
    images: Tensor,
    estimates: Mapping[str, FaceParameters],
    labels: Sequence[str] | None = None,
) -> Picture:
    """Return a sheet with one row for each face: the picture, then each method's mesh.

    Args:
        head: head of the estimates.
        images: crops ``[B, 3, 224, 224]`` in [0, 1].
        estimates: parameters ``[B]`` by method.
        labels: texts under the pictures.
    """
    tiles: list[Picture] = []
    texts: list[str] = []
    plain = np.full((*images.shape[2:], 3), _BACKGROUND, np.uint8)
    for row, picture in enumerate(as_pictures(images)):
        tiles.append(picture)
        texts.append(labels[row] if labels is not None else "picture")
        for name, parameters in estimates.items():
            face = parameters[row]
            vertices = head(face[None]).vertices[0]
            posed = PosedHead(head=head, vertices=vertices, parameters=face, T_crop_image=np.eye(3))
            style = _style_of(head, face, images[row])
            tiles.append(overlay(plain, [posed], style=style, region=None))
            texts.append(name)
    return contact_sheet(tiles, 1 + len(estimates), texts)


def overlay_sheet(
    head: HeadModel,
    images: Tensor,
    estimates: FaceParameters,
    labels: Sequence[str],
    columns: int = 2,
) -> Picture:
    """Return a sheet with one cell for each face: picture, mesh over it, and mesh alone.

    Args:
        head: head of the estimates.
        images: crops ``[B, 3, 224, 224]`` in [0, 1].
        estimates: parameters ``[B]``.
        labels: one line of text for each face ``[B]``.
        columns: number of cells in a row.
    """
    cells: list[Picture] = []
    for row, picture in enumerate(as_pictures(images)):
        face = estimates[row]
        vertices = head(face[None]).vertices[0]
        posed = PosedHead(head=head, vertices=vertices, parameters=face, T_crop_image=np.eye(3))
        plain = np.full_like(picture, _BACKGROUND)
        style = _style_of(head, face, images[row])
        over = overlay(picture, [posed], style=style)
        alone = overlay(plain, [posed], style=style, region=None)
        cells.append(np.concatenate([picture, over, alone], 1))
    return contact_sheet(cells, columns, list(labels))


def _style_of(head: HeadModel, face: FaceParameters, image: Tensor) -> Style:
    """Return the style with irises and brows of the picture, which the background does not show."""
    return replace(_STYLE, complexion=photo_complexion(head, face, image))
