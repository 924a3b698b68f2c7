"""Videos to folders: what is in them, and what a kill, a stop or a full disk leaves."""

from __future__ import annotations

import csv
import errno
import json
import os
import pickle
import signal
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
import trimesh

from smirk3d.errors import AssetError, InputError, OutputError, UsageError
from smirk3d.export.flame.layouts import DATA_SETS
from smirk3d.export.result import read_result
from smirk3d.head_import.flame import (
    FlameCompanions,
    convert_flame,
    flame_release,
    parse_flame_model,
)
from smirk3d.heads.head_model import HeadModel
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.clip_formats import DATA_SET_FORMATS, parse_clip_formats
from smirk3d.tracking.clip_outputs import check_formats, write_person
from smirk3d.tracking.track_file import MOVING, Track, read_track
from smirk3d.tracking.track_video import ClipConfig, track_video
from tests.export.gltf_reading import GltfHead
from tests.tracking.clips import background, write_video

sys.path.insert(0, str(Path(__file__).parents[1] / "head_import"))
from flame_files import flame_arrays

Frame = Callable[..., np.ndarray]
FRAMES = 36
GAP = range(14, 22)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory, moving_face: Frame) -> Path:
    """A face that something hides for a while, with sound."""

    def frame(number: int) -> np.ndarray:
        picture = moving_face(number)
        if number in GAP:
            picture[:, 40:280] = (60, 80, 140)
        return picture

    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return write_video(path, map(frame, range(FRAMES)), sound=True)


def test_a_video_gives_its_folder(seer: FaceReconstructor, clip: Path, tmp_path: Path) -> None:
    told = []
    outcome = track_video(
        clip, seer, tmp_path / "clip", ("mp4", "glb", "arkit-csv", "obj"), ClipConfig(fov=60),
        on_progress=lambda *news: told.append(news),
    )  # fmt: skip
    assert not outcome.interrupted
    folder = tmp_path / "clip"
    assert sorted(path.name for path in folder.iterdir()) == [
        "face-0-obj", "face-0.csv", "face-0.glb", "overlay.mp4", "result.json", "track.npz",
    ]  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["clip"], "no traces of the work"
    assert told[0] == ("track", 0, FRAMES)
    assert ("track", FRAMES, FRAMES) in told
    assert told[-1] == ("overlay", FRAMES, FRAMES)

    track = read_track(folder)
    assert track.valid.shape == (1, FRAMES)
    assert track.valid[0, :14].all()
    assert not track.valid[0, 17:22].any()
    assert track.valid[0, 27:].all()
    assert np.allclose(track.timestamps, np.arange(FRAMES) / 30, atol=1e-4)
    seen = int(track.valid.sum())
    with np.load(folder / "track.npz") as file:
        dense = np.zeros((1, FRAMES, 3))
        dense[file["valid"]] = file["jaw"]
        assert file["expression"].shape == (seen, 38)
        assert dense[0, :14, 0].min() > 0

    _check_glb(folder / "face-0.glb", track)
    _check_csv(folder / "face-0.csv", track)
    meshes = sorted((folder / "face-0-obj").iterdir())
    assert [int(path.stem) for path in meshes] == track.frames(0).tolist()
    mesh = trimesh.load(meshes[0], process=False, force="mesh")
    assert 0.15 < np.ptp(mesh.vertices[:, 1]) < 0.6
    _check_result(folder, seen)


def _check_glb(path: Path, track: Track) -> None:
    model = GltfHead.load(path)
    (animation,) = model.model.animations
    weights = next(c for c in animation.channels if c.target.path == "weights")
    sampler = animation.samplers[weights.sampler]
    names = model.model.meshes[0].extras["targetNames"]
    values = model.array(sampler.output).reshape(-1, len(names))
    assert np.allclose(
        values[:, names.index("jawOpen")], track.parameters(0).jaw[:, 0].numpy(), atol=1e-5
    )
    assert np.allclose(
        model.array(sampler.input)[:, 0], track.timestamps[track.frames(0)], atol=1e-4
    )


def _check_csv(path: Path, track: Track) -> None:
    with path.open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == FRAMES, "a row for each frame, with the face or without"
    assert len(table[0]) == 63
    # 30 frames a second, counted on 60
    assert table[0]["Timecode"] == "00:00:00:00.000"
    assert table[15]["Timecode"].startswith(("00:00:00:29.99", "00:00:00:30.00"))
    assert table[-1]["Timecode"].startswith(("00:00:01:09.99", "00:00:01:10.00"))
    jaws = [float(row["JawOpen"]) for row in table]
    frames = track.frames(0)
    expected = track.parameters(0).jaw[:, 0].numpy()
    assert np.allclose(np.array(jaws)[frames], expected, atol=1e-5)
    before = max(frame for frame in frames if frame < GAP[-1])
    assert jaws[GAP[-1]] == jaws[before], "held where something hides the face for a moment"


def _check_result(folder: Path, seen: int) -> None:
    content = json.loads((folder / "result.json").read_text())
    assert content["weights"]["name"] == "colours"
    video = content["video"]
    assert video["frames"] == FRAMES
    assert video["frames_without_face"] == FRAMES - seen
    assert video["people"][0]["frames"] == seen
    assert video["complete"]
    assert read_result(folder).faces[0].parameters.shape.shape == (100,)


def test_the_overlay_has_all_frames_and_the_sound(
    seer: FaceReconstructor, clip: Path, tmp_path: Path
) -> None:
    track_video(clip, seer, tmp_path / "clip", ("mp4",))
    with av.open(str(tmp_path / "clip" / "overlay.mp4")) as made, av.open(str(clip)) as source:
        frames = [frame.to_ndarray(format="rgb24") for frame in made.decode(video=0)]
        originals = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
        assert {stream.type for stream in made.streams} == {"video", "audio"}
    with av.open(str(tmp_path / "clip" / "overlay.mp4")) as made:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in made.decode(audio=0)])
    assert np.abs(sound[4000:16000]).max() > 0.1
    assert 1.2 <= len(sound) / 16000 <= 1.4, "it ends with the picture"
    assert len(frames) == FRAMES
    drawn = np.abs(frames[5].astype(int) - originals[5])[60:180, 90:200].mean()
    left_alone = np.abs(frames[18].astype(int) - originals[18]).mean()
    assert drawn > 15
    assert left_alone < 4


def test_usd_ply_and_npz_hold_each_frame(
    seer: FaceReconstructor, clip: Path, tmp_path: Path
) -> None:
    usd = pytest.importorskip("pxr.Usd", reason="the extra usd is not installed")
    track = track_video(clip, seer, tmp_path / "c", ("usd", "ply", "npz")).track
    parameters, frames = track.parameters(0), track.frames(0)

    stage = usd.Stage.Open(str(tmp_path / "c" / "face-0.usd"))
    assert stage.GetTimeCodesPerSecond() == 30
    weights = stage.GetPrimAtPath("/Head/Motion").GetAttribute("blendShapeWeights")
    names = list(stage.GetPrimAtPath("/Head/Motion").GetAttribute("blendShapes").Get())
    assert weights.GetTimeSamples() == frames.tolist(), "gaps have no key"
    opened = [weights.Get(time)[names.index("jawOpen")] for time in weights.GetTimeSamples()]
    assert np.allclose(opened, parameters.jaw[:, 0], atol=1e-5)

    meshes = sorted((tmp_path / "c" / "face-0-ply").iterdir())
    assert [int(path.stem) for path in meshes] == frames.tolist()
    posed = seer.head(parameters[-1:]).vertices[0].numpy()
    mesh = trimesh.load(meshes[-1], process=False)
    assert np.abs(np.ptp(mesh.vertices, 0) - np.ptp(posed, 0)).max() < 1e-4

    with np.load(tmp_path / "c" / "face-0.npz") as file:
        assert np.allclose(file["jaw"], parameters.jaw)


def test_flame_layouts_name_the_frames_and_the_lens(tmp_path: Path) -> None:
    model = parse_flame_model(pickle.dumps(flame_arrays(), 2), "x.pkl")
    head = HeadModel(*convert_flame(model, FlameCompanions(), flame_release("generic_model.pkl")))
    valid = np.array([[True, False, True, True]])
    rows = {name: getattr(head.neutral(3), name).numpy() for name in MOVING}
    rows["camera"] = np.float32([[7.0, 0.01, -0.02]] * 3)
    rows["T_crop_image"] = np.tile(np.array([[0.7, 0, -40], [0, 0.7, -90], [0, 0, 1.0]]), (3, 1, 1))
    track = Track(
        {"image_size": [640, 480], "focal": 900.0}, np.arange(4) / 30, np.array([5]), valid,
        head.neutral().shape.numpy(), rows,
    )  # fmt: skip
    write_person(tmp_path, "flame", track, 0, head, Fraction(30))
    folder = tmp_path / "face-5-flame"
    content = json.loads((folder / "gaussian-avatars" / "transforms.json").read_text())
    names = [frame["file_path"] for frame in content["frames"]]
    assert names == [f"images/{number:05d}_00.png" for number in (0, 2, 3)]
    assert (content["w"], content["h"], content["fl_x"]) == (640, 480, 900.0)
    stored = sorted((folder / "metrical-tracker" / "checkpoint").glob("*.frame"))
    lens = torch.load(stored[0], weights_only=False)["opencv"]["K"]
    assert len(stored) == 3
    assert lens[0][0][0] == pytest.approx(900)


def _npz(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "track.npz") as file:
        return {name: file[name] for name in file.files}


class Killed(BaseException):
    """Stands for a kill: nothing is cleaned up by hand."""


@pytest.mark.parametrize("moment", [1, 9, 17, 30, FRAMES])
def test_a_killed_run_goes_on_and_gives_the_same_file(
    seer: FaceReconstructor, clip: Path, tmp_path: Path, moment: int
) -> None:
    config = ClipConfig(chunk=8)
    track_video(clip, seer, tmp_path / "whole", config=config)

    def kill(what: str, done: int, total: int) -> None:
        if done == moment:
            raise Killed

    with pytest.raises(Killed):
        track_video(clip, seer, tmp_path / "broken", config=config, on_progress=kill)
    starts = []
    track_video(
        clip, seer, tmp_path / "broken", config=config,
        on_progress=lambda what, done, total: starts.append(done),
    )  # fmt: skip
    assert starts[0] == (moment - 1) // 8 * 8
    whole, broken = _npz(tmp_path / "whole"), _npz(tmp_path / "broken")
    assert set(whole) == set(broken)
    for name, values in whole.items():
        assert (values == broken[name]).all(), name


def test_ctrl_c_leaves_what_there_is_and_can_go_on(
    seer: FaceReconstructor, clip: Path, tmp_path: Path
) -> None:
    def stop(what: str, done: int, total: int) -> None:
        if done == 11:
            os.kill(os.getpid(), signal.SIGINT)

    config = ClipConfig(chunk=8)
    outcome = track_video(clip, seer, tmp_path / "c", ("mp4", "glb"), config, on_progress=stop)
    assert outcome.interrupted
    part = read_track(tmp_path / "c")
    assert len(part.timestamps) == 11
    assert not part.meta["complete"]
    assert (tmp_path / "c" / "face-0.glb").is_file()
    track_video(clip, seer, tmp_path / "c", (), config)
    track_video(clip, seer, tmp_path / "whole", (), config)
    for name, values in _npz(tmp_path / "whole").items():
        assert (values == _npz(tmp_path / "c")[name]).all(), name


def test_another_job_starts_over(seer: FaceReconstructor, clip: Path, tmp_path: Path) -> None:
    def kill(what: str, done: int, total: int) -> None:
        if done == 20:
            raise Killed

    with pytest.raises(Killed):
        track_video(clip, seer, tmp_path / "c", config=ClipConfig(chunk=8), on_progress=kill)
    starts: list[int] = []
    track_video(
        clip, seer, tmp_path / "c", config=ClipConfig(chunk=8, smooth="live"),
        on_progress=lambda what, done, total: starts.append(done),
    )  # fmt: skip
    assert starts[0] == 0


def test_a_full_disk_keeps_what_was_tracked(
    seer: FaceReconstructor, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    savez, calls = np.savez, []

    def full(*arguments: object, **arrays: object) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        savez(*arguments, **arrays)

    monkeypatch.setattr("smirk3d.tracking.track_store.np.savez", full)
    with pytest.raises(OutputError, match="No space left"):
        track_video(clip, seer, tmp_path / "c", config=ClipConfig(chunk=8))
    monkeypatch.undo()


def test_a_video_of_nobody_is_all_gap(seer: FaceReconstructor, tmp_path: Path) -> None:
    path = write_video(tmp_path / "n.mp4", (background(120, 160, n / 9) for n in range(5)))
    track = track_video(path, seer, tmp_path / "n", ("mp4", "glb")).track
    assert track.valid.shape == (0, 5)
    assert read_track(tmp_path / "n").timestamps.shape == (5,)
    assert json.loads((tmp_path / "n" / "result.json").read_text())["faces"] == []
    assert (tmp_path / "n" / "overlay.mp4").is_file()


def test_a_video_of_one_frame_has_its_face(
    seer: FaceReconstructor, moving_face: Frame, tmp_path: Path
) -> None:
    path = write_video(tmp_path / "one.mp4", [moving_face(0)])
    track = track_video(path, seer, tmp_path / "one", ("glb",)).track
    assert track.valid.tolist() == [[True]]
    assert (tmp_path / "one" / "face-0.glb").is_file()


def test_the_pinhole_sees_the_head_where_the_picture_shows_it(
    seer: FaceReconstructor, clip: Path, tmp_path: Path
) -> None:
    track = track_video(clip, seer, tmp_path / "c", config=ClipConfig(fov=50)).track
    focal = track.meta["focal"]
    assert focal == pytest.approx(160 / np.tan(np.radians(25)))
    points = seer.head.at_landmarks()(track.parameters(0)).vertices.numpy()
    points = points + track.rows["translation"][:, None]
    seen = focal * points[..., :2] / -points[..., 2:] * [1, -1] + [160, 120]
    centre = track.rows["box"].reshape(-1, 2, 2).mean(1)
    assert np.abs(seen.mean(1) - centre).max() < 12
    width = np.ptp(seen[..., 0], axis=1)
    assert np.abs(width / np.ptp(track.rows["box"][:, [0, 2]], axis=1) - 1).max() < 0.15


def test_formats_are_checked_before_any_work(seer: FaceReconstructor) -> None:
    assert parse_clip_formats("glb, mp4,glb") == ("glb", "mp4")
    assert set(DATA_SET_FORMATS) == set(DATA_SETS)
    with pytest.raises(UsageError, match="unknown format 'fbx'"):
        parse_clip_formats("fbx")
    with pytest.raises(AssetError, match="not FLAME"):
        check_formats(("flame",), seer.head)
    with pytest.raises(AssetError, match="not FLAME"):
        check_formats(("insta",), seer.head)


def test_damaged_track_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "track.npz"
    for content in (b"", b"PK\x03\x04 broken"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"track.npz is not a whole track"):
            read_track(path)
    with pytest.raises(InputError, match="no such file"):
        read_track(tmp_path / "none.npz")
