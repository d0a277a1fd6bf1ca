"""fnn: neural networks on JAX, with PyTorch's semantics.

`fnn.layers` is the functional core (pure ``init``/``apply`` pairs), `fnn.nn` the Module facade, `fnn.func` the
transforms, `fnn.optim` the optimizers, `fnn.ops` PyTorch's functions on arrays, whose names are fnn's own, too.  Names
are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fnn import late, ops, uncaught
from fnn.version import __version__

if TYPE_CHECKING:  # before and after the operations, for split is more here: mypy keeps the first, pyright the last
    from fnn.func import split
if TYPE_CHECKING:
    from fnn.ops import *
if TYPE_CHECKING:
    from fnn import (
        amp,
        autograd,
        distributed,
        distributions,
        func,
        functional,
        init,
        layers,
        metrics,
        nn,
        optim,
        random,
        serialization,
        testing,
        text,
        utils,
        vision,
    )
    from fnn.amp import autocast
    from fnn.creation import (
        bernoulli,
        multinomial,
        normal,
        rand,
        rand_like,
        randint,
        randint_like,
        randn,
        randn_like,
        randperm,
    )
    from fnn.dtypes import get_default_dtype, set_default_dtype
    from fnn.errors import ArgumentError, ArgumentTypeError, MissingKeyError, StateDictError, TracerEscapeError
    from fnn.explain.entry import explain
    from fnn.exported import Exported, export, export_onnx, load_exported, portable
    from fnn.func import (
        accumulate,
        backward,
        checkpoint,
        cond,
        fori_loop,
        grad,
        jit,
        map,
        merge,
        pure,
        scan,
        split,
        switch,
        value_and_grad,
        vmap,
        while_loop,
    )
    from fnn.random import (
        Generator,
        default_generator,
        fork_rng,
        get_rng_state,
        initial_seed,
        manual_seed,
        seed,
        set_rng_state,
    )
    from fnn.serialization import load, save
    from fnn.state.grad_mode import (
        enable_grad,
        inference_mode,
        is_grad_enabled,
        is_inference_mode_enabled,
        no_grad,
        set_grad_enabled,
    )
    from fnn.text.generation import generate
    from fnn.utils.summary import summary

_MODULES = (
    "amp", "autograd", "distributed", "distributions", "explain", "func", "functional", "init", "layers", "metrics",
    "nn", "optim", "random", "serialization", "testing", "text", "utils", "vision",
)  # fmt: skip
_NAMES = {
    "amp": ("autocast",),
    "creation": (
        "bernoulli", "multinomial", "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
        "randperm",
    ),
    "dtypes": ("get_default_dtype", "set_default_dtype"),
    "errors": ("ArgumentError", "ArgumentTypeError", "MissingKeyError", "StateDictError", "TracerEscapeError"),
    "exported": ("Exported", "export", "export_onnx", "load_exported", "portable"),
    "func": (
        "accumulate", "backward", "checkpoint", "cond", "fori_loop", "grad", "jit", "map", "merge", "pure", "scan",
        "split", "switch", "value_and_grad", "vmap", "while_loop",
    ),
    "random": (
        "Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed",
        "set_rng_state",
    ),
    "serialization": ("load", "save"),
    "state.grad_mode": (
        "enable_grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "set_grad_enabled",
    ),
    "text.generation": ("generate",),
    "utils.summary": ("summary",),
}  # fmt: skip
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "__version__", "amp", "autocast", "distributed", "distributions", "explain", "metrics", "func", "functional",
    "init", "layers", "nn", "optim", "random", "serialization", "testing", "text", "utils", "vision", "bernoulli",
    "multinomial", "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm",
    "get_default_dtype", "set_default_dtype", "ArgumentError", "ArgumentTypeError", "MissingKeyError",
    "StateDictError", "TracerEscapeError", "accumulate", "backward", "checkpoint", "cond", "fori_loop", "grad", "jit",
    "map", "merge", "pure", "scan", "split", "switch", "value_and_grad", "vmap", "while_loop", "Generator",
    "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state", "load",
    "save", "summary", "ops", "autograd", "enable_grad", "inference_mode", "is_grad_enabled",
    "is_inference_mode_enabled", "no_grad", "set_grad_enabled", "Exported", "export", "export_onnx", "load_exported",
    "portable", "generate",
]  # fmt: skip
__all__ += ops.__all__


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"fnn.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"fnn.{name}")
    elif name in ops.__all__:
        value = getattr(ops, name)
    else:
        instead = import_module("fnn._torch_names").instead(name)
        raise AttributeError(f"module 'fnn' has no attribute {name!r}{instead}")
    globals()[name] = value
    return value


def _hint(error: BaseException) -> None:
    import_module("fnn.state.hints").hint_on(error)


late.provide(__getattr__)
uncaught.install(_hint)


def __dir__() -> list[str]:
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__})
