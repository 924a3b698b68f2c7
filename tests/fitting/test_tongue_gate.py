from __future__ import annotations

from smirk3d.fitting.tongue_gate import TongueGate
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head


def test_no_tongue_passes_lips_that_touch() -> None:
    head = load_head("open")
    column = head.group("expression").names.index("tongueOut")
    faces = head.neutral(2)
    expression, jaw = faces.expression.clone(), faces.jaw.clone()
    expression[:, column] = 0.8
    jaw[1, 0] = 0.6
    gated = TongueGate(head)(faces.replace(expression=expression, jaw=jaw))
    assert float(gated.expression[0, column]) < 0.05
    assert float(gated.expression[1, column]) == float(expression[1, column])


def test_heads_without_such_an_action_are_left_alone() -> None:
    head = tiny_head("pca")
    faces = head.neutral(2)
    assert TongueGate(head)(faces) is faces
