"""A number that a module fixes says where it is from: measured, published, or chosen by eye."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "smirk3d"

_EXEMPT = {0, 1, 2, -1}
_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*")


def _number(node: ast.expr) -> complex | None:
    """Return the number that an expression of literals stands for, None for any other."""
    if isinstance(node, ast.Constant):
        is_number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
        return node.value if is_number else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp):
        left, right = _number(node.left), _number(node.right)
        # the value does not matter, only that nothing but numbers makes it
        return None if left is None or right is None else 0.5
    return None


_BORROWED = re.compile(r"\blikewise\b|^(the same|ditto|as above)\b", re.IGNORECASE)
_MAKERS = {"array", "float32", "float64", "radians", "MappingProxyType", "frozenset"}
"""Functions that change the kind of a constant and not where it is from."""


def _numbers(node: ast.expr | None) -> list[complex | None]:
    """Return the numbers within a value, None for what is none."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return [number for item in node.elts for number in _numbers(item)]
    if isinstance(node, ast.Dict):
        return [number for item in node.values for number in _numbers(item)]
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return [n for item in node.args[:1] for n in _numbers(item)] if name in _MAKERS else [None]
    return [None if node is None else _number(node)]


def _is_number(node: ast.expr | None) -> bool:
    """Whether a value is a number, or holds numbers, that ask for a reason."""
    numbers = {number for number in _numbers(node) if number is not None}
    return not numbers <= _EXEMPT


def _targets(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    names = [
        item
        for target in targets
        for item in (target.elts if isinstance(target, ast.Tuple) else [target])
    ]
    return [item.id for item in names if isinstance(item, ast.Name) and _NAME.fullmatch(item.id)]


def unexplained(text: str) -> list[str]:
    """Return the numeric constants of a module that have no reason of their own.

    The reason is a string literal right after the assignment, or a comment on its lines or on the
    line above. One that says "likewise" or "the same" is another constant's: both can be one table
    or one assignment that has one reason.
    """
    lines = text.splitlines()
    body = ast.parse(text).body
    found: list[str] = []
    for index, node in enumerate(body):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not _is_number(node.value):
            continue
        reason = _comments(lines, node) + _text_after(body, index)
        if not reason or _BORROWED.search(reason):
            found += _targets(node)
    return found


def _comments(lines: list[str], node: ast.stmt) -> str:
    """Return the comments on a statement's lines and on the line above."""
    assert node.end_lineno is not None
    above = lines[node.lineno - 2].strip() if node.lineno > 1 else ""
    own = [
        line.replace("# fmt: skip", "").replace("# noqa", "").partition("#")[2]
        for line in lines[node.lineno - 1 : node.end_lineno]
    ]
    return "".join([above if above.startswith("#") else "", *own])


def _text_after(body: list[ast.stmt], index: int) -> str:
    """Return the string literal that follows a statement, empty where none does."""
    following = body[index + 1] if index + 1 < len(body) else None
    literal = following.value if isinstance(following, ast.Expr) else None
    is_text = isinstance(literal, ast.Constant) and isinstance(literal.value, str)
    return literal.value if is_text else ""


FILES = sorted(str(path.relative_to(SOURCE).as_posix()) for path in SOURCE.rglob("*.py"))


@pytest.mark.parametrize("name", FILES)
def test_constants_say_where_they_are_from(name: str) -> None:
    found = unexplained((SOURCE / name).read_text(encoding="utf-8"))
    assert not found, f"{name}: say after {', '.join(found)} what was measured, or by whom"


def test_constants_without_reason_are_found() -> None:
    text = '''
A = 0.3
B = 0.4
"""Measured."""
# from the paper
C = 5
D = (1, 0)
E, F = 0.1, 7
_G: float = -0.2  # by eye
H = len("names")

I = 64 << 20

J = {"a": 0.3, "b": (0, 0.7)}

K = np.float32(0.2)
lower = 3.0
L = 0.1  # likewise
M = 0.2
"""Likewise of the others."""
N = 0.3
"""The same for N."""
'''
    assert unexplained(text) == ["A", "E", "F", "I", "J", "K", "L", "M", "N"]
