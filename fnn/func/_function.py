"""The check that every transform makes first: that it was given a function."""

import jax

from fnn.errors import ArgumentTypeError

# The line of torch's that one reaches for: loss.backward().
NO_TAPE = """\
{what}: expected a function that computes the loss, got an array of shape {shape}.
Wrong: {what}(loss_fn(model(x), y))
Why:   there is no tape: how a number came about is not recorded, so it cannot be differentiated afterwards.
Right: {what}(lambda model: loss_fn(model(x), y))(model)"""


def check_function(func: object, what: str, differentiates: bool = False) -> None:
    """Raises if ``func`` cannot be called.

    Raises:
        ArgumentTypeError: an array, or anything else that is no function.
    """
    if callable(func):
        return
    if differentiates and isinstance(func, jax.Array):
        raise ArgumentTypeError(NO_TAPE.format(what=what, shape=func.shape))
    raise ArgumentTypeError(f"{what}: expected a function, got {func!r}")
