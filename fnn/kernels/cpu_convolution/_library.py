"""Convolutions by oneDNN, the library that PyTorch uses on the CPU and that XLA carries on x86 under Linux.

XLA's own rewriting of convolutions to it is off, but what the rewriting would write, a custom call with the geometry
in its configuration, can be written here. Its form belongs to XLA and changes with it, and a form that oneDNN refuses
ends the process. So it is asked for in the releases that it was tried with (`_RELEASES`), where there is AVX-512, in
float32, and for a program on one device, since nothing says how the call would be split. XLA cannot store a program
that contains one, so programs for JAX's compilation cache and exported ones do without, too, and FNN_ONEDNN=0 in the
environment rules it out.
"""

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import mlir
from jaxlib import version

from fnn.kernels.cpu_convolution import _arrays, _pointwise
from fnn.kernels.cpu_convolution._geometry import Geometry
from fnn.kernels.mesh import devices

_RELEASES = ("0.10",)
_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")  # environment variables that oneDNN obeys


def _avx512() -> bool:
    """Whether oneDNN has AVX-512: with less it is no better than XLA's products, and far worse for gradients."""
    if any("512" not in os.environ.get(name, "512") for name in _LIMITS):
        return False
    try:
        return " avx512f " in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


HERE = (
    sys.platform == "linux"
    and platform.machine() == "x86_64"
    and version.__version__.rpartition(".")[0] in _RELEASES
    and os.environ.get("FNN_ONEDNN", "1") != "0"
    and _avx512()
)


def serves(ctx: mlir.LoweringRuleContext) -> bool:
    """Whether the program that a lowering rule with this context is part of may call the library."""
    parameters: Any = ctx.module_context.lowering_parameters
    stored = jax.config.values["jax_enable_compilation_cache"] and jax.config.values["jax_compilation_cache_dir"]
    return HERE and devices(ctx) == 1 and not stored and not parameters.for_export


def fits(operation: str, g: Geometry) -> bool:
    """Whether the library can do it: no strides for an input gradient, and an image is left by negative padding."""
    if operation == "input_gradient":
        if not g.unit_stride:
            return False
        g = g.mirrored
    return all(n + min(low, 0) + min(high, 0) > 0 for n, (low, high) in zip(g.size, g.pads, strict=True))


def forward(x: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """The convolution, any groups."""
    if _pointwise.fits(g) and not g.unit_stride:  # a stride over single elements it takes twice the time for
        x, one = _arrays.windows(x, (0,) * g.rank, g.out, g.stride), (1,) * g.rank
        g = g.replace(size=g.out, stride=one, pads=((0, 0),) * g.rank)
    x = _arrays.pad(x, [(min(low, 0), min(high, 0)) for low, high in g.pads])  # the library adds, but does not cut
    return _call("convolution", "onednn_conv_config", _configuration(g), (x.shape[0], w.shape[0], *g.out), x, w)


def input_gradient(y: jax.Array, w: jax.Array, g: Geometry) -> jax.Array:
    """The convolution of y with the mirrored kernel; for strides of 1."""
    return forward(y, _arrays.mirror(w, g.groups), g.mirrored)


def weight_gradient(x: jax.Array, y: jax.Array, g: Geometry) -> jax.Array:
    """A group's channels as images, images as channels, y as the kernel, stride and dilation exchanged."""
    x = jnp.moveaxis(x.reshape(x.shape[0], g.groups, -1, *g.size), 0, 2)  # (g, cg, N, ...)
    x = jnp.swapaxes(x, 0, 1).reshape(x.shape[1], -1, *g.size)
    as_kernel = g.replace(kernel=g.out, stride=g.dilation, dilation=g.stride)
    return jnp.swapaxes(forward(x, jnp.swapaxes(y, 0, 1), as_kernel), 0, 1)


def product(a: jax.Array, b: jax.Array) -> jax.Array:
    """(N, A, K) and (N, B, K) to (N, A, B)."""
    return _call("matmul", "onednn_matmul_config", {"transpose_b": True}, (*a.shape[:2], b.shape[1]), a, b)


def _call(target: str, field: str, configuration: dict[str, Any], shape: tuple[int, ...], *operands: jax.Array) -> Any:
    return jax.ffi.ffi_call(
        f"__onednn${target}",
        jax.ShapeDtypeStruct(shape, operands[0].dtype),
        custom_call_api_version=2,
        legacy_backend_config=json.dumps({field: configuration}),
    )(*operands)


def _configuration(g: Geometry) -> dict[str, Any]:
    spatial = [*range(2, g.rank + 2)]
    data = {"batch_dim": 0, "feature_dim": 1, "spatial_dims": spatial}
    kernel = {"output_feature_dim": 0, "input_feature_dim": 1, "spatial_dims": spatial}
    window = {
        "pad_left": [max(low, 0) for low, _ in g.pads],
        "pad_right": [max(high, 0) for _, high in g.pads],
        "strides": g.stride,
        "window_dilations": g.dilation,
    }
    dims = g.rank + 2
    return {
        "dims": dims,
        "input": {"dims": dims, "data": data},
        "kernel": {"dims": dims, "filter": kernel},
        "output": {"dims": dims, "data": data},
        "window": window,
        "feature_groups": g.groups,
    }
