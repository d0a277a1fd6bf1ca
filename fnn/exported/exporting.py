"""A model as a program (StableHLO, by `jax.export`) with its weights beside it, to be run without its code.

A folder holds ``program.bin``, what `jax.export` writes, ``weights.safetensors`` under the names of the model's
parameters and buffers, and ``manifest.json``, which says what the others are.
"""

import json
import os
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import jax
from jax import export as jax_export

from fnn.errors import ArgumentError
from fnn.exported._program import batched_specs, in_inference, inference, weights_of
from fnn.kernels.portable import portable
from fnn.nn import Module
from fnn.serialization.atomic import present, replacing_folder
from fnn.serialization.safetensors import load_file, save_file
from fnn.typing import PyTree

__all__ = ["Exported", "export", "load_exported"]

NEEDS_FLATBUFFERS = 'exported programs are written and read with the flatbuffers library: pip install "fnn[export]"'

_FORMAT = 1
_PROGRAM, _WEIGHTS, _MANIFEST = "program.bin", "weights.safetensors", "manifest.json"


def _library() -> ModuleType:
    """`jax.export`, whose serialisation needs a library that JAX does not install."""
    try:
        import flatbuffers  # noqa: F401
    except ImportError as error:
        raise ImportError(NEEDS_FLATBUFFERS) from error
    return jax_export


def _serialised(program: jax_export.Exported) -> bytes:
    _library()
    return bytes(program.serialize())


class Exported:
    """A program and the weights that it is called with.

    Args:
        program: what `jax.export` made: a function of the weights and of the inputs.
        weights: arrays by name.

    Attributes:
        program: the program.
        weights: the arrays by name; others of the same shapes and types may be put there.

    Example:
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> exported = fnn.export(nn.Linear(3, 2), jnp.ones((1, 3)))
        >>> exported.platforms, sorted(exported.weights)
        (('cpu',), ['bias', 'weight'])
        >>> exported.weights = {"weight": jnp.ones((2, 3)), "bias": jnp.zeros(2)}
        >>> print(exported(jnp.ones((1, 3))))
        [[3. 3.]]
    """

    def __init__(self, program: jax_export.Exported, weights: Mapping[str, jax.Array]) -> None:
        self.program = program
        self.weights = dict(weights)
        self._run = jax.jit(program.call)

    def __call__(self, *inputs: PyTree) -> PyTree:
        """The model's outputs, in dicts, lists and tuples."""
        return self._run(self.weights, *inputs)

    @property
    def platforms(self) -> tuple[str, ...]:
        """Where the program can run: ``"cpu"``, ``"cuda"``, ``"rocm"``, ``"tpu"``."""
        return tuple(self.program.platforms)

    def mlir_module(self) -> str:
        """The program as text (StableHLO)."""
        return self.program.mlir_module()

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes program and weights to a folder, whole or not at all.

        Args:
            folder: takes the place of what is there.

        Raises:
            ImportError: the flatbuffers or the safetensors library is missing.
        """
        with replacing_folder(folder) as temporary:
            save_file(self.weights, temporary / _WEIGHTS)
            (temporary / _PROGRAM).write_bytes(_serialised(self.program))
            manifest = {"format": _FORMAT, "platforms": self.platforms, "jax": jax.__version__}
            (temporary / _MANIFEST).write_text(json.dumps(manifest, indent=1))

    def __repr__(self) -> str:
        inputs = jax.tree.unflatten(self.program.in_tree, self.program.in_avals)[0][1:]
        shown = ", ".join(str(aval) for aval in jax.tree.leaves(inputs))
        return f"Exported({shown}; {len(self.weights)} weights; platforms={list(self.platforms)})"


def export(
    model: Module,
    *examples: PyTree,
    platforms: Sequence[str] | None = None,
    dynamic_batch: bool = False,
) -> Exported:
    """A model's inference as a program that runs without the model's code.

    Args:
        model: exported in evaluation mode, whatever mode it is in.
        *examples: arrays, or trees of them, that the model is called with; only their shapes and types are looked at.
        platforms: where the program shall run, such as ``("cpu", "cuda", "tpu")``. Default: the present one.
        dynamic_batch: whether the first axis of all inputs may have any size, the same for all.

    Returns:
        A callable, which can be saved to a folder (`Exported.save`, `load_exported`).

    Raises:
        ArgumentError: there are no examples, or the program depends on the size of the batch.

    >>> import os, tempfile
    >>> import jax.numpy as jnp
    >>> import fnn
    >>> from fnn import nn
    >>> model = nn.Linear(3, 2)
    >>> exported = fnn.export(model, jnp.ones((1, 3)), dynamic_batch=True)
    >>> exported
    Exported(float32[b,3]; 2 weights; platforms=['cpu'])
    >>> folder = os.path.join(tempfile.mkdtemp(), "linear")
    >>> exported.save(folder)
    >>> fnn.load_exported(folder)(jnp.ones((5, 3))).shape
    (5, 2)
    """
    symbol = jax_export.symbolic_shape("b")[0] if dynamic_batch else None
    specs = batched_specs(examples, symbol)
    weights = weights_of(model)
    shapes = {name: jax.ShapeDtypeStruct(x.shape, x.dtype) for name, x in weights.items()}
    # Other platforms have no use for what is chosen for this one, and its choices need sizes.
    plain = dynamic_batch or platforms is not None
    make = jax_export.export(jax.jit(inference(model)), platforms=None if platforms is None else tuple(platforms))
    with in_inference(model), portable(plain):
        try:
            program = make(shapes, *specs)
        except Exception as error:
            if type(error).__name__ != "InconclusiveDimensionOperation":  # which lies in jax.core or in jax.errors
                raise
            raise ArgumentError(
                "export: dynamic_batch=True, but the model's code decides something by the size of the batch; export "
                f"it for one size, with dynamic_batch=False. JAX says: {error}"
            ) from error
    return Exported(program, weights)


def load_exported(folder: str | os.PathLike[str]) -> Exported:
    """Reads what `Exported.save` wrote.

    Args:
        folder: the folder.

    Returns:
        The program with its weights; the model's code is not needed.

    Raises:
        ArgumentError: it is no such folder, or one of a later format.
        ImportError: the flatbuffers library is missing.

    Example:
        >>> import os, tempfile
        >>> import jax.numpy as jnp
        >>> import fnn
        >>> from fnn import nn
        >>> folder = os.path.join(tempfile.mkdtemp(), "relu")
        >>> fnn.export(nn.ReLU(), jnp.ones((1, 3))).save(folder)
        >>> print(fnn.load_exported(folder)(jnp.array([[-1.0, 0.0, 2.0]])))
        [[0. 0. 2.]]
    """
    path = present(folder)
    manifest = path / _MANIFEST
    if not manifest.exists():
        raise ArgumentError(f"load_exported: argument 'folder' (={str(folder)!r}) holds no {_MANIFEST}")
    said: dict[str, Any] = json.loads(manifest.read_text())
    if said.get("format") != _FORMAT:
        raise ArgumentError(
            f"load_exported: {manifest} is of format {said.get('format')}, this version reads format {_FORMAT}"
        )
    program = _library().deserialize(bytearray((path / _PROGRAM).read_bytes()))
    return Exported(program, load_file(path / _WEIGHTS))
