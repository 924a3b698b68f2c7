from __future__ import annotations

import numpy as np
import pytest

from smirk3d.heads.tiny import tiny_head
from smirk3d.tracking.track_file import MOVING, Track

HEAD = tiny_head()


def _track(valid: np.ndarray) -> Track:
    count = int(valid.sum())
    moving = {name: getattr(HEAD.neutral(count), name).numpy() for name in MOVING}
    moving["jaw"][:, 0] = np.arange(count) / 10
    return Track(
        meta={"head": HEAD.name, "image_size": [64, 48]},
        timestamps=np.arange(valid.shape[1]) / 25,
        ids=np.array([0, 7])[: len(valid)],
        valid=valid,
        shape=np.zeros((len(valid), HEAD.neutral(1).shape.shape[1]), np.float32),
        rows={
            **moving,
            "T_crop_image": np.tile(np.eye(3), (count, 1, 1)),
            "box": np.tile(np.float32([1, 2, 30, 40]), (count, 1)),
            "score": np.full(count, 0.9),
            "quality": np.full(count, 0.5),
        },
    )


def test_a_table_has_a_row_for_each_person_in_each_frame() -> None:
    pytest.importorskip("pandas", reason="needs the extra tables")
    track = _track(np.array([[True, True, False], [False, True, True]]))
    table = track.to_dataframe(HEAD)
    assert table["id"].tolist() == [0, 0, 7, 7]
    assert table["frame"].tolist() == [0, 1, 1, 2]
    assert table["seconds"].tolist() == pytest.approx([0, 0.04, 0.04, 0.08])
    assert table["bottom"].tolist() == [40] * 4
    assert table["jaw.open"].tolist() == pytest.approx([0, 0.1, 0.2, 0.3])
    assert "jaw.0" in track.to_dataframe()
    assert repr(track) == "Track(2 people, 3 frames, 0.1 s, head='tiny-named')"


def test_a_track_of_nobody_gives_an_empty_table() -> None:
    pytest.importorskip("pandas", reason="needs the extra tables")
    assert len(_track(np.zeros((0, 3), bool)).to_dataframe(HEAD)) == 0
