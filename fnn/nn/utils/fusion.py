"""Batch normalisation folded into the layer before it: ``torch.nn.utils.fusion``."""

from __future__ import annotations

import copy
from typing import TypeVar

from fnn.dtypes import to_array
from fnn.functional import reparametrized
from fnn.nn._module import Module
from fnn.state.parameter import Parameter
from fnn.typing import ArrayLike

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]

_M = TypeVar("_M", bound=Module)


def fuse_conv_bn_weights(
    conv_w: ArrayLike,
    conv_b: ArrayLike | None,
    bn_rm: ArrayLike,
    bn_rv: ArrayLike,
    bn_eps: float,
    bn_w: ArrayLike | None,
    bn_b: ArrayLike | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a convolution followed by batch normalisation in evaluation.

    ``w' = w s`` and ``b' = (b - mean) s + bn_b``, where ``s = bn_w / sqrt(var + eps)`` for each output channel.

    Args:
        conv_w: (C_out, C_in, *kernel), or (C_in, C_out, *kernel) with ``transpose``.
        conv_b: (C_out,) or None.
        bn_rm: (C_out,), the running mean.
        bn_rv: (C_out,), the running variance.
        bn_eps: eps.
        bn_w: (C_out,) or None.
        bn_b: (C_out,) or None.
        transpose: whether the convolution is a transposed one.

    Returns:
        The two Parameters, in the dtypes of the convolution's.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.utils import fusion
        >>> mean, var = jnp.array([1.0]), jnp.array([4.0])
        >>> weight, bias = fusion.fuse_conv_bn_weights(jnp.ones((1, 1, 1, 1)), None, mean, var, 0.0, None, None)
        >>> weight.data.tolist(), bias.data.tolist()
        ([[[[0.5]]]], [-0.5])
    """
    weight, bias = reparametrized.folded_batch_norm(
        to_array(conv_w),
        None if conv_b is None else to_array(conv_b),
        to_array(bn_rm),
        to_array(bn_rv),
        bn_eps,
        None if bn_w is None else to_array(bn_w),
        None if bn_b is None else to_array(bn_b),
        dim=1 if transpose else 0,
    )
    return (
        Parameter(weight, getattr(conv_w, "requires_grad", False)),
        Parameter(bias, getattr(conv_b, "requires_grad", False)),
    )


def fuse_linear_bn_weights(
    linear_w: ArrayLike,
    linear_b: ArrayLike | None,
    bn_rm: ArrayLike,
    bn_rv: ArrayLike,
    bn_eps: float,
    bn_w: ArrayLike | None,
    bn_b: ArrayLike | None,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a linear map followed by batch normalisation in evaluation; see `fuse_conv_bn_weights`.

    Args:
        linear_w: (O, I).
        linear_b: (O,) or None.
        bn_rm: (O,) or (1,), the running mean.
        bn_rv: of the same shape, the running variance.
        bn_eps: eps.
        bn_w: of the same shape, or None.
        bn_b: of the same shape, or None.

    Returns:
        The two Parameters, in the dtypes of the linear map's.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn.nn.utils import fusion
        >>> mean, var = jnp.array([1.0]), jnp.array([4.0])
        >>> weight, bias = fusion.fuse_linear_bn_weights(jnp.ones((1, 2)), jnp.array([3.0]), mean, var, 0.0, None, None)
        >>> weight.data.tolist(), bias.data.tolist()
        ([[0.5, 0.5]], [1.0])
    """
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def _check(name: str, module: Module, bn: Module) -> None:
    if module.training or bn.training:
        raise AssertionError(f"{name}: Fusion only for eval! Call eval() on both modules")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError(f"{name}: bn.running_mean and bn.running_var must not be None")


def fuse_conv_bn_eval(conv: _M, bn: Module, transpose: bool = False) -> _M:
    """A copy of ``conv`` that computes ``bn(conv(x))`` in evaluation.

    Args:
        conv: a convolution in evaluation mode.
        bn: the batch normalisation after it, likewise, with running statistics.
        transpose: whether the convolution is a transposed one.

    Returns:
        The fused convolution.

    Raises:
        AssertionError: one of them is in training mode, or there are no running statistics.

    Example:
        >>> from fnn import nn
        >>> nn.utils.fusion.fuse_conv_bn_eval(nn.Conv2d(1, 2, 3).eval(), nn.BatchNorm2d(2).eval())
        Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1))
    """
    _check("fuse_conv_bn_eval", conv, bn)
    fused, norm, own = copy.deepcopy(conv), bn, conv
    fused.weight, fused.bias = fuse_conv_bn_weights(
        own.weight, own.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias, transpose
    )
    return fused


def fuse_linear_bn_eval(linear: _M, bn: Module) -> _M:
    """A copy of ``linear`` that computes ``bn(linear(x))`` in evaluation.

    Args:
        linear: a `Linear` in evaluation mode.
        bn: the batch normalisation after it, likewise, of as many features or of one.

    Returns:
        The fused linear map.

    Raises:
        AssertionError: as `fuse_conv_bn_eval`, and numbers of features that do not fit.

    Example:
        >>> from fnn import nn
        >>> nn.utils.fusion.fuse_linear_bn_eval(nn.Linear(3, 2).eval(), nn.BatchNorm1d(2).eval())
        Linear(in_features=3, out_features=2, bias=True)
    """
    _check("fuse_linear_bn_eval", linear, bn)
    if bn.num_features not in (linear.out_features, 1):
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, "
            f"got linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
        )
    fused = copy.deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        linear.weight, linear.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused
