"""Interval arithmetic over the text of a function: every value it can compute, for every input in the given ranges.

It follows the statements as they stand and knows four idioms that plain intervals lose: the remainder of a shift,
one step of a filter, an upper and a lower cut.  Anything else that it does not know is an error, never a guess.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

SMALL = 1 << 30


@dataclass(eq=False)
class Span:
    """All whole numbers from ``low`` to ``high``; two spans are the same value only where they are the same object."""

    low: int
    high: int
    floor_of: tuple[Span, str] | None = None  # value >> shift
    floored_of: tuple[Span, int] | None = None  # (value >> shift) << shift, and the largest remainder
    difference: tuple[Span, Span] | None = None  # left - right, possibly shifted to the right

    def __or__(self, other: Span) -> Span:
        return self if self is other else Span(min(self.low, other.low), max(self.high, other.high))


@dataclass
class Bounds:
    """Runs one function; ``words`` are the array's words by offset name, ``seen`` the largest magnitude of each."""

    words: dict[str, Span]
    constants: dict[str, int]
    lemmas: dict[str, Span] = field(default_factory=dict)  # words whose new range is proved elsewhere
    seen: dict[str, int] = field(default_factory=dict)

    def run(self, function: ast.FunctionDef) -> dict[str, Span]:
        """The words after one call."""
        body = [node for node in function.body[1:] if not ast.unparse(node).startswith("w = ")]
        return self.run_body(body, {})

    def run_body(self, body: list[ast.stmt], given: dict[str, Span]) -> dict[str, Span]:
        """The words after these statements once, with ``given`` locals."""
        end: dict[str, Span] = self._block(body, (dict(given), dict(self.words)))[1]
        return end

    def _block(self, body: list[ast.stmt], state: tuple) -> tuple:  # type: ignore[type-arg]
        for node in body:
            if isinstance(node, ast.Assign):
                self._store(node.targets[0], self._value(node.value, state), state)
                self._apply_lemma(node, state)
            elif isinstance(node, ast.If):
                state = self._if(node, state)
            elif isinstance(node, ast.Return):
                assert node.value is not None
                self._value(node.value, state)
            else:
                raise NotImplementedError(ast.unparse(node))
        return state

    def _store(self, target: ast.expr, value: Span, state: tuple) -> None:  # type: ignore[type-arg]
        if isinstance(target, ast.Name):
            state[0][target.id] = value
        else:
            state[1][offset_name(target)] = value

    def _apply_lemma(self, node: ast.Assign, state: tuple) -> None:  # type: ignore[type-arg]
        """A word with a lemma, and the local that was stored into it, have the range that the lemma gives."""
        target = node.targets[0]
        if isinstance(target, ast.Subscript) and offset_name(target) in self.lemmas:
            state[1][offset_name(target)] = self.lemmas[offset_name(target)]
            if isinstance(node.value, ast.Name):
                state[0][node.value.id] = self.lemmas[offset_name(target)]

    def _if(self, node: ast.If, state: tuple) -> tuple:  # type: ignore[type-arg]
        cut = self._cut(node, state)
        if cut is not None:
            return cut
        ends = []
        for truth, body in ((True, node.body), (False, node.orelse)):
            branch = self._assume(node.test, truth, (dict(state[0]), dict(state[1])))
            if branch is not None:
                ends.append(self._block(body, branch))
        if len(ends) == 1:
            return ends[0]
        return tuple(
            {name: ends[0][part].get(name, span) | ends[1][part].get(name, span) for name, span in
             {**ends[1][part], **ends[0][part]}.items()}
            for part in (0, 1)
        )  # fmt: skip

    def _cut(self, node: ast.If, state: tuple) -> tuple | None:  # type: ignore[type-arg]
        """``if a > limit: a = limit`` and its mirror: the smaller, or the larger, of the two."""
        test, body = node.test, node.body
        if not (
            isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and len(body) == 1 and not node.orelse
        ):
            return None
        assign = body[0]
        if not (isinstance(assign, ast.Assign) and ast.unparse(assign.targets[0]) == test.left.id):
            return None
        if bare(assign.value) != bare(test.comparators[0]) or not isinstance(test.ops[0], ast.Gt | ast.Lt):
            return None
        span, limit = self._value(test.left, state), self._value(test.comparators[0], state)
        choose: Callable[[int, int], int] = min if isinstance(test.ops[0], ast.Gt) else max
        state[0][test.left.id] = Span(choose(span.low, limit.low), choose(span.high, limit.high))
        return state

    def _assume(self, test: ast.expr, truth: bool, state: tuple) -> tuple | None:  # type: ignore[type-arg]
        """The state where the test has this truth, or None where it cannot have it."""
        if isinstance(test, ast.BoolOp):
            each = (
                isinstance(test.op, ast.And) == truth
            )  # every part has this truth; else one of them, nobody knows which
            for part in test.values:
                narrowed = self._assume(part, truth, (dict(state[0]), dict(state[1])))
                if each and narrowed is None:
                    return None
                state = narrowed if each and narrowed is not None else state
            return state
        assert isinstance(test, ast.Compare), ast.unparse(test)
        left, right = self._value(test.left, state), self._value(test.comparators[0], state)
        sign = SIGNS[type(test.ops[0])] if truth else OPPOSITE[SIGNS[type(test.ops[0])]]
        low, high = narrowed_span(left, sign, right)
        if low > high:
            return None
        if (low, high) != (left.low, left.high):
            where = test.left
            if isinstance(where, ast.Name):
                state[0][where.id] = Span(low, high)
            elif isinstance(where, ast.Subscript):
                state[1][offset_name(where)] = Span(low, high)
        return state

    def _value(self, node: ast.expr, state: tuple) -> Span:  # type: ignore[type-arg]
        span = self._evaluate(node, state)
        magnitude = max(abs(span.low), abs(span.high))
        text = f"{getattr(node, 'lineno', 0)}: {ast.unparse(node)}"
        self.seen[text] = max(magnitude, self.seen.get(text, 0))
        return span

    def _evaluate(self, node: ast.expr, state: tuple) -> Span:  # type: ignore[type-arg]
        if isinstance(node, ast.Constant):
            return Span(node.value, node.value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self._value(node.operand, state)
            return Span(-inner.high, -inner.low)
        if isinstance(node, ast.Name):
            if node.id in self.constants:
                return Span(self.constants[node.id], self.constants[node.id])
            return state[0][node.id]
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "int":
            return self._value(node.args[0], state)
        if isinstance(node, ast.Subscript):
            return state[1][offset_name(node)]
        assert isinstance(node, ast.BinOp), ast.unparse(node)
        return combined(node, self._value(node.left, state), self._value(node.right, state))


SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


def bare(node: ast.expr) -> str:
    """The text of an expression without its casts."""
    return ast.unparse(node).replace("int(w", "(w").strip("()")


def offset_name(node: ast.expr) -> str:
    """NAME of ``w[at + NAME]`` and of ``w[NAME]``."""
    assert isinstance(node, ast.Subscript), ast.unparse(node)
    place = node.slice.right if isinstance(node.slice, ast.BinOp) else node.slice
    assert isinstance(place, ast.Name), ast.unparse(node)
    return place.id


def narrowed_span(left: Span, sign: str, right: Span) -> tuple[int, int]:
    """Ends of the part of ``left`` for which the comparison can hold."""
    low, high = left.low, left.high
    if sign in ("<", "<="):
        high = min(high, right.high - (sign == "<"))
    elif sign in (">", ">="):
        low = max(low, right.low + (sign == ">"))
    elif sign == "==":
        low, high = max(low, right.low), min(high, right.high)
    elif right.low == right.high:
        low += low == right.low
        high -= high == right.low
    return low, high


def combined(node: ast.BinOp, left: Span, right: Span) -> Span:
    """One operation on two spans."""
    if isinstance(node.op, ast.Add):
        if right.difference is not None and right.difference[1] is left:
            return Span(min(left.low, right.difference[0].low), max(left.high, right.difference[0].high))
        return Span(left.low + right.low, left.high + right.high)
    if isinstance(node.op, ast.Sub):
        if right.floored_of is not None and right.floored_of[0] is left:
            return Span(0, right.floored_of[1])
        return Span(left.low - right.high, left.high - right.low, difference=(left, right))
    if isinstance(node.op, ast.Mult):
        ends = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
        return Span(min(ends), max(ends))
    if isinstance(node.op, ast.RShift):
        ends = [a >> b for a in (left.low, left.high) for b in (right.low, right.high)]
        return Span(min(ends), max(ends), floor_of=(left, bare(node.right)), difference=left.difference)
    if isinstance(node.op, ast.LShift):
        if left.floor_of is not None and left.floor_of[1] == bare(node.right):
            value, rest = left.floor_of[0], (1 << right.high) - 1
            return Span(value.low - rest, value.high, floored_of=(value, rest))
        ends = [a << b for a in (left.low, left.high) for b in (right.low, right.high)]
        return Span(min(ends), max(ends))
    assert isinstance(node.op, ast.BitAnd) and right.low == right.high >= 0, ast.unparse(node)
    return Span(0, right.high)
