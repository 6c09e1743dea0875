"""What an expression of the firmware's sources is worth before it runs: numbers, texts and rows of them.

Reads the tree, never runs it.  It knows the few ways in which the firmware writes tables and the places in them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

Value = int | str | tuple["Value", ...]
Names = Callable[[ast.AST], Value | None]  # what a name stands for; None where that is not known

_OPERATIONS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: int.__add__, ast.Sub: int.__sub__, ast.Mult: int.__mul__, ast.FloorDiv: int.__floordiv__,
    ast.Mod: int.__mod__, ast.LShift: int.__lshift__, ast.RShift: int.__rshift__, ast.BitOr: int.__or__,
    ast.BitAnd: int.__and__, ast.BitXor: int.__xor__,
}  # fmt: skip
_KEPT_AS_THEY_ARE = ("const", "tuple")  # calls that give their argument back


class NotKnown(Exception):
    """The expression is none that is known before the firmware runs."""


def value_of(node: ast.AST, names: Names) -> Value:
    """The value of an expression.  Raises NotKnown."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, str):
        return node.value  # type: ignore[return-value]
    if isinstance(node, ast.Tuple | ast.List):
        return tuple([value_of(element, names) for element in node.elts])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_number(node.operand, names)
    if isinstance(node, ast.BinOp):
        return _sum(value_of(node.left, names), node.op, value_of(node.right, names))
    if isinstance(node, ast.Subscript):
        return _part(_row(node.value, names), node.slice, names)
    if isinstance(node, ast.IfExp):
        return value_of(node.body if _holds(node.test, names) else node.orelse, names)
    if isinstance(node, ast.ListComp):
        return _each(node, names)
    if isinstance(node, ast.Call):
        return _called(node, names)
    found = names(node)
    if found is None:
        raise NotKnown
    return found


def _number(node: ast.AST, names: Names) -> int:
    found = value_of(node, names)
    if not isinstance(found, int):
        raise NotKnown
    return found


def _holds(node: ast.expr, names: Names) -> bool:
    """Whether one number is below another."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Lt):
        return _number(node.left, names) < _number(node.comparators[0], names)
    raise NotKnown


def _row(node: ast.AST, names: Names) -> tuple[Value, ...]:
    found = value_of(node, names)
    if not isinstance(found, tuple):
        raise NotKnown
    return found


def _sum(left: Value, operation: ast.operator, right: Value) -> Value:
    if isinstance(left, int) and isinstance(right, int) and type(operation) in _OPERATIONS:
        return _OPERATIONS[type(operation)](left, right)
    if isinstance(operation, ast.Add) and isinstance(left, tuple) and isinstance(right, tuple):
        return left + right
    if isinstance(operation, ast.Add) and isinstance(left, str) and isinstance(right, str):
        return left + right
    raise NotKnown


def _part(row: tuple[Value, ...], place: ast.expr, names: Names) -> Value:
    """An element of a row, or some of them."""
    try:
        if isinstance(place, ast.Slice) and place.step is None:
            first = _number(place.lower, names) if place.lower else None
            return row[first : _number(place.upper, names) if place.upper else None]
        return row[_number(place, names)]
    except IndexError:
        raise NotKnown from None


def _each(node: ast.ListComp, names: Names) -> Value:
    """``[... for NAME in ROW]`` with one name and no condition."""
    loop = node.generators[0]
    if len(node.generators) > 1 or loop.ifs or not isinstance(loop.target, ast.Name):
        raise NotKnown
    target, found = loop.target.id, []
    for element in _row(loop.iter, names):

        def inner(name: ast.AST, element: Value = element) -> Value | None:
            return element if isinstance(name, ast.Name) and name.id == target else names(name)

        found.append(value_of(node.elt, inner))
    return tuple(found)


def _called(node: ast.Call, names: Names) -> Value:
    """The calls with which tables are written: range, len, const, tuple, split, and field_index of configuration.py."""
    if node.keywords:
        raise NotKnown
    if isinstance(node.func, ast.Attribute) and node.func.attr == "split" and not node.args:
        text = value_of(node.func.value, names)
        if isinstance(text, str):
            return tuple(text.split())
    if not isinstance(node.func, ast.Name):
        raise NotKnown
    given = [value_of(argument, names) for argument in node.args]
    match node.func.id, given:
        case "range", [*ends] if all(isinstance(end, int) for end in ends):
            return tuple(range(*[end for end in ends if isinstance(end, int)]))
        case "len", [tuple() | str() as row]:
            return len(row)
        case "field_index", [tuple() as fields, str() as name]:
            places = [i for i, field in enumerate(fields) if isinstance(field, tuple) and field[:1] == (name,)]
            if len(places) == 1:
                return places[0]
        case called, [one] if called in _KEPT_AS_THEY_ARE:
            return one
    raise NotKnown
