"""A video to the people in it, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.heads.head_model import HeadModel
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.clip_formats import parse_clip_formats
from smirk3d.tracking.clip_outputs import check_formats
from smirk3d.tracking.track_file import Track
from smirk3d.tracking.track_video import ClipConfig, track_video


def track(
    path: str | Path,
    out: str | Path,
    *,
    formats: Sequence[str] = (),
    head: str | Path | HeadModel = DEFAULT_HEAD,
    weights: str | Path = "default",
    refine: bool = False,
    device: str = "auto",
    config: ClipConfig | None = None,
) -> Track:
    """Track all faces of a video and write the result folder.

    A video that is in the folder already, tracked with the same settings, is read from there; a run
    that was interrupted goes on. For many videos make one :class:`FaceReconstructor` and call
    :func:`smirk3d.tracking.track_video.track_video`.

    Args:
        path: the video.
        out: the folder for the results: ``track.npz``, ``result.json`` and each person's files.
        formats: names of formats for each person's files, such as ``glb`` and ``arkit-csv``;
            ``mp4`` draws the heads over the video.
        head: name or file of a head, or the head itself.
        weights: name or file of weights; ``none`` fits the landmarks instead.
        refine: estimate each stretch jointly where the weights give standard deviations, with
            others from each frame's landmarks; else the network's frames are smoothed.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        config: smoothing and other settings.

    Raises:
        AssetError: if head or weights are absent, damaged, or do not fit each other or a format.
        InputError: if the video cannot be read.
        OutputError: if the results cannot be written.
        UsageError: if a format is unknown.
    """
    names = parse_clip_formats(",".join(formats))
    reconstructor = FaceReconstructor(head, weights=weights, refine=refine, device=device)
    check_formats(names, reconstructor.head)
    return track_video(path, reconstructor, Path(out), names, config).track
