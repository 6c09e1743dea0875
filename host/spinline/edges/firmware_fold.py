"""Puts the numbers of a firmware in the place of their names before it is compiled.  Reads the sources, never runs them.

MicroPython folds a `const` within its own file only; from another file each name costs a board eight bytes in every
file that uses it, and a place in the table of names.  Here a number that is assigned once, at the top of a file, is
written where any file of the same firmware uses it; its definition, and imports that nobody needs any more, become
empty lines, so that line numbers stay.  A name that any function binds is left alone.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

_NUMBER_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*")
_OPERATIONS = {
    ast.Add: int.__add__, ast.Sub: int.__sub__, ast.Mult: int.__mul__, ast.FloorDiv: int.__floordiv__,
    ast.Mod: int.__mod__, ast.LShift: int.__lshift__, ast.RShift: int.__rshift__, ast.BitOr: int.__or__,
    ast.BitAnd: int.__and__, ast.BitXor: int.__xor__,
}  # fmt: skip
Places = dict[tuple[int, int, int, int], str]  # where text stands (first line and byte, last line and byte) -> new text


class NotANumber(Exception):
    """The expression is none that is known before the firmware runs."""


class Source:
    """One file of the firmware: its text, its tree, and which of its names are numbers."""

    def __init__(self, path: str, text: str) -> None:
        """``path`` as on the board.  Raises SyntaxError."""
        self.module = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        self._package = self.module if path.endswith("/__init__.py") else self.module.rpartition(".")[0]
        self.text, self.tree = text, ast.parse(text)
        self.numbers: dict[str, int] = {}
        self.origins: dict[str, tuple[str, str]] = {}  # name here -> module, and name there ("" for the module itself)

    def origin_of(self, statement: ast.ImportFrom) -> str:
        """The module that a from-import reads, in full."""
        if not statement.level:
            return statement.module or ""
        above = self._package.split(".")[: len(self._package.split(".")) - statement.level + 1]
        return ".".join([*above, *([statement.module] if statement.module else [])])


class Folding:
    """All files of one firmware.  ``text_of`` gives the text of one as it is to be compiled."""

    def __init__(self, texts: dict[str, str]) -> None:
        """``texts``: path on the board -> source.  Raises SyntaxError with the path where a file is no Python."""
        self._sources = {}
        for path, text in texts.items():
            try:
                source = Source(path, text)
            except SyntaxError as error:
                error.filename = path
                raise
            self._sources[source.module] = source
        self._by_path = dict(zip(texts, self._sources.values(), strict=True))
        self._done: set[str] = set()
        for source in self._sources.values():
            self._evaluate(source)
        self._used = {place for source in self._sources.values() for place in self._uses(source)}

    def text_of(self, path: str) -> str:
        """The file with numbers in the place of names; as many lines as before."""
        source = self._by_path[path]
        places: Places = {}
        dropped = [statement for statement in source.tree.body if self._is_dropped(source, statement)]
        gone = {id(node) for statement in dropped for node in ast.walk(statement)}
        for node in _outermost(source.tree):
            if id(node) not in gone and (number := self._number_at(source, node)) is not None:
                places[_place(node)] = str(number) if number >= 0 else f"({number})"
                gone |= {id(inner) for inner in ast.walk(node)}
        places |= {_place(statement): "\n" * _lines(statement) for statement in dropped}
        needed = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name) and id(node) not in gone}
        for statement in source.tree.body:
            if isinstance(statement, ast.ImportFrom) and self._shrinks(source, statement, needed):
                places[_place(statement)] = _import_of(statement, needed)
        return _with(source.text, places)

    def _evaluate(self, source: Source) -> None:
        """The numbers of a file, after those of the files that it imports from."""
        if source.module in self._done:
            return
        self._done.add(source.module)
        bound = Counter(_bound(source.tree))
        for statement in source.tree.body:
            if isinstance(statement, ast.ImportFrom):
                self._note_imports(source, statement, bound)
            elif isinstance(statement, ast.Assign):
                for name, number in self._assigned(source, statement):
                    if _NUMBER_NAME.fullmatch(name) and bound[name] == 1:
                        source.numbers[name] = number

    def _note_imports(self, source: Source, statement: ast.ImportFrom, bound: Counter[str]) -> None:
        module = source.origin_of(statement)
        for alias in statement.names:
            name = alias.asname or alias.name
            if bound[name] != 1:
                continue
            inner = f"{module}.{alias.name}"
            if inner in self._sources:
                self._evaluate(self._sources[inner])
                source.origins[name] = inner, ""
            elif module in self._sources:
                self._evaluate(self._sources[module])
                source.origins[name] = module, alias.name

    def _assigned(self, source: Source, statement: ast.Assign) -> list[tuple[str, int]]:
        """Names and numbers of one assignment; none where it is of another kind."""
        target = statement.targets[0]
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        if len(statement.targets) > 1 or not all(isinstance(name, ast.Name) for name in names):
            return []
        try:
            found = self._row(source, statement.value) if isinstance(target, ast.Tuple) else [
                self._number(source, statement.value)
            ]  # fmt: skip
        except NotANumber:
            return []
        return list(zip([name.id for name in names if isinstance(name, ast.Name)], found, strict=True))

    def _row(self, source: Source, node: ast.expr) -> list[int]:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            return list(range(*[self._number(source, argument) for argument in node.args]))
        if isinstance(node, ast.Tuple):
            return [self._number(source, element) for element in node.elts]
        raise NotANumber

    def _number(self, source: Source, node: ast.expr) -> int:
        """The number of an expression.  Raises NotANumber."""
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._number(source, node.operand)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
            return _OPERATIONS[type(node.op)](self._number(source, node.left), self._number(source, node.right))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "const":
            return self._number(source, node.args[0])
        number = self._number_at(source, node)
        if number is None:
            raise NotANumber
        return number

    def _number_at(self, source: Source, node: ast.AST) -> int | None:
        """The number that a name, or a name of an imported file, stands for."""
        place = self._place_of(source, node)
        return self._sources[place[0]].numbers.get(place[1]) if place else None

    def _place_of(self, source: Source, node: ast.AST) -> tuple[str, str] | None:
        """File and name in it that this node reads; None where it is nothing of the firmware."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module, name = source.origins.get(node.value.id, ("", "?"))
            return (module, node.attr) if module and not name else None
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            return None
        module, name = source.origins.get(node.id, (source.module, node.id))
        if module != source.module and name and name not in self._sources[module].numbers:
            return self._sources[module].origins.get(name)  # it has it from a third file
        return (module, name) if name else None

    def _uses(self, source: Source) -> Iterator[tuple[str, str]]:
        for node in ast.walk(source.tree):
            place = self._place_of(source, node)
            if place is not None and place[1] in self._sources[place[0]].numbers:
                yield place

    def _is_dropped(self, source: Source, statement: ast.stmt) -> bool:
        """A definition of numbers of which one is used somewhere: it stands there now.  What nobody uses stays."""
        names = [name for name, _number in self._assigned(source, statement)] if isinstance(statement, ast.Assign) else []
        folded = bool(names) and all(name in source.numbers for name in names)
        return folded and any((source.module, name) in self._used for name in names)

    def _shrinks(self, source: Source, statement: ast.ImportFrom, needed: set[str]) -> bool:
        """True where an import of the firmware's own files names what the file needs no more."""
        names = [alias.asname or alias.name for alias in statement.names]
        return any(name in source.origins and name not in needed for name in names)


def _outermost(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node, those that hold others before these."""
    return ast.walk(tree)


def _bound(tree: ast.AST) -> Iterator[str]:
    """Every name that the file binds anywhere, as often as it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Global):
            yield from node.names
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name


def _place(node: ast.AST) -> tuple[int, int, int, int]:
    assert isinstance(node, ast.expr | ast.stmt) and node.end_lineno and node.end_col_offset is not None
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _lines(statement: ast.stmt) -> int:
    """Ends of lines within a statement."""
    return (statement.end_lineno or statement.lineno) - statement.lineno


def _import_of(statement: ast.ImportFrom, needed: set[str]) -> str:
    """The import with the names that are needed alone, on as many lines."""
    kept = [
        alias.name + (f" as {alias.asname}" if alias.asname else "")
        for alias in statement.names
        if (alias.asname or alias.name) in needed
    ]
    text = f"from {'.' * statement.level}{statement.module or ''} import {', '.join(kept)}" if kept else ""
    return text + "\n" * _lines(statement)


def _with(text: str, places: Places) -> str:
    """The text with each place written anew; the last first, so that the others stay where they are."""
    lines = [line.encode() for line in text.split("\n")]
    for (first, start, last, end), new in sorted(places.items(), reverse=True):
        joined = lines[first - 1][:start] + new.encode() + lines[last - 1][end:]
        lines[first - 1 : last] = joined.split(b"\n")
    return b"\n".join(lines).decode()
