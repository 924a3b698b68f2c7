"""The differentiable grey rendering of a mesh in the face crop."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import check_shape
from smirk3d.geometry.cameras import project
from smirk3d.geometry.meshes import faces_within, vertex_normals
from smirk3d.rasterization.base import Engine, Fragments, rasterize
from smirk3d.rendering.shading import SMIRK_LIGHTS, DirectionalLights, shade


@dataclass(frozen=True, eq=False)
class RenderedHead:
    """A rendering of B heads.

    Attributes:
        image: ``[B, 3, H, W]`` in [0, 1], background 0.
        mask: ``[B, 1, H, W]``, 1 where a pixel sees the mesh, else 0; without gradient.
        fragments: the triangle of each pixel; indices are of the renderer's ``faces``.
        vertices_ndc: device coordinates ``[B, V, 3]`` of all the vertices that were given.
    """

    image: Tensor
    mask: Tensor
    fragments: Fragments
    vertices_ndc: Tensor


class MeshRenderer(nn.Module):
    """Renders the grey picture of SMIRK: vertex normals lit by five lights, the face region alone.

    Gradients reach the vertices through normals and barycentric coordinates, not through
    visibility.

    Attributes:
        faces: the triangles that are drawn ``[F', 3]``, as ids of the caller's vertices.
        face_ids: their numbers ``[F']`` among the triangles that were given.
    """

    faces: Tensor
    face_ids: Tensor

    def __init__(
        self,
        faces: Tensor,
        size: int = CROP_SIZE,
        *,
        vertex_mask: Tensor | None = None,
        lights: DirectionalLights = SMIRK_LIGHTS,
        cull_backfaces: bool = False,
        engine: Engine = "auto",
    ) -> None:
        """Prepare for one topology.

        Args:
            faces: triangles of the whole mesh ``[F, 3]``.
            size: side of the square picture in pixels.
            vertex_mask: ``[V]``; only triangles whose corners are all in it are drawn, such as
                ``head.regions["face"]``. All by default.
            lights: the light.
            cull_backfaces: leave out triangles that turn away from the viewer.
            engine: see :func:`~smirk3d.rasterization.base.rasterize`.
        """
        super().__init__()
        check_shape(faces, "F 3", "faces")
        if vertex_mask is None:
            face_ids = torch.arange(len(faces), device=faces.device)
        else:
            face_ids = faces_within(faces, vertex_mask).nonzero()[:, 0]
        self.register_buffer("faces", faces[face_ids], persistent=False)
        self.register_buffer("face_ids", face_ids, persistent=False)
        self.size = size
        self.lights = lights
        self.cull_backfaces = cull_backfaces
        self.engine: Engine = engine

    def forward(self, vertices: Tensor, camera: Tensor) -> RenderedHead:
        """Return the rendering of posed vertices ``[B, V, 3]`` (metres) by cameras ``[B, 3]``.

        Raises:
            ShapeError: if the shapes do not agree.
        """
        vertices_ndc = project(vertices, camera)
        fragments = rasterize(
            vertices_ndc, self.faces, self.size, self.size,
            cull_backfaces=self.cull_backfaces, engine=self.engine,
        )  # fmt: skip
        normals = vertex_normals(vertices, self.faces)
        grey = shade(fragments.at_pixels(normals), self.lights)
        image = fragments.scatter(grey[None]).expand(-1, 3, -1, -1)
        mask = fragments.mask[:, None].to(image.dtype)
        return RenderedHead(image, mask, fragments, vertices_ndc)
