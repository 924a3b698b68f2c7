from __future__ import annotations

from pathlib import Path

import torch

from smirk3d.encoders.face_encoder import FaceEncoder
from smirk3d.heads.tiny import tiny_head
from smirk3d.training.photo_reading import PhotoReader
from tests.training.small_runs import small_config, some_faces, some_photos


def test_answers_are_in_the_frame_of_the_photos(tmp_path: Path) -> None:
    head = tiny_head("named")
    photos = some_photos(head, some_faces(head, 5))
    encoder = FaceEncoder(head, small_config().networks.encoder)
    with torch.no_grad():
        for part in encoder.encoders():
            part.output.linear.weight.zero_()
        # all faces look the same to it: turned, and in the middle of their crops
        encoder.pose_encoder.output.linear.bias.copy_(torch.tensor([0.0, 1.0, 0, 0, 0, 0]))
    encoder.save(tmp_path / "encoder.safetensors")
    read = PhotoReader(head, photos, tmp_path / "encoder.safetensors")(torch.arange(5))
    # a turn cancels against that of the mirrored picture
    torch.testing.assert_close(read.head_pose, torch.zeros(5, 3), atol=1e-5, rtol=0)
    low, high = photos.landmarks.amin(1), photos.landmarks.amax(1)
    middle = (read.camera[:, :1] * read.camera[:, 1:] * torch.tensor([1.0, -1.0]) + 1) * 112
    torch.testing.assert_close(middle, (low + high) / 2, atol=0.01, rtol=1e-4)
    fraction = (high - low).mean(1) * 1.5 / 224
    default = head.neutral(1).camera[0, 0]
    torch.testing.assert_close(read.camera[:, 0], default * fraction, atol=0.01, rtol=1e-3)
