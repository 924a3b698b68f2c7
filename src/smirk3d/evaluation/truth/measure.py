"""All figures of methods on one labeled set: from Python, and for the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from smirk3d.evaluation.methods import Method
from smirk3d.evaluation.truth.actions import (
    action_truth,
    combination_figures,
    neutral_figures,
    rolled_figures,
    single_figures,
    turned_figures,
)
from smirk3d.evaluation.truth.answers import Answers, answers
from smirk3d.evaluation.truth.faces import TruthFaces
from smirk3d.evaluation.truth.figures import Figure
from smirk3d.evaluation.truth.pose import gaze_figures, landmark_figures, pose_figures
from smirk3d.evaluation.truth.shape import (
    population_figures,
    sameness_figures,
    shape_figures,
    shape_truth,
)
from smirk3d.heads.head_model import HeadModel

TOPICS = ("actions", "shape", "pose")
"""What figures are grouped by."""


def measured(
    faces: TruthFaces, method: Method, head: HeadModel, topics: Sequence[str] = TOPICS
) -> dict[str, list[Figure]]:
    """Return a method's figures on one set's faces by topic: those that its labels allow.

    >>> from smirk3d.evaluation.truth.faces import found_faces  # doctest: +SKIP
    >>> faces = found_faces(labels, "mine", "truth")  # doctest: +SKIP
    >>> measured(faces, EncoderMethod("net", encoder, device), head)  # doctest: +SKIP

    Args:
        faces: the faces; cut once, they can be measured again and again.
        method: estimates the head's parameters from crops.
        head: of the method, on the CPU; it may be another than that of the pictures.
        topics: of :data:`TOPICS`.
    """
    return figures_of(faces, answers(method, faces, head), topics)


def figures_of(
    faces: TruthFaces, found: Answers, topics: Sequence[str] = TOPICS
) -> dict[str, list[Figure]]:
    """Return the figures of answers by topic."""
    makers = {"actions": _actions, "shape": _shape, "pose": _pose}
    return {
        topic: [figure for figure in makers[topic](faces, found) if figure.count]
        for topic in topics
    }


def _actions(faces: TruthFaces, found: Answers) -> Iterator[Figure]:
    truth = action_truth(faces)
    if truth is not None and found.head.has_named_actions:
        yield from combination_figures(truth, found)
        yield from single_figures(truth, found)
        yield from neutral_figures(truth, found)
        yield from turned_figures(truth, found)
        yield from rolled_figures(truth, found)


def _shape(faces: TruthFaces, found: Answers) -> Iterator[Figure]:
    surfaces, truth = shape_truth(faces), action_truth(faces)
    if surfaces is not None:
        yield from shape_figures(surfaces, found)
    if truth is not None:
        yield from sameness_figures(truth, found)
    yield from population_figures(faces, found)


def _pose(faces: TruthFaces, found: Answers) -> Iterator[Figure]:
    yield from pose_figures(faces, found)
    yield from gaze_figures(faces, found)
    yield from landmark_figures(faces, found)
