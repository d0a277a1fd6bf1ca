"""Which names statements read and bind."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

import libcst as cst

__all__ = [
    "always_read",
    "bound",
    "first_reads",
    "names_in",
    "scope_body",
    "statements",
    "surely_bound",
    "targets",
    "walk",
]


def walk(node: cst.CSTNode, functions: bool = False, without: Container[int] = ()) -> Iterator[cst.CSTNode]:
    """A node and what is below it, without the bodies of functions and classes unless asked for.

    The nodes whose identities are in ``without`` are left out, and what is below them.
    """
    yield node
    for child in node.children:
        if id(child) not in without:
            if functions or not isinstance(child, cst.FunctionDef | cst.ClassDef | cst.Lambda):
                yield from walk(child, functions, without)


def names_in(node: cst.CSTNode) -> set[str]:
    """The names that an expression (or a statement, all together) reads."""
    match node:
        case cst.Name():
            return {node.value}
        case cst.Attribute():
            return names_in(node.value)
        case cst.Arg():
            return names_in(node.value)
        case cst.Lambda():
            own = {p.name.value for p in walk(node.params) if isinstance(p, cst.Param)}
            return names_in(node.body) - own
        case cst.FunctionDef():
            own = {p.name.value for p in walk(node.params) if isinstance(p, cst.Param)}
            return first_reads(statements(node.body)) - own
        case cst.Param():
            return names_in(node.default) if node.default is not None else set()
        case cst.ListComp() | cst.SetComp() | cst.GeneratorExp() | cst.DictComp():
            own = set()
            found: set[str] = set()
            for child in walk(node, functions=True):
                if isinstance(child, cst.CompFor):
                    own |= names_in(child.target)
            for child in node.children:
                found |= names_in(child)
            return found - own
        case cst.Import() | cst.ImportFrom():
            return set()
    found = set()
    for child in node.children:
        found |= names_in(child)
    return found


def statements(body: cst.BaseSuite | cst.Module) -> list[cst.CSTNode]:
    """The statements of a body, those of one line apart."""
    found: list[cst.CSTNode] = []
    for line in body.body:
        found += line.body if isinstance(line, cst.SimpleStatementLine) else [line]
    return found


def scope_body(node: cst.FunctionDef | cst.Module) -> list[cst.CSTNode]:
    """The statements of a function or a module, without functions and classes."""
    body = node.body.body if isinstance(node, cst.FunctionDef) else node.body
    return [s for s in body if not isinstance(s, cst.FunctionDef | cst.ClassDef)]


def targets(node: cst.CSTNode) -> tuple[set[str], set[str]]:
    """What assignment to a target binds and reads."""
    match node:
        case cst.Name():
            return {node.value}, set()
        case cst.Tuple() | cst.List():
            binds: set[str] = set()
            reads: set[str] = set()
            for item in node.elements:
                b, r = targets(item.value)
                binds |= b
                reads |= r
            return binds, reads
    return set(), names_in(node)


def _of(node: cst.CSTNode, have: set[str], reads: set[str]) -> set[str]:
    """Adds to ``reads`` what a statement reads that is not in ``have``; returns what it surely binds."""
    match node:
        case cst.SimpleStatementLine() | cst.IndentedBlock() | cst.SimpleStatementSuite():
            return _sequence(node.body, have, reads)
        case cst.Assign():
            reads |= names_in(node.value) - have
            binds: set[str] = set()
            for target in node.targets:
                b, r = targets(target.target)
                binds |= b
                reads |= r - have
            return binds
        case cst.AnnAssign():
            if node.value is not None:
                reads |= names_in(node.value) - have
            b, r = targets(node.target)
            reads |= r - have
            return b
        case cst.AugAssign():
            reads |= (names_in(node.value) | names_in(node.target)) - have
            return targets(node.target)[0]
        case cst.For():
            reads |= names_in(node.iter) - have
            b, r = targets(node.target)
            reads |= r - have
            _of(node.body, have | b, reads)
            if node.orelse is not None:
                _of(node.orelse.body, set(have), reads)
            return set()
        case cst.While():
            reads |= names_in(node.test) - have
            _of(node.body, set(have), reads)
            return set()
        case cst.If():
            reads |= names_in(node.test) - have
            one = _of(node.body, set(have), reads)
            if node.orelse is None:
                return set()
            return one & _of(node.orelse, set(have), reads)
        case cst.Else() | cst.Finally():
            return _of(node.body, have, reads)
        case cst.With():
            binds = set()
            for item in node.items:
                reads |= names_in(item.item) - have
                if item.asname is not None:
                    b, r = targets(item.asname.name)
                    binds |= b
            return binds | _of(node.body, have | binds, reads)
        case cst.Try():
            _of(node.body, set(have), reads)
            for handler in node.handlers:
                _of(handler.body, set(have), reads)
            for rest in (node.orelse, node.finalbody):
                if rest is not None:
                    _of(rest, set(have), reads)
            return set()
        case cst.FunctionDef() | cst.ClassDef():
            reads |= (names_in(node) if isinstance(node, cst.FunctionDef) else names_in(node.body)) - have
            return {node.name.value}
        case cst.Import() | cst.ImportFrom():
            return bound([node])
    reads |= names_in(node) - have
    return set()


def _sequence(nodes: Iterable[cst.CSTNode], have: set[str], reads: set[str]) -> set[str]:
    have = set(have)
    before = set(have)
    for node in nodes:
        have |= _of(node, have, reads)
    return have - before


def first_reads(nodes: Iterable[cst.CSTNode]) -> set[str]:
    """The names that statements in a row read before they bind them."""
    reads: set[str] = set()
    _sequence(nodes, set(), reads)
    return reads


def surely_bound(nodes: Iterable[cst.CSTNode]) -> set[str]:
    """The names that statements in a row bind whatever branches are taken."""
    return _sequence(nodes, set(), set())


def always_read(nodes: Iterable[cst.CSTNode]) -> set[str]:
    """The names that statements read outside of branches."""
    branches = {id(part) for node in nodes for n in walk(node) if isinstance(n, cst.If) for part in (n.body, n.orelse)}
    return {n.value for node in nodes for n in walk(node, functions=True, without=branches) if isinstance(n, cst.Name)}


def bound(nodes: Sequence[cst.CSTNode], without: Container[int] = ()) -> set[str]:
    """The names that statements may bind, those of functions inside (and of the nodes ``without``) left out."""
    found: set[str] = set()
    for node in nodes:
        for child in walk(node, without=without):
            match child:
                case cst.AssignTarget() | cst.AnnAssign() | cst.AugAssign() | cst.For() | cst.NamedExpr():
                    found |= targets(child.target)[0]
                case cst.AsName(name=cst.Name() as name):
                    found.add(name.value)
                case cst.ImportAlias(asname=None, name=cst.Name() as name):
                    found.add(name.value)
        for child in node.children if not isinstance(node, cst.FunctionDef) else ():
            if isinstance(child, cst.FunctionDef | cst.ClassDef):
                found.add(child.name.value)
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            found.add(node.name.value)
    return found
