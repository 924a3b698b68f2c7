"""Edge loops and floods on a quad mesh."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from smirk3d.errors import AssetError

Edge = frozenset[int]


class QuadTopology:
    """Who neighbours whom in a quad mesh, by vertex numbers of the mesh.

    Attributes:
        quads: ``[Q, 4]``.
        neighbours: vertices joined to a vertex by an edge.
    """

    def __init__(self, quads: NDArray[np.int64]) -> None:
        """Index the edges of ``quads`` ``[Q, 4]``."""
        self.quads = quads
        self.neighbours: dict[int, set[int]] = defaultdict(set)
        self._edge_quads: dict[Edge, list[int]] = defaultdict(list)
        for index, quad in enumerate(quads.tolist()):
            for a, b in _sides(quad):
                self.neighbours[a].add(b)
                self.neighbours[b].add(a)
                self._edge_quads[frozenset((a, b))].append(index)

    def loop(self, seed: int, length: int) -> list[int]:
        """Return the closed edge loop of ``length`` vertices through a vertex.

        An edge loop goes straight on at every vertex of four edges.

        Raises:
            AssetError: if there is no such loop.
        """
        for second in sorted(self.neighbours[seed]):
            loop = self._follow(seed, second)
            if len(loop) == length:
                return loop
        raise AssetError(f"the base mesh has no edge loop of {length} vertices through {seed}")

    def flood(self, seed_quad: int, barriers: Iterable[Sequence[int]]) -> NDArray[np.int64]:
        """Return the quads reached from one without crossing closed loops, sorted."""
        walls = {frozenset(side) for loop in barriers for side in _sides(loop)}
        reached = {seed_quad}
        open_quads = [seed_quad]
        while open_quads:
            for a, b in _sides(self.quads[open_quads.pop()].tolist()):
                edge = frozenset((a, b))
                if edge not in walls:
                    fresh = [q for q in self._edge_quads[edge] if q not in reached]
                    reached.update(fresh)
                    open_quads += fresh
        return np.array(sorted(reached))

    def _follow(self, first: int, second: int) -> list[int]:
        loop = [first, second]
        seen = set(loop)
        while True:
            following = self._straight_on(loop[-2], loop[-1])
            if following == first:
                return loop
            if following is None or following in seen:
                return []
            loop.append(following)
            seen.add(following)

    def _straight_on(self, previous: int, vertex: int) -> int | None:
        if len(self.neighbours[vertex]) != 4:
            return None
        beside = set(self._edge_quads[frozenset((previous, vertex))])
        ahead = [
            other
            for other in self.neighbours[vertex]
            if not beside & set(self._edge_quads[frozenset((vertex, other))])
        ]
        return ahead[0] if len(ahead) == 1 else None


def triangulate(quads: NDArray[np.int64], vertices: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return corner numbers 0..3 ``[2 Q, 3]`` that cut each quad along its shorter diagonal.

    Row ``2 q`` and ``2 q + 1`` belong to quad ``q``. Mirrored quads are cut mirrored: the rule
    looks at lengths alone, rounded so that equal ones do not depend on the side.
    """
    points = vertices[quads]
    across = np.linalg.norm(points[:, 0] - points[:, 2], axis=1)
    other = np.linalg.norm(points[:, 1] - points[:, 3], axis=1)
    first = np.round(across, 9) <= np.round(other, 9)
    cut = np.where(first[:, None, None], [[0, 1, 2], [0, 2, 3]], [[1, 2, 3], [1, 3, 0]])
    return cut.reshape(-1, 3)


def _sides(polygon: Sequence[int]) -> Iterable[tuple[int, int]]:
    return zip(polygon, [*polygon[1:], polygon[0]], strict=True)
