"""The kinds of a script's expressions, by following its statements in order.

Functions are gone through with what their callers in the same file pass, methods of Modules with tensors for
`forward`; a few rounds, until returns and attributes of ``self`` are known where they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import libcst as cst

from fnn.port._asked import Asked
from fnn.port._definitions import Definitions
from fnn.port._flow import names_in, walk
from fnn.port._kinds import (
    ARRAY,
    BOX,
    NONE,
    NUMBER,
    OPTIMIZER,
    Kind,
    either,
    element,
    is_array,
    join,
    list_of,
    part,
    torch_name,
    ways,
)
from fnn.port._scopes import Class, Function, Scopes, dotted, each_in_place
from fnn.port._states import written_states

__all__ = ["Inference"]


_ROUNDS = 4
_ON_ONE = frozenset(("torch.unsqueeze", "torch.squeeze", "torch.clone"))  # functions of an array, not of a list


class Inference(Definitions):
    """The kinds of a module's expressions, by the identity of their nodes."""

    def __init__(
        self,
        module: cst.Module,
        asking: bool = False,
        others: Callable[[str], Scopes | None] | None = None,
        seeds: Mapping[str, Mapping[str, Kind | None]] | None = None,
    ) -> None:
        super().__init__()
        self.others = others or self.others
        self.seeds = seeds or {}
        self.own_classes = {n.name.value for n in walk(module, functions=True) if isinstance(n, cst.ClassDef)}
        self.asking = asking  # whether a step that draws numbers of a known size asks the host for them while it runs
        self.written_states = written_states(module)
        self.shared: dict[int, tuple[str, ...] | None] = {}  # by the list that a loop makes Parameters of
        self._grown: set[str] = set()  # lists that get what has other names
        self._rest: Sequence[cst.CSTNode] = ()
        for _ in range(_ROUNDS):
            self._envs = [self.globals]
            self.guessed.clear()
            self._block(module.body)
        self.asked = Asked(module, self)
        self.asked_elsewhere |= self.asked.draws  # to those that import this file

    def own_functions(self) -> Iterator[Function]:
        """The functions that this file defines."""
        taken = {id(f) for other in self._from.values() for f in other.functions.values()}
        return (f for f in self.functions.values() if id(f) not in taken)

    def _assign(self, target: cst.BaseExpression, kind: Kind | None) -> None:
        self.kinds[id(target)] = kind
        match target:
            case cst.Name():
                self._bind(target.value, kind)
            case cst.Tuple() | cst.List():
                for i, item in enumerate(target.elements):
                    if isinstance(item, cst.StarredElement):
                        self._assign(item.value, list_of(element(kind)))
                    else:
                        self._assign(item.value, part(kind, i))
            case cst.Attribute():
                owners = [o for k in ways(self._eval(target.value)) if (o := self._owner(k)) is not None]
                name = target.attr.value
                having = [o for o in owners if name in o.attributes] or owners
                for owner in having:
                    owner.attributes[name] = join(owner.attributes.get(name), kind)
            case cst.Subscript():
                self._eval(target)
                base = self.of(target.value)
                if isinstance(target.value, cst.Name) and base is not None and base.tag in ("list", "dict"):
                    held = element(base)
                    kept = held if held == BOX and is_array(kind) else join(held, kind)  # an optimizer's state
                    self._bind(target.value.value, Kind(base.tag, "", (kept,)))
            case _:
                self._eval(target)

    def _owner(self, kind: Kind) -> Class | None:
        """The class of the script whose object a value of this kind is."""
        return self.classes.get(kind.name) if kind.tag in ("module", "instance", "optimizer") else None

    def _block(self, body: Sequence[cst.CSTNode]) -> None:
        for i, statement in enumerate(body):
            self._rest = body[i + 1 :]
            self._statement(statement)

    def _statement(self, node: cst.CSTNode) -> None:
        match node:
            case cst.SimpleStatementLine() | cst.SimpleStatementSuite() | cst.IndentedBlock():
                self._block(node.body)
            case cst.Import():
                self._import(node)
            case cst.ImportFrom():
                self._import_from(node)
            case cst.Assign():
                kind = self._eval(node.value)
                for target in node.targets:
                    if isinstance(target.target, cst.Name):
                        self.assigned[target.target.value] = node.value
                        if isinstance(node.value, cst.Call) and (made := dotted(node.value.func)) is not None:
                            self.made_by[target.target.value] = made
                    known = self._look(target.target.value) if isinstance(target.target, cst.Name) else None
                    loaded = self.loads(node.value) and known is not None and known.tag == "module"
                    self._assign(target.target, known if loaded else kind)
            case cst.AnnAssign():
                kind = self._annotation(node.annotation)
                if node.value is not None:
                    kind = self._eval(node.value) or kind
                self._assign(node.target, kind)
            case cst.AugAssign():
                before, kind = self._eval(node.target), self._eval(node.value)
                if before is not None and before.tag == "list" and isinstance(node.target, cst.Name):
                    self._grown |= {node.target.value} if not isinstance(node.value, cst.List) else set()
                    self._bind(node.target.value, join(before, list_of(element(kind))))
                if not (before is not None and before.tag in ("box", "list", "numpy")):
                    kind = before if before is not None and is_array(before) else join(before, kind)
                    if isinstance(node.target, cst.Name):
                        self._bind(node.target.value, kind)
                    elif isinstance(node.target, cst.Attribute) and is_array(kind):
                        self._assign(node.target, kind)
            case cst.Expr():
                self._eval(node.value)
                self._appended(node.value)
                self._required(node.value)
            case cst.Return():
                kind = self._eval(node.value) if node.value is not None else NONE
                if self._function is not None:
                    self._function.returns = join(self._function.returns, kind)
            case cst.For():
                rest = self._rest
                self._assign(node.target, self._element(self._eval(node.iter)))
                self._rows(node)
                self._loop(node.body)
                loop = each_in_place(node)
                if loop is not None and loop.method == "requires_grad_":
                    self._bind(loop.rows.value, list_of(BOX))
                    self._share(loop.rows, rest)
                if node.orelse is not None:
                    self._statement(node.orelse.body)
            case cst.While():
                self._eval(node.test)
                self._loop(node.body)
            case cst.If():
                self._eval(node.test)
                before = dict(self._envs[-1])
                narrowed = self._narrowed(node.test)
                if narrowed is not None:
                    self._bind(*narrowed)
                self._statement(node.body)
                after = dict(self._envs[-1])
                if node.orelse is not None:
                    self._envs[-1].clear()
                    self._envs[-1].update(before)
                    self._statement(node.orelse)
                    for name, kind in after.items():
                        self._bind(name, join(kind, self._envs[-1].get(name)))
                else:
                    for name, kind in before.items():
                        self._bind(name, join(after.get(name), kind))
            case cst.Else() | cst.Finally():
                self._statement(node.body)
            case cst.With():
                for item in node.items:
                    kind = self._eval(item.item)
                    if item.asname is not None:
                        self._assign(item.asname.name, kind)
                self._statement(node.body)
            case cst.Try() | cst.TryStar():
                self._statement(node.body)
                for handler in node.handlers:
                    if handler.type is not None:
                        self._eval(handler.type)
                    self._statement(handler.body)
                for rest in (node.orelse, node.finalbody):
                    if rest is not None:
                        self._statement(rest)
            case cst.FunctionDef():
                self._define(node)
            case cst.ClassDef():
                self._define_class(node)
            case cst.Match():
                kind = self._eval(node.subject)
                for case in node.cases:
                    self._match(node.subject, kind, case)
            case _:
                self._children(node)

    def _rows(self, node: cst.For) -> None:
        """``for row in x.data: torch.unsqueeze(row, 0)`` shows that ``x`` is an array."""
        match node:
            case cst.For(target=cst.Name(value=row), iter=cst.Attribute(value=whole, attr=cst.Name(value="data"))):
                if self.of(whole) is not None:
                    return
                for part in walk(node.body):
                    match part:
                        case cst.Call(func=func, args=[cst.Arg(value=cst.Name(value=first)), *_]) if first == row:
                            kind = self._eval(func)
                            if kind is not None and kind.name in _ON_ONE:
                                self._told(whole)

    def _match(self, subject: cst.BaseExpression, kind: Kind | None, case: cst.MatchCase) -> None:
        """One case: what its pattern names and captures, its guard, its statements."""
        before = dict(self._envs[-1])
        for inner in walk(case.pattern):
            match inner:
                case cst.MatchClass(cls=cls):
                    self._eval(cls)
                case cst.MatchValue(value=value):
                    self._eval(value)
                case cst.MatchAs(name=cst.Name(value=name)) | cst.MatchStar(name=cst.Name(value=name)):
                    self._bind(name, kind if inner is case.pattern else element(kind))
        if isinstance(case.pattern, cst.MatchClass) and isinstance(subject, cst.Name):
            made = self.of(case.pattern.cls)
            if made is not None and made.tag == "tensor class":
                self._bind(subject.value, ARRAY)
        if case.guard is not None:
            self._eval(case.guard)
        self._statement(case.body)
        for name, known in before.items():
            self._bind(name, join(self._envs[-1].get(name), known))

    def _narrowed(self, test: cst.BaseExpression) -> tuple[str, Kind] | None:
        """The variable of which ``isinstance(x, torch.Tensor)`` shows what it is, and what."""
        match test:
            case cst.Call(func=cst.Name(value="isinstance"), args=[cst.Arg(value=cst.Name() as name), argument]):
                kind = self.of(argument.value)
                if kind is not None and kind.tag == "tensor class":
                    return name.value, ARRAY
                if kind == torch_name("torch.optim.Optimizer"):
                    return name.value, OPTIMIZER
                if (chosen := self._chosen_way(self.of(name), self.of(argument.value))) is not None:
                    return name.value, chosen
                classes = {dotted(n) for n in walk(argument.value) if isinstance(n, cst.Name)}
                if classes <= {"list", "tuple"}:
                    known = self.of(name)
                    return name.value, known if known is not None and known.tag in ("list", "tuple") else list_of(None)
                if classes <= {"int", "float"}:
                    return name.value, NUMBER
            case cst.Call(func=function, args=[cst.Arg(value=cst.Name() as name)]):
                if self.of(function) == torch_name("torch.is_tensor"):
                    return name.value, ARRAY
        return None

    def _chosen_way(self, known: Kind | None, asked: Kind | None) -> Kind | None:
        """What a value that is one of several objects is if it is of a class, or of one of a tuple of them."""
        if known is None or known.tag != "either" or asked is None:
            return None
        classes = asked.of if asked.tag == "tuple" else (asked,)
        names = {kind.name for kind in classes if kind is not None and kind.tag == "class"}
        found = [way for way in ways(known) if way.name in names]
        return either(*found) if found else None

    def _share(self, rows: cst.Name, rest: Sequence[cst.CSTNode]) -> None:
        """Which names stand for the arrays of a list that become Parameters; None: they have names not known here."""
        made = self.assigned.get(rows.value)
        names: tuple[str, ...] | None = ()
        if rows.value in self._grown:
            names = None
        elif isinstance(made, cst.List | cst.Tuple):
            items = [e.value for e in made.elements]
            names = tuple(n.value for n in items if isinstance(n, cst.Name))
            if any(isinstance(n, cst.Attribute) for n in items):
                names = None
            elif self._function is not None and not set(names) & {n for s in rest for n in names_in(s)}:
                names = ()  # what follows takes them from the list
            elif names and len(names) < len(items):
                names = None
        elif isinstance(made, cst.ListComp):
            names = None if isinstance(made.elt, cst.Name | cst.Attribute) else ()
        elif isinstance(made, cst.Call):
            functions = [self.functions.get(int(k.name)) for k in ways(self.of(made.func)) if k.tag == "function"]
            names = None if any(f is not None and f.owner is not None for f in functions) else ()
        elif isinstance(made, cst.BinaryOperation | cst.Name | cst.Attribute | cst.IfExp):
            names = None
        self.shared[id(rows)] = names
        for name in names or ():
            self._bind(name, BOX)

    def _loop(self, body: cst.CSTNode) -> None:
        self._statement(body)
        self._statement(body)  # what the first turn has bound

    def _appended(self, node: cst.BaseExpression) -> None:
        """``xs.append(x)``, ``xs.extend(ys)``: what the list holds."""
        match node:
            case cst.Call(
                func=cst.Attribute(value=target, attr=cst.Name(value="append" | "add" | "extend" as how)),
                args=[argument],
            ):
                kind, given = self.of(target), self.of(argument.value)
                if kind is not None and kind.tag == "list":
                    held = list_of(join(kind.of[0], element(given) if how == "extend" else given))
                    if isinstance(target, cst.Name):
                        named = isinstance(argument.value, cst.Name | cst.Attribute)
                        self._grown |= {target.value} if how == "extend" or named else set()
                        for env in reversed(self._envs):
                            if target.value in env:
                                env[target.value] = held
                                break
                    elif isinstance(target, cst.Attribute):
                        self._assign(target, held)

    def _required(self, node: cst.BaseExpression) -> None:
        """``x.requires_grad_()``: the array is a Parameter from here on."""
        match node:
            case cst.Call(func=cst.Attribute(value=cst.Name() as target, attr=cst.Name(value="requires_grad_"))):
                if (kind := self.of(target)) is not None and kind.tag == "array":
                    self._bind(target.value, BOX)

    def _children(self, node: cst.CSTNode) -> None:
        for child in node.children:
            if isinstance(child, cst.BaseExpression):
                self._eval(child)
            elif not isinstance(child, cst.BaseParenthesizableWhitespace):
                self._statement(child)
