"""Do strong, one-sided expressions survive? Photos are warped to known ones and read again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from smirk3d.conventions import ARKIT_NAMES
from smirk3d.data.photo_warps import PhotoWarper
from smirk3d.face_parameters import FaceParameters
from smirk3d.heads.action_names import mirrored_name
from smirk3d.heads.head_model import HeadModel

ONE_SIDED: tuple[str, ...] = (
    "eyeBlinkLeft", "eyeBlinkRight", "browOuterUpLeft", "browOuterUpRight", "browDownLeft",
    "browDownRight", "mouthSmileLeft", "mouthSmileRight", "noseSneerLeft", "noseSneerRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "jawLeft", "jawRight",
)  # fmt: skip
UNSIDED: tuple[str, ...] = ("jawOpen", "cheekPuff", "mouthPucker", "mouthFunnel", "browInnerUp")


@dataclass(frozen=True)
class Survival:
    """How one action was read after it was added to photos.

    Attributes:
        name: ARKit's name.
        asked: mean amplitude by which the photos' own was raised.
        share: mean rise that was read, as a share of it.
        wrong_side: the mirrored action's mean rise as a share of it; None for unsided actions.
    """

    name: str
    asked: float
    share: float
    wrong_side: float | None


@torch.no_grad()
def survival(
    head: HeadModel,
    photos: Tensor,
    fitted: FaceParameters,
    read: Callable[[Tensor], FaceParameters],
    names: Sequence[str] = ONE_SIDED + UNSIDED,
    amplitude: float = 0.9,
) -> list[Survival]:
    """Return how much of each added action a method reads.

    Reading the unchanged photos first takes away what a method says of everybody.

    Args:
        head: with named actions.
        photos: ``[B, 3, N, N]`` in [0, 1].
        fitted: parameters of the photos ``[B]``, in the photos' frame.
        read: returns parameters of pictures ``[B, 3, N, N]``.
        names: the actions, one at a time.
        amplitude: what each is raised to, where it is lower.
    """
    warper = PhotoWarper(head)
    own = head.arkit(fitted)
    before = head.arkit(read(photos))
    found = []
    for name in names:
        index = ARKIT_NAMES.index(name)
        asked = (amplitude - own[:, index]).clamp(min=0)
        chosen = asked > 0.4
        if not chosen.any():
            continue
        after = head.arkit(read(_raised(head, warper, photos, fitted, name, amplitude)))
        rise = (after - before)[chosen]
        total = float(asked[chosen].sum())
        other = mirrored_name(name)
        wrong = None
        if other != name:
            wrong = float(rise[:, ARKIT_NAMES.index(other)].sum()) / total
        mean = float(asked[chosen].mean())
        found.append(Survival(name, mean, float(rise[:, index].sum()) / total, wrong))
    return found


def _raised(
    head: HeadModel,
    warper: PhotoWarper,
    photos: Tensor,
    fitted: FaceParameters,
    name: str,
    amplitude: float,
) -> Tensor:
    weights = head.arkit(fitted)
    index = ARKIT_NAMES.index(name)
    weights[:, index] = weights[:, index].clamp(min=amplitude)
    if name in {"jawLeft", "jawRight"}:
        weights[:, ARKIT_NAMES.index(mirrored_name(name))] = 0
    moved = head.from_arkit(weights)
    wished = fitted.replace(
        expression=moved.expression, jaw=moved.jaw, eyelids=moved.eyelids, eyes=moved.eyes
    )
    return warper(photos, fitted, wished).images


def survival_table(results: Sequence[Survival]) -> str:
    """Return a Markdown table of the actions."""
    lines = ["| action | asked | read | wrong side |", "|---|---|---|---|"]
    for result in results:
        wrong = "" if result.wrong_side is None else f"{result.wrong_side:.0%}"
        lines.append(f"| {result.name} | {result.asked:.2f} | {result.share:.0%} | {wrong} |")
    return "\n".join(lines)
