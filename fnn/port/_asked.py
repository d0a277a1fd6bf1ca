"""Which random numbers of the host a compiled step may ask for while it runs, and what holds them.

They are arrays there.  So it has to be known how many they are, and an array has to serve wherever they are used: in
arithmetic, as places in an array, as data of one; not as the bound of a slice or in a function of numpy's.
"""

from __future__ import annotations

import libcst as cst

from fnn.port._coins import is_one, is_sized_draw, is_whole
from fnn.port._flow import walk
from fnn.port._kinds import Kind, is_array
from fnn.port._scopes import Scopes
from fnn.port._tree import Tree

__all__ = ["Asked"]

_METHODS = frozenset("astype reshape copy squeeze flatten ravel transpose sum mean min max clip round".split())
_SIZES = frozenset("shape ndim size dtype".split())
# Functions that are JAX's under the same name, with the same arguments.
_NUMPYS = frozenset(
    "argsort sort abs sqrt exp log sin cos clip where sign floor square maximum minimum expand_dims stack concatenate "
    "argmax argmin sum mean".split()
)
_MAKERS = frozenset("tensor as_tensor from_numpy".split())


class Asked:
    """The draws of a script.

    Attributes:
        draws: the identities of the calls that ask for such numbers.
        held: those of the expressions that stand for them as they are.
        computed: those of the calls of numpy's functions that JAX's of the same name stand for.
    """

    def __init__(self, module: cst.Module, found: Scopes) -> None:
        self._found = found
        self._number = False  # whether it is one whole number that is followed
        self.draws: set[int] = set()
        self.held: set[int] = set()
        self.computed: set[int] = set()
        draws = [n for n in walk(module, functions=True) if isinstance(n, cst.Call) and is_sized_draw(n, found)]
        if not draws:
            return
        self._tree = Tree(module)
        for draw in draws:
            path: set[int] = set()
            self._number = is_whole(draw, found) and is_one(draw, found)
            if self._serves(draw, path):
                self.draws.add(id(draw))
                self.held |= path

    def _serves(self, node: cst.BaseExpression, path: set[int]) -> bool:
        """Whether an array serves where an expression stands, and wherever its value goes."""
        if id(node) in path:
            return True
        path.add(id(node))
        parent = self._above(node)
        match parent:
            case cst.BinaryOperation() | cst.Comparison():
                return self._computed(parent, path)
            case cst.UnaryOperation(operator=operator):
                return not isinstance(operator, cst.Not) and self._computed(parent, path)
            case cst.IfExp(test=test):
                return node is not test and self._computed(parent, path)
            case cst.ComparisonTarget(operator=operator):
                above = self._above(parent)
                plain = not isinstance(operator, cst.In | cst.NotIn | cst.Is | cst.IsNot)
                return plain and isinstance(above, cst.Comparison) and self._computed(above, path)
            case cst.Arg():
                return not parent.star and (self._given(parent) or self._by_numpy(parent, path))
            case cst.Attribute(attr=cst.Name(value=attr)):
                above = self._above(parent)
                if attr in _METHODS and isinstance(above, cst.Call) and above.func is parent:
                    return self._serves(above, path)
                return attr in _SIZES or (attr == "T" and self._serves(parent, path))
            case cst.Index():
                return self._is_place(parent)
            case cst.Subscript() if node is parent.value:
                return self._serves(parent, path)
            case cst.Element():
                above = self._above(parent)
                return isinstance(above, cst.Tuple) and isinstance(self._above(above), cst.Return)
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name() as target)]):
                return self._named(target, path)
            case cst.AugAssign(target=target):
                return node is parent.value and is_array(self._found.of(target))
            case cst.Return():
                return True
        return False

    def _computed(self, node: cst.BaseExpression, path: set[int]) -> bool:
        """The same of what is computed with the numbers; what is an array anyway goes where it may."""
        if is_array(self._found.of(node)):
            # What values decide is another matter.
            return not isinstance(self._above(node), cst.If | cst.While | cst.IfExp | cst.Assert)
        return self._serves(node, path)

    def _given(self, argument: cst.Arg) -> bool:
        """Whether a call takes an array for an argument; sizes are numbers."""
        call = self._above(argument)
        kind = self._found.of(call.func) if isinstance(call, cst.Call) else None
        if kind is None:
            return False
        if self._number:
            return kind.tag == "torch" and kind.name.rpartition(".")[2] in _MAKERS
        return kind.tag in ("torch", "tensor class", "method")

    def _by_numpy(self, argument: cst.Arg, path: set[int]) -> bool:
        """Whether a call is one of a function of numpy's that is JAX's as well, and its result may be an array."""
        call = self._above(argument)
        if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute) or self._number:
            return False
        base = self._found.of(call.func.value)
        if base is None or base != Kind("numpy module", "numpy") or call.func.attr.value not in _NUMPYS:
            return False
        if not self._serves(call, path):
            return False
        self.computed.add(id(call))
        return True

    def _is_place(self, index: cst.Index) -> bool:
        """Whether the index is one of an array."""
        above = self._above(self._above(index))
        return isinstance(above, cst.Subscript) and is_array(self._found.of(above.value))

    def _named(self, target: cst.Name, path: set[int]) -> bool:
        """Whether an array serves wherever a name is read in its function."""
        scope = self._tree.scope[id(target)]
        if any(self._tree.names(function, target.value) for function in self._tree.inside(scope)):
            return False  # a function inside may read the name, too
        for use in self._tree.names(scope, target.value):
            if is_array(self._found.of(use)):
                continue  # the name of an array by then: e = torch.tensor(e)
            if not isinstance(self._above(use), cst.AssignTarget | cst.Param) and not self._serves(use, path):
                return False
        return True

    def _above(self, node: cst.CSTNode) -> cst.CSTNode:
        return self._tree.above[id(node)]
