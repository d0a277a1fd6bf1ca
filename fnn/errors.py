"""The errors that fnn raises for bad input, and the texts that teach.

PyTorch raises ``RuntimeError`` for many faults that Python calls ``ValueError``.  Code that was ported from
PyTorch catches the one, Python code the other, so `ArgumentError` is both.
"""


class ArgumentError(ValueError, RuntimeError):
    """An argument's value or shape is wrong; the message names it, its value and what was expected.

    Example:
        >>> from fnn import nn
        >>> nn.Dropout(2)
        Traceback (most recent call last):
        fnn.errors.ArgumentError: Dropout: dropout probability has to be between 0 and 1, but got 2
    """

    named = False  # whether the message says already which layer it comes from


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument is of the wrong type; also an `ArgumentError`, since PyTorch mixes the two.

    Example:
        >>> from fnn import nn
        >>> nn.Flatten("1")
        Traceback (most recent call last):
        fnn.errors.ArgumentTypeError: Flatten: argument 'start_dim' must be int, not str (='1')
    """


class MissingKeyError(ArgumentError):
    """A random operation was called without a key and without a scope that provides one.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import layers
        >>> try:
        ...     layers.Dropout(0.5).apply({}, {}, jnp.ones(2), training=True)
        ... except fnn.MissingKeyError as error:
        ...     print(str(error).splitlines()[0])
        Dropout(): dropout draws random numbers and got key=None.
    """


class TracerEscapeError(RuntimeError):
    """A traced value would have been stored in a Parameter, Buffer or Module that outlives the trace.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> norm = nn.BatchNorm1d(2)
        >>> try:
        ...     jax.jit(lambda x: norm(x))(jnp.ones((3, 2)))
        ... except fnn.TracerEscapeError:
        ...     print("fnn.jit carries the running statistics out; jax.jit does not know of them")
        fnn.jit carries the running statistics out; jax.jit does not know of them
    """


class StateDictError(RuntimeError, ValueError):
    """A ``state_dict`` does not fit the module; nothing has been changed.

    Example:
        >>> import fnn
        >>> from fnn import nn
        >>> try:
        ...     nn.Linear(2, 2).load_state_dict({})
        ... except fnn.StateDictError as error:
        ...     print(str(error).splitlines()[1].strip())
        Missing key(s) in state_dict: "weight", "bias".
    """


class ConstantWarning(UserWarning):
    """A Parameter or Buffer changes whose value a raw `jax.jit` has compiled as a constant.

    Example:
        >>> import warnings
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from fnn import nn
        >>> model = nn.Linear(2, 2)
        >>> predict = jax.jit(lambda x: model(x))
        >>> y = predict(jnp.ones(2))
        >>> with warnings.catch_warnings(record=True) as told:
        ...     warnings.simplefilter("always")
        ...     model.bias.data = jnp.ones(2)  # predict goes on using the old one
        >>> told[0].category.__name__
        'ConstantWarning'
    """


class RecompileWarning(UserWarning):
    """A function under `fnn.jit` is compiled again and again, for one and the same reason, which the text names.

    There is one too at the fourth `fnn.jit` of the same code that compiles the same program, as in the body of a loop,
    if the objects that it returned before are gone.

    Example:
        >>> import warnings
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> double = fnn.jit(lambda x: x * 2)
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore", RecompileWarning)  # here four shapes are meant
        ...     for length in range(1, 5):
        ...         y = double(jnp.ones(length))
    """
