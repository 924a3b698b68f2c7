"""How many photos a second training takes, where the time goes, and against a naive step.

    python benchmarks/training.py [--sizes 112 224] [--batch-size 16] [--steps 3]

Photos are noise in the shape of annotated ones: the time depends on sizes alone. The naive step
augments, warps and masks the photos of a batch one by one, and its rasteriser asks every triangle
for every pixel, as PyTorch3D's does on a CPU. Networks and losses are the same, and both are timed
in turn in one process.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Any
from unittest.mock import patch

import numba
import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from torch import Tensor

from common import write_results
from smirk3d.conventions import CROP_SIZE
from smirk3d.data.annotated_faces import AnnotatedFaces
from smirk3d.data.batches import TrainingBatches
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.head_model import HeadModel
from smirk3d.heads.registry import load_head
from smirk3d.neural_renderer.renderer_config import LIGHT
from smirk3d.parameters.face_parameters import FaceParameters
from smirk3d.rasterization import base
from smirk3d.training.config import TrainConfig
from smirk3d.training.paths import augmented_cycle_path, reconstruction_path
from smirk3d.training.recipes import PRESETS
from smirk3d.training.trainer import Trainer

PARTS = (
    "data", "encoders", "head and raster", "U-Net", "masks", "losses", "backward", "optimiser",
    "rest",
)  # fmt: skip


def photos(head: HeadModel, count: int) -> tuple[AnnotatedFaces, FaceParameters]:
    """Return noise with landmarks of random faces."""
    generator = torch.Generator().manual_seed(0)
    truth = head.neutral(count)
    truth = truth.replace(
        expression=torch.rand(truth.expression.shape, generator=generator) * 0.3,
        head_pose=torch.randn(count, 3, generator=generator) * 0.2,
    )
    with torch.no_grad():
        seen = project(head.landmarks(head(truth).vertices), truth.camera)[..., :2]
    landmarks = torch.zeros(count, 478, 2)
    landmarks[:, head.landmark_ids] = ndc_to_pixels(seen, CROP_SIZE)
    shape = (count, 3, CROP_SIZE, CROP_SIZE)
    faces = AnnotatedFaces(
        keys=np.array([f"{i:05d}" for i in range(count)]),
        images=torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8),
        landmarks=landmarks,
        blendshapes=torch.zeros(count, 52),
        blendshape_names=tuple(f"b{i}" for i in range(52)),
        sources=np.array(["noise"] * count),
        persons=np.full(count, ""),
        oval_inside=torch.ones(count),
    )
    return faces, truth


class Clock:
    """Adds up the time within functions, that of an inner one not counted in an outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = time.perf_counter()

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the time of a block."""
        self._turn()
        self._open.append(name)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time counted."""

        def run(*arguments: Any, **options: Any) -> Any:
            with self.part(name):
                return function(*arguments, **options)

        return run


def one_by_one(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function applied to each photo of a batch, the answers joined."""

    def run(*arguments: Any, **options: Any) -> Any:
        count = _count(arguments[0])
        answers = [
            function(*[_row(a, row, count) for a in arguments], **options) for row in range(count)
        ]
        return _joined(answers)

    return run


def _count(value: Any) -> int:
    """Return how many faces a tensor, parameters or a record of such hold; 0 for anything else."""
    if isinstance(value, FaceParameters) or (isinstance(value, Tensor) and value.ndim):
        return len(value)
    return _count(getattr(value, fields(value)[0].name)) if is_dataclass(value) else 0


def _row(value: Any, row: int, count: int) -> Any:
    if _count(value) != count:
        return value
    if is_dataclass(value) and not isinstance(value, FaceParameters):
        parts = {f.name: _row(getattr(value, f.name), row, count) for f in fields(value)}
        return replace(value, **parts)
    return value[row : row + 1]


def _joined(answers: list[Any]) -> Any:
    first = answers[0]
    if isinstance(first, Tensor):
        return torch.cat(answers)
    if isinstance(first, FaceParameters):
        return FaceParameters.cat(answers)
    if not is_dataclass(first):
        return first
    names = [field.name for field in fields(first)]
    return type(first)(**{n: _joined([getattr(a, n) for a in answers]) for n in names})


@numba.njit(cache=False)
def _nearest_of_all(corners: NDArray[np.float64], height: int, width: int) -> NDArray[np.int64]:
    """Return the nearest triangle of each pixel ``[H, W]``, asking every triangle ``[F, 3, 3]``."""
    found = np.full((height, width), -1)
    for row in range(height):
        y = (2 * row + 1) / height - 1
        for column in range(width):
            x = (2 * column + 1) / width - 1
            best = np.inf
            for face in range(len(corners)):
                (ax, ay, az), (bx, by, bz), (cx, cy, cz) = corners[face]
                if x < min(ax, bx, cx) or x > max(ax, bx, cx):
                    continue
                if y < min(ay, by, cy) or y > max(ay, by, cy):
                    continue
                area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
                if area == 0:
                    continue
                b = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
                c = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
                if b < 0 or c < 0 or b + c > 1:
                    continue
                depth = az + b * (bz - az) + c * (cz - az)
                if depth < best:
                    best = depth
                    found[row, column] = face
    return found


def rasterize_naively(
    vertices_ndc: Tensor, faces: Tensor, height: int, width: int, cull_backfaces: bool
) -> Tensor:
    """Return the nearest triangle of each pixel ``[B, H, W]``."""
    corners = vertices_ndc.double()[:, faces].numpy()
    return torch.from_numpy(np.stack([_nearest_of_all(one, height, width) for one in corners]))


class Step:
    """A training step of a preset, ours or naive, with the time of its parts."""

    def __init__(self, config: TrainConfig, *, naive: bool) -> None:
        torch.manual_seed(0)
        self.naive = naive
        count = config.data.batches.batch_size
        head = load_head()
        self.trainer = Trainer(config, head)
        self.batches = TrainingBatches(*photos(head, 2 * count), head, config.data.batches)

    def run(self) -> Clock:
        """Take one step."""
        clock, trainer = Clock(), self.trainer
        paths = (reconstruction_path, augmented_cycle_path)
        with ExitStack() as stack:

            def time_in(owner: Any, name: str, part: str, *, loop: bool = False) -> None:
                function = getattr(owner, name)
                if loop and self.naive:
                    function = one_by_one(function)
                stack.enter_context(patch.object(owner, name, clock.timed(part, function)))

            if self.naive:
                stack.enter_context(patch.dict(base._ENGINES, numba=rasterize_naively))
                for name in ("_augment", "_warper"):
                    function = getattr(self.batches, name)
                    if function is not None:
                        stack.enter_context(patch.object(self.batches, name, one_by_one(function)))
            time_in(trainer.networks, "estimate", "encoders")
            time_in(trainer.networks, "render", "U-Net")
            time_in(trainer.fixture.surface, "forward", "head and raster")
            time_in(trainer.head, "forward", "head and raster")
            time_in(trainer.fixture.landmark_head, "forward", "head and raster")
            time_in(reconstruction_path, "hull_mask", "masks", loop=True)
            for path in paths:
                time_in(path, "masked_photo", "masks")
                time_in(path, "weighted_sum", "losses")
            time_in(trainer.optimizers, "step", "optimiser")
            time_in(torch.Tensor, "backward", "backward")
            with clock.part("data"):
                batch = self.batches.batch(trainer.step)
            with clock.part("rest"):
                trainer.train_step(batch, 0.5)
        return clock


def main(
    sizes: tuple[int, ...] = (112, 224), batch_size: int = 16, steps: int = 3, naive_steps: int = 1
) -> None:
    rows: list[dict[str, Any]] = []
    for preset in ("pretrain", "core"):
        for size in sizes:
            config = PRESETS[preset].config()
            config = replace(
                config,
                render_size=size,
                data=replace(
                    config.data,
                    batches=replace(
                        config.data.batches, batch_size=batch_size, image_size=size, ahead=0
                    ),
                ),
                networks=replace(
                    config.networks,
                    encoder=replace(config.networks.encoder, input_size=size, pretrained=False),
                    renderer=LIGHT,
                    frozen_stages=2,
                ),
                cycle=replace(config.cycle, first_step=0),
            )
            ours, naive = (Step(config, naive=kind) for kind in (False, True))
            ours.run()
            times: list[dict[str, float]] = []
            plain: list[float] = []
            for number in range(steps):
                times.append(ours.run().seconds)
                if number < naive_steps:
                    plain.append(sum(naive.run().seconds.values()))
            total = [sum(seconds.values()) for seconds in times]
            best = times[int(np.argmin(total))]
            row = {
                "preset": preset,
                "size": size,
                "photos_a_second": batch_size / min(total),
                "naive_over_ours": min(plain) / min(total),
            }
            row |= {part: best.get(part, 0.0) / min(total) for part in PARTS}
            rows.append(row)
            print(row, flush=True)
    lines = ["| preset | px | photos/s | naive / ours | " + " | ".join(PARTS) + " |"]
    lines.append("|---" * (4 + len(PARTS)) + "|")
    for row in rows:
        fractions = " | ".join(f"{row[part]:.0%}" for part in PARTS)
        lines.append(
            f"| {row['preset']} | {row['size']} | {row['photos_a_second']:.1f} "
            f"| {row['naive_over_ours']:.1f} | {fractions} |"
        )
    note = f"Batches of {batch_size}; the fastest of {steps} steps; shares are of wall time.\n\n"
    write_results("training", rows, note + "\n".join(lines))


if __name__ == "__main__":
    tyro.cli(main)
