from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from smirk3d.errors import AssetError, InputError
from smirk3d.export.glb import write_glb
from smirk3d.faces import Face
from smirk3d.viewer.session.subjects import open_subject
from tests.viewer.made_subjects import FRAMES, make_result, make_track, opening_jaw


def test_a_result_shows_its_face_and_photo(result: Path, portrait_face: Face) -> None:
    subject = open_subject(result)
    assert (subject.name, subject.image_size, len(subject.faces)) == ("portrait", (512, 512), 1)
    parameters = subject.faces[0].parameters[0]
    assert torch.allclose(parameters.expression, portrait_face.parameters.expression, atol=1e-6)
    assert subject.pictures is not None
    assert subject.pictures.rgb(0).shape == (512, 512, 3)
    assert subject.pictures.jpeg(0)[:3] == b"\xff\xd8\xff"


def test_pictures_elsewhere_are_shown_only_when_asked_for(
    tmp_path: Path, portrait_face: Face
) -> None:
    secret = tmp_path / "secret.jpg"
    Image.fromarray(np.full((512, 512, 3), 77, np.uint8)).save(secret)
    folder = make_result(tmp_path / "theirs", portrait_face, source=str(secret))
    (folder / "photo.jpg").unlink()
    assert open_subject(folder).pictures is None
    asked = open_subject(folder, source=secret)
    assert asked.pictures is not None
    assert abs(int(asked.pictures.rgb(0).mean()) - 77) < 3


def test_a_track_shows_its_people_and_gaps(tmp_path: Path, portrait_face: Face) -> None:
    subject = open_subject(make_track(tmp_path / "clip", portrait_face, people=2))
    assert len(subject.faces) == 2
    assert len(subject.timestamps) == FRAMES + 1
    face = subject.faces[1]
    assert face.row(3) == 3
    assert face.row(FRAMES) is None
    assert torch.allclose(face.parameters.jaw, opening_jaw(portrait_face).jaw)
    assert subject.pictures is None


def test_a_video_gives_the_frames(track: Path, clip: Path) -> None:
    subject = open_subject(track, source=clip)
    assert subject.pictures is not None
    subject.pictures._thread.join()
    first, last = subject.pictures.rgb(0), subject.pictures.rgb(FRAMES)
    assert first.mean() > 1.5 * last.mean()
    assert subject.pictures.jpeg(FRAMES + 1) is None
    subject.pictures.close()


def test_a_rig_of_ours_is_read_and_others_are_named(tmp_path: Path, portrait_face: Face) -> None:
    path = tmp_path / "face.glb"
    write_glb(path, portrait_face.head, portrait_face.parameters)
    subject = open_subject(path)
    assert torch.allclose(subject.faces[0].parameters.jaw[0], portrait_face.parameters.jaw)
    assert subject.image_size is None
    for content in (b"", b"glTF" + b"\0" * 40, path.read_bytes()[:60], b"[" * 99):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"face\.glb"):
            open_subject(path)


@pytest.mark.parametrize("kind", ["result", "track"])
def test_what_is_saved_opens_again_with_the_edits(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    subject = open_subject(request.getfixturevalue(kind))
    edited = subject.faces[0].parameters.clone()
    edited.shape[:] += 0.25
    edited.jaw[:, 2] = 0.5
    folder = tmp_path / "saved"
    folder.mkdir()
    subject.save(folder, [edited])
    again = open_subject(folder).faces[0].parameters
    for name, tensor in again.items():
        assert torch.allclose(tensor, getattr(edited, name), atol=1e-6), name


def test_what_cannot_be_shown_is_named(tmp_path: Path, result: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_subject(tmp_path / "absent")
    with pytest.raises(InputError, match=f"did you mean {result}"):
        open_subject(result.parent)
    with pytest.raises(InputError, match=r"no result\.json or track\.npz"):
        open_subject(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="give a result folder"):
        open_subject(tmp_path / "notes.txt")


def test_a_result_of_another_head_is_refused(tmp_path: Path, result: Path) -> None:
    content = json.loads((result / "result.json").read_text())
    content["head_fingerprint"] = "0" * 64
    (tmp_path / "result.json").write_text(json.dumps(content))
    with pytest.raises(AssetError, match="another version of head"):
        open_subject(tmp_path)
