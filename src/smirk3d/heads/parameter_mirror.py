"""Parameters of mirrored faces."""

from __future__ import annotations

from smirk3d.array_interface import array_namespace, constant, distances, norm, to_numpy
from smirk3d.heads.action_names import mirrored_name
from smirk3d.heads.head_model import HeadModel
from smirk3d.parameters.face_parameters import FaceParameters

_VERTICES = 100
"""Vertices at which components are compared with their mirror images; chosen by hand, a sixtieth of
the open head's, which takes 20 ms."""
_ALIKE = 0.99
"""Least cosine of a component and its mirror image, or its opposite: all of the open head's are
above 0.99999."""


class ParameterMirror:
    """Turns parameters of one head into those of the mirrored faces.

    Attributes:
        shape_signs: sign ``[S]`` that each identity component has in the mirrored face; None for a
            head whose components are neither symmetric nor antisymmetric.
    """

    def __init__(self, head: HeadModel) -> None:
        """Measure the head's symmetry."""
        names = list(head.expression_names)
        mirrored = [mirrored_name(name) for name in names]
        self._order = [
            names.index(name) if name in names else row for row, name in enumerate(mirrored)
        ]
        self._jaw = [1.0, -1.0, 1.0] if head.has_blend_jaw else [1.0, -1.0, -1.0]
        self.shape_signs = _component_signs(head)
        self._has_actions = head.has_named_actions

    @property
    def is_exact(self) -> bool:
        """Whether the head has a mirror image of each parameter."""
        return self._has_actions and self.shape_signs is not None

    def __call__(self, parameters: FaceParameters) -> FaceParameters:
        """Return the parameters ``[B]`` of the mirrored faces.

        PCA expressions, and identity components without a sign, are returned as they are.
        """
        like = parameters.shape
        xp = array_namespace(like)
        axes = constant([1.0, -1.0, -1.0], like)
        order = xp.asarray(self._order, device=like.device)
        shape, jaw, eyes, neck = (
            getattr(parameters, name) for name in ("shape", "jaw", "eyes", "neck")
        )
        if self.shape_signs is not None:
            shape = shape * constant(self.shape_signs, like)
        if eyes.shape[1]:
            eyes = xp.concat([eyes[:, 3:] * axes, eyes[:, :3] * axes], axis=1)
        return FaceParameters(
            shape=shape,
            expression=xp.take(parameters.expression, order, axis=1),
            jaw=jaw * constant(self._jaw, like) if jaw.shape[1] else jaw,
            eyelids=xp.flip(parameters.eyelids, axis=1),
            eyes=eyes,
            neck=neck * axes if neck.shape[1] else neck,
            head_pose=parameters.head_pose * axes,
            camera=parameters.camera * constant([1.0, -1.0, 1.0], like),
        )


def _component_signs(head: HeadModel) -> list[float] | None:
    """Return the sign ``[S]`` of each identity component's mirror image, None if one has none."""
    xp = array_namespace(head.v_template)
    count, vertices = head.group("shape").dim, head.v_template.shape[0]
    some = list(range(0, vertices, max(1, vertices // _VERTICES)))
    flip = constant([-1.0, 1.0, 1.0], head.v_template)
    partner = distances(head.v_template[some] * flip, head.v_template).argmin(1)
    basis = xp.reshape(head.basis[:count], (count, vertices, 3))
    there, here = (
        xp.reshape(part, (count, 3 * len(some)))
        for part in (basis[:, partner], basis[:, some] * flip)
    )
    alike = (there * here).sum(1) / (norm(there) * norm(here))
    if not bool((xp.abs(alike) > _ALIKE).all()):
        return None
    return [float(sign) for sign in to_numpy(xp.sign(alike))]
