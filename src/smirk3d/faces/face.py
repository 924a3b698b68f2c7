"""The record of a face in a picture."""

from __future__ import annotations

import html
import importlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smirk3d.array_interface import Array, is_torch, on_cpu, without_gradients
from smirk3d.conventions import ARKIT_NAMES, CROP_SIZE
from smirk3d.faces.confidence import action_confidence, group_confidence
from smirk3d.faces.head_reference import HeadReference
from smirk3d.faces.picture import Picture
from smirk3d.faces.table import data_frame, parameter_columns
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_crop import warp_crop
from smirk3d.preprocessing.face_detector import DetectedFace

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class Face:
    """One face of a picture in 3D.

    Attributes:
        parameters: the face's parameters, without batch dimension: ``parameters.expression`` is
            ``[E]``. Head pose and camera belong to the crop, which is not rotated: a head that
            lies on its side in the picture has that in its head pose.
        head: the head that the parameters move, or its name where the face was read from a file.
        T_crop_image: ``[3, 3]``, picture pixels to crop pixels; the identity for a face that has
            no picture.
        picture: the picture that shows the face; None where there is none.
        detection: box, score and landmarks in picture pixels; a face that was read from a file has
            no landmarks (``[0, 3]``). None for a face that no detector found.
        quality: how far the picture shows the face well, in [0, 1]; None if not measured.
        std: standard deviation of each parameter, head pose and camera as in the upright crop; None
            where the estimate gives none.
        weights: name of the weights that estimated the face, ``none`` for a fit.
        weights_sha256: hash of the weights' file, None for a fit.
    """

    parameters: FaceParameters
    head: HeadModel | HeadReference
    T_crop_image: NDArray[np.floating] = field(default_factory=lambda: np.eye(3))
    picture: Picture | None = None
    detection: DetectedFace | None = None
    quality: float | None = None
    std: FaceParameters | None = None
    weights: str = "none"
    weights_sha256: str | None = None

    def model(self) -> HeadModel:
        """Return the head model, loaded where the face only names it.

        Raises:
            AssetError: if the head is not installed, or another version of it is.
        """
        head = self.head if isinstance(self.head, HeadModel) else self.head.model
        return head.to_torch() if is_torch(self.parameters.shape) else head.to_numpy()

    def with_head(self, head: HeadModel) -> Face:
        """Return the face with its head model at hand.

        Raises:
            AssetError: if the face was made with another head.
        """
        HeadReference(self.head.name, self.head.fingerprint).check(head)
        return replace(self, head=head)

    @without_gradients
    def vertices(self) -> Array:
        """Return the posed vertices ``[V, 3]`` in metres, head axes."""
        head = self.model()
        return on_cpu(head(self.parameters[None].to(head.v_template)).vertices[0])

    def arkit(self) -> dict[str, float]:
        """Return ARKit's 52 weights by name.

        Raises:
            AssetError: if the head has no named actions.
        """
        head = self.model()
        weights = head.arkit(self.parameters[None].to(head.v_template))
        return dict(zip(ARKIT_NAMES, weights[0].tolist(), strict=True))

    def confidence(self) -> dict[str, float]:
        """Return how much the picture says of each parameter group and ARKit action, in [0, 1].

        0: no more than what holds for people; 1: all. Empty where the estimate gives no standard
        deviations.

        Raises:
            AssetError: if the head is not installed, or another version of it is.
        """
        if self.std is None:
            return {}
        head = self.model()
        std = self.std[None].to(self.parameters.shape)
        known = group_confidence(head, std)
        if head.has_named_actions:
            known |= action_confidence(head, self.parameters[None], std)
        return {name: float(value[0]) for name, value in known.items()}

    @property
    def T_crop_pixels(self) -> NDArray[np.float64]:
        """``[3, 3]``, pixels of the picture at hand, which may be reduced, to crop pixels.

        Raises:
            InputError: if the picture's pixels are not at hand.
        """
        picture = self._shown()
        height, width = picture.require_pixels().shape[:2]
        reduction = np.diag([picture.size[0] / width, picture.size[1] / height, 1.0])
        return np.asarray(self.T_crop_image, np.float64) @ reduction

    def crop(self, smallest: int = CROP_SIZE, largest: int = CROP_SIZE) -> NDArray[np.uint8]:
        """Return the face's square uint8 ``[N, N, 3]``, near the picture's own resolution.

        Args:
            smallest: smallest N in pixels.
            largest: largest N in pixels.

        Raises:
            InputError: if the picture's pixels are not at hand.
        """
        pixels, transform = self._shown().require_pixels(), self.T_crop_pixels
        own = CROP_SIZE / float(np.sqrt(abs(np.linalg.det(transform[:2, :2]))))
        side = int(min(max(round(own), smallest), largest))
        enlarged = np.diag([side / CROP_SIZE, side / CROP_SIZE, 1.0]) @ transform
        return warp_crop(pixels, enlarged, side)

    def _shown(self) -> Picture:
        return self.picture or Picture(path="face", size=(CROP_SIZE, CROP_SIZE))

    @property
    def shows_pixels(self) -> bool:
        """Whether the picture's pixels are at hand."""
        return self.picture is not None and self.picture.pixels is not None

    def save(self, path: str | Path) -> None:
        """Write the face in the format of the path's ending (``.glb``, ``.obj``, ``.npz``, ...).

        Raises:
            InputError: if the ending names no format.
            OutputError: if the file cannot be written.
        """
        _export("formats").save_face(path, self)

    def to_dataframe(self) -> pd.DataFrame:
        """Return a pandas table with one row: box, score, quality, parameters, ARKit weights.

        Raises:
            MissingExtra: if pandas is not installed.
        """
        return Faces([self]).to_dataframe()

    def __repr__(self) -> str:
        """Return what and where the face is, on one line."""
        parts = [f"head={self.head.name!r}", f"weights={self.weights!r}"]
        if self.detection is not None:
            left, top, right, bottom = (round(float(side)) for side in self.detection.box)
            parts.append(f"box=({left}, {top}, {right}, {bottom})")
        if self.quality is not None:
            parts.append(f"quality={self.quality:.2f}")
        return f"Face({', '.join(parts)})"

    def _repr_html_(self) -> str:
        """Return the picture with the head over it, for notebooks."""
        return Faces([self])._repr_html_()


class Faces(list[Face]):
    """The faces of one picture, the largest first: a list that notebooks show as a picture."""

    def to_dataframe(self) -> pd.DataFrame:
        """Return a pandas table with one row a face, numbered by the column ``face``.

        Raises:
            MissingExtra: if pandas is not installed.
        """
        return data_frame(_row(number, face) for number, face in enumerate(self))

    def _repr_html_(self) -> str:
        """Return the picture with the heads over it, for notebooks."""
        if not self:
            return "<i>no face</i>"
        source = html.escape(_export("pictures.face_pictures").preview_address(self), quote=True)
        text = html.escape("; ".join(map(repr, self)))
        return f'<figure><img src="{source}"><figcaption>{text}</figcaption></figure>'


def _row(number: int, face: Face) -> dict[str, float | int | str]:
    row: dict[str, float | int | str] = {"face": number}
    if face.detection is not None:
        sides = zip(("left", "top", "right", "bottom"), face.detection.box, strict=True)
        row |= {name: float(side) for name, side in sides}
        row["score"] = float(face.detection.score)
    if face.quality is not None:
        row["quality"] = face.quality
    head = face.model()
    columns = parameter_columns(face.parameters[None], head)
    row |= {name: float(values[0]) for name, values in columns.items()}
    if head.has_named_actions:
        row |= {f"arkit.{name}": value for name, value in face.arkit().items()}
    row |= {f"confidence.{name}": value for name, value in face.confidence().items()}
    return row


def _export(module: str) -> Any:
    """Return a module of ``smirk3d.export``, which stands above this unit.

    A face can write and show itself only by what knows faces. This is the one place that looks
    upwards; importing :mod:`smirk3d.faces` imports no writer.
    """
    return importlib.import_module(f"smirk3d.export.{module}")
