"""Puts the numbers of a firmware in the place of their names before it is compiled.  It reads, and never runs them.

MicroPython folds a `const` within its own file only; from another file each name costs a board eight bytes in every
file that uses it, and a place in the table of names.  Here a number that is assigned once, at the top of a file, is
written where any file of the same firmware uses it, and so is a row of numbers of another file.  The definition, and
imports that nobody needs any more, become empty lines, so that line numbers stay.  Relations that are asserted at the
top of a file hold or do not before it runs: the tests import every file, and a board need not judge them again.
Functions that only a host calls are left out.  A name that is bound twice anywhere in its file is left alone.
Parameters, and what an object keeps for its own file, have numbers for names: the same few in every file.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections import Counter
from collections.abc import Iterator

from spinline.edges.firmware_values import NotKnown, Value, value_of

CALLED_BY_SELECTOR = "prepare"  # main.py is no part of a slot
_NUMBER_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*")
_OWN_NAME, _SHORT_NAME = re.compile(r"_[a-zA-Z]\w*"), re.compile(r"_\d+")
Place = tuple[str, str]  # a file and a name in it
Texts = dict[tuple[int, int, int, int], str]  # where text stands (first line and byte, last line and byte) -> new text


class Source:
    """One file of the firmware: its tree, where its names come from, and what is known of them."""

    def __init__(self, path: str, text: str) -> None:
        """``path`` as on the board.  Raises SyntaxError."""
        self.module = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        self._package = self.module if path.endswith("/__init__.py") else self.module.rpartition(".")[0]
        self.text, self.tree = text, ast.parse(text)
        self.nodes = list(ast.walk(self.tree))  # looked through ten times
        self.bound = Counter(_bound(self.nodes))
        self.values: dict[str, Value] = {}
        self.origins: dict[str, Place] = {}  # name here -> module, and name there ("" for the module itself)

    def origin_of(self, statement: ast.ImportFrom) -> str:
        """The module that a from-import reads, in full."""
        if not statement.level:
            return statement.module or ""
        above = self._package.split(".")[: len(self._package.split(".")) - statement.level + 1]
        return ".".join([*above, *([statement.module] if statement.module else [])])


class Folding:
    """All files of one firmware; ``text_of`` gives the text of one as it is to be compiled."""

    def __init__(self, texts: dict[str, str]) -> None:
        """``texts``: path on the board -> source.  Raises SyntaxError with the path where a file is no Python."""
        self._by_path = {}
        for path, text in texts.items():
            try:
                self._by_path[path] = Source(path, text)
            except SyntaxError as error:
                error.filename = path
                raise
        self._sources = {source.module: source for source in self._by_path.values()}
        self._done: set[str] = set()
        for source in self._sources.values():
            self._evaluate(source)
        sources = self._sources.values()
        self._said = {word.arg for source in sources for word in source.nodes if isinstance(word, ast.keyword)}
        self._named = _named_in([source.tree for source in sources])
        self._private = self._private_names()
        self._handed_over = {module for source in self._sources.values() for module in _handed_over(source)}
        self._used = {place for source in self._sources.values() for place in self._uses(source)}

    def values_of(self, path: str) -> dict[str, Value]:
        """What is known of a file's names before it runs."""
        return self._by_path[path].values

    def text_of(self, path: str) -> str:
        """The file with numbers in the place of names; as many lines as before."""
        source = self._by_path[path]
        texts: Texts = {}
        gone: set[int] = set()
        for statement in source.tree.body:
            if self._is_dropped(source, statement):
                texts[_place(statement)] = "\n" * _ends_n(statement)
                gone |= _parts(statement)
            elif isinstance(statement, ast.Assign) and (row := self._made_row(source, statement)) is not None:
                texts[_place(statement.value)] = row + "\n" * _ends_n(statement.value)
                gone |= _parts(statement.value)
        for node in source.nodes:
            if id(node) not in gone and (written := self._written(source, node)) is not None:
                texts[_place(node)] = written
                gone |= _parts(node)
        texts |= self._short_parameters(source, gone) | self._short_attributes(source, gone)
        needed = {node.id for node in source.nodes if isinstance(node, ast.Name) and id(node) not in gone}
        for node in source.nodes:
            if isinstance(node, ast.ImportFrom) and source.origin_of(node) in self._sources:
                texts[_place(node)] = self._import_of(source, node, needed)
        return _with(source.text, texts)

    def _evaluate(self, source: Source) -> None:
        """What is known of a file's names, after those of the files that it imports from."""
        if source.module in self._done:
            return
        self._done.add(source.module)
        for statement in source.tree.body:
            if isinstance(statement, ast.ImportFrom):
                self._note_imports(source, statement)
            elif isinstance(statement, ast.Import):
                for alias in statement.names:
                    if alias.asname and alias.name in self._sources and source.bound[alias.asname] == 1:
                        self._evaluate(self._sources[alias.name])
                        source.origins[alias.asname] = alias.name, ""
            elif isinstance(statement, ast.Assign):
                for name, value in self._assigned(source, statement):
                    if _NUMBER_NAME.fullmatch(name) and source.bound[name] == 1:
                        source.values[name] = value
        for node in source.nodes:  # imports within functions, of what is loaded on demand
            if isinstance(node, ast.ImportFrom) and node not in source.tree.body:
                self._note_imports(source, node)

    def _note_imports(self, source: Source, statement: ast.ImportFrom) -> None:
        module = source.origin_of(statement)
        for alias in statement.names:
            name, inner = alias.asname or alias.name, f"{module}.{alias.name}"
            if source.bound[name] != 1:
                continue
            if inner in self._sources:
                self._evaluate(self._sources[inner])
                source.origins[name] = inner, ""
            elif module in self._sources:
                self._evaluate(self._sources[module])
                source.origins[name] = module, alias.name

    def _assigned(self, source: Source, statement: ast.Assign) -> list[tuple[str, Value]]:
        """Names of one assignment with what they are; none where that is not known."""
        target = statement.targets[0]
        elements = target.elts if isinstance(target, ast.Tuple) else [target]
        names = [element.id for element in elements if isinstance(element, ast.Name)]
        try:
            value = value_of(statement.value, lambda node: self._value_at(source, node))
        except NotKnown:
            return []
        found = value if isinstance(target, ast.Tuple) and isinstance(value, tuple) else (value,)
        alone = len(statement.targets) == 1 and len(names) == len(elements) == len(found)
        return list(zip(names, found, strict=True)) if alone else []

    def _value_at(self, source: Source, node: ast.AST) -> Value | None:
        """What a name, or a name of an imported file, stands for."""
        place = self._place_of(source, node)
        return self._sources[place[0]].values.get(place[1]) if place else None

    def _place_of(self, source: Source, node: ast.AST) -> Place | None:
        """File and name in it that this node reads; None where it is nothing of the firmware."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module, name = source.origins.get(node.value.id, ("", "?"))
            return (module, node.attr) if module and not name else None
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            return None
        module, name = source.origins.get(node.id, (source.module, node.id))
        if module != source.module and name and name not in self._sources[module].values:
            return self._sources[module].origins.get(name)  # it has it from a third file
        return (module, name) if name else None

    def _written(self, source: Source, node: ast.AST) -> str | None:
        """What stands in a node's place from now on: a number, or the row of numbers of another file."""
        place = self._place_of(source, node)
        value = self._value_at(source, node)
        if isinstance(value, int):
            return str(value) if value >= 0 else f"({value})"
        if place and place[0] != source.module and _is_row(value):
            return repr(value)
        return None

    def _made_row(self, source: Source, statement: ast.Assign) -> str | None:
        """A row of numbers that the file would make when it is loaded, written out; None where it makes none."""
        assigned = self._assigned(source, statement)
        makes = any(isinstance(node, ast.Call | ast.ListComp) for node in ast.walk(statement.value))
        if not makes or len(assigned) != 1 or not _is_row(assigned[0][1]):
            return None
        return repr(list(assigned[0][1]) if isinstance(statement.value, ast.ListComp) else assigned[0][1])  # type: ignore[arg-type]

    def _uses(self, source: Source) -> Iterator[Place]:
        for node in source.nodes:
            place = self._place_of(source, node)
            if place is not None and place[1] in self._sources[place[0]].values:
                value = self._sources[place[0]].values[place[1]]
                if isinstance(value, int) or place[0] != source.module:
                    yield place

    def _is_dropped(self, source: Source, statement: ast.stmt) -> bool:
        """A definition of numbers of which one is used somewhere: it stands there now.  What nobody uses stays.

        An assertion at the top of a file is dropped, and a function, a text or a row that no file names.
        """
        if isinstance(statement, ast.FunctionDef):
            return statement.name not in self._named
        if not isinstance(statement, ast.Assign) or source.module in self._handed_over:
            return isinstance(statement, ast.Assert)
        assigned = self._assigned(source, statement)
        if assigned and not any(isinstance(value, int) or name in self._named for name, value in assigned):
            return True
        folded = bool(assigned) and all(isinstance(value, int) and name in source.values for name, value in assigned)
        return folded and any((source.module, name) in self._used for name, _value in assigned)

    def _import_of(self, source: Source, statement: ast.ImportFrom, needed: set[str]) -> str:
        """The names that are needed, from a file that is named in full: a relative name would be one more name."""
        module = source.origin_of(statement)
        kept = [alias for alias in statement.names if (alias.asname or alias.name) in needed]
        files = [alias for alias in kept if f"{module}.{alias.name}" in self._sources]
        found = [f"import {module}.{alias.name} as {alias.asname or alias.name}" for alias in files]
        names = [_named(alias) for alias in kept if alias not in files]
        if names:
            found.append(f"from {module} import {', '.join(names)}")
        return "; ".join(found) + "\n" * _ends_n(statement)

    def _short_parameters(self, source: Source, gone: set[int]) -> Texts:
        """Every function's parameters under the same few names, but for those that any call names.

        An interpreter keeps the name of each parameter for as long as it runs, and nobody sees it.
        """
        texts: Texts = {}
        for function in source.nodes:
            if not isinstance(function, ast.FunctionDef) or _has_functions(function):
                continue  # whose names are whose is not worth finding out
            parameters = [*function.args.posonlyargs, *function.args.args]
            names = {one.arg: f"_{i}" for i, one in enumerate(parameters) if one.arg not in self._said}
            for one in parameters:
                if one.arg in names:
                    texts[(one.lineno, one.col_offset, one.lineno, one.col_offset + len(one.arg))] = names[one.arg]
            for node in (part for statement in function.body for part in ast.walk(statement)):
                if isinstance(node, ast.Name) and node.id in names and id(node) not in gone:
                    texts[_place(node)] = names[node.id]
        return texts

    def _private_names(self) -> dict[str, str]:
        """What objects keep for their own file, not their functions (a traceback names those): name -> file."""
        files: dict[str, set[str]] = {}
        excluded: set[str] = set()
        kin: set[str] = set()  # files with a class that goes on in another one: one object holds what both keep
        for source in self._sources.values():
            excluded |= set(source.bound)
            for node in source.nodes:
                if isinstance(node, ast.Attribute):
                    files.setdefault(node.attr, set()).add(source.module)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    excluded.add(node.value)
                elif isinstance(node, ast.ClassDef):
                    words = [word for base in node.bases for word in ast.walk(base) if isinstance(word, ast.Name)]
                    of = {source.origins[word.id][0] for word in words if word.id in source.origins}
                    kin |= of | {source.module} if of else set()
        own = {name: next(iter(of)) for name, of in files.items() if len(of) == 1 and _OWN_NAME.fullmatch(name)}
        return {name: module for name, module in own.items() if name not in excluded and module not in kin}

    def _short_attributes(self, source: Source, gone: set[int]) -> Texts:
        """What the file's objects keep for themselves, under numbers: the names of parameters, once more."""
        nodes = [node for node in source.nodes if isinstance(node, ast.Attribute) and id(node) not in gone]
        taken = {node.attr for node in nodes if _SHORT_NAME.fullmatch(node.attr)}
        own = sorted({node.attr for node in nodes if self._private.get(node.attr) == source.module})
        free = (name for i in itertools.count() if (name := f"_{i}") not in taken)
        names = dict(zip(own, free, strict=False))
        texts: Texts = {}
        for node in nodes:
            if node.attr in names:
                _line, _start, last, end = _place(node)
                texts[(last, end - len(node.attr), last, end)] = names[node.attr]
        return texts


def _has_functions(function: ast.FunctionDef) -> bool:
    inner = (node for statement in function.body for node in ast.walk(statement))
    return any(isinstance(node, ast.FunctionDef | ast.Lambda) for node in inner)


def folded(texts: dict[str, str]) -> dict[str, str]:
    """All files folded until nothing changes: what only a dropped line named goes, too.  Raises SyntaxError."""
    while True:
        folding = Folding(texts)
        again = {path: folding.text_of(path) for path in texts}
        if again == texts:
            return texts
        texts = again


def _named_in(trees: list[ast.Module]) -> set[str]:
    """Every name that is read somewhere, but for those that only functions read which are not named themselves."""
    statements = [(statement, set(_read_in(statement))) for tree in trees for statement in tree.body]
    while True:
        named = {CALLED_BY_SELECTOR}.union(*(read for _statement, read in statements))
        left = [one for one in statements if not isinstance(one[0], ast.FunctionDef) or one[0].name in named]
        if len(left) == len(statements):
            return named
        statements = left


def _read_in(statement: ast.stmt) -> Iterator[str]:
    """Every name that a statement reads."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name


def _handed_over(source: Source) -> Iterator[str]:
    """Files that are used as an object: what somebody may read of them is not known."""
    read = {id(node.value) for node in source.nodes if isinstance(node, ast.Attribute)}
    for node in source.nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in read:
            module, name = source.origins.get(node.id, ("", "?"))
            if module and not name:
                yield module


def _is_row(value: Value | None) -> bool:
    """True for a row of numbers."""
    return isinstance(value, tuple) and all(isinstance(element, int) for element in value)


def _parts(node: ast.AST) -> set[int]:
    """The node and all that stands in it."""
    return {id(part) for part in ast.walk(node)}


def _bound(nodes: list[ast.AST]) -> Iterator[str]:
    """Every name that the file binds anywhere, as often as it does."""
    for node in nodes:
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


def _ends_n(node: ast.stmt | ast.expr) -> int:
    """Ends of lines within it."""
    return (node.end_lineno or node.lineno) - node.lineno


def _named(alias: ast.alias) -> str:
    return alias.name + (f" as {alias.asname}" if alias.asname else "")


def _with(text: str, texts: Texts) -> str:
    """The text with each place written anew; the last first, so that the others stay where they are."""
    lines = [line.encode() for line in text.split("\n")]
    for (first, start, last, end), new in sorted(texts.items(), reverse=True):
        lines[first - 1 : last] = (lines[first - 1][:start] + new.encode() + lines[last - 1][end:]).split(b"\n")
    return b"\n".join(lines).decode()
