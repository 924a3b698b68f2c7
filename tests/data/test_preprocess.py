from __future__ import annotations

import errno
import io
import json
import os
import signal
import tarfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from smirk3d.conventions import CROP_SIZE
from smirk3d.data.adapters import MediaItem, media_items
from smirk3d.data.annotated_faces import read_annotated_faces, trains
from smirk3d.data.preprocess import preprocess
from smirk3d.data.preprocess_config import PreprocessConfig
from smirk3d.errors import InputError, OutputError, UsageError
from smirk3d.preprocessing.face_detector import DetectedFace, box_of

pytest.importorskip("webdataset", reason="shards are written by the extra train")


class GridDetector:
    """Finds a grid of landmarks over the middle of every picture that is not black."""

    made = 0

    def __init__(self) -> None:
        GridDetector.made += 1

    def detect(self, image: np.ndarray) -> list[DetectedFace]:
        if image.max() < 40:
            return []
        height, width = image.shape[:2]
        angle = np.linspace(0, 2 * np.pi, 478)
        x, y = width / 2 + width / 4 * np.cos(angle), height / 2 + height / 4 * np.sin(angle)
        points = np.stack([x, y, np.zeros(478)], 1).astype(np.float32)
        return [DetectedFace(box=box_of(points), score=1.0, landmarks=points,
                             blendshapes={"jawOpen": 0.5})]  # fmt: skip


def photo(path: Path, seed: int, size: int = 256) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (size, size, 3), np.uint8)
    Image.fromarray(noise).save(path)


def video(path: Path, frames: int) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (256, 256))
    rng = np.random.default_rng(5)
    for _ in range(frames):
        writer.write(rng.integers(0, 256, (256, 256, 3), np.uint8))
    writer.release()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for seed in range(4):
        photo(folder / f"p{seed}.png", seed)
    photo(folder / "small.png", 9, size=40)
    Image.new("RGB", (256, 256)).save(folder / "black.png")
    (folder / "text.png").write_text("no picture")
    video(folder / "clip.avi", 9)
    return folder


CONFIG = PreprocessConfig(min_quality=0.0, items=3, frames=2, processes=0)


def test_shards_are_what_training_reads(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    seen: list[tuple[int, int]] = []
    report = preprocess(
        media_items(data), out, CONFIG, GridDetector, on_progress=lambda *p: seen.append(p)
    )
    assert report.faces == 4 + 2
    assert set(report.refused) == {str(data / f"{name}.png") for name in ("small", "black")}
    assert set(report.failed) == {str(data / "text.png")}
    assert json.loads((out / "failed.json").read_text()) == report.failed
    assert "20 pixels" in report.refused[str(data / "small.png")]
    assert report.refused[str(data / "black.png")] == "no face"
    assert json.loads((out / "refused.json").read_text()) == report.refused
    assert seen == [(1, 3), (2, 3), (3, 3)]

    faces = read_annotated_faces(out)
    assert len(faces) == 6 and faces.images.float().std() > 10
    assert set(faces.sources) == {"data"}
    # the crop's scale is 1.9 times the landmarks' box
    box = faces.landmarks.amax(1) - faces.landmarks.amin(1)
    np.testing.assert_allclose(box.numpy(), CROP_SIZE / 1.9, atol=0.5)
    assert faces.blendshape("jawOpen").tolist() == [0.5] * 6


def test_shards_are_webdatasets(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    preprocess(media_items(data), out, CONFIG, GridDetector)
    with tarfile.open(sorted(out.glob("*.tar"))[0]) as tar:
        names = tar.getnames()
        jpeg = tar.extractfile(names[0] if names[0].endswith("jpg") else names[1])
        assert jpeg is not None
        assert Image.open(io.BytesIO(jpeg.read())).size == (CROP_SIZE, CROP_SIZE)
    assert {Path(name).suffix for name in names} == {".jpg", ".json"}


def test_a_run_that_was_cut_off_goes_on(data: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    preprocess(media_items(data), whole, CONFIG, GridDetector)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preprocess(media_items(data), broken, CONFIG, GridDetector, on_progress=interrupt)
    assert not (broken / "annotations.npz").exists()
    before = GridDetector.made
    preprocess(media_items(data), broken, CONFIG, GridDetector)
    assert GridDetector.made == before + 2  # the first shard was not made again
    names = sorted(path.name for path in whole.iterdir())
    assert names == sorted(path.name for path in broken.iterdir())
    with np.load(whole / "annotations.npz") as a, np.load(broken / "annotations.npz") as b:
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name])


def test_another_run_keeps_out_of_the_folder(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    preprocess(media_items(data), out, CONFIG, GridDetector)
    with pytest.raises(InputError, match="holds shards of other files or settings"):
        preprocess(media_items(data)[1:], out, CONFIG, GridDetector)


def test_all_frames_of_a_video_train_or_none_does(data: Path, tmp_path: Path) -> None:
    items = [MediaItem(path=data / "clip.avi", source="s")] * 60
    preprocess(items, tmp_path / "shards", CONFIG, GridDetector)
    faces = read_annotated_faces(tmp_path / "shards")
    assert len(set(faces.keys)) == len(faces) == 120
    held = np.array([not trains(key) for key in faces.keys])
    assert held.sum() == 2 * 3  # items 0, 29 and 58
    assert (held[::2] == held[1::2]).all()


class DeadlyDetector(GridDetector):
    """Raises, runs out of memory or dies at pictures of some colours."""

    def detect(self, image: np.ndarray) -> list[DetectedFace]:
        colour = tuple(image[0, 0].tolist())
        if colour == (255, 0, 0):
            os.kill(os.getpid(), signal.SIGSEGV)
        if colour == (0, 255, 0):
            raise MemoryError
        if colour == (0, 0, 255):
            raise RuntimeError("bad \x1b[31m\nvalue")
        return super().detect(image)


def test_no_photo_costs_another_whatever_it_does(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "shards"
    data.mkdir()
    for number in range(5):
        photo(data / f"{number}.png", number)
    for name, colour in (("1-red", "#f00"), ("2-green", "#0f0"), ("4-blue", "#00f")):
        Image.new("RGB", (256, 256), colour).save(data / f"{name}.png")
    latin = os.fsencode(data) + b"/3-Fran\xe7ois.png"
    photo(data / "x.png", 7)
    (data / "x.png").rename(os.fsdecode(latin))
    config = replace(CONFIG, processes=1, items=4)
    report = preprocess(media_items(data), out, config, DeadlyDetector)
    assert report.faces == 6
    assert report.failed == {
        str(data / "1-red.png"): "2 processes that worked on it died (SIGSEGV)",
        str(data / "2-green.png"): "not enough memory",
        str(data / "4-blue.png"): r"RuntimeError: bad \x1b[31m\nvalue",
    }
    assert json.loads((out / "failed.json").read_text()) == report.failed
    assert len(read_annotated_faces(out)) == 6
    names = {path.name for path in out.glob("[!.]*")}
    assert names == {
        "preprocess.json", "annotations.npz", "refused.json", "failed.json",
        *(f"faces-0000{n}.{end}" for n in range(3) for end in
          ("tar", "npz", "refused.json", "failed.json")),
    }  # fmt: skip


class NoDetector(GridDetector):
    """Kills its process before the first picture."""

    def __init__(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def test_processes_that_cannot_start_end_the_run(data: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"died again and again before a first file \(SIGKILL\)"):
        preprocess(media_items(data), tmp_path / "o", replace(CONFIG, processes=2), NoDetector)


def test_a_photo_of_many_pixels_costs_no_other(shared_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "a.tif").symlink_to(shared_dir / "cases" / "tiff-179-200MP" / "a.tif")
    photo(tmp_path / "b.png", 1)
    report = preprocess(media_items(tmp_path), tmp_path / "out", CONFIG, GridDetector)
    assert report.faces + len(report.failed) == 2
    assert str(tmp_path / "b.png") not in report.failed


def test_a_full_disk_leaves_nothing_half_written(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "shards"
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", full)
        with pytest.raises(OutputError, match="No space left"):
            preprocess(media_items(data), out, CONFIG, GridDetector)
    assert not list(out.glob("*.npz")) and not list(out.glob(".*"))
    assert preprocess(media_items(data), out, CONFIG, GridDetector).faces == 6


@pytest.mark.parametrize(
    "wrong", [{"items": 0}, {"jpeg_quality": 101}, {"crop_scale": float("nan")}, {"frames": 0}]
)
def test_settings_that_cannot_work_are_refused_first(tmp_path: Path, wrong: dict) -> None:
    with pytest.raises(UsageError, match="give a number from"):
        preprocess([], tmp_path / "out", replace(CONFIG, **wrong), GridDetector)
    assert list(tmp_path.iterdir()) == []


def test_no_face_at_all_is_an_error(tmp_path: Path) -> None:
    Image.new("RGB", (256, 256)).save(tmp_path / "black.png")
    with pytest.raises(OutputError, match=r"refused\.json"):
        preprocess(media_items(tmp_path), tmp_path / "out", CONFIG, GridDetector)


def test_runs_that_share_a_folder_make_what_one_run_makes(data: Path, tmp_path: Path) -> None:
    items = media_items(data)
    whole = preprocess(items, tmp_path / "whole", CONFIG, GridDetector)
    out = tmp_path / "shared"
    for number in (2, 3):
        report = preprocess(items, out, CONFIG, GridDetector, part=(number, 3))
        assert report.missing > 0 and not (out / "annotations.npz").exists()
    assert preprocess(items, out, CONFIG, GridDetector, part=(1, 3)) == whole
    names = {path.name for path in out.iterdir()}
    assert names == {path.name for path in (tmp_path / "whole").iterdir()}
    for name in names:
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
