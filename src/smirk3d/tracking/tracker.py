"""Follows faces from frame to frame and keeps their names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from smirk3d.closing import Closing
from smirk3d.errors import InputError
from smirk3d.geometry.rotations import axis_angle_to_matrix
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.preprocessing.face_crop import face_roll
from smirk3d.preprocessing.face_detector import DetectedFace, box_of, box_overlap
from smirk3d.preprocessing.mediapipe_detector import MediaPipeFaceDetector
from smirk3d.reconstruction import FaceReconstructor
from smirk3d.tracking.estimation import FaceEstimate, FaceEstimator
from smirk3d.tracking.identity import (
    CERTAIN_MATCH,
    SAME,
    Traces,
    appearance,
    appearance_distance,
    cost_of_same,
)
from smirk3d.tracking.motion.image_motion import HeadAnchor, to_crops, to_image
from smirk3d.tracking.motion.smoothing import LiveSmoother, SmoothingConfig
from smirk3d.tracking.scene_cuts import SceneCuts
from smirk3d.tracking.shape import PersonShape

Image = NDArray[np.uint8]
Array = NDArray[np.float64]

_STEADY = 0.25
"""Seconds between two frames within which speeds can be measured."""

_TRIALS = (4, 8, 16)
"""Frames of a new face after which its looks are compared with those of lost ones once more."""

_CORNERS = 2
"""Points of an outline that is a square."""

_ROLL_FOLLOWED = math.radians(5)
"""A turn of the head between two frames from which the next crop is turned with it at once."""

_TAKEN = 0.3
"""Overlap from which a found face is one that is followed already."""


@dataclass(frozen=True, kw_only=True)
class TrackerConfig:
    """Settings of the tracker.

    Attributes:
        smooth: ``live`` smooths each frame by the frames before it; ``off`` does not.
        max_faces: how many faces are followed at once, the largest first; None for all.
        min_face: size of the smallest face that is looked for, as a fraction of the longer side.
        glance_every: frames between looks at the whole picture for new faces.
        search_every: frames between searches of its tiles for small faces.
        check_every: frames between checks that a followed face is still there.
        present: certainty from which it is; see ``MediaPipeFaceDetector.presence``.
        new: certainty from which a found face that is nobody seen before is followed.
        soon: seconds after a loss in which each frame is searched, and the face's last place.
        remembered: how many lost faces are known again.
        smoothing: settings of the live filter.
    """

    smooth: Literal["off", "live"] = "live"
    max_faces: int | None = None
    min_face: float = 0.05
    glance_every: int = 5
    search_every: int = 30
    check_every: int = 2
    present: float = 0.4
    new: float = 0.7
    soon: float = 2.0
    remembered: int = 64
    smoothing: SmoothingConfig = field(default_factory=SmoothingConfig)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackedFace:
    """A face that a frame shows.

    Attributes:
        id: its number, the same in all frames of one person; from 0. One that comes back half
            hidden may have a new number for some frames; :meth:`FaceTracker.renamed` tells.
        parameters: without batch dimension, in the crop's frame; the shape is the person's so far.
        T_crop_image: ``[3, 3]``, picture pixels to crop pixels.
        box: ``[4]`` left, top, right, bottom of the mesh's landmarks in picture pixels.
        points: the mesh's landmarks ``[L, 2]`` in picture pixels, before any smoothing.
        score: certainty in [0, 1] that it is a face, at the last check.
        quality: how far the frame was trusted for the shape, in [0, 1].
    """

    id: int
    parameters: FaceParameters
    T_crop_image: Array
    box: NDArray[np.float32]
    points: Array
    score: float
    quality: float


@dataclass
class _Track:
    """A face and all that is known of it.

    ``outline`` and ``roll`` tell what its next crop is cut around: landmarks, or two corners of a
    square that is to be turned clockwise about its middle.
    """

    id: int
    shape: PersonShape
    outline: Array
    roll: float
    parameters: FaceParameters
    T_crop_image: Array
    appearance: NDArray[np.float32]
    smoother: LiveSmoother
    seconds: float
    score: float
    quality: float = 0.0
    box: NDArray[np.float32] = field(default_factory=lambda: np.zeros(4, np.float32))
    points: Array = field(default_factory=lambda: np.zeros((0, 2)))
    followed: bool = True
    doubtful: bool = False
    cut_since: bool = False
    frames: int = 0
    speed: Array = field(default_factory=lambda: np.zeros(2))

    def traces(self) -> Traces:
        centre, size = _centre_and_size(self.points)
        shape = self.shape.mean
        return Traces(self.appearance, shape, centre, self.speed, size, self.seconds)


class FaceTracker(Closing):
    """Follows every face of a video or camera, one frame at a time.

    >>> from smirk3d import FaceReconstructor
    >>> from smirk3d.tracking.tracker import FaceTracker
    >>> from smirk3d.preprocessing.media.video_reader import VideoReader
    >>> tracker = FaceTracker(FaceReconstructor())  # doctest: +SKIP
    >>> for frame in VideoReader("clip.mp4").frames():  # doctest: +SKIP
    ...     for face in tracker.step(frame.image, frame.seconds):
    ...         print(face.id, face.parameters.jaw)

    A face is cut out where its mesh was a frame ago. The detector looks for faces at the start,
    after cuts and losses, and every few frames; in between it only confirms that a face is there.
    The answer depends on the frames and times alone, not on how fast they come, and goes on from
    a stored :meth:`state` as if it had never stopped.
    """

    def __init__(
        self, reconstructor: FaceReconstructor, config: TrackerConfig | None = None
    ) -> None:
        """Set up; networks are opened with the first frame.

        Args:
            reconstructor: what estimates the faces.
            config: settings.

        Raises:
            InputError: if the head has no landmarks to follow.
        """
        if not len(reconstructor.head.landmark_ids):
            raise InputError(f"head {reconstructor.head.name!r} has no landmarks to follow")
        self.config = config or TrackerConfig()
        self.head = reconstructor.head
        self._detector = MediaPipeFaceDetector()
        self._estimate = FaceEstimator(reconstructor)
        self._anchor = HeadAnchor.of(self.head)
        self._scenes = SceneCuts()
        self._tracks: list[_Track] = []
        self._count = 0
        self._next_id = 0
        self._renamed: dict[int, int] = {}
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="presence")

    def step(self, image: Image, seconds: float) -> list[TrackedFace]:
        """Return the faces of the next frame, in the order of their ids.

        Args:
            image: upright RGB, uint8 ``[H, W, 3]``; sizes may change.
            seconds: its time, later than the frame before.

        Raises:
            InputError: if the picture is no uint8 array ``[H, W, 3]``.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise InputError(
                f"a frame must be uint8 [H, W, 3], got {image.dtype} {list(image.shape)}"
            )
        cut = self._scenes.is_cut(image)
        if cut:
            for track in self._tracks:
                track.followed, track.cut_since = False, True
        self._follow(image, seconds)
        self._part_twins(image)
        self._recognise()
        self._admit(image, seconds, cut)
        self._count += 1
        self._forget()
        here = [track for track in self._tracks if track.followed and not track.doubtful]
        return [self._answer(track, seconds) for track in sorted(here, key=lambda t: t.id)]

    def _follow(self, image: Image, seconds: float) -> None:
        tracks = [track for track in self._tracks if track.followed]
        checks = {
            track.id: self._aside.submit(self._present, image, track)
            for track in tracks
            if track.doubtful or (self._count + track.id) % self.config.check_every == 0
        }
        if self._estimate.needs_landmarks:
            _done(checks)
            tracks = self._landmarked(image, tracks)
        estimates = self._estimated(image, tracks)
        _done(checks)
        for track, estimate in zip(tracks, estimates, strict=True):
            score = checks[track.id].result() if track.id in checks else track.score
            certain = score >= self.config.present and _is_sane(estimate, image)
            if certain:
                track.doubtful, track.score = False, score
                self._update(track, estimate, seconds)
            elif track.doubtful:
                track.followed = False
            else:
                track.doubtful = True

    def _estimated(self, image: Image, tracks: Sequence[_Track]) -> list[FaceEstimate]:
        return self._estimate(
            image,
            [_cut_around(track) for track in tracks],
            [track.roll for track in tracks],
            before=[_known(track) for track in tracks],
        )

    def _landmarked(self, image: Image, tracks: Sequence[_Track]) -> list[_Track]:
        found = []
        for track in tracks:
            face = self._detector.landmarks_in_region(image, track.outline)
            if face is None:
                track.followed = False
                continue
            track.outline = face.landmarks.astype(np.float64)
            track.roll = face_roll(track.outline)
            found.append(track)
        return found

    def _present(self, image: Image, track: _Track) -> float:
        roll = _roll_of(track.parameters)
        return self._detector.presence(image, box_of(track.outline), roll)

    def _update(self, track: _Track, estimate: FaceEstimate, seconds: float) -> None:
        track.quality = _quality(estimate, image_score=track.score)
        track.shape.add(estimate.parameters.shape.numpy(), track.quality)
        track.parameters, track.T_crop_image = estimate.parameters, estimate.T_crop_image
        if track.frames and 0 < seconds - track.seconds < _STEADY:
            moved = _centre_and_size(estimate.points)[0] - _centre_and_size(track.points)[0]
            track.speed = 0.7 * track.speed + 0.3 * moved / (seconds - track.seconds)
        track.seconds, track.points = seconds, estimate.points
        track.box = box_of(estimate.points)
        track.frames += 1
        track.cut_since = False
        if not self._estimate.needs_landmarks:
            roll = _next_roll(track.roll, _roll_of(estimate.parameters))
            track.outline = _next_outline(track.outline, track.roll, estimate.points, roll)
            track.roll = roll
        fraction = max(0.05, 1 / track.frames)
        track.appearance = track.appearance + fraction * (
            appearance(estimate.upright) - track.appearance
        )

    def _part_twins(self, image: Image) -> None:
        """Of two tracks on one face, let go the one that looks less like it."""
        followed = [track for track in self._tracks if track.followed]
        for track in followed:
            for other in followed:
                if other.id <= track.id or not (track.followed and other.followed):
                    continue
                union, smaller = box_overlap(box_of(other.outline)[None], box_of(track.outline))
                if union[0] > 0.5 or smaller[0] > 0.8:
                    self._stranger(image, track, other).followed = False

    def _recognise(self) -> None:
        """Give new faces an old name where it shows by now that they are lost ones.

        A face that has just come out from behind something looks like nobody yet.
        """
        for track in [t for t in self._tracks if t.followed and t.frames in _TRIALS]:
            traces = track.traces()
            costs = {
                other.id: cost_of_same(other.traces(), traces, cut=True)
                for other in self._tracks
                if not other.followed and other.frames > track.frames
            }
            best = min(costs, key=lambda number: costs[number], default=None)
            if best is not None and costs[best] <= CERTAIN_MATCH:
                old = next(other for other in self._tracks if other.id == best)
                self._tracks.remove(old)
                self._rename(track.id, old.id)
                track.id, track.shape = old.id, old.shape
                track.frames += old.frames

    def _rename(self, new: int, old: int) -> None:
        """Merge a new identity into an old one, with those that were merged into it before."""
        for name, given in self._renamed.items():
            if given == new:
                self._renamed[name] = old
        self._renamed[new] = old

    def _stranger(self, image: Image, track: _Track, other: _Track) -> _Track:
        seen = appearance(self._estimate.upright(image, _cut_around(track), track.roll))
        further = appearance_distance(seen, track.appearance)
        return track if further > appearance_distance(seen, other.appearance) else other

    def _admit(self, image: Image, seconds: float, cut: bool) -> None:
        """Look for faces beside the followed ones and give each an old or a new id."""
        followed = [track for track in self._tracks if track.followed]
        room = (self.config.max_faces or 10**6) - len(followed)
        whole, tiles = self._search(seconds, cut)
        if room <= 0 or not whole:
            return
        smallest = max(24.0, self.config.min_face * max(image.shape[:2]))
        known = np.array([box_of(track.outline) for track in followed]).reshape(-1, 4)
        found = self._revisited(image, known, seconds)
        known = np.concatenate([known, *(face.box[None] for face in found)])
        found += self._detector.glance(
            image, known, min_face=smallest if tiles else None, turned=tiles and not len(known)
        )
        outlines = [face.landmarks.astype(np.float64) for face in found[:room]]
        rolls = [face_roll(outline) for outline in outlines]
        estimates = self._estimate(image, outlines, rolls, before=[None] * len(outlines))
        for face, outline, estimate in zip(found, outlines, estimates, strict=False):
            if _is_sane(estimate, image):
                self._name(face.score, outline, estimate, seconds)

    def _search(self, seconds: float, cut: bool) -> tuple[bool, bool]:
        """Return whether to look at the whole picture, and at its tiles as well."""
        every, lately = self.config.search_every, False
        for track in self._tracks:
            if not track.followed:
                away = seconds - track.seconds
                lately |= away < self.config.soon
                every = min(every, 4 if away < self.config.soon else 10)
        nobody = not any(track.followed for track in self._tracks)
        if nobody:
            every = min(every, self.config.glance_every)
        tiles = cut or self._count % every == 0
        regular = self._count % (2 if nobody else self.config.glance_every) == 0
        return tiles or lately or regular, tiles

    def _revisited(self, image: Image, known: Array, seconds: float) -> list[DetectedFace]:
        """Return the faces that are where one was lost a moment ago."""
        faces: list[DetectedFace] = []
        for track in self._tracks:
            away = seconds - track.seconds
            if track.followed or track.cut_since or not 0 < away < self.config.soon:
                continue
            if self._present(image, track) < self.config.present or len(track.points) < 1:
                continue
            box, roll = box_of(track.points), _roll_of(track.parameters)
            face = self._detector.landmarks_near(image, box, roll)
            taken = np.concatenate([known, *(other.box[None] for other in faces)])
            if face is not None and not (
                len(taken) and box_overlap(taken, face.box)[0].max() > _TAKEN
            ):
                faces.append(face)
        return faces

    def _name(self, score: float, outline: Array, estimate: FaceEstimate, seconds: float) -> None:
        centre, size = _centre_and_size(outline)
        shape = estimate.parameters.shape.double().numpy()
        found = Traces(appearance(estimate.upright), shape, centre, np.zeros(2), size, seconds)
        costs = {
            track.id: cost_of_same(track.traces(), found, cut=track.cut_since)
            for track in self._tracks
            if not track.followed
        }
        best = min(costs, key=lambda number: costs[number], default=None)
        if best is not None and costs[best] <= SAME:
            track = next(track for track in self._tracks if track.id == best)
        elif score < self.config.new:
            return
        else:
            track = _Track(
                id=self._next_id,
                shape=PersonShape(),
                outline=outline,
                roll=face_roll(outline),
                parameters=estimate.parameters,
                T_crop_image=estimate.T_crop_image,
                appearance=found.appearance,
                smoother=LiveSmoother(self.head, self.config.smoothing),
                seconds=seconds,
                score=score,
            )
            self._next_id += 1
            self._tracks.append(track)
        track.followed, track.doubtful, track.score = True, False, score
        track.outline, track.roll = outline, face_roll(outline)
        self._update(track, estimate, seconds)

    def _forget(self) -> None:
        lost = sorted((t for t in self._tracks if not t.followed), key=lambda t: -t.seconds)
        for track in lost[self.config.remembered :]:
            self._tracks.remove(track)

    def _answer(self, track: _Track, seconds: float) -> TrackedFace:
        shape = torch.from_numpy(track.shape.mean).to(track.parameters.shape)
        parameters = track.parameters.replace(shape=shape)
        if self.config.smooth == "live":
            crop = track.T_crop_image[None]
            motion = track.smoother(to_image(parameters[None], crop, self._anchor), seconds)
            parameters = to_crops(motion, parameters[None], crop, self._anchor)[0]
        return TrackedFace(
            id=track.id,
            parameters=parameters,
            T_crop_image=track.T_crop_image,
            box=track.box,
            points=track.points,
            score=track.score,
            quality=track.quality,
        )

    def shapes(self) -> dict[int, Array]:
        """Return each remembered person's shape ``[S]`` so far by id."""
        return {track.id: track.shape.mean for track in self._tracks}

    def renamed(self) -> dict[int, int]:
        """Return the final names of faces that were given new ones at first."""
        return dict(self._renamed)

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on, for :meth:`restore`."""
        return {
            "count": self._count,
            "next_id": self._next_id,
            "renamed": [list(pair) for pair in self._renamed.items()],
            "scenes": self._scenes.state(),
            "tracks": [_track_state(track) for track in self._tracks],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state` was taken, in this run or another with the same settings."""
        self._count, self._next_id = state["count"], state["next_id"]
        self._renamed = dict(state["renamed"])
        self._scenes.restore(state["scenes"])
        self._tracks = []
        for stored in state["tracks"]:
            groups = {n: torch.from_numpy(v) for n, v in stored["parameters"].items()}
            smoother = LiveSmoother(self.head, self.config.smoothing)
            smoother.restore(stored["smoother"])
            rest = {name: stored[name] for name in _PLAIN}
            self._tracks.append(
                _Track(
                    shape=PersonShape.restore(stored["shape"]),
                    parameters=FaceParameters.from_dict(groups),
                    smoother=smoother,
                    **rest,
                )
            )

    def close(self) -> None:
        """Free the detector's networks."""
        self._aside.shutdown()
        self._detector.close()


_PLAIN = (
    "id", "outline", "roll", "T_crop_image", "appearance", "seconds", "score", "quality", "box",
    "points", "followed", "doubtful", "cut_since", "frames", "speed",
)  # fmt: skip


def _track_state(track: _Track) -> dict[str, Any]:
    state = {name: getattr(track, name) for name in _PLAIN}
    state["shape"] = track.shape.state()
    state["smoother"] = track.smoother.state()
    state["parameters"] = {name: tensor.numpy() for name, tensor in track.parameters.items()}
    return state


def _done(checks: dict[int, Future[float]]) -> None:
    for check in checks.values():
        check.result()


def _known(track: _Track) -> FaceParameters:
    """Return what a fit starts from: the last frame's view, and the person's shape."""
    shape = torch.from_numpy(track.shape.mean).to(track.parameters.shape)
    return track.parameters.replace(shape=shape)


def _centre_and_size(points: Array) -> tuple[Array, float]:
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    return (low + high) / 2, float((high - low).mean())


def _roll_of(parameters: FaceParameters) -> float:
    """Return by how many radians a head's upward axis is turned clockwise in the picture."""
    rotation = axis_angle_to_matrix(parameters.head_pose)
    return math.atan2(float(rotation[0, 1]), float(rotation[1, 1]))


def _turned(points: Array, angle: float) -> Array:
    """Return points ``[P, 2]`` turned clockwise in the picture, in radians, about its corner."""
    cos, sin = math.cos(angle), math.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])


def _cut_around(track: _Track) -> Array:
    """Return the points whose box, turned by the track's roll, its next crop is cut around."""
    if len(track.outline) > _CORNERS:
        return track.outline
    centre = track.outline.mean(0)
    return centre + _turned(track.outline - centre, track.roll)


def _upright_square(outline: Array, roll: float) -> tuple[Array, float]:
    """Return centre ``[2]`` and size of an outline's box that is turned clockwise by a roll."""
    if len(outline) <= _CORNERS:
        return _centre_and_size(outline)
    centre, size = _centre_and_size(_turned(outline[:, :2], -roll))
    return _turned(centre[None], roll)[0], size


def _next_roll(roll: float, seen: float) -> float:
    """Return the roll for the next crop; one that jitters is followed little."""
    change = math.remainder(seen - roll, 2 * math.pi)
    follow = min(1.0, 0.2 + abs(change) / _ROLL_FOLLOWED)
    return math.remainder(roll + follow * change, 2 * math.pi)


def _next_outline(outline: Array, roll: float, points: Array, next_roll: float) -> Array:
    """Return two corners ``[2, 2]`` of the square for the next crop, before it is turned.

    It follows the mesh; a jittering mesh moves it little, so that crop and estimate do not
    excite each other.
    """
    centre, size = _upright_square(outline, roll)
    next_centre, next_size = _upright_square(points, next_roll)
    step = float(np.linalg.norm(next_centre - centre)) / size
    growth = abs(math.log(next_size / size))
    follow = min(1.0, 0.2 + max(step / 0.05, growth / 0.1))
    centre = centre + follow * (next_centre - centre)
    half = 0.5 * (size + follow * (next_size - size))
    return np.stack([centre - half, centre + half])


def _is_sane(estimate: FaceEstimate, image: Image) -> bool:
    """Tell whether a mesh can be a face of the picture: finite, neither tiny nor outside."""
    if not np.isfinite(estimate.points).all():
        return False
    centre, size = _centre_and_size(estimate.points)
    limits = np.array([image.shape[1], image.shape[0]])
    inside = bool(((centre > -0.1 * size) & (centre < limits + 0.1 * size)).all())
    # a mesh that has left its crop's middle is a guess
    crop_centre, crop_size = _centre_and_size(_crop_square(estimate.T_crop_image))
    steady = float(np.linalg.norm(centre - crop_centre)) < 0.4 * crop_size
    return inside and steady and 10 < size < 3 * float(limits.max()) and size > 0.3 * crop_size


def _crop_square(T_crop_image: Array) -> Array:
    corners = np.array([[0.0, 0.0, 1.0], [224.0, 224.0, 1.0]])
    return np.asarray((corners @ np.linalg.inv(T_crop_image).T)[:, :2])


def _quality(estimate: FaceEstimate, *, image_score: float) -> float:
    """Return how far a frame is trusted for the shape: certain, frontal, large."""
    rotation = axis_angle_to_matrix(estimate.parameters.head_pose)
    frontal = max(float(rotation[2, 2]), 0.0) ** 2
    _, size = _centre_and_size(estimate.points)
    return image_score * frontal * min(1.0, size / 150)
