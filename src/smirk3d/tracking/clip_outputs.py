"""Writes a tracked clip for other tools: animated rigs, curves, sequences, layouts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from smirk3d.assets.atomic import atomic_directory
from smirk3d.errors import AssetError
from smirk3d.export.arkit_csv import write_arkit_csv
from smirk3d.export.flame.clip import FlameClip
from smirk3d.export.flame.layouts import write_flame
from smirk3d.export.gaps import with_gaps_filled
from smirk3d.export.glb import write_glb
from smirk3d.export.html_page import write_html
from smirk3d.export.mesh_files import write_obj, write_ply
from smirk3d.export.parameter_files import write_parameters_npz
from smirk3d.export.result import ResultRecord, write_result
from smirk3d.export.rigs.rig import HeadMotion
from smirk3d.export.usd.point_cache import write_point_cache
from smirk3d.export.usd.writing import write_usd
from smirk3d.faces import Face
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_detector import DetectedFace
from smirk3d.tracking.clip_formats import DATA_SET_FORMATS, FLAME
from smirk3d.tracking.data_sets import flame_clip
from smirk3d.tracking.motion.placement import camera_path, write_chans
from smirk3d.tracking.track_file import Track

_SEQUENCES: dict[str, Callable[[Path, HeadModel, FaceParameters], None]] = {
    "obj": write_obj,
    "ply": write_ply,
}


def check_formats(names: Sequence[str], head: HeadModel) -> None:
    """Refuse formats that cannot hold a head.

    Raises:
        AssetError: if there is one.
    """
    if "arkit-csv" in names and not head.has_named_actions:
        raise AssetError(f"head {head.name!r} has no named actions: leave out arkit-csv")
    if {FLAME, *DATA_SET_FORMATS} & set(names):
        # FLAME's layouts are refused by the clip itself
        FlameClip(
            head=head,
            parameters=head.neutral(),
            T_crop_image=np.eye(3)[None],
            image_size=(8, 8),
            image_names=[""],
        )


def write_person(
    folder: Path, name: str, track: Track, person: int, head: HeadModel, csv_fps: Fraction
) -> None:
    """Write one person of a clip in a format that needs no picture of the video.

    Args:
        folder: for ``face-ID.ENDING`` or, for sequences and layouts, ``face-ID-FORMAT/``.
        name: one of :data:`smirk3d.tracking.clip_formats.CLIP_FORMATS` but the overlay and the data
            sets.
        track: the clip.
        person: the person's number in it.
        head: its head.
        csv_fps: frames a second that timecodes count.

    Raises:
        OutputError: if a file cannot be written.
    """
    stem = folder / f"face-{track.ids[person]}"
    parameters = track.parameters(person)
    seconds = track.timestamps[track.frames(person)].tolist()
    still = head.neutral().replace(shape=parameters.shape[:1], camera=parameters.camera[:1])[0]
    if name == "glb":
        motion = HeadMotion(parameters=parameters, timestamps=seconds)
        write_glb(stem.with_suffix(".glb"), head, still, motion=motion)
    elif name in ("usd", "usdz", "usd-points"):
        camera = camera_path(track, person, head)
        motion = HeadMotion(parameters=parameters, timestamps=seconds, camera=camera)
        if name == "usd-points":
            write_point_cache(stem.with_name(f"{stem.name}-points.usd"), head, motion)
        else:
            write_usd(stem.with_suffix(f".{name}"), head, still, motion=motion)
    elif name == "chan":
        write_chans(stem, track, person, head)
    elif name == "html":
        motion = HeadMotion(parameters=parameters, timestamps=seconds)
        write_html(stem.with_suffix(".html"), Face(parameters=still, head=head), motion=motion)
    elif name == "arkit-csv":
        times, frames = track.timestamps, track.frames(person)
        everywhere = with_gaps_filled(head, parameters, frames, times)
        path = stem.with_suffix(".csv")
        write_arkit_csv(path, head, everywhere, timestamps=times.tolist(), fps=csv_fps)
    elif name == "npz":
        write_parameters_npz(stem.with_suffix(".npz"), head, parameters)
    elif name == FLAME:
        clip = flame_clip(track, person, head)
        write_flame(stem.with_name(f"{stem.name}-{FLAME}"), clip)
    else:
        with atomic_directory(stem.with_name(f"{stem.name}-{name}")) as temporary:
            for row, frame in enumerate(track.frames(person).tolist()):
                _SEQUENCES[name](temporary / f"{frame:06d}.{name}", head, parameters[row])


def write_clip_result(folder: Path, track: Track, head: HeadModel) -> None:
    """Write ``result.json``: each person at its best frame, and which frames show it.

    Raises:
        OutputError: if it cannot be written.
    """
    faces, people = [], []
    for person, number in enumerate(track.ids.tolist()):
        part, frames = track.rows_of(person), track.frames(person)
        best = int(np.argmax(track.rows["quality"][part]))
        parameters = track.parameters(person)[best]
        row = part.start + best
        faces.append(
            Face(
                parameters=parameters,
                head=head,
                T_crop_image=track.rows["T_crop_image"][row],
                detection=DetectedFace(
                    box=track.rows["box"][row],
                    score=float(track.rows["score"][row]),
                    landmarks=np.zeros((0, 3), np.float32),
                ),
                quality=float(track.rows["quality"][row]),
            )
        )
        people.append(
            {
                "id": number,
                "frames": len(frames),
                "first_seconds": float(track.timestamps[frames[0]]),
                "last_seconds": float(track.timestamps[frames[-1]]),
                "shown_frame": int(frames[best]),
            }
        )
    meta = track.meta
    record = ResultRecord(
        input=meta["input"],
        image_size=track.image_size,
        head=head.name,
        head_fingerprint=head.fingerprint,
        weights=meta["weights"]["name"],
        weights_sha256=meta["weights"]["sha256"],
        faces=tuple(faces),
        video={
            "frames": len(track.timestamps),
            "frames_without_face": int((~track.valid.any(0)).sum()),
            "rate": meta["rate"],
            "seconds": float(track.timestamps[-1]) if len(track.timestamps) else 0.0,
            "smoothing": meta["smoothing"],
            "complete": meta["complete"],
            "damage": meta["damage"],
            "focal": meta.get("focal"),
            "people": people,
        },
    )
    write_result(folder, record)
