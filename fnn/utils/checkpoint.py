"""``torch.utils.checkpoint``: activations that are computed again in the backward pass, over `fnn.checkpoint`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from fnn import func, nn
from fnn.errors import ArgumentError

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Any] | None = None,
    determinism_check: Literal["default", "none"] = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """``function(*args, **kwargs)``, whose intermediate values are computed again in the backward pass.

    Random numbers are the same both times, and what is computed twice is the same program: so the options that ask
    for less of that, or check it, change nothing.

    Args:
        function: a function or Module.
        *args: its arguments.
        use_reentrant: which of PyTorch's two ways to take; there is one here, with the results of both.
        context_fn: must be None: what is kept is said by ``fnn.checkpoint(function, policy=...)``.
        determinism_check: ``"default"`` or ``"none"``.
        debug: must be False: `fnn.explain` shows a step.
        early_stop: whether the second evaluation ends with the last value that is needed; it always does.
        preserve_rng_state: whether random numbers must be the same both times; they always are.
        **kwargs: further arguments of ``function``.

    Returns:
        What the function returns.

    Raises:
        ArgumentError: an option that JAX cannot have.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> from fnn.utils.checkpoint import checkpoint
        >>> block = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
        >>> grads = fnn.grad(lambda block: checkpoint(block, jnp.ones((4, 2)), use_reentrant=False).sum())(block)
        >>> print(grads["2.bias"])
        [4.]
    """
    del use_reentrant, early_stop, preserve_rng_state
    if context_fn is not None:
        raise ArgumentError(
            f"checkpoint: context_fn={context_fn!r}: say what is kept by fnn.checkpoint(function, policy=...), with "
            "one of jax.checkpoint_policies"
        )
    if determinism_check not in ("default", "none"):
        raise ArgumentError(
            f"checkpoint: determinism_check should be one of ['default', 'none'], but got {determinism_check}"
        )
    if debug:
        raise ArgumentError("checkpoint: debug=True: fnn.explain(step, *args) shows what a step computes")
    return func.checkpoint(function)(*args, **kwargs)


def checkpoint_sequential(
    functions: nn.Sequential | Iterable[Callable[..., Any]],
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Functions one after the other, cut into segments of which each but the last is checkpointed.

    Args:
        functions: a `fnn.nn.Sequential`, or the functions.
        segments: how many; each has as many functions, the last one the rest too.
        input: what goes into the first function.
        use_reentrant: see `checkpoint`.
        **kwargs: ``preserve_rng_state``, see `checkpoint`.

    Returns:
        What the last function returns.

    Raises:
        ArgumentError: an unknown keyword.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> from fnn.utils.checkpoint import checkpoint_sequential
        >>> checkpoint_sequential(nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)), 2, jnp.ones((4, 2))).shape
        (4, 1)
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ArgumentError(f"checkpoint_sequential: Unexpected keyword arguments: {','.join(kwargs)}")
    parts = list(functions.children()) if isinstance(functions, nn.Sequential) else list(functions)
    size = len(parts) // segments

    def segment(start: int, stop: int) -> Callable[[Any], Any]:
        def run(value: Any) -> Any:
            for part in parts[start:stop]:
                value = part(value)
            return value

        return run

    for start in range(0, size * (segments - 1), size) if size else ():
        input = checkpoint(
            segment(start, start + size), input, use_reentrant=use_reentrant, preserve_rng_state=preserve
        )
    return segment(size * (segments - 1), len(parts))(input)
