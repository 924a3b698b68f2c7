"""Carry identity coefficients of an older bake of the open head to a newer one.

    python scripts/carry_identity.py OLD.npz NEW.npz [MAP.npz]

Writes ``matrix`` ``[S', S]`` and ``offset`` ``[S']`` of the linear map
``new = matrix @ old + offset`` and says how far apart the faces of the two are. A linear layer
``y = W x + c`` that answers in old coefficients answers in new ones as
``(matrix @ W) x + (matrix @ c + offset)``.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.heads.spec import PARTS

Floats = NDArray[np.float64]

# metres between the two bakes' faces that weigh as much as a coefficient of 1, on each vertex; the
# face counts more than the rest of the skin
_FACE_SIGMA, _SKIN_SIGMA = 0.002, 0.015


def carried_identity(old: HeadModel, new: HeadModel) -> tuple[Floats, Floats]:
    """Return matrix ``[S', S]`` and offset ``[S']`` from old to new identity coefficients.

    Least squares over the skin vertices that both bakes have, with the standard normal prior of the
    new coefficients. Place, turn and size are left to the pose and the camera.
    """
    ids, weights = _shared_skin(old, new)
    old_rest, old_basis = _face(old, ids)
    new_rest, new_basis = _face(new, ids)
    centred = new_rest - (weights[:, None] * new_rest).sum(0) / weights.sum()
    axes = np.eye(3)
    nuisance = [np.broadcast_to(axis, centred.shape) for axis in axes]
    nuisance += [np.cross(axis, centred) for axis in axes] + [centred]
    columns = np.concatenate([new_basis, np.stack(nuisance) * 0.1])
    root = np.sqrt(weights).repeat(3)
    system = columns.reshape(len(columns), -1).T * root[:, None]
    wanted = np.concatenate([old_basis, (old_rest - new_rest)[None]])
    wanted = wanted.reshape(len(wanted), -1).T * root[:, None]
    prior = np.zeros(len(columns))
    prior[: len(new_basis)] = 1.0
    found = np.linalg.solve(system.T @ system + np.diag(prior + 1e-9), system.T @ wanted)
    return found[: len(new_basis), :-1], found[: len(new_basis), -1]


def _shared_skin(old: HeadModel, new: HeadModel) -> tuple[NDArray[np.int64], Floats]:
    skin = [PARTS.index(part) for part in ("skin", "cavity")]
    both = min(old.num_vertices, new.num_vertices)
    parts = [np.isin(head.part[:both].numpy(), skin) for head in (old, new)]
    count = int(np.argmin(parts[0] & parts[1]))
    if not np.allclose(old.uv.amax(0), new.uv.amax(0), atol=0.5) or count < both // 2:
        raise SystemExit("the two heads do not share their skin's vertices")
    face = old.regions["face"][:count].numpy()
    outer = old.part[:count].numpy() == PARTS.index("skin")
    sigma = np.where(face, _FACE_SIGMA, _SKIN_SIGMA)
    ids = np.flatnonzero(outer)
    return ids, 1 / sigma[ids] ** 2


def _face(head: HeadModel, ids: NDArray[np.int64]) -> tuple[Floats, Floats]:
    count = head.group("shape").dim
    rest = head.v_template[ids].double().numpy()
    return rest, head.offsets[:count, ids].double().numpy()


def differences(old: HeadModel, new: HeadModel, matrix: Floats, offset: Floats) -> Floats:
    """Return distances ``[200, P]`` in metres over the face, of random people of the old bake."""
    ids, weights = _shared_skin(old, new)
    face = weights > weights.min()
    codes = torch.randn(200, matrix.shape[1], generator=torch.Generator().manual_seed(0)).numpy()
    old_rest, old_basis = _face(old, ids[face])
    new_rest, new_basis = _face(new, ids[face])
    there = old_rest + np.tensordot(codes, old_basis, 1)
    here = new_rest + np.tensordot(codes @ matrix.T + offset, new_basis, 1)
    left = []
    for a, b in zip(there, here, strict=True):
        a, b = a - a.mean(0), b - b.mean(0)  # noqa: PLW2901 - both are centred
        u, size, vt = np.linalg.svd(b.T @ a)
        left.append(np.linalg.norm(b @ u @ vt * (size.sum() / (b**2).sum()) - a, axis=1))
    return np.array(left)


def main() -> None:
    old, new = load_head(sys.argv[1]), load_head(sys.argv[2])
    matrix, offset = carried_identity(old, new)
    left = differences(old, new, matrix, offset) * 1e3
    print(
        f"faces differ by {np.median(left):.2f} mm in the median, {np.percentile(left, 95):.2f} at "
        f"95 %; offset {np.sqrt((offset**2).mean()):.2f}, coefficients of random people "
        f"{np.sqrt((matrix**2).sum(1).mean()):.2f} (root mean square)"
    )
    if len(sys.argv) > 3:
        np.savez(sys.argv[3], matrix=matrix, offset=offset)


if __name__ == "__main__":
    main()
