"""Materials of a head's parts: UsdPreviewSurface with vertex colours, or with pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smirk3d.export.rigs.appearance import ROUGHNESS
from smirk3d.export.rigs.look import HeadLook, PartLook
from smirk3d.export.rigs.surface import Primitive
from smirk3d.export.usd.modules import Pxr, vectors

PICTURES = "textures"
"""Folder of the pictures, beside the stage and in the package."""


@dataclass(frozen=True)
class Materials:
    """Gives meshes their colours.

    Attributes:
        pxr: USD's modules.
        stage: the stage, whose default prim holds the materials.
        look: how the head looks.
        folder: where pictures are written, in :data:`PICTURES`; None for the colours of vertices.
    """

    pxr: Pxr
    stage: Any
    look: HeadLook
    folder: Path | None

    def bind(self, mesh: Any, primitive: Primitive) -> None:
        """Give a part's mesh its texture coordinates, its vertices' colours and a material."""
        types, tokens = self.pxr.Sdf.ValueTypeNames, self.pxr.UsdGeom.Tokens
        look = self.look.part(primitive) if self.folder is not None else None
        uv = (primitive.uv if look is None else look.uv).astype(np.float32)
        primvars = self.pxr.UsdGeom.PrimvarsAPI(mesh)
        place = primvars.CreatePrimvar("st", types.TexCoord2fArray, tokens.vertex)
        place.Set(self.pxr.Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(uv)))
        colours = self.look.vertex_colours(primitive)
        if look is not None and look.picture is None:
            colours = np.array([look.colour])
        interpolation = tokens.vertex if len(colours) > 1 else tokens.constant
        mesh.CreateDisplayColorPrimvar(interpolation).Set(vectors(self.pxr, colours))
        self._material(mesh, primitive.part, look)

    def _material(self, mesh: Any, part: str, look: PartLook | None) -> None:
        shade, types = self.pxr.UsdShade, self.pxr.Sdf.ValueTypeNames
        root = self.stage.GetDefaultPrim().GetPath()
        path = f"{root}/Materials/{part}"
        self.pxr.UsdGeom.Scope.Define(self.stage, f"{root}/Materials")
        material = shade.Material.Define(self.stage, path)
        surface = shade.Shader.Define(self.stage, f"{path}/Surface")
        surface.CreateIdAttr("UsdPreviewSurface")
        diffuse = surface.CreateInput("diffuseColor", types.Color3f)
        if look is not None and look.picture is not None and self.folder is not None:
            name = f"{PICTURES}/{part}.{look.kind}"
            (self.folder / PICTURES).mkdir(exist_ok=True)
            (self.folder / name).write_bytes(look.picture)
            picture = self._picture(path, name)
            diffuse.ConnectToSource(picture.CreateOutput("rgb", types.Float3))
            if look.blends:
                opacity = surface.CreateInput("opacity", types.Float)
                opacity.ConnectToSource(picture.CreateOutput("a", types.Float))
        else:
            colour = self._reader(path, "Colour", "UsdPrimvarReader_float3", "displayColor")
            diffuse.ConnectToSource(colour.CreateOutput("result", types.Float3))
        surface.CreateInput("roughness", types.Float).Set(ROUGHNESS[part])
        surface.CreateInput("metallic", types.Float).Set(0.0)
        output = surface.CreateOutput("surface", types.Token)
        material.CreateSurfaceOutput().ConnectToSource(output)
        shade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)

    def _reader(self, path: str, name: str, kind: str, primvar: str) -> Any:
        reader = self.pxr.UsdShade.Shader.Define(self.stage, f"{path}/{name}")
        reader.CreateIdAttr(kind)
        reader.CreateInput("varname", self.pxr.Sdf.ValueTypeNames.String).Set(primvar)
        return reader

    def _picture(self, path: str, name: str) -> Any:
        types = self.pxr.Sdf.ValueTypeNames
        place = self._reader(path, "Place", "UsdPrimvarReader_float2", "st")
        picture = self.pxr.UsdShade.Shader.Define(self.stage, f"{path}/Picture")
        picture.CreateIdAttr("UsdUVTexture")
        picture.CreateInput("file", types.Asset).Set(name)
        picture.CreateInput("sourceColorSpace", types.Token).Set("sRGB")
        for axis in ("wrapS", "wrapT"):
            picture.CreateInput(axis, types.Token).Set("clamp")
        source = place.CreateOutput("result", types.Float2)
        picture.CreateInput("st", types.Float2).ConnectToSource(source)
        return picture
