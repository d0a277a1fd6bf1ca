"""The methods of `torch.Tensor` on a box: functions of `fnn.ops`, with the box's value as their first argument.

What numpy and JAX call by the same name and mean otherwise (``std``, ``repeat``, ``transpose``, ``max(0)``, ``size``)
means here what it means in PyTorch; a call that only numpy knows (``axis=``, ``keepdims=``, a tuple of axes for
``transpose``) is numpy's.  All but the methods in place return arrays, so that a chain of calls goes on with JAX's
methods: ``p.t().reshape(-1)``.  A method in place, ``add_``, writes the result of ``add`` to the box.

`fnn.ops` is asked for a function when its method is first called, so that a box brings in none of it.  The names that
a box does not have stand in `tensor_names`, with what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax

from fnn import ops
from fnn.state.tensor_table import FUNCTIONS, IN_PLACE
from fnn.typing import Device

__all__ = ["Size", "TensorMethods", "install"]

# The arguments by which a call is numpy's.
_NUMPYS = frozenset({"axis", "axis1", "axis2", "ddof", "initial", "keepdims", "mode", "order", "where"})
_AS_TORCHS = {"axis": "dim", "keepdims": "keepdim"}


class Size(int):
    """The number of elements, as numpy's and JAX's ``size``; called, it is torch's ``size()`` or ``size(dim)``."""

    _shape: tuple[int, ...]  # under this name numpy would take the number for an array

    def __new__(cls, number: int, shape: tuple[int, ...]) -> Size:
        """The number with the shape that it counts."""
        self = super().__new__(cls, number)
        self._shape = shape
        return self

    def __call__(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        if dim is None:
            return self._shape
        if not -len(self._shape) <= dim < len(self._shape):
            n = max(len(self._shape), 1)
            raise IndexError(
                f"size: Dimension out of range (expected to be in range of [{-n}, {n - 1}], got dim={dim})"
            )
        return self._shape[dim]

    def __reduce__(self) -> Any:
        return int, (int(self),)


class TensorMethods:
    """A mixin of `Box`, which has ``data``; `install` adds the methods that are functions of `fnn.ops`."""

    __slots__ = ()

    data: Any

    if TYPE_CHECKING:
        # Written by tools/write_exports.py: the methods, for type checkers.
        abs = ops.abs
        absolute = ops.absolute
        acos = ops.acos
        acosh = ops.acosh
        add = ops.add
        addbmm = ops.addbmm
        addcdiv = ops.addcdiv
        addcmul = ops.addcmul
        addmm = ops.addmm
        addmv = ops.addmv
        addr = ops.addr
        adjoint = ops.adjoint
        all = ops.all
        allclose = ops.allclose
        amax = ops.amax
        amin = ops.amin
        aminmax = ops.aminmax
        angle = ops.angle
        any = ops.any
        arccos = ops.arccos
        arccosh = ops.arccosh
        arcsin = ops.arcsin
        arcsinh = ops.arcsinh
        arctan = ops.arctan
        arctan2 = ops.arctan2
        arctanh = ops.arctanh
        argmax = ops.argmax
        argmin = ops.argmin
        argsort = ops.argsort
        argwhere = ops.argwhere
        as_strided = ops.as_strided
        as_strided_scatter = ops.as_strided_scatter
        asin = ops.asin
        asinh = ops.asinh
        atan = ops.atan
        atan2 = ops.atan2
        atanh = ops.atanh
        baddbmm = ops.baddbmm
        bfloat16 = ops.bfloat16
        bincount = ops.bincount
        bitwise_and = ops.bitwise_and
        bitwise_left_shift = ops.bitwise_left_shift
        bitwise_not = ops.bitwise_not
        bitwise_or = ops.bitwise_or
        bitwise_right_shift = ops.bitwise_right_shift
        bitwise_xor = ops.bitwise_xor
        bmm = ops.bmm
        bool = ops.bool
        broadcast_to = ops.broadcast_to
        byte = ops.byte
        cdouble = ops.cdouble
        ceil = ops.ceil
        cfloat = ops.cfloat
        char = ops.char
        cholesky = ops.cholesky
        cholesky_inverse = ops.cholesky_inverse
        cholesky_solve = ops.cholesky_solve
        chunk = ops.chunk
        clamp = ops.clamp
        clamp_max = ops.clamp_max
        clamp_min = ops.clamp_min
        clip = ops.clip
        clone = ops.clone
        conj = ops.conj
        conj_physical = ops.conj_physical
        contiguous = ops.contiguous
        copysign = ops.copysign
        corrcoef = ops.corrcoef
        cos = ops.cos
        cosh = ops.cosh
        count_nonzero = ops.count_nonzero
        cov = ops.cov
        cpu = ops.cpu
        cross = ops.cross
        cummax = ops.cummax
        cummin = ops.cummin
        cumprod = ops.cumprod
        cumsum = ops.cumsum
        deg2rad = ops.deg2rad
        det = ops.det
        detach = ops.detach
        diag = ops.diag
        diag_embed = ops.diag_embed
        diagflat = ops.diagflat
        diagonal = ops.diagonal
        diagonal_scatter = ops.diagonal_scatter
        diff = ops.diff
        digamma = ops.digamma
        dist = ops.dist
        div = ops.div
        divide = ops.divide
        dot = ops.dot
        double = ops.double
        dsplit = ops.dsplit
        eq = ops.eq
        equal = ops.equal
        erf = ops.erf
        erfc = ops.erfc
        erfinv = ops.erfinv
        exp = ops.exp
        exp2 = ops.exp2
        expand = ops.expand
        expand_as = ops.expand_as
        expm1 = ops.expm1
        fix = ops.fix
        flatten = ops.flatten
        flip = ops.flip
        fliplr = ops.fliplr
        flipud = ops.flipud
        float = ops.float
        float_power = ops.float_power
        floor = ops.floor
        floor_divide = ops.floor_divide
        fmax = ops.fmax
        fmin = ops.fmin
        fmod = ops.fmod
        frac = ops.frac
        frexp = ops.frexp
        gather = ops.gather
        gcd = ops.gcd
        ge = ops.ge
        geqrf = ops.geqrf
        ger = ops.ger
        greater = ops.greater
        greater_equal = ops.greater_equal
        gt = ops.gt
        half = ops.half
        hardshrink = ops.hardshrink
        heaviside = ops.heaviside
        histc = ops.histc
        histogram = ops.histogram
        hsplit = ops.hsplit
        hypot = ops.hypot
        i0 = ops.i0
        igamma = ops.igamma
        igammac = ops.igammac
        index_add = ops.index_add
        index_copy = ops.index_copy
        index_fill = ops.index_fill
        index_put = ops.index_put
        index_reduce = ops.index_reduce
        index_select = ops.index_select
        inner = ops.inner
        int = ops.int
        inverse = ops.inverse
        is_contiguous = ops.is_contiguous
        is_nonzero = ops.is_nonzero
        is_same_size = ops.is_same_size
        is_signed = ops.is_signed
        isclose = ops.isclose
        isfinite = ops.isfinite
        isinf = ops.isinf
        isnan = ops.isnan
        isneginf = ops.isneginf
        isposinf = ops.isposinf
        isreal = ops.isreal
        istft = ops.istft
        item = ops.item
        kron = ops.kron
        kthvalue = ops.kthvalue
        lcm = ops.lcm
        ldexp = ops.ldexp
        le = ops.le
        lerp = ops.lerp
        less = ops.less
        less_equal = ops.less_equal
        lgamma = ops.lgamma
        log = ops.log
        log10 = ops.log10
        log1p = ops.log1p
        log2 = ops.log2
        log_softmax = ops.log_softmax
        logaddexp = ops.logaddexp
        logaddexp2 = ops.logaddexp2
        logcumsumexp = ops.logcumsumexp
        logdet = ops.logdet
        logical_and = ops.logical_and
        logical_not = ops.logical_not
        logical_or = ops.logical_or
        logical_xor = ops.logical_xor
        logit = ops.logit
        logsumexp = ops.logsumexp
        long = ops.long
        lt = ops.lt
        lu = ops.lu
        lu_solve = ops.lu_solve
        masked_fill = ops.masked_fill
        masked_scatter = ops.masked_scatter
        masked_select = ops.masked_select
        matmul = ops.matmul
        matrix_exp = ops.matrix_exp
        matrix_power = ops.matrix_power
        max = ops.max
        maximum = ops.maximum
        mean = ops.mean
        median = ops.median
        min = ops.min
        minimum = ops.minimum
        mm = ops.mm
        mode = ops.mode
        moveaxis = ops.moveaxis
        movedim = ops.movedim
        msort = ops.msort
        mul = ops.mul
        multiply = ops.multiply
        mv = ops.mv
        mvlgamma = ops.mvlgamma
        nan_to_num = ops.nan_to_num
        nanmean = ops.nanmean
        nanmedian = ops.nanmedian
        nanquantile = ops.nanquantile
        nansum = ops.nansum
        narrow = ops.narrow
        narrow_copy = ops.narrow_copy
        ne = ops.ne
        neg = ops.neg
        negative = ops.negative
        new_empty = ops.new_empty
        new_full = ops.new_full
        new_ones = ops.new_ones
        new_tensor = ops.new_tensor
        new_zeros = ops.new_zeros
        nextafter = ops.nextafter
        nonzero = ops.nonzero
        nonzero_static = ops.nonzero_static
        norm = ops.norm
        not_equal = ops.not_equal
        numpy = ops.numpy
        orgqr = ops.orgqr
        ormqr = ops.ormqr
        outer = ops.outer
        permute = ops.permute
        pinverse = ops.pinverse
        polygamma = ops.polygamma
        positive = ops.positive
        pow = ops.pow
        prelu = ops.prelu
        prod = ops.prod
        put = ops.put
        qr = ops.qr
        quantile = ops.quantile
        rad2deg = ops.rad2deg
        ravel = ops.ravel
        reciprocal = ops.reciprocal
        relu = ops.relu
        remainder = ops.remainder
        renorm = ops.renorm
        repeat = ops.repeat
        repeat_interleave = ops.repeat_interleave
        reshape = ops.reshape
        reshape_as = ops.reshape_as
        resolve_conj = ops.resolve_conj
        resolve_neg = ops.resolve_neg
        roll = ops.roll
        rot90 = ops.rot90
        rsqrt = ops.rsqrt
        scatter = ops.scatter
        scatter_add = ops.scatter_add
        scatter_reduce = ops.scatter_reduce
        select = ops.select
        select_scatter = ops.select_scatter
        sgn = ops.sgn
        short = ops.short
        sigmoid = ops.sigmoid
        sign = ops.sign
        signbit = ops.signbit
        sin = ops.sin
        sinc = ops.sinc
        sinh = ops.sinh
        slice_scatter = ops.slice_scatter
        slogdet = ops.slogdet
        softmax = ops.softmax
        sort = ops.sort
        split = ops.split
        split_with_sizes = ops.split_with_sizes
        sqrt = ops.sqrt
        square = ops.square
        squeeze = ops.squeeze
        std = ops.std
        stft = ops.stft
        sub = ops.sub
        subtract = ops.subtract
        sum = ops.sum
        sum_to_size = ops.sum_to_size
        svd = ops.svd
        swapaxes = ops.swapaxes
        t = ops.t
        take = ops.take
        take_along_dim = ops.take_along_dim
        tan = ops.tan
        tanh = ops.tanh
        tensor_split = ops.tensor_split
        tile = ops.tile
        to = ops.to
        tolist = ops.tolist
        topk = ops.topk
        trace = ops.trace
        triangular_solve = ops.triangular_solve
        tril = ops.tril
        triu = ops.triu
        true_divide = ops.true_divide
        trunc = ops.trunc
        type = ops.type
        type_as = ops.type_as
        unbind = ops.unbind
        unflatten = ops.unflatten
        unfold = ops.unfold
        unique = ops.unique
        unique_consecutive = ops.unique_consecutive
        unsafe_chunk = ops.unsafe_chunk
        unsafe_split = ops.unsafe_split
        unsafe_split_with_sizes = ops.unsafe_split_with_sizes
        unsqueeze = ops.unsqueeze
        var = ops.var
        vdot = ops.vdot
        view = ops.view
        view_as = ops.view_as
        vsplit = ops.vsplit
        xlogy = ops.xlogy
        # To here.

    def cuda(self, device: Device | int | None = None) -> jax.Array:
        """The value on a GPU."""
        return ops.to(self.data, "cuda" if device is None else device)

    def transpose(self, dim0: Any = None, dim1: Any = None, *others: int) -> jax.Array:
        """The value with two dimensions swapped; without dimensions, or with a permutation of all, numpy's."""
        if dim0 is None:
            return self.data.transpose()
        if dim1 is None or others:
            return self.data.transpose(*([dim0] if dim1 is None else [dim0, dim1, *others]))
        return ops.transpose(self.data, dim0, dim1)

    swapdims = transpose

    def where(self, condition: Any, other: Any) -> jax.Array:
        """The value where ``condition``, else ``other``."""
        return ops.where(condition, self.data, other)

    def round(self, *args: int, **kwargs: int) -> jax.Array:
        """The nearest integers; given digits without a name, numpy's."""
        if args or not hasattr(ops, "round"):
            return self.data.round(*args, **kwargs)
        return ops.round(self.data, **kwargs)


def install(cls: type) -> None:
    """Gives ``cls``, which has ``data`` and ``_combine``, the methods that `fnn.ops` has functions for."""
    own = vars(TensorMethods)
    for name in FUNCTIONS:
        if name not in own:
            _set(cls, name, _method(name))
    for name in IN_PLACE:
        _set(cls, f"{name}_", _in_place(name))


def _set(cls: type, name: str, method: Callable[..., Any]) -> None:
    method.__name__, method.__qualname__, method.__module__ = name, f"{cls.__qualname__}.{name}", cls.__module__
    setattr(cls, name, method)


def _method(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs and not _NUMPYS.isdisjoint(kwargs):
            return _as_numpys(name, self.data, args, kwargs)
        return getattr(ops, name)(self.data, *args, **kwargs)

    method.__doc__ = f"`fnn.{name}` of the value."
    return method


def _in_place(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._combine(f"{name}_", getattr(ops, name)(self.data, *args, **kwargs))

    method.__doc__ = f"Writes `fnn.{name}` of the value to the box; returns the box."
    return method


def _as_numpys(name: str, value: jax.Array, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The method of JAX's arrays; where they have none of this name, torch's, which takes ``axis`` for ``dim`` too."""
    numpys = getattr(value, name, None)
    if numpys is not None:
        return numpys(*args, **kwargs)
    return getattr(ops, name)(value, *args, **{_AS_TORCHS.get(key, key): given for key, given in kwargs.items()})
