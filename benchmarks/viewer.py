"""What a moving face costs the viewer: processor time and bytes an update, updates a second.

``python benchmarks/viewer.py`` serves a clip and a dragged slider to a page that only counts
(another process, as a browser is), and times the work of one update beside the plain way: the
whole head evaluated, one mesh sent anew.
"""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
import viser

from common import measure, write_results
from smirk3d.cli.support.terminal import complain, failure
from smirk3d.heads.registry import load_head
from smirk3d.viewer.app import Viewer
from smirk3d.viewer.server.guarded_server import start_server
from smirk3d.viewer.server.trouble import Trouble
from smirk3d.viewer.server.uploads import Estimator, Uploads
from smirk3d.viewer.session.playback import Playback
from smirk3d.viewer.session.subjects import ShownFace, Subject

FRAMES, RATE, PAGE_RATE = 600, 60, 20
PAGE = Path(__file__).with_name("viewer_page.py")


def talking_head() -> Subject:
    """Return a face of the open head whose every action, joint and the pose move, at 60 Hz."""
    head = load_head()
    parameters = head.neutral(FRAMES)
    time_ = torch.arange(FRAMES)[:, None] / RATE
    rates = 1 + torch.rand(1, parameters.expression.shape[1]) * 3
    parameters = parameters.replace(
        shape=torch.randn(1, parameters.shape.shape[1]).expand(FRAMES, -1).clone(),
        expression=0.3 + 0.3 * torch.sin(6.28 * time_ * rates),
        jaw=0.3 + 0.3 * torch.sin(time_ * torch.tensor([[9.0, 5.0, 3.0]])),
        eyelids=0.2 + 0.2 * torch.sin(time_ * 4).expand(-1, 2),
        head_pose=0.2 * torch.sin(time_ * torch.tensor([[3.0, 2.0, 1.0]])),
    )
    face = ShownFace(
        label="face 0",
        parameters=parameters,
        frames=np.arange(FRAMES),
        T_crop_image=np.tile(np.eye(3), (FRAMES, 1, 1)),
    )
    return Subject(
        name="clip",
        head=head,
        faces=(face,),
        image_size=(224, 224),
        timestamps=np.arange(FRAMES) / RATE,
        pictures=None,
        save=lambda folder, parameters: None,
    )


def _watch(viewer: Viewer, seconds: float, act: Callable[[float], None]) -> dict[str, Any]:
    """Return what a stretch of work costs while a page reads along.

    Args:
        viewer: with an open subject.
        seconds: how long.
        act: called as often as a page sends slider values, with the time since the start.
    """
    port, protocol = str(viewer.server.get_port()), f"viser-v{viser.__version__}"
    page = subprocess.Popen(
        [sys.executable, str(PAGE), port, protocol, str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert page.stdout is not None
    page.stdout.readline()
    draws: list[float] = []
    plain = viewer.draw

    def counted() -> None:
        draws.append(time.perf_counter())
        plain()

    viewer.draw = counted  # type: ignore[method-assign]
    start, spent = time.perf_counter(), time.process_time()
    while (now := time.perf_counter() - start) < seconds:
        act(now)
        time.sleep(1 / PAGE_RATE)
    spent, passed = time.process_time() - spent, time.perf_counter() - start
    viewer.draw = plain  # type: ignore[method-assign]
    seen = [tuple(map(int, line.split())) for line in page.communicate()[0].splitlines()]
    whole = [row for row in seen if 1 <= row[0] < seconds - 1]
    each = [sum(s <= d - start < s + 1 for d in draws) for s in range(int(seconds))]
    return {
        "updates_per_second_best": max(each),
        "updates_per_second_mean": len(draws) / passed,
        "processor_ms_per_update": spent / len(draws) * 1e3,
        "page_windows_per_second_best": max(row[2] for row in whole),
        "kilobytes_per_update": statistics.median(row[1] / row[2] for row in whole) / 1e3,
    }


def main(seconds: float = 12.0) -> None:
    """Run for some seconds each."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    trouble = Trouble(failure, complain)
    server = start_server("127.0.0.1", 0, largest_upload=1, trouble=trouble)
    subject = talking_head()
    with contextlib.closing(Viewer(server, Uploads(Estimator()), trouble)) as viewer:
        viewer.open([subject])
        session = viewer.session
        assert session is not None
        time.sleep(2)
        jaw = next(c for c in session.current.layout.controls if c.label == "jawOpen")

        def drag(now: float) -> None:
            with viewer.lock:
                session.set_value(jaw, 0.5 + 0.5 * np.sin(3 * now))
            viewer.refresh()

        dragged = _watch(viewer, seconds, drag)
        session.reset()
        session.playback.toggle()
        viewer.refresh()
        played = _watch(viewer, seconds, lambda now: None)
        session.playback.playing = False
        time.sleep(1)
        rows = _times(viewer, subject)
    table = ["| figure | slider dragged | clip played |", "|---|---|---|"]
    table += [f"| {key} | {dragged[key]:.4g} | {played[key]:.4g} |" for key in dragged]
    table += ["", "One update: processor ms (median) / fastest / wall (quartiles).", ""]
    table += ["| way | ms |", "|---|---|", *(f"| {row['way']} | {row['time']} |" for row in rows)]
    ratio = rows[0]["time"].cpu_ms / rows[1]["time"].cpu_ms
    table += ["", f"The viewer takes {ratio:.2f} times the plain way's processor time."]
    write_results("viewer", [{"dragged": dragged, "played": played}, *rows], "\n".join(table))
    print("\n".join(table))


def _times(viewer: Viewer, subject: Subject) -> list[dict[str, Any]]:
    """Return the time of one update our way and the plain way, without the sending."""
    session = viewer.session
    assert session is not None
    clock = Playback(subject.timestamps)
    plain = viewer.server.scene.add_mesh_simple(
        "/plain", subject.head.v_template.numpy(), subject.head.faces.numpy()
    )

    def ours() -> None:
        with viewer.lock:
            session.playback.seek((session.playback.frame + 7) % FRAMES)
            viewer.draw()

    def the_plain_way() -> None:
        clock.seek((clock.frame + 7) % FRAMES)
        with torch.no_grad():
            mesh = subject.head(subject.faces[0].parameters[clock.frame][None])
        plain.vertices = mesh.vertices[0].numpy()

    return [
        {"way": "viewer: nine meshes, identity kept, only what moved", "time": measure(ours)},
        {"way": "plain: whole head evaluated, one mesh", "time": measure(the_plain_way)},
    ]


if __name__ == "__main__":
    tyro.cli(main)
