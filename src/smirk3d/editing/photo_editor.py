"""Renders a photo's face with another expression, at the photo's own resolution.

The face is cut out pixel for pixel, warped along its surface to the target expression (see
:mod:`smirk3d.synthesis.warped_photos`), and an inpainting network fills in what the photo does not
show. Its correction is added at the photo's resolution. Pixels that nothing has moved or uncovered
stay bit for bit, so there is no border that could show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from smirk3d.assets import weights_folder
from smirk3d.assets.weight_files import INPAINTER, KINDS
from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import AssetError
from smirk3d.geometry.views import transform_view
from smirk3d.heads.head_model import HeadModel
from smirk3d.neural_renderer.generator import NeuralRenderer
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_crop import warp_crop
from smirk3d.synthesis.warped_photos import InpaintingInputs, SurfaceWarper, rendered_correction

INPAINTER_SIZE = 160
"""Side in pixels of the crops that the inpainter was trained on."""

_FINENESS = 2
"""Pixels of the window to a pixel of the photo, each way, so that edges come out smooth."""
_LARGEST_WINDOW = 1400
"""Pixels a side, because the memory of a warp grows with the square of it."""
_SMALLEST_WINDOW = 2 * CROP_SIZE
"""Pixels a side, so that triangles of small faces cover whole pixels."""
_FEATHER = 3.0
"""Pixels of a 224 crop over which the inpainter's correction fades around what has changed."""


def load_inpainter() -> NeuralRenderer:
    """Return the shipped inpainter, which sees pictures and parts of a head, and so serves all.

    Raises:
        AssetError: if its file is damaged.
    """
    return NeuralRenderer.from_file(weights_folder() / "inpainter.safetensors", kind=INPAINTER)


@dataclass(frozen=True, eq=False)
class _Window:
    """The square of a photo around one face.

    Attributes:
        T_window_image: ``[3, 3]``, photo pixels to window pixels.
        size: its side in its own pixels.
        left: first column of the photo that it covers; may be negative.
        top: first row of the photo that it covers; may be negative.
        side: its side in the photo's pixels.
    """

    T_window_image: NDArray[np.float64]
    size: int
    left: int
    top: int
    side: int


def _window(T_crop_image: NDArray[np.floating]) -> _Window:
    """Return the crop's square on whole pixels of the photo, finer than it unless it is huge."""
    T_image_crop = np.linalg.inv(np.asarray(T_crop_image, np.float64))
    zoom = float(np.sqrt(abs(np.linalg.det(T_image_crop[:2, :2]))))
    left, top = (int(v) for v in np.floor(T_image_crop[:2, 2]))
    side = int(np.ceil(CROP_SIZE * zoom)) + 1
    size = min(max(_FINENESS * side, _SMALLEST_WINDOW), _LARGEST_WINDOW)
    scale = size / side
    transform = np.array([[scale, 0, -scale * left], [0, scale, -scale * top], [0, 0, 1.0]])
    return _Window(transform, size, left, top, side)


class PhotoEditor:
    """Changes expressions in photos.

    Attributes:
        head: the head of the faces.
        inpainter: the network that fills in what a photo does not show.
        device: where both compute.
    """

    def __init__(
        self,
        head: HeadModel,
        inpainter: NeuralRenderer | None = None,
        *,
        device: str | torch.device = "cpu",
    ) -> None:
        """Load head and inpainter.

        Args:
            head: the head of the faces.
            inpainter: a network by ``smirk3d train inpainter``; the shipped one by default.
            device: where to compute.

        Raises:
            AssetError: if the network is of another kind.
        """
        inpainter = inpainter or load_inpainter()
        if inpainter.kind != INPAINTER:
            raise AssetError(
                f"editing needs {KINDS[INPAINTER]}; the given network is "
                f"{KINDS.get(inpainter.kind, inpainter.kind)}"
            )
        self.device = torch.device(device)
        self.head = head.to(self.device)
        self.inpainter = inpainter.to(self.device).eval()
        self._warper = SurfaceWarper(self.head)

    @torch.no_grad()
    def __call__(
        self,
        image: NDArray[np.uint8],
        T_crop_image: NDArray[np.floating],
        shown: FaceParameters,
        target: FaceParameters,
    ) -> NDArray[np.uint8]:
        """Return the photo uint8 ``[H, W, 3]`` with one face changed.

        Args:
            image: the upright photo uint8 ``[H, W, 3]``.
            T_crop_image: ``[3, 3]``, photo pixels to the crop in whose frame the parameters are.
            shown: the face as the photo shows it, without batch dimension.
            target: the face with the target expression, in the same frame.
        """
        window = _window(T_crop_image)
        cut = warp_crop(image, window.T_window_image, window.size)
        photo = torch.from_numpy(cut).to(self.device).permute(2, 0, 1)[None].float() / 255
        T_window_crop = window.T_window_image @ np.linalg.inv(np.asarray(T_crop_image, np.float64))
        move = torch.from_numpy(T_window_crop).float()[None]
        before, after = (
            transform_view(face[None].to("cpu"), move, CROP_SIZE, window.size).to(self.device)
            for face in (shown, target)
        )
        warped = self._warper(photo, before, after)
        rendered = self._inpainted(warped)
        return _with_change(image, photo, rendered, window)

    def _inpainted(self, warped: InpaintingInputs) -> Tensor:
        """Return the filled pictures with the inpainter's correction ``[1, 3, N, N]``."""
        size = warped.filled.shape[-1]
        correction = rendered_correction(self.inpainter, warped.resized(INPAINTER_SIZE))
        # smooth: detail is the photo's, and short trainings leave a grid of the patch's period
        correction = F.avg_pool2d(correction, 3, stride=1, padding=1, count_include_pad=False)
        correction = F.interpolate(correction, size=(size, size), mode="bicubic")
        return (warped.filled + correction * _feather(warped.changed)).clamp(0, 1)


def _feather(changed: Tensor) -> Tensor:
    """Return 1 where ``[B, 1, N, N]`` has changed, fading to 0 around it."""
    size = changed.shape[-1]
    radius = max(1, round(_FEATHER * size / CROP_SIZE))
    grown = F.max_pool2d(changed.float(), 2 * radius + 1, stride=1, padding=radius)
    return F.avg_pool2d(grown, 2 * radius + 1, stride=1, padding=radius, count_include_pad=False)


def _with_change(
    image: NDArray[np.uint8], photo: Tensor, rendered: Tensor, window: _Window
) -> NDArray[np.uint8]:
    """Return the photo with the window's change added, at the photo's own resolution."""
    change = rendered - photo
    if window.size != window.side:
        change = F.interpolate(
            change, size=(window.side,) * 2, mode="bicubic", antialias=window.size > window.side
        )
    height, width = image.shape[:2]
    top, left = max(window.top, 0), max(window.left, 0)
    bottom, right = min(window.top + window.side, height), min(window.left + window.side, width)
    if top >= bottom or left >= right:
        return image.copy()
    rows = slice(top - window.top, bottom - window.top)
    columns = slice(left - window.left, right - window.left)
    part = change[0, :, rows, columns].permute(1, 2, 0).cpu().numpy()
    result = image.copy()
    mixed = result[top:bottom, left:right] + 255 * part
    result[top:bottom, left:right] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return result
