from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from smirk3d.cli.support.terminal import complain, failure
from smirk3d.faces import Face
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.viewer.app import Viewer
from smirk3d.viewer.server.guarded_server import start_server
from smirk3d.viewer.server.trouble import Trouble
from smirk3d.viewer.server.uploads import LARGEST_UPLOAD, Estimator, Uploads
from tests.viewer.made_subjects import make_result, make_track, make_video, photo


@pytest.fixture(scope="session")
def portrait_face() -> Face:
    return FaceReconstructor(weights="none", device="cpu")(photo())[0]


@pytest.fixture(scope="session")
def result(portrait_face: Face, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_result(tmp_path_factory.mktemp("results") / "portrait", portrait_face)


@pytest.fixture(scope="session")
def track(portrait_face: Face, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_track(tmp_path_factory.mktemp("tracks") / "clip", portrait_face)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture(scope="module")
def viewer() -> Iterator[Viewer]:
    """An empty viewer on a free port, whose uploads are fitted."""
    trouble = Trouble(failure, complain)
    server = start_server("127.0.0.1", 0, largest_upload=LARGEST_UPLOAD, trouble=trouble)
    shown = Viewer(server, Uploads(Estimator(weights="none", device="cpu")), trouble)
    yield shown
    shown.close()
