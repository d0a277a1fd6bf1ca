"""The function that a region becomes, and the call that stands in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from fnn.port._edit import arguments, call, name
from fnn.port._flow import always_read, bound, first_reads, names_in, surely_bound, walk
from fnn.port._infer import Inference
from fnn.port._kinds import is_array
from fnn.port._regions import ELSEWHERE, Cannot, Elsewhere, first_place
from fnn.port._sorting import Sorting

__all__ = ["JIT", "Extraction", "Place", "Step", "globals_of", "jit", "nothing", "with_nothing"]

JIT = cst.Decorator(cst.Attribute(cst.Name("fnn"), cst.Name("jit")))
ANEW = (
    "it packs sequences, and what is packed has another size for each set of {}: compiled, it would be compiled anew "
    "for each of them; pad_packed_sequence and a loss with ignore_index, with the lengths as an array, need one program"
)
_PLAIN = ("number", "text", "shape", "dtype", "device", "none")


@dataclass(frozen=True)
class Place:
    """Where a body of statements is: the function around it, the loops, and what runs after it."""

    function: cst.FunctionDef | None = None
    method: bool = False
    nested: bool = False  # in a function of a function
    loops: tuple[cst.For | cst.While, ...] = ()
    after: tuple[cst.CSTNode, ...] = ()
    top: bool = False  # the statements of the function (or the module) themselves


@dataclass
class Step:
    """A function that was made of a region."""

    node: cst.FunctionDef


class Extraction(Sorting):
    """Makes functions of regions; `_waiting` are those that no body holds yet."""

    def __init__(self, module: cst.Module, found: Inference) -> None:
        super().__init__(module, found)
        self._waiting: list[Step] = []
        self._module = module
        self._once = False  # whether a step stays where it is that would be compiled for each batch
        self._named_first: dict[int, tuple[cst.If, list[str]]] = {}  # branches, and names that only they bind
        self._read_in_functions: set[str] = set()
        for part in walk(module, functions=True):
            if isinstance(part, cst.FunctionDef):
                self._read_in_functions |= names_in(part)

    def _named(self, region: Sequence[cst.CSTNode]) -> str:
        names = [n for s in region for c in self._steps.calls(s) if (n := self._steps.optimizer(c)) is not None]
        if "train_step" not in self._taken:
            return "train_step"
        return f"{names[0]}_step" if names and len(set(names)) == 1 and names[0].isidentifier() else "train_step"

    def _taken_out(self, body: list[cst.CSTNode], first: int, last: int, at: Place, called: str) -> list[cst.CSTNode]:
        if called != "eval_step" and not self._has_forward(body[first : last + 1]):
            raise Elsewhere(f"{ELSEWHERE}; nothing remembers how, so "
                            "remember the inputs (states, actions) instead of outputs and log-probabilities, and run "
                            "the model on them again in the step")  # fmt: skip
        before, region, after = self._sorted(body[first : last + 1])
        rest = [*after, *body[last + 1 :]]
        if not region:
            raise Cannot("nothing is computed in it")
        in_function = at.function is not None and (not at.loops or self._placed_at_module(at))
        inputs = first_reads(region)
        in_place = self._in_place(region)
        written = bound(region) | in_place
        if in_function and at.function is not None:
            params = at.function.params
            own = {p.name.value for p in walk(params) if isinstance(p, cst.Param)}
            local = own | bound(at.function.body.body) | bound(body[:first])
        else:
            local = bound([*at.loops, *(() if at.loops else body)]) | bound(before)
        local |= in_place
        local -= self._made_inside(region, at, body)
        given = sorted(inputs & local, key=lambda n: first_place(region, n))
        live = first_reads(rest) | first_reads(at.after)
        for loop in at.loops:
            live |= first_reads(loop.body.body)
        if at.loops:
            live |= first_reads([*body[:first], *before]) | (inputs if at.loops else set())
        if at.function is None:
            live |= self._read_in_functions
        else:
            live |= globals_of(at.function)
        boxes = {n for n in written if self._is_box(region, n)}  # written in place
        if not in_function:
            given = [n for n in given if n not in boxes]
        results = sorted((written & live) - boxes, key=lambda n: first_place(region, n))
        shared = written & (globals_of(at.function) if at.function is not None else set())
        if shared:
            raise Cannot(f"it assigns to the global {min(shared)}")
        for result in results:
            kind = self._kind_of(region, result)
            if kind in _PLAIN:
                raise Cannot(f"{result} is computed in it and is no array")
        self._name_first(given, region, at, body[:first])
        perhaps = [n for n in results if n not in given and n not in surely_bound(region)]
        region = [*(nothing(n) for n in perhaps), *region]
        static = [n for n in given if self._statics.needed(region, n)]
        packed = [n for n in static if self._once and self._statics.packs(region, n)]
        arrays = [n for n in packed if self._statics.only_packs(region, n)]
        if packed != arrays:
            raise Cannot(ANEW.format(min(set(packed) - set(arrays))))
        static = [n for n in static if n not in arrays]
        several = [n for n in static if self._statics.is_list(region, n)]
        made = self._fresh(called)
        node = self._definition(made, given, static, results, region, in_function and at.method)
        self._waiting.append(Step(node))
        made_of = {n: "tuple" for n in several} | {n: "fnn.tensor" for n in arrays if not self._is_array(region, n)}
        calling = self._call(made, given, made_of, results, in_function and at.method)
        return (
            [*body[:first], *before, calling, *rest]
            if at.loops or at.function
            else self._alone([*body[:first], *before], calling, rest, at)
        )

    def _is_array(self, region: Sequence[cst.CSTNode], wanted: str) -> bool:
        uses = [n for s in region for n in walk(s) if isinstance(n, cst.Name) and n.value == wanted]
        return any(is_array(self._found.of(n)) for n in uses)

    def _name_first(
        self, given: Sequence[str], region: Sequence[cst.CSTNode], at: Place, earlier: Sequence[cst.CSTNode]
    ) -> None:
        """Notes the branches before the step that alone bind what the step reads in branches only."""
        around = self._before(region, at, earlier)
        own = at.function.params if at.function is not None else None
        fine = surely_bound([*around, *earlier]) | always_read(region) | bound(at.loops, [id(n.body) for n in at.loops])
        fine |= {p.name.value for p in walk(own) if isinstance(p, cst.Param)} if own is not None else set()
        for n in given:
            branch = next((s for s in around if isinstance(s, cst.If) and n in bound([s])), None)
            if n not in fine and branch is not None:
                _, names = self._named_first.setdefault(id(branch), (branch, []))
                names += [n] if n not in names else []

    def _before(self, region: Sequence[cst.CSTNode], at: Place, near: Sequence[cst.CSTNode]) -> list[cst.CSTNode]:
        """The statements of the function, or of the module, before the one that the region stands in."""
        found: list[cst.CSTNode] = []
        for s in at.function.body.body if at.function is not None else self._module.body:
            if any(n in (at.loops or near or region) for n in walk(s)):
                break
            found.append(s)
        return found

    def _made_inside(self, region: Sequence[cst.CSTNode], at: Place, body: Sequence[cst.CSTNode]) -> set[str]:
        """The names that only the region itself binds, in a loop or a branch of its own."""
        inside = {id(s) for s in region}
        around = at.function.body.body if at.function is not None else [*at.loops, *body]
        params = at.function.params if at.function is not None else None
        others = bound([s for s in around if id(s) not in inside], inside)
        if at.function is None:
            others |= bound(self._before(region, at, body))
        if params is not None:
            others |= {p.name.value for p in walk(params) if isinstance(p, cst.Param)}
        nested = {n for s in region if isinstance(s, cst.For | cst.While | cst.If | cst.With) for n in bound([s])}
        return nested - others

    def _alone(
        self, before: list[cst.CSTNode], call: cst.CSTNode, rest: list[cst.CSTNode], at: Place
    ) -> list[cst.CSTNode]:
        """A step of a module's body that stands in no loop."""
        return [*before, *self._with_steps(call, at), *rest]

    def _with_steps(self, node: cst.CSTNode, at: Place) -> list[cst.CSTNode]:
        """The functions made in a loop, before it."""
        steps, self._waiting = self._waiting, []
        if not steps:
            return [node]
        blank = [cst.EmptyLine(indent=False)]
        around = blank * (2 if at.function is None and at.top else 1)
        made: list[cst.CSTNode] = [step.node.with_changes(leading_lines=around) for step in steps]
        lines = getattr(node, "leading_lines", ())
        while lines and lines[0].comment is None:
            lines = lines[1:]
        return [*made, node.with_changes(leading_lines=[*around, *lines])]

    def _placed_at_module(self, at: Place) -> bool:
        """Whether a function is called again and again, so that its step must not be made in it."""
        if at.function is None or at.nested:
            return False
        loops = [n for n in walk(at.function.body) if isinstance(n, cst.For | cst.While)]
        inner = [m for m in loops if self._steps.differentiates(m) or self._is_evaluation(m)]
        deep = any(n is not m and any(k is m for k in walk(n)) for n in loops for m in inner)
        infinite = any(isinstance(n, cst.While) for n in loops)
        return at.function.name.value != "main" and not deep and not infinite

    def _definition(
        self,
        called: str,
        given: list[str],
        static: list[str],
        results: list[str],
        region: list[cst.CSTNode],
        method: bool,
    ) -> cst.FunctionDef:
        lines = [s for s in region if isinstance(s, cst.BaseStatement)]
        lead = getattr(lines[0], "leading_lines", ())
        while lead and lead[0].comment is None:
            lead = lead[1:]
        lines[0] = lines[0].with_changes(leading_lines=lead)
        value = _named_last(lines[-1], results)
        if value is not None:
            lines[-1] = cst.SimpleStatementLine(
                [cst.Return(value)], leading_lines=getattr(lines[-1], "leading_lines", ())
            )
        elif results:
            lines.append(cst.SimpleStatementLine([cst.Return(_listed(results))]))
        given = ["self", *(n for n in given if n != "self")] if method else given
        return cst.FunctionDef(
            cst.Name(called),
            cst.Parameters([cst.Param(cst.Name(n)) for n in given]),
            cst.IndentedBlock(lines),
            decorators=[jit(static)],
        )

    def _call(
        self, called: str, given: list[str], made_of: dict[str, str], results: list[str], method: bool
    ) -> cst.SimpleStatementLine:
        handed = [n for n in given if not (method and n == "self")]
        function = name(f"self.{called}" if method else called)
        values = [call(made_of[n], cst.Name(n)) if n in made_of else cst.Name(n) for n in handed]
        value = cst.Call(function, arguments(*values))
        if not results:
            return cst.SimpleStatementLine([cst.Expr(value)])
        return cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(_listed(results))], value)])


def nothing(name: str) -> cst.SimpleStatementLine:
    """``name = None``."""
    return cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(cst.Name(name))], cst.Name("None"))])


def with_nothing(branch: cst.If, names: Sequence[str]) -> list[cst.CSTNode]:
    """A branch, and before it the names that only it binds."""
    first, *rest = map(nothing, names)
    return [first.with_changes(leading_lines=branch.leading_lines), *rest, branch.with_changes(leading_lines=[])]


def jit(static: Sequence[str]) -> cst.Decorator:
    """``@fnn.jit``, where some parameters are part of the program."""
    if not static:
        return JIT
    text = ", ".join(repr(n).replace("'", '"') for n in static)
    return cst.Decorator(cst.parse_expression(f"fnn.jit(static_argnames=({text}{',' if len(static) == 1 else ''}))"))


def _named_last(last: cst.CSTNode, results: list[str]) -> cst.BaseExpression | None:
    """The value of a last statement that only gives it the name of the result."""
    if not isinstance(last, cst.SimpleStatementLine) or len(last.body) != 1 or len(results) != 1:
        return None
    small = last.body[0]
    if isinstance(small, cst.Assign) and len(small.targets) == 1:
        target = small.targets[0].target
        if isinstance(target, cst.Name) and target.value == results[0]:
            return small.value
    return None


def _listed(names: Sequence[str]) -> cst.Name | cst.Tuple:
    if len(names) == 1:
        return cst.Name(names[0])
    return cst.Tuple([cst.Element(cst.Name(n)) for n in names], lpar=[], rpar=[])


def globals_of(function: cst.FunctionDef | None) -> set[str]:
    if function is None:
        return set()
    return {
        item.name.value for n in walk(function.body) if isinstance(n, cst.Global | cst.Nonlocal) for item in n.names
    }
