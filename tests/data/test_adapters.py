from __future__ import annotations

from pathlib import Path

import pytest

from smirk3d.data.adapters import MEAD_TEST, MEAD_VALIDATION, media_items
from smirk3d.errors import InputError


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(root: Path, layout: str, split: str = "train") -> dict[str, tuple[str, str, str]]:
    items = media_items(root, layout, split)
    return {
        item.path.relative_to(root).as_posix(): (item.source, item.person, item.label)
        for item in items
    }


def test_a_folder_gives_photos_and_videos_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a/c.mp4", "notes.txt", ".hidden.png")
    items = media_items(tmp_path)
    assert [item.path.name for item in items] == ["c.mp4", "b.JPG"]
    assert [item.is_video for item in items] == [True, False]


def test_ffhq_trains_on_its_first_sixty_thousand(tmp_path: Path) -> None:
    touch(tmp_path, "00000/00012.png", "59000/59999.png", "60000/60000.png", "00000/cover.png")
    assert set(found(tmp_path, "ffhq")) == {"00000/00012.png", "59000/59999.png"}
    assert found(tmp_path, "ffhq", "test") == {"60000/60000.png": ("ffhq", "60000", "")}


def test_celeba_takes_persons_and_splits_from_its_lists(tmp_path: Path) -> None:
    touch(tmp_path, "img/000001.jpg", "img/000002.png", "img/000003.jpg")
    (tmp_path / "identity_CelebA.txt").write_text("000001.jpg 77\n000002.jpg 5\n000003.jpg 9\n")
    (tmp_path / "list_eval_partition.txt").write_text("000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n")
    assert found(tmp_path, "celeba") == {"img/000001.jpg": ("celeba", "77", "")}
    assert found(tmp_path, "celeba", "val") == {"img/000002.png": ("celeba", "5", "")}
    assert found(tmp_path, "celeba", "test") == {"img/000003.jpg": ("celeba", "9", "")}


def test_lrs_folders_are_persons(tmp_path: Path) -> None:
    touch(tmp_path, "trainval/p1/00001.mp4", "pretrain/p2/00002.mp4", "test/p3/00003.mp4")
    assert found(tmp_path, "lrs3") == {
        "pretrain/p2/00002.mp4": ("lrs3", "p2", ""),
        "trainval/p1/00001.mp4": ("lrs3", "p1", ""),
    }
    assert found(tmp_path, "lrs3", "test") == {"test/p3/00003.mp4": ("lrs3", "p3", "")}


def test_lrs2_takes_its_splits_from_lists(tmp_path: Path) -> None:
    touch(tmp_path, "main/55/00001.mp4", "main/55/00002.mp4", "main/56/00001.mp4")
    (tmp_path / "val.txt").write_text("55/00002\n")
    (tmp_path / "test.txt").write_text("56/00001 NF\n")
    assert set(found(tmp_path, "lrs2")) == {"main/55/00001.mp4"}
    assert set(found(tmp_path, "lrs2", "val")) == {"main/55/00002.mp4"}
    assert set(found(tmp_path, "lrs2", "test")) == {"main/56/00001.mp4"}


def test_mead_splits_by_subject_and_tells_views_apart(tmp_path: Path) -> None:
    validation, test = sorted(MEAD_VALIDATION)[0], sorted(MEAD_TEST)[0]
    touch(
        tmp_path,
        "M003/video/front/happy/level_1/001.mp4",
        "M003/video/left_30/angry/level_2/002.mp4",
        "M003/video/top/angry/level_2/003.mp4",
        f"{validation}/video/front/sad/level_3/004.mp4",
        f"{test}/video/front/fear/level_3/005.mp4",
        "videos_front/W009_front_disgusted_level_1_006.mp4",
        "other/007.mp4",
    )
    assert found(tmp_path, "mead") == {
        "M003/video/front/happy/level_1/001.mp4": ("mead", "M003", "happy"),
        "M003/video/left_30/angry/level_2/002.mp4": ("mead_sides", "M003", "angry"),
        "videos_front/W009_front_disgusted_level_1_006.mp4": ("mead", "W009", "disgusted"),
    }
    assert [v[1] for v in found(tmp_path, "mead", "val").values()] == [validation]
    assert [v[1] for v in found(tmp_path, "mead", "test").values()] == [test]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no layout 'imagenet'"):
        media_items(tmp_path, "imagenet")
    with pytest.raises(InputError, match="no such folder"):
        media_items(tmp_path / "absent")
    with pytest.raises(InputError, match="no photos or videos"):
        media_items(tmp_path)
