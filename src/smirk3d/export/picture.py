"""The picture that a face was found in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.conventions import CROP_SIZE
from smirk3d.errors import InputError
from smirk3d.preprocessing.face_crop import warp_crop


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """The picture that a face was found in, for formats that place the face there.

    Attributes:
        path: of the picture, as files name it.
        size: width and height of the upright picture in pixels.
        T_crop_image: ``[3, 3]``, picture pixels to crop pixels.
        pixels: uint8 ``[H, W, 3]`` of the picture, perhaps reduced; None where it is not at hand.
    """

    path: str
    size: tuple[int, int]
    T_crop_image: NDArray[np.floating]
    pixels: NDArray[np.uint8] | None = None

    @property
    def T_crop_pixels(self) -> NDArray[np.float64]:
        """``[3, 3]``, pixels of :attr:`pixels` to crop pixels.

        Raises:
            InputError: if there are no pixels.
        """
        height, width = self._known().shape[:2]
        reduction = np.diag([self.size[0] / width, self.size[1] / height, 1.0])
        return np.asarray(self.T_crop_image, np.float64) @ reduction

    def crop(self, smallest: int, largest: int) -> NDArray[np.uint8]:
        """Return the face's square ``[N, N, 3]`` near the picture's own resolution.

        Args:
            smallest: side in pixels.
            largest: side in pixels.

        Raises:
            InputError: if there are no pixels.
        """
        pixels, transform = self._known(), self.T_crop_pixels
        own = CROP_SIZE / float(np.sqrt(abs(np.linalg.det(transform[:2, :2]))))
        side = int(min(max(round(own), smallest), largest))
        enlarged = np.diag([side / CROP_SIZE, side / CROP_SIZE, 1.0]) @ transform
        return warp_crop(pixels, enlarged, side)

    def _known(self) -> NDArray[np.uint8]:
        if self.pixels is None:
            raise InputError(f"{self.path}: this format needs the picture, which is not at hand")
        return self.pixels
