from __future__ import annotations

import numpy as np
import pytest

from smirk3d.preprocessing.mediapipe_video import MediaPipeVideoLandmarker


def test_follows_a_moving_face(astronaut, detector):
    still = detector.detect(astronaut)[0]
    with MediaPipeVideoLandmarker() as video:
        for frame in range(8):
            shifted = np.roll(astronaut, 2 * frame, axis=1)
            faces = video.detect(shifted, frame / 25)
    assert len(faces) == 1
    expected = still.landmarks[:, :2] + [14, 0]
    # Its smoothing lags behind by a pixel or so.
    assert np.abs(faces[0].landmarks[:, :2] - expected).mean() < 3


def test_time_must_advance(astronaut):
    with MediaPipeVideoLandmarker() as video:
        video.detect(astronaut, 0.0)
        video.detect(astronaut, 0.04)
        with pytest.raises(ValueError, match=r"0\.04 s follows 0\.04 s"):
            video.detect(astronaut, 0.04)


def test_another_video_after_close(astronaut):
    video = MediaPipeVideoLandmarker()
    video.detect(astronaut, 5.0)
    video.close()
    assert len(video.detect(astronaut, 0.0)) == 1
    video.close()
