"""What an encoder sees in a crop, with how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from smirk3d.array_interface import Array, array_namespace, as_like
from smirk3d.parameters.face_parameters import FaceParameters

if TYPE_CHECKING:
    from smirk3d.encoders.output_layers import GroupOutputs, OutputDetails
    from smirk3d.encoders.point_outputs import PointDetails


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Estimates of B faces with standard deviations.

    Attributes:
        parameters: estimated parameters, B faces.
        std: standard deviation of each parameter's error; None for encoders that predict none.
        points: fixed points of the head's surface ``[B, P, 2]`` in device coordinates of the crop;
            None for encoders that predict none.
        points_std: standard deviation of each point's error per axis ``[B, P]``, in the same units.
        points_visible: probability ``[B, P]`` that nothing hides a point.
    """

    parameters: FaceParameters
    std: FaceParameters | None
    points: Array | None = None
    points_std: Array | None = None
    points_visible: Array | None = None

    def __getitem__(self, rows: slice | Array) -> Evidence:
        """Return the evidence of some faces."""
        return self._mapped(lambda part: part[rows])

    def like(self, other: Array) -> Evidence:
        """Return the evidence in another array's library, precision and device."""

        def moved(part: FaceParameters | Array) -> FaceParameters | Array:
            return part.to(other) if isinstance(part, FaceParameters) else as_like(part, other)

        return self._mapped(moved)

    def _mapped(self, change: Callable[[Any], Any]) -> Evidence:
        """Return the evidence with all that is there changed: parameters and arrays."""
        there = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(
            self, **{name: change(part) for name, part in there.items() if part is not None}
        )


def evidence_of(
    found: Mapping[str, Array], unseen: Mapping[str, Array], unseen_std: Mapping[str, Array]
) -> Evidence:
    """Return the evidence in an encoder's named outputs.

    Args:
        found: outputs by name, see :meth:`~smirk3d.encoders.face_encoder.FaceEncoder.predict`.
        unseen: constant values ``[D]`` of the groups that do not depend on pictures.
        unseen_std: standard deviations ``[D]`` of these groups.
    """
    count = len(found["camera"])
    names = [field.name for field in fields(FaceParameters)]

    def rows(prefix: str, constant: Mapping[str, Array]) -> FaceParameters:
        groups = {}
        for name in names:
            if name in constant:
                row = constant[name]
                groups[name] = array_namespace(row).broadcast_to(row, (count, len(row)))
            else:
                groups[name] = found[prefix + name]
        return FaceParameters(**groups)

    return Evidence(
        parameters=rows("", unseen),
        std=rows("std_", unseen_std) if "std_camera" in found else None,
        points=found.get("points"),
        points_std=found.get("points_std"),
        points_visible=found.get("points_visible"),
    )


@dataclass(frozen=True, eq=False)
class EncoderDetails:
    """Everything that encoders with uncertainty predict of B faces.

    Attributes:
        parameters: the estimates.
        outputs: what each of the three output layers predicts, with its layer.
        points: predicted surface points, None where there are none.
    """

    parameters: FaceParameters
    outputs: tuple[tuple[GroupOutputs, OutputDetails], ...]
    points: PointDetails | None
