"""Which tool says where a fault is: `fnn.explain`, PyTorch's anomaly mode and logs, JAX's flags, Equinox's debugging.

    python benchmarks/faults.py [--write] [tool ...]

Each fault is put into the same network (encoder, middle, head, loss, Adam) in each framework, and what the tool prints,
raises or warns of is read: does it name the place, the module, argument or parameter that is wrong?  ``--write`` puts
the table into docs/guides/debugging.md.  Needs torch and equinox; fnn's own answers are under test (tests/explain).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import re
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("fnn", "torch", "jax", "equinox")
TITLES = {
    "fnn": "fnn.explain",
    "torch": "PyTorch: anomaly mode, TORCH_LOGS",
    "jax": "JAX: its flags",
    "equinox": "Equinox: eqx.debug",
}

# What goes wrong in numbers: the fault, the place, and what the middle does, written with jnp or torch.
NUMBERS: dict[str, tuple[str, Callable[[Any, Any], Any] | None]] = {
    "overflow in half precision": ("middle", lambda L, x: L.full(x, L.half(x) * 0 + 6e4) * 10),
    "logarithm of 0 in a loss": ("[Ll]oss", None),
    "NaN in a weight": ("head", None),
    "NaN in the data": ("x", None),
    "NaN only in the backward pass (square root at 0)": ("middle", lambda L, x: L.sqrt((x * 0.0) ** 2)),
    "a logarithm guarded by where": ("middle", lambda L, x: L.where(x > 99, L.log(x - x), x * 0)),
    "optimizer state that explodes": ("Adam|exp_avg_sq", None),
    "attention with everything masked": ("middle", lambda L, x: L.softmax(x * 0 - float("inf")) * x),
    "division by a deviation of 0": ("middle", lambda L, x: (x - x) / L.std(x * 0)),
    "exponentials in a loop": ("middle", lambda L, x: L.exp(L.exp(L.exp(L.exp(x + 3) + 3) + 3) + 3)),
    "a root of a negative number": ("middle", lambda L, x: (-1 - x * x) ** 0.5),
}
# Compiled again and again: the fault and what must be named.
PROGRAMS = {
    "ragged batches": "x",
    "a flag that is flipped": "flag",
    "a list that grows": "log",
    "a new function at each step": "f|function",
    "a setting in a dict": "mode|settings",
    "a rate of dropout that moves": "p|rate",
}
OTHERS = {
    "an unused parameter": "spare",
    "a detached parameter": "encoder",
    "dead rectifiers": "encoder",
    "a layer that takes the memory": "middle",
    "a leaked tracer": "middle",
    "the same key used twice": "key",
    "a branch on a traced value": "middle",
    "shapes that do not fit": "middle",
}
WHOLE = {**{name: place for name, (place, _) in NUMBERS.items()}, **PROGRAMS, **OTHERS}
X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """What is printed, logged, warned of and raised in the block."""
    found: list[str] = []
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    loggers = [logging.getLogger(name) for name in ("jax", "torch", "torch._dynamo", "torch._inductor")]
    for logger in loggers:
        logger.addHandler(handler)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                yield found
            except Exception as error:
                found.append("".join(traceback.format_exception(error)))
    for logger in loggers:
        logger.removeHandler(handler)
    found += [str(warning.message) for warning in told]
    found.append(stream.getvalue())


def verdict(text: str, place: str) -> str:
    """Whether a report names the place: "named", "noticed" or "silent"."""
    # of a traceback the functions count, not the source around them, which names neighbours, too
    text = re.sub(r'File "[^"]*", line \d+, in (\w+)\n((?:    .*\n?)*)', r"in \1\n", text)
    if re.search(rf"(?<!\w)({place})(?!\w)", text):
        return "named"
    return "noticed" if text.strip() else "silent"


# -- fnn ---------------------------------------------------------------------------------------------------


def of_fnn(name: str) -> str:
    """What `fnn.explain` says of a fault."""
    import jax
    import jax.numpy as jnp

    import fnn
    from fnn import nn, optim

    L = _jnp(jnp, jax)

    class Middle(nn.Module):
        def __init__(self, function):
            super().__init__()
            self.function = function

        def forward(self, x):
            return self.function(x)

    class Net(nn.Module):
        def __init__(self, function):
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
            self.middle = function if isinstance(function, nn.Module) else Middle(function)
            self.head = nn.Linear(4, 2)
            self.log, self.flag, self.p = [], False, 0.5

        def forward(self, x):
            out = self.head(self.middle(self.encoder(x)).astype(jnp.float32))
            out = -out if self.flag else out
            return out * self.p if self.p > 0.1 and not self.log else out

    fnn.manual_seed(0)
    fault = NUMBERS.get(name, (None, None))[1]
    model = Net((lambda x: fault(L, x)) if fault else (lambda x: x))
    optimizer = optim.Adam(model.parameters())
    scale = 1e25 if name == "optimizer state that explodes" else 1.0

    class Loss(nn.Module):
        def forward(self, out):
            return -jnp.log(out * 0).mean() if name == "logarithm of 0 in a loss" else (out**2).mean() * scale

    loss = Loss()

    @fnn.jit
    def step(x):
        optimizer.zero_grad()
        value = loss(model(x))
        fnn.backward(value)
        optimizer.step()
        return value

    x = jnp.array(X)
    with heard() as found:
        if name in NUMBERS:
            if name == "NaN in a weight":
                model.head.weight.data = model.head.weight.data.at[0, 0].set(jnp.nan)
            x = x.at[0, 0].set(jnp.nan) if name == "NaN in the data" else x
            report = fnn.explain.nonfinite(step, x)
            print(report.findings[0].where, report.findings[0].what)
        elif name in PROGRAMS:
            settings = {"mode": 0}
            told = fnn.jit(lambda f, x: f(x)) if name == "a new function at each step" else step
            if name == "a setting in a dict":
                told = fnn.jit(lambda x: x * 2 if settings["mode"] % 2 else -x)
            for turn in range(4):
                model.flag = (False, True, None, "")[turn] if name == "a flag that is flipped" else False
                model.log += [turn] if name == "a list that grows" else []
                model.p -= 0.1 if name == "a rate of dropout that moves" else 0
                settings["mode"] = turn
                if name == "a new function at each step":
                    told(lambda x: x + 1, x)
                else:
                    told(x[: 4 - turn] if name == "ragged batches" else x)
            print(fnn.explain.recompiles(told))
        elif name == "an unused parameter":
            model.spare = nn.Linear(2, 2)
            print(*(finding.where for finding in fnn.explain.gradients(step, x).findings))
        elif name == "a detached parameter":
            model.middle.function = fnn.detach
            print(*(finding.where for finding in fnn.explain.gradients(step, x).findings))
        elif name == "dead rectifiers":
            model.encoder[0].bias.data = jnp.full(4, -99.0)
            print(fnn.explain.dead(step, x).findings[0].where)
        elif name == "a layer that takes the memory":
            model.middle.function = lambda x: _hog(jnp, x)
            print(fnn.explain.memory(step, x).findings[0].where)
        elif name == "a leaked tracer":

            class Keeps(nn.Module):
                def forward(self, x):
                    self.last = x
                    return x

            model.middle = Keeps()
            jax.jit(lambda x: model(x))(x)
        elif name == "the same key used twice":
            noisy = fnn.jit(lambda key, x: x + jax.random.normal(key, (3,)) + jax.random.uniform(key, (3,)))
            print(*(finding.what for finding in fnn.explain.keys(noisy, jax.random.key(0), x).findings))
        elif name == "a branch on a traced value":
            model.middle.function = lambda x: x if x.sum() > 0 else -x
            step(x)
        elif name == "shapes that do not fit":
            model.middle = nn.Linear(5, 4)
            step(x)
    return "\n".join(found)


def _jnp(jnp: Any, jax: Any) -> Any:
    return SimpleNamespace(
        full=lambda like, x: x,
        half=lambda x: x.astype(jnp.float16),
        sqrt=jnp.sqrt, where=jnp.where, log=jnp.log, exp=jnp.exp, softmax=lambda x: jax.nn.softmax(x, -1),
        std=lambda x: jnp.std(x, 0, keepdims=True),
    )  # fmt: skip


def _hog(L: Any, x: Any) -> Any:
    wide = L.tile(x, (1, 64))
    return (wide[:, :, None] * wide[:, None, :]).mean(2)[:, :4]


# -- torch -------------------------------------------------------------------------------------------------


def of_torch(name: str) -> str:
    """What PyTorch's anomaly mode and its logs of recompilations say."""
    import torch
    from torch import nn

    L = SimpleNamespace(
        full=lambda like, x: x, half=lambda x: x.half(), sqrt=torch.sqrt, where=torch.where, log=torch.log,
        exp=torch.exp, softmax=lambda x: torch.softmax(x, -1), std=lambda x: torch.std(x, 0, keepdim=True),
    )  # fmt: skip

    class Net(nn.Module):
        def __init__(self, function):
            super().__init__()
            self.encoder, self.head = nn.Sequential(nn.Linear(3, 4), nn.ReLU()), nn.Linear(4, 2)
            self.function = function
            self.log, self.flag, self.p = [], False, 0.5

        def middle(self, x):
            return self.function(x)

        def forward(self, x):
            out = self.head(self.middle(self.encoder(x)).to(torch.float32))
            out = -out if self.flag else out
            return out * self.p if self.p > 0.1 and len(self.log) % 4 != 9 else out

    torch.manual_seed(0)
    fault = NUMBERS.get(name, (None, None))[1]
    model = Net((lambda x: fault(L, x)) if fault else (lambda x: x))
    optimizer = torch.optim.Adam(model.parameters())
    scale = 1e25 if name == "optimizer state that explodes" else 1.0

    def loss(out):
        return -torch.log(out * 0).mean() if name == "logarithm of 0 in a loss" else (out**2).mean() * scale

    def step(x):
        optimizer.zero_grad()
        value = loss(model(x))
        value.backward()
        optimizer.step()
        return value

    x = torch.tensor(X)
    with heard() as found:
        if name in NUMBERS:
            if name == "NaN in a weight":
                with torch.no_grad():
                    model.head.weight[0, 0] = float("nan")
            if name == "NaN in the data":
                x[0, 0] = float("nan")
            with torch.autograd.set_detect_anomaly(True):
                step(x)
        elif name in PROGRAMS:
            torch._dynamo.reset()
            torch._logging.set_logs(recompiles=True)
            torch._dynamo.config.recompile_limit = 3
            settings = {"mode": 0}
            compiled = torch.compile(lambda x: loss(model(x)), backend="eager", dynamic=False)
            if name == "a new function at each step":
                compiled = torch.compile(lambda f, x: f(x), backend="eager")
            if name == "a setting in a dict":
                compiled = torch.compile(lambda x: x * 2 if settings["mode"] % 2 else -x, backend="eager")
            for turn in range(4):
                model.flag = (False, True, None, "")[turn] if name == "a flag that is flipped" else False
                model.log += [turn] if name == "a list that grows" else []
                model.p -= 0.1 if name == "a rate of dropout that moves" else 0
                settings["mode"] = turn
                if name == "a new function at each step":
                    compiled(eval(f"lambda x: x + {turn}"), x)
                else:
                    compiled(x[: 4 - turn] if name == "ragged batches" else x)
            torch._logging.set_logs()
        elif name == "an unused parameter":
            model.spare = nn.Linear(2, 2)
            with torch.autograd.set_detect_anomaly(True):
                step(x)
        elif name in ("a detached parameter", "dead rectifiers", "a layer that takes the memory"):
            if name == "dead rectifiers":
                with torch.no_grad():
                    model.encoder[0].bias.fill_(-99.0)
            functions = {
                "a detached parameter": torch.detach,
                "a layer that takes the memory": lambda x: _hog(torch, x),
            }
            model.function = functions.get(name, lambda x: x)
            with torch.autograd.set_detect_anomaly(True):
                step(x)
        elif name == "a leaked tracer":
            return "-"  # there are none
        elif name == "the same key used twice":
            return "-"  # nor keys
        elif name == "a branch on a traced value":
            return "-"  # nor traced values: dynamo breaks the graph
        elif name == "shapes that do not fit":
            model.function = nn.Linear(5, 4)
            step(x)
    return "\n".join(found)


# -- JAX by hand, and Equinox --------------------------------------------------------------------------------


def of_jax(name: str, own: Any = None) -> str:
    """What JAX's flags say; with Equinox as ``own``, what its debugging says, without the flags."""
    import jax
    import jax.numpy as jnp
    import optax

    L = _jnp(jnp, jax)
    fault = NUMBERS.get(name, (None, None))[1]
    mode = {"flag": False, "p": 0.5, "log": [], "kept": None}

    def encoder(params, x):
        return jax.nn.relu(x @ params["w"] + params["b"])

    def middle(x):
        if name == "a leaked tracer":
            mode["kept"] = x
        if name == "a branch on a traced value":
            return x if x.sum() > 0 else -x
        if name == "a detached parameter":
            return jax.lax.stop_gradient(x)
        if name == "a layer that takes the memory":
            return _hog(jnp, x)
        if name == "shapes that do not fit":
            return x @ jnp.ones((5, 4))
        return fault(L, x) if fault else x

    def head(params, x):
        return x.astype(jnp.float32) @ params["w"] + params["b"]

    def loss(params, x):
        out = head(params["head"], middle(encoder(params["encoder"], x)))
        if own is not None:
            out = own.debug.backward_nan(out, name="the output of head")
        if name == "logarithm of 0 in a loss":
            return -jnp.log(out * 0).mean()
        return (out**2).mean() * (1e25 if name == "optimizer state that explodes" else 1.0)

    rng = np.random.default_rng(0)
    draw = lambda *shape: jnp.array(rng.normal(size=shape), jnp.float32)  # noqa: E731
    params = {"encoder": {"w": draw(3, 4), "b": draw(4)}, "head": {"w": draw(4, 2), "b": draw(2)}}
    adam = optax.adam(1e-3)
    state = adam.init(params)

    def step(params, state, x):
        value, grads = jax.value_and_grad(loss)(params, x)
        updates, state = adam.update(grads, state)
        return optax.apply_updates(params, updates), state, value

    x = jnp.array(X)
    jit = jax.jit if own is None else own.filter_jit
    flags = {"jax_debug_nans": True, "jax_debug_infs": True} if name in NUMBERS else {}
    flags |= {"jax_explain_cache_misses": True, "jax_log_compiles": False} if name in PROGRAMS else {}
    flags |= {"jax_check_tracer_leaks": True} if name == "a leaked tracer" else {}
    flags |= {"jax_debug_key_reuse": True} if name == "the same key used twice" else {}
    if own is not None:
        flags = {}
    with heard() as found, contextlib.ExitStack() as stack:
        for flag, value in flags.items():
            jax.config.update(flag, value)
            stack.callback(jax.config.update, flag, False)
        if name == "NaN in a weight":
            params["head"]["w"] = params["head"]["w"].at[0, 0].set(float("nan"))
        if name == "NaN in the data":
            x = jnp.array(np.where(np.arange(12).reshape(4, 3) == 0, np.nan, X))
        if name == "an unused parameter":
            params["spare"] = draw(2, 2)
            state = adam.init(params)
        if name == "dead rectifiers":
            params["encoder"]["b"] = jnp.full(4, -99.0)
        if name in PROGRAMS:
            settings = {"mode": 0}

            def told(x, function=None):
                out = jax.nn.relu(x) if function is None else function(x)
                return -out * mode["p"] if mode["flag"] or settings["mode"] % 2 else out + len(mode["log"])

            if own is not None:
                told = own.debug.assert_max_traces(told, max_traces=3)
            for turn in range(4):
                mode["log"] += [turn] if name == "a list that grows" else []
                again = name not in ("ragged batches", "a new function at each step")
                call = jit(lambda x, n=turn: told(x)) if again else jit(told) if not turn else call  # noqa: F821
                if name == "a new function at each step":
                    call = jit(lambda x, n=turn: told(x))
                call(x[: 4 - turn] if name == "ragged batches" else x)
        elif name == "the same key used twice":
            draws = jit(lambda key: jax.random.normal(key, (3,)) + jax.random.uniform(key, (3,)))
            draws(jax.random.key(0))
        else:
            jax.block_until_ready(jit(step)(params, state, x))
    return "\n".join(found)


def of_equinox(name: str) -> str:
    """What Equinox's own debugging says."""
    import equinox

    text = of_jax(name, equinox)
    return text if "nan" in text.lower() or "Error" in text else ""  # backward_nan prints what is finite, too


# -- the table -----------------------------------------------------------------------------------------------


def one_tool(tool: str) -> dict[str, str]:
    """The verdicts on all faults, by one tool."""
    ask = {"fnn": of_fnn, "torch": of_torch, "jax": of_jax, "equinox": of_equinox}[tool]
    found = {}
    for name, place in WHOLE.items():
        try:
            text = ask(name)
        except Exception as error:  # the script's own fault
            text = "".join(traceback.format_exception(error))
            print(tool, name, text, file=sys.stderr)
        found[name] = "none" if text == "-" else verdict(text, place)
    return found


def table(found: dict[str, dict[str, str]]) -> str:
    """The verdicts as Markdown."""
    marks = {"named": "**named**", "noticed": "noticed", "silent": "–", "none": "cannot happen"}
    tools = [tool for tool in TOOLS if tool in found]
    rows = ["| fault | " + " | ".join(TITLES[tool] for tool in tools) + " |", "|---|" + "---|" * len(tools)]
    rows += [f"| {name} | " + " | ".join(marks[found[tool][name]] for tool in tools) + " |" for name in WHOLE]
    counts = [sum(v == "named" for v in found[tool].values()) for tool in tools]
    rows.append("| **named, of " + str(len(WHOLE)) + "** | " + " | ".join(f"**{n}**" for n in counts) + " |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tools", nargs="*", choices=[*TOOLS, []])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--one", choices=TOOLS, help=argparse.SUPPRESS)
    parser.add_argument("--show", help="print what a tool says of one fault")
    options = parser.parse_args()
    if options.one and options.show:
        print({"fnn": of_fnn, "torch": of_torch, "jax": of_jax, "equinox": of_equinox}[options.one](options.show))
        return
    if options.one:
        print("RESULT" + json.dumps(one_tool(options.one)))
        return
    found = {}
    for tool in options.tools or TOOLS:  # each in a process of its own: flags and logs stay there
        ran = subprocess.run([sys.executable, __file__, "--one", tool], capture_output=True, text=True, check=False)
        lines = [line for line in ran.stdout.splitlines() if line.startswith("RESULT")]
        if not lines:
            sys.exit(f"{tool}: {ran.stderr}")
        sys.stderr.write(ran.stderr if "Traceback" in ran.stderr else "")
        found[tool] = json.loads(lines[0].removeprefix("RESULT"))
    print(text := table(found))
    if options.write:
        page = ROOT / "docs" / "guides" / "debugging.md"
        old = page.read_text(encoding="utf-8")
        before, _, rest = old.partition("<!-- faults -->")
        after = rest.partition("<!-- end -->")[2]
        new = f"{before}<!-- faults -->\n\n{text}\n\n<!-- end -->{after}"
        page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
