"""Does an expression survive? Draw the answer as the photo shows it, and read both alike.

The head is drawn in its crop in simple colours, with brows, lips and irises: on bare clay the
detector takes the shadow under the forehead for lowered brows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smirk3d.data.landmark_studio import LandmarkStudio
from smirk3d.evaluation.metrics import channel_correlations, correlation, mean_absolute_error
from smirk3d.geometry.cameras import project
from smirk3d.pipeline import ReconstructedFace
from smirk3d.preprocessing.face_detector import FaceDetector
from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector


@dataclass(frozen=True)
class RoundTrip:
    """Blend shapes read from photos and from the answers drawn over them.

    Attributes:
        names: channels ``[C]``.
        photo: read from the photos ``[N, C]``.
        drawn: read from the drawn heads ``[N, C]``.
        lost: photos on whose drawn head no face was found.
    """

    names: tuple[str, ...]
    photo: NDArray[np.float64]
    drawn: NDArray[np.float64]
    lost: int

    def correlation(self) -> float:
        """Return the correlation over all photos and channels."""
        return correlation(self.photo, self.drawn)

    def side_correlation(self) -> float:
        """Return the correlation of left minus right over all paired channels."""
        left = [i for i, name in enumerate(self.names) if name.endswith("Left")]
        right = [self.names.index(self.names[i].replace("Left", "Right")) for i in left]
        return correlation(
            self.photo[:, left] - self.photo[:, right], self.drawn[:, left] - self.drawn[:, right]
        )

    def table(self) -> str:
        """Return a Markdown table of each channel."""
        each = channel_correlations(self.photo, self.drawn)
        lines = ["| channel | correlation | mean photo | mean drawn | mean abs. error |"]
        lines.append("|---|---|---|---|---|")
        for i, name in enumerate(self.names):
            a, b = self.photo[:, i], self.drawn[:, i]
            shown = f"{each[i]:.2f}" if np.isfinite(each[i]) else "constant"
            error = mean_absolute_error(a, b)
            lines.append(f"| {name} | {shown} | {a.mean():.3f} | {b.mean():.3f} | {error:.3f} |")
        return "\n".join(lines)


def round_trip(
    faces: Sequence[ReconstructedFace], *, detector: FaceDetector | None = None
) -> RoundTrip:
    """Return what one detector reads from photos and from answers drawn as the photos show them.

    Args:
        faces: answers of one head; their own detections give the photos' blend shapes.
        detector: reads the drawn heads; must give blend shapes.

    Raises:
        ValueError: if there are no faces, or no drawn head is recognised as a face.
    """
    if not faces:
        raise ValueError("no faces to draw")
    detector = detector or MediaPipeFaceDetector(thorough=False)
    studio = LandmarkStudio(faces[0].head)
    pairs: list[tuple[dict[str, float], dict[str, float]]] = []
    for face in faces:
        vertices = face.vertices()[None]
        found = detector.detect(
            studio.picture(vertices, project(vertices, face.parameters.camera[None]))
        )
        if found and found[0].blendshapes and face.detection.blendshapes:
            pairs.append((face.detection.blendshapes, found[0].blendshapes))
    if not pairs:
        raise ValueError("no drawn head was recognised as a face")
    names = tuple(name for name in pairs[0][0] if name != "_neutral")
    photo, drawn = (
        np.array([[pair[side][name] for name in names] for pair in pairs]) for side in (0, 1)
    )
    return RoundTrip(names, photo, drawn, len(faces) - len(pairs))
