"""``state_dict`` and ``load_state_dict``.

Loading is a transaction: it runs inside a `Scope`, whose writes are carried out only when every module has
accepted its part, so a failed load leaves the model exactly as it was.
"""

from __future__ import annotations

import itertools
import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.errors import ArgumentTypeError, StateDictError
from fnn.nn._tables import Tables
from fnn.state.box import Box, lazy_access
from fnn.state.layout import placed
from fnn.state.parameter import is_lazy
from fnn.state.scope import Scope, current_scope, opened, write_out

_EXTRA = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What ``load_state_dict`` found missing and unexpected."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class _Load(Scope):
    """The scope of a load: also keeps the extra states, which are set at the end."""

    __slots__ = ("extra",)

    def __init__(self, parent: Scope | None) -> None:
        super().__init__(parent=parent)
        self.undo = []
        self.extra: list[tuple[Any, Any]] = []


class StateDict(Tables):
    """Part of `Module`: saving and loading of state."""

    def get_extra_state(self) -> Any:
        """Extra state for ``state_dict``; override together with `set_extra_state`."""
        raise RuntimeError(
            "Reached a code path in Module.get_extra_state() that should never be called. "
            "Please define get_extra_state in your Module."
        )

    def set_extra_state(self, state: object) -> None:
        """Takes back what `get_extra_state` returned."""
        raise RuntimeError(
            "Reached a code path in Module.set_extra_state() that should never be called. "
            "Please define set_extra_state in your Module."
        )

    def _has_extra_state(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(StateDict, method)

    # -- saving ---------------------------------------------------------------------------------------------

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        for name, box in self._parameters.items():
            if box is not None:
                destination[prefix + name] = box if keep_vars or is_lazy(box) else box.data
        for name, box in self._buffers.items():
            if box is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = box if keep_vars or is_lazy(box) else box.data
        if self._has_extra_state("get_extra_state"):
            destination[prefix + _EXTRA] = self.get_extra_state()

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """All parameters and persistent buffers, by dotted name.

        Args:
            *args: ``destination, prefix, keep_vars`` by position (deprecated in torch).
            destination: a mapping to fill and return.
            prefix: put before every name.
            keep_vars: whether to give the boxes instead of their arrays.

        Returns:
            An ordered dict of arrays (of boxes with ``keep_vars``).
        """
        if args:
            warnings.warn(
                "state_dict: Positional args are being deprecated, use kwargs instead.", FutureWarning, stacklevel=2
            )
            destination = args[0] if destination is None else destination
            prefix = args[1] if len(args) > 1 and prefix == "" else prefix
            keep_vars = args[2] if len(args) > 2 and keep_vars is False else keep_vars
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            result = hook(self, destination, prefix, local_metadata)
            if getattr(hook, "_from_public_api", False):
                if result is not None:
                    raise RuntimeError("state_dict post-hook must return None")
            elif result is not None:
                destination = result
        return destination

    # -- loading ----------------------------------------------------------------------------------------------

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        for hook in self._load_state_dict_pre_hooks.values():
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        persistent = {k: v for k, v in self._buffers.items() if k not in self._non_persistent_buffers_set}
        local = {k: v for k, v in itertools.chain(self._parameters.items(), persistent.items()) if v is not None}
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, box in local.items():
            key = prefix + name
            if key in state_dict:
                _load_box(key, box, state_dict[key], assign, error_msgs)
            elif strict:
                missing_keys.append(key)

        extra_key = prefix + _EXTRA
        if self._has_extra_state("set_extra_state"):
            if extra_key in state_dict:
                scope = current_scope()
                if isinstance(scope, _Load):
                    scope.extra.append((self, state_dict[extra_key]))
                else:
                    self.set_extra_state(state_dict[extra_key])
            elif strict:
                missing_keys.append(extra_key)
        elif strict and extra_key in state_dict:
            unexpected_keys.append(extra_key)

        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra_key:
                    head, *rest = key[len(prefix) :].split(".", 1)
                    if head not in (self._modules if rest else local):
                        unexpected_keys.append(key)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Copies a `state_dict` into this module and those below it.

        If anything does not fit, nothing is changed.

        Args:
            state_dict: arrays (of jax, numpy, or any array library on the host) by dotted name, or in nested dicts, as
                the ``init`` of `fnn.layers` returns them.
            strict: whether every key must match.
            assign: whether to take over the given arrays' dtypes instead of casting to the present ones.

        Returns:
            A named tuple ``(missing_keys, unexpected_keys)``.

        Raises:
            StateDictError: keys are missing or unexpected, or shapes differ.
        """
        if not isinstance(state_dict, Mapping):
            raise ArgumentTypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        metadata = getattr(state_dict, "_metadata", None)
        content: Any = OrderedDict(_dotted(state_dict))
        if metadata is not None:
            content._metadata = metadata

        scope = _Load(current_scope())
        try:
            with opened(scope):
                _load(self, content, "", metadata, strict, assign, missing, unexpected, errors)
                if strict:
                    if unexpected:
                        errors.insert(0, f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
                    if missing:
                        errors.insert(0, f"Missing key(s) in state_dict: {_quoted(missing)}. ")
            if errors:
                raise StateDictError(
                    "Error(s) in loading state_dict for {}:\n\t{}".format(type(self).__name__, "\n\t".join(errors))
                )
        except BaseException:
            for undo in reversed(scope.undo or []):
                undo()
            raise
        boxes = list(scope.written)
        write_out(boxes, [scope.values[box] for box in boxes])
        for module, extra in scope.extra:
            module.set_extra_state(extra)
        return _IncompatibleKeys(missing, unexpected)


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)


def _dotted(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested dict by dotted names; what a module put there as its extra state stays whole."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping) and value and str(name).rpartition(".")[2] != "_extra_state":
            found |= _dotted(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}" if prefix else name] = value
    return found


def _load(
    module: Any,
    state_dict: Mapping[str, Any],
    prefix: str,
    metadata: Any,
    strict: bool,
    assign: bool,
    missing: list[str],
    unexpected: list[str],
    errors: list[str],
) -> None:
    local_metadata = {} if metadata is None else dict(metadata.get(prefix[:-1], {}))
    if assign:
        local_metadata["assign_to_params_buffers"] = True
    module._load_from_state_dict(state_dict, prefix, local_metadata, True, missing, unexpected, errors)
    for name, child in module._modules.items():
        if child is not None:
            inner = f"{prefix}{name}."
            part = OrderedDict((k, v) for k, v in state_dict.items() if k.startswith(inner))
            _load(child, part, inner, metadata, strict, assign, missing, unexpected, errors)
    incompatible = _IncompatibleKeys(missing, unexpected)
    for hook in module._load_state_dict_post_hooks.values():
        if hook(module, incompatible) is not None:
            raise AssertionError(
                "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new values, "
                "if incompatible_keys need to be modified, it should be done inplace."
            )


def _load_box(key: str, box: Box, value: Any, assign: bool, errors: list[str]) -> None:
    if isinstance(value, Box):
        if is_lazy(value):
            if not is_lazy(box):
                errors.append(f'While copying the parameter named "{key}": {lazy_access("shape")}')
            return
        value = value.data
    if not (hasattr(value, "shape") and hasattr(value, "dtype")):
        errors.append(
            f'While copying the parameter named "{key}", expected an array from checkpoint but received {type(value)}'
        )
        return
    try:
        # A numpy array is copied, so that the checkpoint and the model share no memory.
        array = value if isinstance(value, jax.Array) else jnp.array(np.asarray(value))
    except Exception as error:
        errors.append(f'While copying the parameter named "{key}", an exception occurred: {error}.')
        return
    if is_lazy(box):
        errors.append(f'While copying the parameter named "{key}": the module is lazy and not initialised yet')
        return
    shape = box.shape
    if len(shape) == 0 and array.shape == (1,):
        array = array.reshape(())  # checkpoints of torch before 0.4 kept scalars as one element
    if array.shape != shape:
        errors.append(
            f"size mismatch for {key}: copying a param with shape {array.shape} from checkpoint, "
            f"the shape in current model is {shape}."
        )
        return
    if not assign:
        array = array.astype(box.dtype)
        device = getattr(box._value, "sharding", None)
        if device is not None and getattr(array, "sharding", device) != device:
            array = placed(array, device)
    box._write(array)
