from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from smirk3d.export.arkit_csv import write_arkit_csv
from smirk3d.export.gaps import towards_rest, with_gaps_filled
from smirk3d.heads.tiny import tiny_head
from tests.export.faces import random_faces

HEAD = tiny_head()
SEEN = np.r_[15:27, 87:99]
"""Half a second of nobody, 0.4 s of a face, 2 s of nobody, 0.4 s of the face, half of nobody."""
TIMES = np.arange(114) / 30


def test_frames_with_the_person_stay_and_others_hold_then_rest() -> None:
    faces = random_faces(HEAD, len(SEEN))
    whole = with_gaps_filled(HEAD, faces, SEEN, TIMES)
    rest = HEAD.neutral()[0]
    for name, values in whole.items():
        torch.testing.assert_close(values[SEEN], getattr(faces, name), msg=name)
    for name in ("expression", "jaw", "eyelids", "eyes", "neck", "head_pose"):
        values, last = getattr(whole, name), getattr(faces, name)[11]
        quiet = getattr(rest, name)
        torch.testing.assert_close(values[:15], quiet.expand(15, -1))
        torch.testing.assert_close(values[27:57], last.expand(30, -1))  # a second from frame 26
        between = (values[57:72] - quiet).abs().sum(1)
        assert (between.diff() <= 1e-6).all()
        torch.testing.assert_close(values[72:87], quiet.expand(15, -1))
    torch.testing.assert_close(whole.shape[0], faces.shape[0])


def test_on_the_way_to_rest_who_it_is_stays() -> None:
    faces = random_faces(HEAD, 2)
    half = towards_rest(HEAD, faces, torch.tensor([0.5, 1.0]))
    torch.testing.assert_close(half.shape, faces.shape)
    torch.testing.assert_close(half.camera, faces.camera)
    torch.testing.assert_close(half.jaw[1], faces.jaw[1])
    torch.testing.assert_close(half.head_pose[0], faces.head_pose[0] / 2)


def test_a_recording_of_thirty_frames_counts_on_sixty_as_the_apps_do(tmp_path: Path) -> None:
    # importers that take a row a frame need a row for each; those with a fixed base of 60 need
    # every second count, as Live Link Face's own recordings of thirty frames a second have
    faces = with_gaps_filled(HEAD, random_faces(HEAD, len(SEEN)), SEEN, TIMES)
    for fps, step in ((Fraction(60), 2), (Fraction(30), 1)):
        write_arkit_csv(tmp_path / "x.csv", HEAD, faces, timestamps=TIMES.tolist(), fps=fps)
        rows = list(csv.DictReader((tmp_path / "x.csv").open()))
        assert len(rows) == len(TIMES)
        codes = [row["Timecode"] for row in rows]
        second = [f"00:00:01:{step * n:02d}.000" for n in range(30)]
        assert codes[30:60] == second
