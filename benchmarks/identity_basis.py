"""What the identity basis of a head leaves of real faces, and how far out they lie in it.

    python benchmarks/identity_basis.py [HEAD ...] [--scan SCAN.npz] [--against ict] [--count 200]

A head's mean and basis are fitted to a scan (vertices and faces in metres, face to +z, nose in
front) and to random heads of another model (standard normal in all its modes): a similarity and the
shape coefficients minimise the distances of the face region to the planes of the closest vertices,
with the standard normal prior of the coefficients. Reported are the distances left, over the face
without eyelids (median and 95th percentile over all vertices of all heads), those of the mean face
alone, and the root mean square of the coefficients (1 where people are as the prior has them).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from common import write_results
from smirk3d.assets import DEFAULT_HEAD
from smirk3d.geometry.meshes import vertex_normals
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head

Floats = NDArray[np.float64]

# metres assumed between a person and the basis, while places are still wrong and then at the end
SIGMAS = (0.006, 0.006, 0.004, 0.003, 0.002, 0.0015, 0.001, *(0.0007,) * 8)
FARTHEST = 0.012
SAME_WAY = 0.6
NOSE_TIP = 1
SLIDE = 0.1


@dataclass(frozen=True)
class Fit:
    """A head fitted to a surface.

    Attributes:
        left: distance of each vertex of the face ``[P]`` in metres; of those with a match.
        coefficients: ``[S]``.
    """

    left: Floats
    coefficients: Floats


class Target:
    """A surface to be fitted."""

    def __init__(self, vertices: Floats, faces: NDArray[np.int64]) -> None:
        """Index the vertices that belong to a triangle."""
        used = np.unique(faces)
        normals = vertex_normals(torch.from_numpy(vertices)[None], torch.from_numpy(faces))[0]
        self.points, self.normals = vertices[used], normals.numpy()[used]
        self.tree = cKDTree(self.points)


def face_of(head: HeadModel) -> tuple[Floats, Floats, Floats]:
    """Return face without eyelids: template ``[P, 3]``, normals, basis ``[S, P, 3]``."""
    regions = head.regions
    chosen = regions["face"] & ~regions["eyelids"]
    count = head.group("shape").dim
    normals = vertex_normals(head.v_template[None], head.faces)[0]
    basis = head.offsets[:count, chosen].double().numpy()
    return head.v_template[chosen].double().numpy(), normals[chosen].double().numpy(), basis


def fit_basis(
    face: tuple[Floats, Floats, Floats], target: Target, start: Floats, *, free: bool
) -> Fit:
    """Return the fit from a start ``[4, 3]``: scaled rotation (from the right) and translation.

    Args:
        face: of :func:`face_of`.
        target: the surface.
        start: where the template lies at first.
        free: fit the coefficients too, not only the similarity.
    """
    template, normals, basis = face
    moved, place = np.zeros(len(basis)), start.copy()
    left = np.zeros(0)
    for sigma in SIGMAS:
        shape = template + np.tensordot(moved, basis, 1)
        points, turned = shape @ place[:3] + place[3], normals @ place[:3]
        turned /= np.linalg.norm(turned, axis=1, keepdims=True)
        distance, nearest = target.tree.query(points)
        there, normal = target.points[nearest], target.normals[nearest]
        match = (distance < FARTHEST) & ((turned * normal).sum(1) > SAME_WAY)
        points, there, normal = points[match], there[match], normal[match]
        gap = ((there - points) * normal).sum(1)
        left = np.abs(gap)
        columns = [np.cross(points - place[3], normal), normal]
        columns.append(((points - place[3]) * normal).sum(1)[:, None])
        own = np.einsum("spc,pc->ps", basis[:, match], normal @ place[:3].T)
        matrix = np.concatenate([*columns, own if free else own[:, :0]], 1) / sigma
        prior = np.zeros(matrix.shape[1])
        prior[7:] = 1.0
        wanted = matrix.T @ (gap / sigma)
        wanted[7:] -= moved[: len(wanted) - 7]
        step = np.linalg.solve(matrix.T @ matrix + np.diag(prior + 1e-9), wanted)
        place = _stepped(place, step[:7])
        moved[: len(step) - 7] += step[7:]
    return Fit(left, moved)


def _stepped(place: Floats, step: Floats) -> Floats:
    x, y, z = step[:3]
    turn = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    u, _, vt = np.linalg.svd(np.eye(3) + turn)
    linear = place[:3] @ (u @ vt).T * (1 + step[6])
    return np.concatenate([linear, place[3:] + step[3:6]])


def random_heads(other: HeadModel, count: int) -> Floats:
    """Return the vertices ``[N, V, 3]`` of heads with standard normal coefficients."""
    generator = torch.Generator().manual_seed(0)
    shapes = torch.randn(count, other.group("shape").dim, generator=generator)
    with torch.no_grad():
        return other(other.neutral(count).replace(shape=shapes)).vertices.double().numpy()


def start_on_head(head: HeadModel, other: HeadModel) -> Floats:
    """Return the similarity that carries a head's landmarks onto those of another's mean."""
    mine, theirs = (
        dict(zip(h.landmark_ids.tolist(), h.landmarks(h.v_template[None])[0].double().numpy(),
                 strict=True))
        for h in (head, other)
    )  # fmt: skip
    common = sorted(set(mine) & set(theirs))
    a, b = (np.stack([points[n] for n in common]) for points in (mine, theirs))
    ca, cb = a - a.mean(0), b - b.mean(0)
    u, size, vt = np.linalg.svd(ca.T @ cb)
    linear = u @ vt * (size.sum() / (ca**2).sum())
    return np.concatenate([linear, (b.mean(0) - a.mean(0) @ linear)[None]])


def start_on_scan(head: HeadModel, vertices: Floats) -> Floats:
    """Return the shift that puts the nose's tip onto the foremost point of a scan."""
    place = head.landmark_ids.tolist().index(NOSE_TIP)
    tip = head.landmarks(head.v_template[None])[0, place].double().numpy()
    middle = np.abs(vertices[:, 0]) < 0.02
    foremost = vertices[middle][vertices[middle, 2].argmax()]
    return np.concatenate([np.eye(3), (foremost - tip)[None]])


def measure(head: HeadModel, targets: list[Target], starts: Floats) -> dict[str, float]:
    """Return the figures of one head over targets."""
    face = face_of(head)
    fits = [fit_basis(face, target, starts, free=True) for target in targets]
    means = [fit_basis(face, target, starts, free=False) for target in targets]
    left, mean = (np.concatenate([fit.left for fit in group]) * 1e3 for group in (fits, means))
    norms = np.array([np.sqrt((fit.coefficients**2).mean()) for fit in fits])
    centre = np.mean([fit.coefficients for fit in fits], 0)
    return {
        "median_mm": float(np.median(left)),
        "p95_mm": float(np.percentile(left, 95)),
        "mean_face_median_mm": float(np.median(mean)),
        "rms_coefficient": float(norms.mean()),
        "largest_mean_coefficient": float(np.abs(centre).max()),
        "rms_mean_coefficient": float(np.sqrt((centre**2).mean())),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("heads", nargs="*", default=[DEFAULT_HEAD], metavar="HEAD")
    parser.add_argument("--scan", type=Path)
    parser.add_argument("--against", default="ict", metavar="HEAD")
    parser.add_argument("--count", type=int, default=200)
    options = parser.parse_args()
    other = load_head(options.against)
    faces = other.faces.numpy()
    heads = [Target(v, faces) for v in random_heads(other, options.count)]
    rows = []
    for name in options.heads:
        head = load_head(name)
        label = name.rsplit("/", 1)[-1].removesuffix(".npz")
        found = {options.against: measure(head, heads, start_on_head(head, other))}
        if options.scan is not None:
            scan = np.load(options.scan)
            vertices = scan["vertices"].astype(np.float64)
            target = Target(vertices, scan["faces"].astype(np.int64))
            found["scan"] = measure(head, [target], start_on_scan(head, vertices))
        rows += [{"head": label, "fitted": what, **figures} for what, figures in found.items()]
    titles = list(rows[0])
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for row in rows:
        cells = (f"{v:.2f}" if isinstance(v, float) else str(v) for v in row.values())
        lines.append("| " + " | ".join(cells) + " |")
    print("\n".join(lines))
    write_results("identity_basis", rows, "\n".join(lines))


if __name__ == "__main__":
    main()
