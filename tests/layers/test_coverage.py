"""The table lacks no layer, fnn lacks no class of torch's, and both have the same signatures."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from pathlib import Path
from typing import Any, get_overloads

import pytest

from fnn import functional as F
from fnn import layers, nn
from fnn.layers import combinators, composite, repetition
from tests import reference
from tests.layers.table import CASES, OWN_KEYWORDS, TABLE

torch = reference.torch
ROOT = Path(__file__).resolve().parents[2]
TORCHS = [name for name, cases in TABLE.items() if cases[0].reference is None]

NOT_LAYERS = {
    "LayerModule", "Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "Container",
    "LinearCrossEntropyOptions", "Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter",
}  # fmt: skip

# Classes that are built from several layers, or run on several devices; each brings tests of its own.
COMPOSITES = {
    "AdaptiveLogSoftmaxWithLoss", "DataParallel", "MultiheadAttention", "RNNBase", "RNNCellBase",
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer",
}  # fmt: skip


def classes(namespace: Any, base: type) -> set[str]:
    return {
        name
        for name, value in vars(namespace).items()
        if isinstance(value, type) and issubclass(value, base) and not name.startswith("_")
    }


ENTRY = "tests/layers/table.py has no entry for {}: write layer(name, of(*arguments).on(*inputs)), as for Linear"
REFERENCE = (
    "torch.nn has no {}: state in the entry of tests/layers/table.py what it is held to: "
    "layer(name, ..., reference=formula(...)) or reference=like(...), see tests/layers/cases.py"
)
MODULE = (
    "fnn.nn has no Module for the layers {}: write `class Name(LayerModule, layer=layers.Name): ...` in a file of "
    "fnn/nn/modules, then run python tools/write_exports.py and python tools/make_stubs.py"
)


def own_layers() -> set[str]:
    made_of_others = {*combinators.__all__, *composite.__all__, *repetition.__all__}
    return classes(layers, layers.Layer) - made_of_others - {"Layer"}


def test_every_layer_is_exported():
    files = [path.stem for path in (ROOT / "fnn" / "layers").glob("[a-z]*.py")]
    modules = [importlib.import_module(f"fnn.layers.{name}") for name in files]
    named = {n for m in modules for n in classes(m, layers.Layer) if getattr(m, n).__module__ == m.__name__}
    lost = sorted(named - set(layers.__all__))
    assert not lost, f"{lost}: put the names into the __all__ of their file and run python tools/write_exports.py"


def test_every_layer_has_its_module():
    lacking = sorted(name for name in own_layers() if not hasattr(nn, name))
    assert not lacking, MODULE.format(lacking)


def test_table_has_every_module():
    lacking = sorted(classes(nn, nn.Module) - NOT_LAYERS - COMPOSITES - TABLE.keys())
    assert not lacking, ENTRY.format(lacking)
    unknown = sorted(TABLE.keys() - classes(nn, nn.Module))
    assert not unknown, f"tests/layers/table.py has entries for {unknown}, fnn.nn has no such Module"


def test_every_layer_has_a_reference():
    lacking = sorted(name for name, (case, *_) in TABLE.items() if not case.reference and not hasattr(torch.nn, name))
    assert not lacking, REFERENCE.format(lacking)


def test_table_has_every_layer():
    own = own_layers()
    own -= {"RNNBase", "RNNCellBase"}  # bases, whose forward torch lacks: see tests/nn/test_recurrent.py
    assert own <= TABLE.keys(), ENTRY.format(sorted(own - TABLE.keys()))
    assert {name for name in TABLE if issubclass(getattr(nn, name), nn.modules.layer_module.LayerModule)} - own == {
        *(name for name in TABLE if name.startswith("Lazy")),
        "NLLLoss2d",
        "LinearCrossEntropyLoss",
    }, "a Module without a layer of its name"


def test_torch_has_nothing_that_fnn_lacks():
    assert not classes(torch.nn, torch.nn.Module) - set(nn.__all__)


def test_most_classes_have_several_cases():
    assert len(CASES) > 2 * len(TABLE)


# -- signatures ------------------------------------------------------------------------------------------

# torch's class takes (*args, **kwargs) by inheritance and refuses whatever is in them.
NO_ARGUMENTS = {"LogSigmoid", "Sigmoid", "Softmax2d", "Softsign", "Tanh", "Tanhshrink"}


def described(signature: inspect.Signature) -> list[tuple]:
    return [(p.name, p.kind.name, p.default) for p in signature.parameters.values() if p.name not in OWN_KEYWORDS]


@pytest.mark.parametrize("name", TORCHS)
def test_constructor_signature(name):
    ours, theirs = (inspect.signature(getattr(space, name)) for space in (nn, torch.nn))
    if name in NO_ARGUMENTS:
        assert not ours.parameters
        with pytest.raises(TypeError):
            getattr(torch.nn, name)(1)
        with pytest.raises(TypeError):
            getattr(nn, name)(1)
    elif name == "NLLLoss2d":  # torch's is hidden behind a decorator
        assert described(ours) == described(inspect.signature(torch.nn.NLLLoss))
    elif name in ("GRU", "LSTM", "RNN"):  # torch's take (*args, **kwargs), and say to type checkers which
        assert described(ours) == described(inspect.signature(get_overloads(getattr(torch.nn, name).__init__)[0]))[1:]
    else:
        assert described(ours) == described(theirs)


@pytest.mark.parametrize("name", [name for name in TABLE if hasattr(layers, name)])
def test_layer_signature(name):
    ours, module = (described(inspect.signature(getattr(space, name))) for space in (layers, nn))
    # A table that is given is a parameter: a pair takes it as such.
    assert ours == [p for p in module if p[0] not in ("_weight", "_freeze")]


@pytest.mark.parametrize("name", TORCHS)
def test_forward_signature(name):
    ours, theirs = (inspect.signature(getattr(space, name).forward) for space in (nn, torch.nn))
    if name.startswith("Lazy"):
        theirs = inspect.signature(getattr(torch.nn, name.removeprefix("Lazy")).forward)
    want = [(p, q) for p, _, q in described(theirs)][1:]
    got = [(p, q) for p, _, q in described(ours)]
    assert (got[1:] if got[:1] == [("self", inspect.Parameter.empty)] else got) == want


@pytest.mark.parametrize("name", TABLE)
def test_documentation(name):
    cls = getattr(nn, name)
    text = inspect.getdoc(cls)
    assert text and text != inspect.getdoc(nn.Module)
    if name.startswith("Lazy") or name == "NLLLoss2d":
        return  # they name the class whose arguments theirs are
    for argument in inspect.signature(cls).parameters:
        if argument not in (
            "self",
            "args",
            "kwargs",
            "size_average",
            "reduce",
            "min_value",
            "max_value",
            "_weight",
            "_freeze",
        ):
            assert argument in text, f"{name}: the argument {argument} is not documented: give it a line under Args"


# -- functions -------------------------------------------------------------------------------------------


def torch_parameters(function: Any) -> list[tuple[str, Any]] | None:
    """Names and defaults of one of torch's functions; of a built-in one from the first line of its documentation."""
    try:
        found = [(p.name, p.default) for p in inspect.signature(function).parameters.values()]
        return None if [name for name, _ in found] == ["args", "kwargs"] else found  # one of two, by return_indices
    except ValueError:
        found = re.search(r"^\s*\w+\((.*?)\)\s*->", function.__doc__ or "", re.MULTILINE | re.DOTALL)
        if not found:
            return None
        parameters = []
        for part in re.split(r",\s*", re.sub(r"\*,\s*", "", found[1])):
            name, _, default = part.partition("=")
            parameters.append((name.strip(), eval(default.strip()) if default else inspect.Parameter.empty))
        return parameters


# Built in, with no signature in the documentation, and enumerations.
NO_SIGNATURE = {"conv_tbc", "ScalingType", "SwizzleType"}
FUNCTIONS = sorted(
    name
    for name in set(F.__all__) - NO_SIGNATURE
    if callable(getattr(torch.nn.functional, name, None)) and not name.endswith("_with_indices")
)


@functools.cache
def dispatched(name: str) -> list[tuple[str, Any]]:
    """The parameters of a function that torch splits by ``return_indices``."""
    return torch_parameters(getattr(torch.nn.functional, f"{name}_with_indices"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_signature(name):
    theirs = torch_parameters(getattr(torch.nn.functional, name))
    if theirs is None:
        theirs = dispatched(name)
    theirs = [(p, str(d).removeprefix("torch.") if isinstance(d, torch.dtype) else d) for p, d in theirs]
    parameters = inspect.signature(getattr(F, name)).parameters.values()
    ours = [(p.name, p.default) for p in parameters if p.kind is not p.KEYWORD_ONLY or not p.name.endswith("key")]
    ours = [parameter for parameter in ours if parameter[0] not in OWN_KEYWORDS.difference(name for name, _ in theirs)]
    assert ours == theirs


def test_functions_are_many():
    assert len(FUNCTIONS) > 100
